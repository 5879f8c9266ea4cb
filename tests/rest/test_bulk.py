"""Bulk: a business system re-sends its masters without wiping live state."""

import asyncio
import json
from typing import Any

import pytest
from tests.rest.served import World, until
from tests.rest.test_things import is_problem

from egizcore.rest.bulk import MAX_ITEMS

URL = "/api/v1/things/bulk"
NDJSON = {"content-type": "application/x-ndjson"}
OVEN = {"id": "f:oven", "type": "oven", "metadata": {"name": "One"}}


async def test_each_item_is_created_or_merged() -> None:
    world = World()
    async with world.client() as client:
        await client.post("/api/v1/things", json=OVEN)
        await client.put("/api/v1/things/f:oven/features/t", json={"properties": {"a": 1}})
        items = [
            {**OVEN, "metadata": {"line": "a"}},
            {"id": "f:mixer", "type": "mixer"},
            {"id": "f:oven"},
        ]
        answer = await client.post(URL, json=items)
        assert answer.status_code == 200
        assert answer.json() == {
            "items": [
                {"id": "f:oven", "status": 200, "version": 3},
                {"id": "f:mixer", "status": 201, "version": 1},
                {"id": "f:oven", "status": 200, "version": 3},
            ]
        }
    oven = world.store.things["f:oven"]
    assert oven.metadata == {"name": "One", "line": "a"}
    assert oven.features["t"].properties == {"a": 1}


BAD: list[tuple[bytes, str, int]] = [
    (b'{"id":"f:a"}', "validation_failed", 400),
    (b'{"type":"oven"}', "validation_failed", 400),
    (b'{"id":"f:a","type":"oven","x":1}', "validation_failed", 400),
    (b'{"id":"f:a","id":"f:a","type":"oven"}', "bad_json", 400),
    (b'{"id":"f:a","type":"oven","metadata":{"a":1e999}}', "bad_json", 400),
    (b'{"id":"f:there","version":9}', "version_conflict", 409),
    (
        b'{"id":"f:a","type":"oven","metadata":{"a":"' + b"x" * 300_000 + b'"}}',
        "limit_exceeded",
        400,
    ),
    (b"7", "validation_failed", 400),
    (b"[]", "validation_failed", 400),
]


@pytest.mark.parametrize("lines", [False, True])
async def test_a_bad_item_stops_no_other(lines: bool) -> None:  # noqa: FBT001
    async with World().client() as client:
        await client.post("/api/v1/things", json={"id": "f:there", "type": "oven"})
        items: list[bytes] = []
        for n, (item, _, _) in enumerate(BAD):
            items += [item, b'{"id":"f:good%d","type":"oven"}' % n]
        body = b"\n".join(items) + b"\r\n\n" if lines else b"[" + b",".join(items) + b"]"
        media = NDJSON if lines else {"content-type": "application/json"}
        results: list[dict[str, Any]] = (
            await client.post(URL, content=body, headers=media)
        ).json()["items"]
    for n, (_, code, status) in enumerate(BAD):
        assert (results[2 * n]["code"], results[2 * n]["status"]) == (code, status)
        assert results[2 * n]["message"]
        assert results[2 * n + 1] == {"id": f"f:good{n}", "status": 201, "version": 1}


async def test_a_cut_line_costs_itself() -> None:
    async with World().client() as client:
        body = b'{"id":"f:a","type":"oven"}\n{"id":"f:b","ty'
        results = (await client.post(URL, content=body, headers=NDJSON)).json()["items"]
    assert [one["status"] for one in results] == [201, 400]
    assert results[1]["code"] == "bad_json"


async def test_at_creation_a_version_is_ignored() -> None:
    async with World().client() as client:
        results = (await client.post(URL, json=[{**OVEN, "version": "x"}])).json()["items"]
    assert results == [{"id": "f:oven", "status": 201, "version": 1}]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b"null", b"[" * 100_000, b'["\xff"'])
async def test_what_is_no_array_is_refused_whole(body: bytes) -> None:
    async with World().client() as client:
        headers = {"content-type": "application/json"}
        code = "validation_failed" if body in (b"{}", b"null") else "bad_json"
        assert is_problem(await client.post(URL, content=body, headers=headers), 400, code)


async def test_10_000_items_are_taken_and_one_more_is_not() -> None:
    world = World()
    async with world.client() as client:
        lines = [json.dumps({"id": f"f:{n}", "type": "oven"}) for n in range(MAX_ITEMS)]
        answer = await client.post(URL, content="\n".join(lines), headers=NDJSON)
        assert [one["status"] for one in answer.json()["items"]] == [201] * MAX_ITEMS
        lines.append("{}")
        answer = await client.post(URL, content="\n".join(lines), headers=NDJSON)
        assert is_problem(answer, 413, "payload_too_large")
    assert len(world.store.things) == MAX_ITEMS


async def test_a_fifth_body_waits_for_its_turn() -> None:
    world = World()
    ends = [asyncio.Event() for _ in range(5)]
    asked: list[int] = []

    async def one(n: int) -> None:
        async def receive() -> dict[str, Any]:
            asked.append(n)
            await ends[n].wait()
            return {"type": "http.request", "body": b"[]"}

        async def send(message: Any) -> None: ...

        scope = {
            "type": "http",
            "method": "POST",
            "path": URL,
            "raw_path": URL.encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        }
        await world.app(scope, receive, send)

    tasks = [asyncio.create_task(one(n)) for n in range(5)]
    await until(lambda: len(asked) == 4)
    ends[0].set()
    await tasks[0]
    await until(lambda: len(asked) == 5)
    for end in ends:
        end.set()
    await asyncio.gather(*tasks)
    assert [status for _, _, status in world.answers] == [200] * 5
