"""Ways to find Things without looking at each: by id in order, by type, by what they point to."""

from bisect import bisect_left, insort
from typing import final

from egizcore.thing import Relationship, Thing


@final
class Index:
    """Kept by the store at each creation, deletion and change of a Thing's own members."""

    __slots__ = ("_incoming", "by_type", "ids")

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.by_type: dict[str, list[str]] = {}
        # Target → the Things that point to it. A target need not exist.
        self._incoming: dict[str, dict[str, None]] = {}

    def add(self, thing: Thing) -> None:
        """A Thing came to be."""
        insort(self.ids, thing.id)
        insort(self.by_type.setdefault(thing.type, []), thing.id)
        self._link(thing)

    def remove(self, thing: Thing) -> None:
        """A Thing went."""
        _take(self.ids, thing.id)
        self._untype(thing)
        self._unlink(thing)

    def replace(self, before: Thing, after: Thing) -> None:
        """Type or relationships may have changed; the id did not."""
        if before.type != after.type:
            self._untype(before)
            insort(self.by_type.setdefault(after.type, []), after.id)
        if before.relationships != after.relationships:
            self._unlink(before)
            self._link(after)

    def sources(self, target_id: str) -> list[str]:
        """The ids of the Things with a relationship to *target_id*, in order."""
        return sorted(self._incoming.get(target_id, ()))

    def _untype(self, thing: Thing) -> None:
        same = self.by_type[thing.type]
        _take(same, thing.id)
        if not same:
            del self.by_type[thing.type]

    def _link(self, thing: Thing) -> None:
        for link in thing.relationships:
            self._incoming.setdefault(link.target_id, {})[thing.id] = None

    def _unlink(self, thing: Thing) -> None:
        for target_id in {link.target_id for link in thing.relationships}:
            sources = self._incoming[target_id]
            del sources[thing.id]
            if not sources:
                del self._incoming[target_id]


def _take(ids: list[str], thing_id: str) -> None:
    del ids[bisect_left(ids, thing_id)]


def incoming(
    things: dict[str, Thing], index: Index, target_id: str
) -> list[tuple[str, Relationship]]:
    """Each relationship that points to *target_id*, with the id of the Thing it is from."""
    return [
        (source, link)
        for source in index.sources(target_id)
        for link in things[source].relationships
        if link.target_id == target_id
    ]
