"""What the contract of archives asks with: Things, samples, questions, and a comparison."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.history.naive import NaiveArchive

from egizcore.history import AGGREGATES, Archive, Item, Place, Query, split
from egizcore.history.point import Point

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
BASE = int(time.time()) // 3600 * HOUR - 2 * HOUR
"""A full hour, two to three hours ago."""


def thing() -> str:
    """A Thing that nobody has heard of."""
    return f"test:{uuid4().hex}"


def point(thing_id: str, at: int, properties: dict[str, Any], feature: str = "thermal") -> Point:
    """A sample, *at* milliseconds after ``BASE``."""
    return Point(thing_id, "oven", feature, BASE + at, properties)


def ask(thing_id: str, start: int = -HOUR, end: int = 2 * HOUR, **options: Any) -> Query:
    """A question from *start* to *end*, milliseconds after ``BASE``."""
    return Query(thing_id, BASE + start, BASE + end, **options)


def told(items: Sequence[Item]) -> list[tuple[int, str, dict[str, Any]]]:
    """*items*, with times in milliseconds after ``BASE``."""
    return [(one.at - BASE, one.feature, one.properties) for one in items]


def same(got: Sequence[Item], wanted: Sequence[Item]) -> None:
    """See that they are equal; sums may be added up in another order."""
    assert [one.place for one in got] == [one.place for one in wanted]
    for one, other in zip(got, wanted, strict=True):
        assert alike(one.properties, other.properties), (one, other)


def alike(one: object, other: object) -> bool:
    """Equal, of the same types, and numbers nearly so."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)
    return type(one) is type(other) and one == other


async def walk(archive: Archive, query: Query) -> list[Item]:
    """Every item of *query*, page by page."""
    items: list[Item] = []
    while True:
        page = await archive.page(query)
        assert len(page) <= query.limit
        items += page
        if len(page) < query.limit:
            return items
        query = query._replace(after=page[-1].place)


_NUMBER = st.integers(-8000, 8000).map(lambda eighths: eighths / 8)
_PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "number": _NUMBER,
        "text": st.sampled_from(("on", "off", "")),
        "flag": st.booleans(),
        "zones": st.lists(_NUMBER | st.none(), max_size=3),
        "deep.er": st.fixed_dictionaries(
            {}, optional={"x": _NUMBER, "s": st.text("ab\n", max_size=2)}
        ),
    },
)
_FEATURE = st.sampled_from(("random", "random-2", "Random"))
_AT = st.integers(-20, 20).map(lambda some: some * 250) | st.integers(-5000, 5000)
_SAMPLE = st.tuples(_FEATURE, _AT, _PROPERTIES)
_ASKED = st.fixed_dictionaries(
    {"start": _AT, "end": _AT, "limit": st.integers(1, 40), "descending": st.booleans()},
    optional={
        "features": st.lists(_FEATURE, max_size=2, unique=True).map(tuple),
        "properties": st.lists(
            st.sampled_from(
                ("number", "text", "zones", "zones[1]", "zones.0", r"deep\.er", r"deep\.er.s", "no")
            ).map(split),
            max_size=2,
        ).map(tuple),
        "after": st.builds(lambda at, feature: Place(BASE + at, feature), _AT, _FEATURE),
    },
)
_BUCKETS = st.just((0, None)) | st.tuples(
    st.sampled_from((7, 250, 1000, 3000, HOUR)), st.sampled_from(AGGREGATES)
)


def model_test() -> Callable[..., object]:
    """The comparison with the model: one function a class, as hypothesis keeps a state in it."""

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        batches=st.lists(st.lists(_SAMPLE, max_size=12), min_size=1, max_size=3),
        asked=st.lists(st.tuples(_ASKED, _BUCKETS), min_size=1, max_size=4),
    )
    async def test_it_answers_as_the_model_does(
        suite: object, archive: Archive, batches: list[Any], asked: list[Any]
    ) -> None:
        one, model = thing(), NaiveArchive()
        for batch in batches:
            points = [point(one, at, some, feature) for feature, at, some in batch]
            await model.write(points)
            assert (await archive.write(points)).conflict == 0
        assert await archive.knows(one) == await model.knows(one)
        for options, (every, aggregate) in asked:
            query = ask(one, **options, every=every, aggregate=aggregate)
            same(await archive.page(query), await model.page(query))
            first = query._replace(after=None)
            same(
                await walk(archive, first),
                await model.page(first._replace(limit=len(model.samples) + 1)),
            )

    return test_it_answers_as_the_model_does
