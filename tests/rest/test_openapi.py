"""The API's description: complete, with examples, and the file in docs/ is up to date."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.history.naive import NaiveArchive
from tests.rest.served import World

from egizcore.history.point import Point
from egizcore.rest import sample
from egizcore.rest.app import routes
from egizcore.rest.openapi import document
from egizcore.thing import parse_rfc3339

DOCUMENT = document()
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
UNDESCRIBED = ("/docs", "/openapi.json", "/api/v1/ws")
COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """*schema* with its references found in our document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.validator_for(whole)


def test_it_describes_the_routes_that_there_are() -> None:
    described = {
        (route.method, route.path.replace(":str}", "}"))
        for route in routes(World().parts)
        if not route.path.startswith(UNDESCRIBED)
    }
    assert described == OPERATIONS.keys()


def test_parameters_are_those_that_the_routes_read() -> None:
    for route in routes(World().parts):
        operation = OPERATIONS.get((route.method, route.path.replace(":str}", "}")))
        if operation is not None:
            parameters = operation.get("parameters", [])
            assert {one["name"] for one in parameters if one["in"] == "query"} == route.query
            assert ("requestBody" in operation) == bool(route.takes)


def test_every_operation_has_an_example_of_what_it_takes_and_gives() -> None:
    components = DOCUMENT["components"]
    for place, operation in OPERATIONS.items():
        bodies = list(operation.get("requestBody", {}).get("content", {}).values())
        for answer in operation["responses"].values():
            told = (
                components["responses"][answer["$ref"].rsplit("/")[-1]]
                if "$ref" in answer
                else answer
            )
            bodies += told.get("content", {}).values()
        assert bodies
        for body in bodies:
            named = [one["value"] for one in body.get("examples", {}).values()]
            examples = named or [body["example"]]
            for example in examples:
                validator(body["schema"]).validate(example)
                assert example is not None, place


async def test_the_forms_of_history_are_shown_as_they_are() -> None:
    store = NaiveArchive()
    for item in sample.HISTORY["items"]:
        at = parse_rfc3339(item["timestamp"])
        point = Point(sample.THING_ID, "oven", item["feature"], at, item["properties"])
        await store.write([point])
    content = OPERATIONS["GET", "/api/v1/things/{id}/history"]["responses"]["200"]["content"]
    query = f"from={sample.HISTORY['from']}&to={sample.HISTORY['to']}"
    url = f"/api/v1/things/{sample.THING_ID}/history?{query}"
    async with World(archive=store).client() as client:
        assert (await client.get(url)).json() == content["application/json"]["example"]
        lines = (await client.get(f"{url}&format=ndjson")).text.splitlines()
        shown = content["application/x-ndjson"]["example"].splitlines()
        assert [json.loads(line) for line in lines] == [json.loads(line) for line in shown]
        for shape, told in content["text/csv"]["examples"].items():
            table = (await client.get(f"{url}&format=csv&shape={shape}")).text
            assert sorted(table.splitlines()) == sorted(told["value"].splitlines())


def test_every_status_of_the_table_is_described() -> None:
    for place, operation in OPERATIONS.items():
        statuses = set(operation["responses"])
        assert {"400", "406", "408", "431", "500"} <= statuses, place
        assert ("415" in statuses) == ("requestBody" in operation), place
        assert ("404" in statuses) or "{id}" not in place[1] or place[0] in ("PUT", "GET")


def test_what_refuses_unknown_members_says_so() -> None:
    for name in ("NewThing", "WholeThing", "ThingPatch", "FeaturePatch", "Query", "Message"):
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_the_committed_file_is_up_to_date() -> None:
    assert json.loads(COMMITTED.read_text()) == DOCUMENT, "run: make openapi"


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one(name: str) -> None:
    jsonschema_rs.meta.validate(DOCUMENT["components"]["schemas"][name])
