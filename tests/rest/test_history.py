"""History over REST: pages, and what comes of a store that knows nothing or fails."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rest.archived import (
    HOUR,
    URL,
    Store,
    down,
    got,
    lines,
    point,
    rows,
    served,
    walked,
)
from tests.rest.served import NOW, World
from tests.rest.test_things import is_problem

from egizcore.errors import HistoryTimeout, LimitExceeded
from egizcore.history import AGGREGATES, flatten, reader
from egizcore.history.point import Point
from egizcore.rest import history
from egizcore.rest.history_query import read_asked
from egizcore.thing import rfc3339


async def test_an_item_has_the_shape_of_a_live_event() -> None:
    zones = {"setpoint": 190, "zones": [185.5, 190], "door": {"open": False}, "state": "on"}
    async with await served(point(1000, zones)) as client:
        assert await got(client) == {
            "thingId": "f:oven",
            "from": "2026-01-27T09:30:00.000Z",
            "to": "2026-01-27T10:30:00.000Z",
            "items": [
                {"timestamp": "2026-01-27T10:29:59.000Z", "feature": "thermal", "properties": zones}
            ],
            "nextCursor": None,
        }


async def test_a_thing_that_nobody_ever_heard_of_is_404() -> None:
    async with World(archive=Store()).client() as client:
        for query in ("", "?format=csv", "?format=ndjson", "?format=csv&shape=wide"):
            answer = await client.get(URL + query)
            assert is_problem(answer, 404, "thing_not_found")


async def test_a_live_thing_without_history_has_an_empty_page() -> None:
    async with World(archive=Store()).client() as client:
        await client.put("/api/v1/things/f:oven", json={"type": "oven"})
        assert (await got(client))["items"] == []
        assert lines(await client.get(f"{URL}?format=ndjson")) == []
        assert rows(await client.get(f"{URL}?format=csv")) == [
            ["timestamp", "thing_id", "feature", "property", "value"]
        ]
        assert rows(await client.get(f"{URL}?format=csv&shape=wide")) == [
            ["timestamp", "thing_id", "feature"]
        ]


async def test_a_thing_that_is_gone_keeps_its_history() -> None:
    async with await served(point(2 * HOUR, {"a": 1})) as client:
        assert is_problem(await client.get("/api/v1/things/f:oven"), 404, "thing_not_found")
        assert (await got(client))["items"] == []
        assert len((await got(client, "from=-3h"))["items"]) == 1


async def test_no_store_is_a_503() -> None:
    async with World().client() as client:
        await client.put("/api/v1/things/f:oven", json={"type": "oven"})
        for query in ("", "?from=-1h&feature=a&property=volt.a", "?format=csv&shape=wide"):
            for url in (URL, URL.replace("oven", "nobody")):
                answer = await client.get(url + query)
                assert is_problem(answer, 503, "history_unavailable")
                assert "history.backend is none" in answer.json()["detail"]


def _late(_: int) -> None:
    raise HistoryTimeout("The store was late.")


@pytest.mark.parametrize(
    ("before", "status", "code"),
    [(down, 503, "history_unavailable"), (_late, 504, "history_timeout")],
)
async def test_a_store_that_fails_is_told_in_its_own_words(
    before: Callable[[int], None], status: int, code: str
) -> None:
    world = World(archive=Store(before))
    async with world.client() as client:
        for query in ("", "?format=csv", "?format=ndjson&limit=5", "?format=csv&shape=wide"):
            assert is_problem(await client.get(URL + query), status, code)
        assert (await client.get("/api/v1/things")).status_code == 200
    assert world.failures == 0


async def test_a_store_that_takes_too_long_is_a_504(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SECONDS", 0.05)
    world = World(archive=Store(lambda _: asyncio.Event().wait()))
    async with world.client() as client:
        for query in ("", "?format=csv", "?format=csv&shape=wide"):
            assert is_problem(await client.get(URL + query), 504, "history_timeout")
    assert len(world.asked) == 3


async def test_many_questions_for_one_answer_have_one_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "SECONDS", 0.3)
    monkeypatch.setattr(history, "FIRST_CHUNK", 1)
    monkeypatch.setattr(history, "MOST_ITEMS", 1)
    store = Store(lambda _: asyncio.sleep(0.05))
    await store.write([point(ago, {"a": 1}) for ago in range(1, 100)])
    async with World(archive=store).client() as client:
        answer = await client.get(f"{URL}?limit=1000")
        assert is_problem(answer, 504, "history_timeout")
    assert 2 <= len(store.asked) <= 7


async def test_a_thousand_items_make_a_page() -> None:
    async with await served(*(point(ago, {"a": 1}) for ago in range(1, 1002))) as client:
        page = await got(client)
        assert len(page["items"]) == 1000
        assert page["nextCursor"] is not None
        assert len(await walked(client, "limit=10000")) == 1001


_NUMBERS = st.integers(-50, 50) | st.floats(-1e6, 1e6)
_SCALARS = _NUMBERS | st.booleans() | st.text('ab,"\n\r\\=°', max_size=4)
_PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "a": _SCALARS,
        "b.c": _SCALARS,
        "timestamp": _NUMBERS,
        "zones": st.lists(_NUMBERS | st.none(), max_size=3),
        "door": st.dictionaries(st.sampled_from(("x", "y.z")), _SCALARS, max_size=2),
    },
)
_POINTS = st.lists(
    st.builds(point, st.integers(0, 10_000), _PROPERTIES, st.sampled_from(("thermal", "status"))),
    max_size=25,
)
_QUERIES = st.tuples(
    st.sampled_from(("", "&feature=thermal", "&property=a&property=zones", "&to=-3s")),
    st.sampled_from(("", *(f"&every=500ms&aggregate={one}" for one in AGGREGATES))),
    st.sampled_from(("", "&order=desc")),
).map("".join)


@settings(max_examples=50)
@given(points=_POINTS, query=_QUERIES, limit=st.integers(1, 7), chunk=st.integers(1, 9))
async def test_all_ways_to_read_a_range_tell_the_same(
    points: list[Point], query: str, limit: int, chunk: int
) -> None:
    store = Store()
    await store.write(points)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FIRST_CHUNK", chunk)
        patch.setattr(history, "MOST_ITEMS", chunk)
        async with World(archive=store).client() as client:
            await client.put("/api/v1/things/f:oven", json={"type": "oven"})
            base = f"from=-11s{query}"
            asked = read_asked("f:oven", _parameters(base), NOW).query
            model = await store.model.page(asked)
            whole = (await got(client, f"{base}&limit=10000"))["items"]
            assert [(one["timestamp"], one["feature"], one["properties"]) for one in whole] == [
                (rfc3339(one.at), one.feature, one.properties) for one in model
            ]
            assert await walked(client, f"{base}&limit={limit}") == whole
            assert lines(await client.get(f"{URL}?{base}&format=ndjson")) == whole
            flat = [
                [one["timestamp"], "f:oven", one["feature"], key, _cell(leaf, query)]
                for one in whole
                for key, leaf in flatten(one["properties"]).items()
            ]
            long = await client.get(f"{URL}?{base}&format=csv")
            assert rows(long)[1:] == flat
            wide = rows(await client.get(f"{URL}?{base}&format=csv&shape=wide"))
            keys = ["timestamp" if key == r"\timestamp" else key for key in wide[0][3:]]
            melted = [
                [*row[:3], key, cell]
                for row in wide[1:]
                for key, cell in zip(keys, row[3:], strict=True)
                if cell
            ]
            assert sorted(melted) == sorted(row for row in flat if row[4])
            assert set(keys) == {row[3] for row in flat}
            assert len(wide) - 1 == len(whole)


def _parameters(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        found.setdefault(name, []).append(value)
    return found


def _cell(leaf: object, query: str) -> str:
    if "count" in query:
        assert isinstance(leaf, float)
        return str(int(leaf))
    return {True: "true", False: "false"}[leaf] if isinstance(leaf, bool) else str(leaf)


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
async def test_a_page_ends_where_it_is_large_enough(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE_BYTES", 500)
    async with await served(*(point(ago, {"a": "x" * 100}) for ago in range(1, 30))) as client:
        answer = await client.get(f"{URL}?limit=1000&format={form}")
        assert 500 < len(answer.content) < 1000
        if form == "json":
            assert len(await walked(client, "limit=1000")) == 29
        else:
            assert answer.links["next"]["url"]


@pytest.mark.parametrize("query", ["", "?format=csv", "?format=csv&shape=wide&limit=3"])
async def test_head_asks_no_more_than_it_must(query: str) -> None:
    store = Store()
    await store.write([point(ago, {"a": 1}) for ago in range(1, 5000)])
    async with World(archive=store).client() as client:
        head = await client.head(URL + query)
        asked = len(store.asked)
        got = await client.get(URL + query)
    assert head.content == b""
    assert (head.status_code, head.headers) == (got.status_code, got.headers)
    assert asked <= 2


@pytest.mark.parametrize("query", ["limit=300", "limit=300&format=csv", "format=ndjson"])
async def test_where_the_store_finds_a_chunk_too_large_it_gets_smaller(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "FIRST_CHUNK", 300)
    store = Store()

    def careful(_: int) -> None:
        if store.asked[-1].limit > 20:
            raise LimitExceeded("The answer is too large.")

    store.before = careful
    await store.write([point(ago, {"a": 1}) for ago in range(1, 101)])
    async with World(archive=store).client() as client:
        answer = await client.get(f"{URL}?{query}")
        assert answer.status_code == 200
        assert answer.text.count("2026-01-27T10:29:59.9") == 100
    first = [one.limit for one in store.asked if one.after is None]
    assert first == [301, 38, 5]


async def test_the_first_chunk_is_small_for_nothing_is_known_of_its_weight() -> None:
    store = Store()
    await store.write([point(ago, {"a": 1}) for ago in range(1, 3000)])
    async with World(archive=store).client() as client:
        assert len((await got(client, "limit=2500"))["items"]) == 2500
    assert [one.limit for one in store.asked] == [7, 2001, 495]


@pytest.mark.parametrize("form", ["", "&format=csv"])
async def test_a_page_that_takes_long_ends_and_leads_on(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE_SECONDS", 0.05)
    store = Store(lambda _: asyncio.sleep(0.06))
    await store.write([point(ago, {"a": 1}) for ago in range(1, 100)])
    async with World(archive=store).client() as client:
        answer = await client.get(f"{URL}?limit=50{form}")
        assert answer.status_code == 200
        assert answer.text.count("2026-01-27T10:29:59.9") == 6
        if form:
            assert 'rel="next"' in answer.headers["link"]
        else:
            assert answer.json()["nextCursor"] is not None
            assert len(await walked(client, "limit=50")) == 99


@pytest.mark.parametrize("query", ["", "?format=csv", "?format=csv&shape=wide"])
async def test_where_one_item_is_too_large_the_client_is_told(query: str) -> None:
    def never(_: int) -> None:
        raise LimitExceeded("The answer is too large.")

    world = World(archive=Store(never))
    async with world.client() as client:
        assert is_problem(await client.get(URL + query), 400, "limit_exceeded")
    assert len(world.asked) <= 5


async def test_heavy_items_come_in_small_chunks() -> None:
    store = Store()
    await store.write([point(ago, {"a": "x" * 100_000}) for ago in range(1, 101)])
    async with World(archive=store).client() as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history, "FIRST_CHUNK", 10)
            assert len(lines(await client.get(f"{URL}?format=ndjson"))) == 100
    limits = [query.limit for query in store.asked]
    assert limits[0] == 11
    assert all(15 < limit < 25 for limit in limits[1:])
