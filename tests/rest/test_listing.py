"""Lists and queries: pages, fields, filters."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from tests.rest.served import World
from tests.rest.test_things import is_problem

from egizcore.rest import listing


async def fill(client: httpx.AsyncClient, things: int) -> None:
    for n in range(things):
        thing = {"id": f"f:{n:03}", "type": "oven" if n % 2 else "mixer", "metadata": {"n": n}}
        assert (await client.post("/api/v1/things", json=thing)).status_code == 201


async def ids_of_all(client: httpx.AsyncClient, params: dict[str, Any]) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        page = (await client.get("/api/v1/things", params={**params, **more})).json()
        pages.append([thing["id"] for thing in page["items"]])
        cursor = page["nextCursor"]
        if cursor is None:
            return pages


async def test_pages_follow_each_other_by_id() -> None:
    async with World().client() as client:
        await fill(client, 10)
        assert await ids_of_all(client, {"limit": 4}) == [
            ["f:000", "f:001", "f:002", "f:003"],
            ["f:004", "f:005", "f:006", "f:007"],
            ["f:008", "f:009"],
        ]
        assert await ids_of_all(client, {"limit": 3, "type": "oven"}) == [
            ["f:001", "f:003", "f:005"],
            ["f:007", "f:009"],
        ]


async def test_total_counts_what_matches() -> None:
    async with World().client() as client:
        await fill(client, 5)
        for query, total in (("", 5), ("?type=oven", 2), ("?type=none", 0), ("?limit=1", 5)):
            page = (await client.get(f"/api/v1/things{query}")).json()
            assert page["total"] == total
            assert set(page) == {"items", "nextCursor", "total"}


async def test_a_hundred_things_make_a_page() -> None:
    async with World().client() as client:
        await fill(client, 101)
        page = (await client.get("/api/v1/things")).json()
        assert len(page["items"]) == 100
        assert page["nextCursor"] is not None


async def test_a_page_ends_where_it_is_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_BYTES", 500)
    async with World().client() as client:
        await fill(client, 10)
        pages = await ids_of_all(client, {"limit": 1000})
        assert len(pages) > 2
        assert [thing_id for page in pages for thing_id in page] == [f"f:{n:03}" for n in range(10)]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=-1", "limit=1e2", "limit=x", "limit=1000000000", "limit=",
     "type=a.b", "type=", "fields=", "fields=colour", "page=2", "limit=1&limit=2", "cursor="],
)  # fmt: skip
async def test_a_wrong_parameter_is_a_400_that_names_it(query: str) -> None:
    async with World().client() as client:
        answer = await client.get(f"/api/v1/things?{query}")
        assert is_problem(answer, 400, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == "?" + query.partition("=")[0]


async def test_a_cursor_belongs_to_its_filter() -> None:
    async with World().client() as client:
        await fill(client, 10)
        cursor = (await client.get("/api/v1/things?limit=1")).json()["nextCursor"]
        for query in (f"cursor={cursor}&type=oven", "cursor=x", f"cursor={cursor}A", "cursor=%00"):
            assert is_problem(await client.get(f"/api/v1/things?{query}"), 400, "bad_cursor")


async def test_a_query_filters_sorts_cuts_and_counts() -> None:
    async with World().client() as client:
        await fill(client, 10)
        query = {
            "filter": {"type": "oven", "metadata.n": {"$gt": 1}},
            "sort": ["-metadata.n"],
            "limit": 2,
            "fields": ["metadata.n"],
            "count": True,
        }
        page = (await client.post("/api/v1/query", json=query)).json()
        assert page["items"] == [
            {"id": "f:009", "metadata": {"n": 9}},
            {"id": "f:007", "metadata": {"n": 7}},
        ]
        assert page["total"] == 4
        rest = await client.post("/api/v1/query", json={**query, "cursor": page["nextCursor"]})
        assert [thing["id"] for thing in rest.json()["items"]] == ["f:005", "f:003"]
        assert rest.json()["nextCursor"] is None
        other = {**query, "cursor": page["nextCursor"], "sort": []}
        assert is_problem(await client.post("/api/v1/query", json=other), 400, "bad_cursor")


async def test_the_prds_query_works_and_counts_only_when_asked() -> None:
    async with World().client() as client:
        await fill(client, 3)
        query = {"filter": {"type": "oven", "metadata.n": 1}, "limit": 50}
        page = (await client.post("/api/v1/query", json=query)).json()
        assert [thing["id"] for thing in page["items"]] == ["f:001"]
        assert "total" not in page
        everything = (await client.post("/api/v1/query", json={})).json()
        assert len(everything["items"]) == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 1001}, "/limit"),
        ({"limit": True}, "/limit"),
        ({"limit": "1"}, "/limit"),
        ({"limit": 1.5}, "/limit"),
        ({"count": 1}, "/count"),
        ({"cursor": 1}, "/cursor"),
        ({"sort": "id"}, "/sort"),
        ({"sort": [1]}, "/sort"),
        ({"sort": ["colour"]}, "/sort/0"),
        ({"sort": ["id"] * 9}, "/sort"),
        ({"fields": ["id", ""]}, "/fields/1"),
        ({"fields": ["id"] * 65}, "/fields"),
        ({"a/b": 1}, "/a~1b"),
        ([], ""),
    ],
)
async def test_a_wrong_member_is_pointed_to(body: object, pointer: str) -> None:
    async with World().client() as client:
        answer = await client.post("/api/v1/query", json=body)
        assert is_problem(answer, 400, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_wrong_filter_is_pointed_to_in_the_body() -> None:
    async with World().client() as client:
        query = {"filter": {"metadata.n": {"$near": 1}}}
        answer = await client.post("/api/v1/query", json=query)
        assert is_problem(answer, 400, "bad_filter")
        assert answer.json()["errors"][0]["pointer"] == "/filter/metadata.n/$near"
        assert is_problem(
            await client.post("/api/v1/query", json={"filter": None}), 400, "bad_filter"
        )


async def test_json_is_what_a_page_is() -> None:
    async with World().client() as client:
        await fill(client, 2)
        answer = await client.get("/api/v1/things?fields=type")
        assert answer.headers["content-type"] == "application/json"
        assert json.loads(answer.content)["items"] == [
            {"id": "f:000", "type": "mixer"},
            {"id": "f:001", "type": "oven"},
        ]


async def test_a_costly_filter_lets_others_be_served_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answers are those of the filter asked at once."""
    wanted = {"$or": [{"metadata.n": number} for number in range(0, 50, 5)]}
    query = {"filter": wanted, "limit": 4, "count": True}
    async with World().client() as client:
        await fill(client, 50)
        at_once = (await client.post("/api/v1/query", json=query)).json()
        monkeypatch.setattr(listing, "SLICE_TERMS", 40)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        sliced = (await client.post("/api/v1/query", json=query)).json()
        task.cancel()
    assert sliced == at_once
    assert sliced["total"] == 10
    assert turns > 10
