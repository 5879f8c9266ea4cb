"""Features over REST: the PRD's partial update."""

from typing import Any

import pytest
from tests.rest.served import World
from tests.rest.test_things import is_problem

THING = "/api/v1/things/f:oven"
URL = f"{THING}/features/thermal"


async def test_put_updates_in_part_as_the_prd_says() -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        voltage = {"a": 221.0, "b": 220.5, "c": 219.8}
        await client.put(URL, json={"properties": {"voltage": voltage, "setpoint": 190.0}})
        answer = await client.put(
            URL, json={"properties": {"voltage": {"a": 1}}, "desiredState": {"setpoint": 195}}
        )
        assert answer.status_code == 200
        assert answer.headers["etag"] == '"rev:epoch1-4"'
        assert answer.json() == {
            "id": "thermal",
            "properties": {"voltage": {**voltage, "a": 1}, "setpoint": 190.0},
            "desiredState": {"setpoint": 195},
            "lastUpdated": answer.json()["lastUpdated"],
        }
        assert (await client.get(URL)).json() == answer.json()
        assert (await client.get(f"{THING}/features")).json() == {"items": [answer.json()]}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_empty_update_creates_but_changes_nothing(method: str) -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        for _ in range(2):
            answer = await client.request(method, URL, json={})
            assert answer.status_code == 200
            assert answer.headers["etag"] == '"rev:epoch1-2"'


async def test_null_deletes_and_empties() -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        await client.put(URL, json={"properties": {"a": 1, "b": [None]}})
        answer = await client.patch(URL, json={"properties": {"a": None}})
        assert answer.json()["properties"] == {"b": [None]}
        answer = await client.patch(URL, json={"properties": None})
        assert answer.json()["properties"] == {}


async def test_what_only_the_server_writes_is_ignored() -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        feature = (await client.put(URL, json={"properties": {"a": 1}})).json()
        again = await client.put(URL, json={**feature, "id": "other", "stale": True, "quality": 1})
        assert again.status_code == 200
        assert again.json()["properties"] == {"a": 1}


async def test_a_version_in_the_body_guards_the_thing() -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        assert (await client.put(URL, json={"version": 1})).status_code == 200
        answer = await client.put(URL, json={"properties": {"a": 1}, "version": 1})
        assert is_problem(answer, 409, "version_conflict")
        assert (answer.json()["expected"], answer.json()["actual"]) == (1, 2)


async def test_what_is_not_there_is_told_apart() -> None:
    async with World().client() as client:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body: Any = None if method in ("GET", "DELETE") else {}
            assert is_problem(await client.request(method, URL, json=body), 404, "thing_not_found")
        assert is_problem(await client.get(f"{THING}/features"), 404, "thing_not_found")
        await client.put(THING, json={"type": "oven"})
        for method in ("GET", "DELETE"):
            assert is_problem(await client.request(method, URL), 404, "feature_not_found")
        await client.put(URL, json={})
        assert (await client.delete(URL)).status_code == 204
        assert is_problem(await client.get(URL), 404, "feature_not_found")


async def test_a_reader_that_has_it_gets_304() -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        tag = (await client.put(URL, json={})).headers["etag"]
        for url in (URL, f"{THING}/features"):
            answer = await client.get(url, headers={"If-None-Match": tag})
            assert (answer.status_code, answer.content) == (304, b"")


async def test_names_and_members_are_checked() -> None:
    async with World().client() as client:
        await client.put(THING, json={"type": "oven"})
        for name in ("a.b", "a%20b", "a" * 65, "%00", "ä"):
            answer = await client.put(f"{THING}/features/{name}", json={})
            assert is_problem(answer, 400, "validation_failed")
        bodies: tuple[Any, ...] = (
            {"colour": 1},
            {"properties": []},
            {"properties": {"a\n": 1}},
            {"version": "1"},
            [],
        )
        for body in bodies:
            assert is_problem(await client.put(URL, json=body), 400, "validation_failed")
