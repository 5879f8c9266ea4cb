"""What every archive promises: tests to inherit, with a fixture ``archive`` of one's own.

::

    class TestMine(ArchiveContract):
        @pytest.fixture
        async def archive(self) -> AsyncIterator[Archive]: ...  # opened; closed at the end

Real servers run it, and keep what earlier runs left: each test has Things of its own, all times
are within a few hours of now, and a key has the same kind of value in all tests of a feature name.
Text has no carriage return, which InfluxDB's CSV gives away.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from tests.history.asking import (
    BASE,
    HOUR,
    MINUTE,
    SECOND,
    alike,
    ask,
    model_test,
    point,
    same,
    thing,
    told,
    walk,
)

from egizcore.history import Aggregate, Archive, Place, Query, split

NAMES = (
    "plain",
    "with space",
    "a.b",
    "a[0]",
    "[b",
    "back\\slash",
    "back\\\\slashes",
    'quo"te',
    "it's",
    "a,b=c",
    "ünï°",
    "🔥",
    "${name}",
    "%s_%",
    "#hash",
    "_value",
    "_time",
    "0",
    "true",
    '") |> drop(columns: ["_value"]) //',
    "'; DROP TABLE samples; --",
    "n" * 128,
)
TEXTS = (
    "",
    " ",
    "plain",
    "two\nlines\n",
    "tab\t",
    'quo"te, comma',
    "back\\slash\\",
    "null",
    "true",
    "1.5",
    "°C 🔥",
    "=1+1",
    "#datatype,string",
    "x" * 2000,
)
NUMBERS = (0.0, 0.1, -1.0, 1e300, -1e-300, 5e-324, 2.0**53 + 2, 123456789.12345679, 1 / 3)


class ArchiveContract:
    """The promises of ``egizcore.history.Archive``, one a test."""

    takes_mixed_kinds: ClassVar[bool] = True
    """Whether a key may be a number now and a text then; else such a point is a conflict."""

    test_it_answers_as_the_model_does: Callable[..., object]

    def __init_subclass__(cls) -> None:
        cls.test_it_answers_as_the_model_does = model_test()

    async def test_what_is_written_is_found_at_once(self, archive: Archive) -> None:
        one = thing()
        written = await archive.write([point(one, 0, {"setpoint": 190, "state": "on", "ok": True})])
        assert (written.written, written.conflict) == (1, 0)
        assert told(await archive.page(ask(one))) == [
            (0, "thermal", {"setpoint": 190.0, "state": "on", "ok": True})
        ]
        assert archive.message == ""

    async def test_numbers_come_back_as_floats_to_the_last_digit(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"exact": some}) for at, some in enumerate(NUMBERS)])
        got = [item.properties["exact"] for item in await archive.page(ask(one))]
        assert got == list(NUMBERS)
        assert all(type(some) is float for some in got)
        await archive.write([point(one, 100, {"exact": 190}), point(one, 101, {"exact": 190.5})])
        after = await archive.page(ask(one, start=100))
        assert [type(item.properties["exact"]) for item in after] == [float, float]

    async def test_any_text_is_kept_as_it_is(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"state": text}) for at, text in enumerate(TEXTS)])
        got = [item.properties["state"] for item in await archive.page(ask(one))]
        assert got == list(TEXTS)
        last = await archive.page(ask(one, every=1, aggregate="last"))
        assert [item.properties["state"] for item in last] == list(TEXTS)

    async def test_any_name_is_kept_as_it_is(self, archive: Archive) -> None:
        one = thing()
        flat = {name: float(place) for place, name in enumerate(NAMES)}
        deep = {"below": dict(flat)}
        await archive.write([point(one, 0, flat, "names"), point(one, 1, deep, "names")])
        assert told(await archive.page(ask(one))) == [(0, "names", flat), (1, "names", deep)]
        for name in NAMES:
            only = await archive.page(ask(one, properties=((name,),)))
            assert told(only) == [(0, "names", {name: flat[name]})]

    async def test_names_that_a_line_protocol_cannot_say_are_kept_too(
        self, archive: Archive
    ) -> None:
        """InfluxDB drops a field ``time``, and has no escape for a backslash at a key's end."""
        one = thing()
        properties = {"a\\": 1.0, "b": {"c\\": [2.0], "d": 3.0}, "time": 4.0}
        await archive.write([point(one, 0, properties, "names")])
        assert told(await archive.page(ask(one))) == [(0, "names", properties)]
        only = await archive.page(ask(one, properties=(("b", "c\\"),)))
        assert told(only) == [(0, "names", {"b": {"c\\": [2.0]}})]

    async def test_arrays_come_back_as_arrays(self, archive: Archive) -> None:
        one = thing()
        zones = {"zones": [1.0, 2.0, 3.0], "deep": {"rows": [{"x": 1.0}, {"x": 2.0}]}}
        await archive.write([point(one, 0, zones), point(one, 10, {"zones": [None, 5.0]})])
        assert told(await archive.page(ask(one))) == [
            (0, "thermal", zones),
            (10, "thermal", {"zones": [None, 5.0]}),
        ]
        assert told(await archive.page(ask(one, every=SECOND, aggregate="mean"))) == [
            (0, "thermal", {"zones": [1.0, 3.5, 3.0], "deep": zones["deep"]})
        ]
        for key in ("zones[1]", "zones.1"):
            only = await archive.page(ask(one, properties=(split(key),)))
            assert [item.properties for item in only] == [{"zones": [None, 2.0]}, *_FIVE]

    async def test_more_places_than_ten_keep_their_order(self, archive: Archive) -> None:
        one = thing()
        long = {"zones": [float(place) for place in range(25)]}
        await archive.write([point(one, 0, long)])
        assert told(await archive.page(ask(one))) == [(0, "thermal", long)]

    async def test_what_has_no_leaf_leaves_no_trace(self, archive: Archive) -> None:
        one = thing()
        await archive.write([])
        await archive.write([point(one, 0, {}), point(one, 1, {"zones": [], "o": {"n": [None]}})])
        assert await archive.page(ask(one)) == []
        assert not await archive.knows(one)

    async def test_items_go_by_time_and_then_by_feature(self, archive: Archive) -> None:
        one = thing()
        features = ("thermal", "a", "B", "_", "-", "0", "a-b", "a_b")
        points = [
            point(one, at, {"order": 1.0}, feature) for at in (20, 0, 10) for feature in features
        ]
        await archive.write(points)
        places = [(at, feature) for at in (0, 10, 20) for feature in sorted(features)]
        assert [one[:2] for one in told(await archive.page(ask(one)))] == places
        back = await archive.page(ask(one, descending=True))
        assert [one[:2] for one in told(back)] == places[::-1]
        buckets = await archive.page(
            ask(one, every=MINUTE, aggregate="sum", descending=True, features=("B", "a", "none"))
        )
        assert told(buckets) == [(0, "a", {"order": 3.0}), (0, "B", {"order": 3.0})]

    async def test_start_belongs_to_a_range_and_its_end_does_not(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"setpoint": 1.0}) for at in (-1, 0, 1, 9, 10, 11)])
        assert [item[0] for item in told(await archive.page(ask(one, 0, 10)))] == [0, 1, 9]
        assert await archive.page(ask(one, 2, 9)) == []
        assert len(await archive.page(Query(one, 0, BASE + HOUR))) == 6

    @pytest.mark.parametrize("descending", [False, True])
    async def test_pages_make_the_whole(self, archive: Archive, descending: bool) -> None:  # noqa: FBT001
        one = thing()
        points = [
            point(one, at // 3 * SECOND, {"setpoint": float(at)}, f"feature-{at % 3}")
            for at in range(300)
        ]
        await archive.write(points[::2])
        await archive.write(points[1::2])
        whole = await archive.page(ask(one, descending=descending))
        assert len(whole) == 300
        assert [item.place for item in whole] == sorted(
            (item.place for item in whole), reverse=descending
        )
        same(await walk(archive, ask(one, descending=descending, limit=37)), whole)
        same(await walk(archive, ask(one, descending=descending, limit=300)), whole)
        buckets = ask(one, every=7 * SECOND, aggregate="mean", descending=descending)
        whole = await archive.page(buckets)
        assert len(whole) == 3 * len({(BASE + at * SECOND) // 7000 for at in range(100)})
        same(await walk(archive, buckets._replace(limit=4)), whole)

    async def test_a_place_need_not_have_been_an_item(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"setpoint": 1.0}) for at in (0, 10, 20)])
        for feature, beyond in (("a", [10, 20]), ("thermal", [20]), ("z", [20])):
            after = await archive.page(ask(one, after=Place(BASE + 10, feature)))
            assert [item[0] for item in told(after)] == beyond
        back = await archive.page(ask(one, after=Place(BASE + 10, "z"), descending=True))
        assert [item[0] for item in told(back)] == [10, 0]

    async def test_a_property_takes_all_below_it_and_nothing_beside(self, archive: Archive) -> None:
        one = thing()
        properties = {"a": {"b": 1.0, "c": {"d": 2.0}}, "ab": 3.0, "A": 4.0, "zones": [5.0]}
        await archive.write(
            [point(one, 0, properties, "prefix"), point(one, 1, {"a.b": 6.0}, "prefix")]
        )
        for wanted, got in (
            (["a"], [{"a": properties["a"]}]),
            (["a.c"], [{"a": {"c": {"d": 2.0}}}]),
            (["a.b"], [{"a": {"b": 1.0}}]),
            ([r"a\.b"], [{"a.b": 6.0}]),
            (["a.b", "ab"], [{"a": {"b": 1.0}, "ab": 3.0}]),
            (["zones"], [{"zones": [5.0]}]),
            (["zones.0", "zones[0]"], [{"zones": [5.0]}]),
            (["nothing", "a.no", "zones[1]"], []),
        ):
            query = ask(one, properties=tuple(map(split, wanted)))
            assert [item.properties for item in await archive.page(query)] == got, wanted
            buckets = await archive.page(query._replace(every=1, aggregate="mean"))
            assert [item.properties for item in buckets] == got, wanted

    async def test_a_page_counts_items_not_leaves(self, archive: Archive) -> None:
        one = thing()
        wide = {f"p{name}": float(name) for name in range(40)}
        await archive.write([point(one, at, wide, "wide") for at in range(5)])
        page = await archive.page(ask(one, limit=3))
        assert told(page) == [(at, "wide", wide) for at in range(3)]
        sparse = [point(one, at, {"rare": 1.0}, "wide") for at in (1, 4, 6)]
        await archive.write(sparse)
        page = await archive.page(ask(one, limit=2, properties=(("rare",),)))
        assert told(page) == [(1, "wide", {"rare": 1.0}), (4, "wide", {"rare": 1.0})]

    @pytest.mark.parametrize(
        ("aggregate", "first", "second"),
        [
            ("mean", {"number": 3.0, "o": {"x": 10.0}}, {"number": 8.0}),
            ("min", {"number": 1.0, "o": {"x": 10.0}}, {"number": 8.0}),
            ("max", {"number": 6.0, "o": {"x": 10.0}}, {"number": 8.0}),
            ("sum", {"number": 9.0, "o": {"x": 10.0}}, {"number": 8.0}),
            (
                "last",
                {"number": 2.0, "text": "c", "flag": False, "o": {"x": 10.0}},
                {"number": 8.0, "text": "d"},
            ),
            ("count", {"number": 3, "text": 2, "flag": 1, "o": {"x": 1}}, {"number": 1, "text": 1}),
        ],
    )
    async def test_buckets_are_aggregated(
        self,
        archive: Archive,
        aggregate: Aggregate,
        first: dict[str, Any],
        second: dict[str, Any],
    ) -> None:
        one = thing()
        await archive.write(
            [
                point(one, 59_999, {"number": 2.0}, "kinds"),
                point(one, 0, {"number": 1.0, "text": "b", "flag": False}, "kinds"),
                point(one, 30_000, {"number": 6.0, "text": "c", "o": {"x": 10.0}}, "kinds"),
                point(one, 180_000, {"number": 8.0, "text": "d"}, "kinds"),
                point(one, 240_000, {"text": "e", "flag": True}, "kinds"),
            ]
        )
        query = ask(one, every=MINUTE, aggregate=aggregate)
        got = await archive.page(query)
        assert told(got)[:2] == [(0, "kinds", first), (180_000, "kinds", second)]
        assert alike([item.properties for item in got[:2]], [first, second])
        no_numbers = [] if aggregate not in ("last", "count") else [240_000]
        assert [item[0] for item in told(got)[2:]] == no_numbers
        back = await archive.page(query._replace(descending=True))
        same(back[::-1], got)

    async def test_a_bucket_begins_where_the_epoch_says(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"number": 1.0}) for at in range(0, 100, 10)])
        for every in (7, 33, 1000, 90 * MINUTE, 7 * 24 * HOUR):
            got = await archive.page(ask(one, 25, 75, every=every, aggregate="count"))
            starts = [(BASE + at) // every * every for at in (30, 40, 50, 60, 70)]
            assert [item.at for item in got] == sorted(set(starts))
            assert [item.properties["number"] for item in got] == [
                starts.count(start) for start in sorted(set(starts))
            ]

    async def test_a_bucket_counts_only_what_lies_in_the_range(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"number": float(at)}) for at in (0, 10, 20, 30)])
        query = ask(one, 5, 25, every=MINUTE, aggregate="sum")
        assert told(await archive.page(query)) == [(0, "thermal", {"number": 30.0})]
        before = query._replace(after=Place(BASE - 1, "z"))
        assert told(await archive.page(before)) == [(0, "thermal", {"number": 30.0})]
        assert await archive.page(query._replace(after=Place(BASE, "thermal"))) == []

    async def test_late_samples_take_their_place(self, archive: Archive) -> None:
        one = thing()
        for at in (5000, 1000, 3000, 2000, 4000, -HOUR // 2):
            await archive.write([point(one, at, {"number": float(at)})])
        ordered = [-HOUR // 2, 1000, 2000, 3000, 4000, 5000]
        assert [item[0] for item in told(await archive.page(ask(one)))] == ordered
        last = await archive.page(ask(one, every=HOUR, aggregate="last"))
        assert [item[2]["number"] for item in told(last)] == [-HOUR / 2, 5000.0]

    async def test_samples_of_the_future_are_taken(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, 3 * HOUR + MINUTE, {"number": 1.0})])
        assert len(await archive.page(ask(one, end=4 * HOUR))) == 1
        assert await archive.page(ask(one, end=3 * HOUR)) == []

    async def test_samples_of_one_time_are_one_and_the_later_wins(self, archive: Archive) -> None:
        one = thing()
        await archive.write(
            [
                point(one, 0, {"number": 1.0, "text": "a", "zones": [1.0, 2.0]}),
                point(one, 0, {"number": 2.0, "flag": True}),
            ]
        )
        await archive.write([point(one, 0, {"zones": [3.0]}), point(one, 0, {"o": {"x": 4.0}})])
        merged = {
            "number": 2.0,
            "text": "a",
            "zones": [3.0, 2.0],
            "flag": True,
            "o": {"x": 4.0},
        }
        assert told(await archive.page(ask(one))) == [(0, "thermal", merged)]
        count = await archive.page(ask(one, every=1, aggregate="count"))
        assert count[0].properties["number"] == 1
        total = await archive.page(ask(one, every=1, aggregate="sum"))
        assert total[0].properties["number"] == 2.0

    async def test_a_batch_that_is_written_twice_is_there_once(self, archive: Archive) -> None:
        one = thing()
        batch = [point(one, at, {"number": float(at)}) for at in range(20)]
        await archive.write(batch)
        await archive.write(batch)
        assert len(await archive.page(ask(one))) == 20
        (total,) = await archive.page(ask(one, every=HOUR, aggregate="sum"))
        assert total.properties == {"number": 190.0}

    async def test_a_thing_may_change_its_type(self, archive: Archive) -> None:
        one = thing()
        samples = [point(one, at, {"number": float(at)}) for at in range(6)]
        kilns = [some._replace(type="kiln") if some.at % 2 else some for some in samples]
        await archive.write(kilns)
        assert [item[0] for item in told(await archive.page(ask(one)))] == list(range(6))
        for aggregate, value in (("mean", 2.5), ("count", 6), ("last", 5.0)):
            (got,) = await archive.page(ask(one, every=MINUTE, aggregate=aggregate))
            assert got.properties == {"number": value}
        same(await walk(archive, ask(one, limit=2)), await archive.page(ask(one)))

    async def test_a_key_may_be_of_several_kinds(self, archive: Archive) -> None:
        one, feature = thing(), f"mixed-{uuid4().hex}"
        await archive.write(
            [point(one, 0, {"v": 1.0}, feature), point(one, 1, {"v": 3.0}, feature)]
        )
        others = [point(one, 2, {"v": "text"}, feature), point(one, 3, {"v": True}, feature)]
        written = await archive.write(others)
        values: list[Any] = [1.0, 3.0]
        if self.takes_mixed_kinds:
            assert written == (2, 0)
            values += ["text", True]
        else:
            assert written == (0, 2)
        assert [item.properties["v"] for item in await archive.page(ask(one))] == values
        for aggregate, value in (("mean", 2.0), ("count", len(values)), ("last", values[-1])):
            (got,) = await archive.page(ask(one, every=MINUTE, aggregate=aggregate))
            assert alike(got.properties, {"v": value})

    async def test_things_do_not_see_each_other(self, archive: Archive) -> None:
        one = thing()
        others = [f"{one}.1", f"{one}:1", one.upper(), one[:-1]]
        await archive.write([point(one, 0, {"number": 1.0})])
        for place, other in enumerate(others):
            assert not await archive.knows(other)
            assert await archive.page(ask(other)) == []
            await archive.write([point(other, 1 + place, {"number": 2.0})])
        assert [item[0] for item in told(await archive.page(ask(one)))] == [0]
        assert [item[0] for item in told(await archive.page(ask(others[0])))] == [1]

    async def test_it_knows_what_it_has_heard_of(self, archive: Archive) -> None:
        one = thing()
        assert not await archive.knows(one)
        assert await archive.page(ask(one)) == []
        assert await archive.page(ask(one, every=MINUTE, aggregate="count")) == []
        await archive.write([point(one, -HOUR, {"text": "a"})])
        assert await archive.knows(one)
        assert await archive.page(ask(one, 0)) == []

    async def test_many_may_ask_while_one_writes(self, archive: Archive) -> None:
        one = thing()
        await archive.write([point(one, at, {"number": 1.0}) for at in range(50)])
        later = [point(one, 1000 + at, {"number": 1.0}) for at in range(50)]
        writing = asyncio.create_task(archive.write(later))
        pages = await asyncio.gather(*(archive.page(ask(one, 0, 1000)) for _ in range(5)))
        await writing
        assert [len(page) for page in pages] == [50] * 5
        assert len(await archive.page(ask(one))) == 100


_FIVE = [{"zones": [None, 5.0]}]
