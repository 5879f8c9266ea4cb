"""The window on ingestion."""

import pytest
from tests.rest.served import World
from tests.rest.test_things import is_problem

URL = "/api/v1/ingest/test"


@pytest.mark.parametrize(
    ("payload", "got"),
    [
        ({"thermal": {"a": 1.5}}, '{"thermal":{"a":1.5}}'),
        ('{"thermal": {"a"', '{"thermal": {"a"'),
        ("", ""),
        (None, "null"),
        ([1, True], "[1,true]"),
    ],
)
async def test_text_is_a_payload_as_it_stands_and_json_the_text_that_it_is(
    payload: object, got: str
) -> None:
    async with World().client() as client:
        answer = await client.post(URL, json={"topic": "sensors/a/telemetry", "payload": payload})
        assert answer.json()["got"] == got
        assert answer.json()["message"] == "sensors/a/telemetry"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"topic": "a"}, "/payload"),
        ({"payload": 1}, "/topic"),
        ({"topic": "", "payload": 1}, "/topic"),
        ({"topic": 1, "payload": 1}, "/topic"),
        ({"topic": "a", "payload": 1, "qos": 1}, "/qos"),
        ([], ""),
    ],
)
async def test_a_wrong_member_is_pointed_to(body: object, pointer: str) -> None:
    async with World().client() as client:
        answer = await client.post(URL, json=body)
        assert is_problem(answer, 400, "validation_failed")
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_the_lists_are_items() -> None:
    async with World().client() as client:
        for name in ("rejected", "unknown"):
            assert (await client.get(f"/api/v1/ingest/{name}")).json() == {"items": []}
