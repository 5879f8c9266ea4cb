"""The plainest archive that there can be: the model that every store is compared with."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, final

from egizcore.history import Aggregate, Item, Leaf, Place, Query, flatten, nest
from egizcore.history.archive import Written
from egizcore.history.point import Point, selects, spellings
from egizcore.history.query import NUMERIC

_MEANS: Final[Mapping[Aggregate, Callable[[Sequence[float]], float]]] = {
    "mean": lambda numbers: math.fsum(numbers) / len(numbers),
    "min": min,
    "max": max,
    "sum": math.fsum,
}


@final
class NaiveArchive:
    """Keeps everything in a dictionary, and looks at all of it for each question."""

    def __init__(self) -> None:
        self.message = ""
        self.samples: dict[tuple[str, Place], dict[str, Leaf]] = {}

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def write(self, points: Sequence[Point]) -> Written:
        for point in points:
            leaves = flatten(point.properties)
            if leaves:
                place = (point.thing_id, Place(point.at, point.feature))
                self.samples.setdefault(place, {}).update(leaves)
        return Written(len(points))

    async def knows(self, thing_id: str) -> bool:
        return any(one == thing_id for one, _ in self.samples)

    async def page(self, query: Query) -> list[Item]:
        return page_of(self._selected(query), query)

    def _selected(self, query: Query) -> Iterable[tuple[Place, dict[str, Leaf]]]:
        wanted = [key for path in query.properties for key in spellings(path)]
        for (thing_id, place), leaves in self.samples.items():
            left = {key: leaf for key, leaf in leaves.items() if not wanted or selects(key, wanted)}
            if (
                left
                and thing_id == query.thing_id
                and query.start <= place.at < query.end
                and (not query.features or place.feature in query.features)
            ):
                yield place, left


def page_of(selected: Iterable[tuple[Place, dict[str, Leaf]]], query: Query) -> list[Item]:
    """The page of *query* among the samples that it selects."""
    found = dict(selected)
    if query.aggregate is not None:
        found = buckets(found, query.every, query.aggregate)
    items = [
        Item(place.at, place.feature, nest(dict(sorted(leaves.items()))))
        for place, leaves in sorted(found.items(), reverse=query.descending)
        if query.after is None or (place < query.after if query.descending else place > query.after)
    ]
    return items[: query.limit]


def buckets(
    samples: Mapping[Place, dict[str, Leaf]], every: int, aggregate: Aggregate
) -> dict[Place, dict[str, Leaf]]:
    values: dict[Place, dict[str, list[Leaf]]] = {}
    for place, leaves in sorted(samples.items()):
        bucket = values.setdefault(Place(place.at // every * every, place.feature), {})
        for key, leaf in leaves.items():
            if aggregate not in NUMERIC or type(leaf) is float:
                bucket.setdefault(key, []).append(leaf)
    return {
        place: {key: aggregated(leaves, aggregate) for key, leaves in bucket.items()}
        for place, bucket in values.items()
        if bucket
    }


def aggregated(leaves: Sequence[Leaf], aggregate: Aggregate) -> Leaf:
    """*leaves*, oldest first, as one; a count is an integer."""
    if aggregate == "last":
        return leaves[-1]
    if aggregate == "count":
        return len(leaves)
    return _MEANS[aggregate]([leaf for leaf in leaves if type(leaf) is float])
