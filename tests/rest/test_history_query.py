"""What may be asked of history, and how one page leads to the next."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rest.archived import HOUR, MINUTE, URL, Store, down, got, point, served
from tests.rest.served import NOW, World
from tests.rest.test_things import is_problem

from egizcore.history import AGGREGATES, Place
from egizcore.history.point import spellings
from egizcore.rest import history_query
from egizcore.rest.history_query import read_asked
from egizcore.thing import rfc3339


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("", "2026-01-27T09:30:00.000Z", "2026-01-27T10:30:00.000Z"),
        ("from=-90s", "2026-01-27T10:28:30.000Z", "2026-01-27T10:30:00.000Z"),
        ("from=-1.5h&to=-30m", "2026-01-27T09:00:00.000Z", "2026-01-27T10:00:00.000Z"),
        ("from=-1w&to=-0s", "2026-01-20T10:30:00.000Z", "2026-01-27T10:30:00.000Z"),
        ("to=2025-06-01T00:00:00Z", "2025-05-31T23:00:00.000Z", "2025-06-01T00:00:00.000Z"),
        ("from=2026-01-27T10:00:00.5%2B01:00", "2026-01-27T09:00:00.500Z", None),
        ("from=2026-01-27T10:00:00+01:00", "2026-01-27T09:00:00.000Z", None),
        ("from=2026-01-27%2010:00:00Z&to=2030-01-01T00:00:00Z", "2026-01-27T10:00:00.000Z",
         "2030-01-01T00:00:00.000Z"),
        ("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z",
         "9999-12-31T23:59:59.999Z"),
    ],
)  # fmt: skip
async def test_a_range_is_of_times_or_relative_to_now(
    query: str, start: str, end: str | None
) -> None:
    async with await served(point(0, {"a": 1})) as client:
        page = await got(client, query)
        assert (page["from"], page["to"]) == (start, end or rfc3339(NOW))


async def test_from_is_in_the_range_and_to_is_not() -> None:
    async with await served(*(point(ago, {"a": ago}) for ago in (0, 1, 1000, 1001))) as client:
        page = await got(client, "from=-1s")
        assert [item["properties"]["a"] for item in page["items"]] == [1000, 1]


async def test_features_and_properties_may_be_named() -> None:
    points = [
        point(3, {"volt": {"a": 1, "b": 2}, "on": True}, "electrical"),
        point(2, {"volt": {"a": 3}, "x.y": 4, "zones": [5, 6], "br[0]": 7}, "thermal"),
        point(1, {"state": "on"}, "status"),
    ]
    async with await served(*points) as client:
        for query, properties in {
            "feature=status": [{"state": "on"}],
            "feature=thermal&feature=status&feature=none": [points[1].properties, {"state": "on"}],
            "property=volt.a": [{"volt": {"a": 1}}, {"volt": {"a": 3}}],
            "property=volt&feature=electrical": [{"volt": {"a": 1, "b": 2}}],
            r"property=x%5C.y&property=on": [{"on": True}, {"x.y": 4}],
            "property=zones.1": [{"zones": [None, 6]}],
            "property=zones[0]": [{"zones": [5]}],
            "property=br[0]": [{"br[0]": 7}],
            "property=vol": [],
        }.items():
            page = await got(client, query)
            assert [item["properties"] for item in page["items"]] == properties, query


@given(st.lists(st.sampled_from(["a", "1", 2]), max_size=6))
def test_what_a_path_can_mean_is_counted(below: list[str | int]) -> None:
    path = ("a", *below)
    assert history_query._spellings(path) == len(spellings(path)) == len(set(spellings(path)))


@pytest.mark.parametrize("aggregate", AGGREGATES)
async def test_buckets_are_stamped_with_their_start(aggregate: str) -> None:
    points = [point(ago, {"a": ago / 1000, "s": "t"}) for ago in (90_000, 30_000, 10_000)]
    async with await served(*points) as client:
        page = await got(client, f"every=1m&aggregate={aggregate}")
        values = {"mean": 20, "min": 10, "max": 30, "last": 10, "count": 2, "sum": 40}
        texts: dict[str, dict[str, Any]] = {"last": {"s": "t"}, "count": {"s": 2}}
        assert page["items"][1] == {
            "timestamp": "2026-01-27T10:29:00.000Z",
            "feature": "thermal",
            "properties": {"a": values[aggregate], **texts.get(aggregate, {})},
        }
        assert page["items"][0]["timestamp"] == "2026-01-27T10:28:00.000Z"
        assert (type(page["items"][1]["properties"]["a"]) is int) == (aggregate == "count")


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=", "from=-1y", "from=now", "from=1769509800", "from=-1", "from=--1h",
     "from=-101w&to=-102w", "from=-999999999w", "from=-1h&to=-1h", "from=2030-01-01T00:00:00Z",
     "from=2026-01-27T10:00:00", "from=2026-02-30T00:00:00Z", "to=0000-01-01T00:00:00Z",
     "from=-1h&from=-2h", "until=-1h", "feature=a.b", "feature=", "feature=%C3%BC",
     "&".join(f"feature=a{n}" for n in range(65)), "&".join(f"property=a{n}" for n in range(65)),
     "property=", "property=a..b", "property=.a", "property=a.", "property=a%00b",
     "property=" + "a" * 129, "property=" + ".".join("a" * 25), "property=a" + ".1" * 9,
         "property=a" + "[1]" * 9,
     "every=1", "every=1m", "every=0s&aggregate=mean", "every=0.1ms&aggregate=mean",
     "every=-1m&aggregate=mean", "every=999999999w&aggregate=mean", "aggregate=mean",
     "every=1m&aggregate=median", "every=1m&aggregate=MEAN", "limit=10001", "limit=0", "limit=1e3",
     "order=up", "format=xml", "format=json&format=csv", "shape=round"],
)  # fmt: skip
async def test_wrong_ranges_and_names_are_400(query: str) -> None:
    async with World(archive=Store(down)).client() as client:  # it is not even asked
        answer = await client.get(f"{URL}?{query}")
        assert is_problem(answer, 400, "validation_failed")
        assert answer.json()["errors"][0]["pointer"].startswith("?")


async def test_an_ill_formed_id_is_400() -> None:
    async with World(archive=Store()).client() as client:
        answer = await client.get("/api/v1/things/oven/history")
        assert is_problem(answer, 400, "validation_failed")


async def test_a_relative_range_does_not_slide_from_page_to_page() -> None:
    store = Store()
    await store.write([point(ago, {"a": ago}) for ago in (HOUR, 1000, 1)])
    world = World(archive=store)
    async with world.client() as client:
        first = await got(client, "from=-1h&limit=1")
        world.parts.history.now = lambda: NOW + MINUTE
        await store.write([point(-1000, {"a": 0})])
        second = await got(client, f"from=-1h&limit=10&cursor={first['nextCursor']}")
        assert [item["properties"]["a"] for item in second["items"]] == [1000, 1]
        assert (second["from"], second["to"]) == (first["from"], first["to"])


async def test_a_cursor_survives_what_is_written_and_forgotten_meanwhile() -> None:
    store = Store()
    await store.write([point(ago, {"a": ago}) for ago in (40, 30, 20, 10)])
    async with World(archive=store).client() as client:
        first = await got(client, "limit=2")
        await store.write([point(ago, {"a": ago}) for ago in (35, 15)])
        store.model.samples = {
            place: leaves for place, leaves in store.model.samples.items() if leaves["a"] != 30
        }
        rest = await got(client, f"limit=9&cursor={first['nextCursor']}")
        assert [item["properties"]["a"] for item in rest["items"]] == [20, 15, 10]


async def test_a_cursor_belongs_to_its_question() -> None:
    store = Store()
    points = [point(ago, {"a": 1, "b": 2}) for ago in range(1, 9)]
    await store.write([*points, *(one._replace(thing_id="f:other") for one in points)])
    async with World(archive=store).client() as client:
        base = "from=-1h&feature=thermal&property=a&property=b"
        cursor = (await got(client, f"{base}&limit=2"))["nextCursor"]
        for same in (f"{base}&limit=3", "property=b&property=a&from=-1h&feature=thermal"):
            await got(client, f"{same}&cursor={cursor}")
        others = ("from=-1h", f"{base}&feature=b", f"{base}&order=desc", f"{base}&to=-0s",
                  f"{base}&every=1m&aggregate=mean", f"{base}&property=c",
                  base.replace("-1h", "-60m"))  # fmt: skip
        for other in others:
            answer = await client.get(f"{URL}?{other}&cursor={cursor}")
            assert is_problem(answer, 400, "bad_cursor"), other
        other_thing = f"/api/v1/things/f:other/history?{base}&cursor={cursor}"
        assert is_problem(await client.get(other_thing), 400, "bad_cursor")


async def test_a_cursor_that_is_not_ours_is_400() -> None:
    async with await served(*(point(ago, {"a": 1}) for ago in range(1, 5))) as client:
        cursor = (await got(client, "limit=2"))["nextCursor"]
        forged = [cursor[:-1], cursor + "A", cursor + "=", cursor[1:], "x", "%F0%9F%94%A5", "e30",
                  "W10", "x" * 5000, cursor.swapcase()]  # fmt: skip
        for one in forged:
            answer = await client.get(f"{URL}?limit=2&cursor={one}")
            assert is_problem(answer, 400, "bad_cursor"), one


@pytest.mark.parametrize(
    ("start", "end", "last", "feature"),
    [
        (NOW, NOW, NOW, "a"),
        (NOW, NOW - 1, NOW, "a"),
        (-(1 << 62), NOW, NOW - 1, "a"),
        (NOW - 1, 1 << 62, NOW, "a"),
        (NOW - 9, NOW, NOW, "a"),
        (NOW - 9, NOW, NOW - 10 - MINUTE, "a"),
        (NOW - 9, NOW, NOW - 1, "a b"),
        (NOW - 9, NOW, NOW - 1, '") |> drop()'),
    ],
)
async def test_a_cursor_with_a_forged_checksum_does_no_harm(
    start: int, end: int, last: int, feature: str
) -> None:
    asked = read_asked("f:oven", {"every": ["1m"], "aggregate": ["sum"]}, NOW)
    forged = asked._replace(query=asked.query._replace(start=start, end=end))
    async with await served(point(1, {"a": 1})) as client:
        cursor = forged.cursor_after(Place(last, feature))
        answer = await client.get(f"{URL}?every=1m&aggregate=sum&cursor={cursor}")
        assert is_problem(answer, 400, "bad_cursor")
