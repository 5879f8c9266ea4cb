"""The parts of an operation in the API's description."""

from typing import Any, Final

from egizcore.rest import sample
from egizcore.rest.answer import JSON
from egizcore.rest.schema import THING_ID, Schema, ref

_ALWAYS: Final = (400, 406, 408, 414, 431, 500)
_WITH_BODY: Final = (413, 415)


def parameter(name: str, where: str, schema: Schema, about: str, **more: object) -> Schema:
    """A parameter in the path, the query or the header; *more* such as an example."""
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, "description": about, "schema": schema, **required, **more}


def operation(
    tag: str,
    name: str,
    summary: str,
    answers: dict[int, Schema],
    *,
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
    errors: tuple[int, ...] = (),
) -> Schema:
    """One method of one path: what it takes, answers by status, and the statuses of problems."""
    statuses = {*_ALWAYS, *errors, *(_WITH_BODY if body else ())}
    whole: Schema = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": {
            **{str(status): told for status, told in answers.items()},
            **{
                str(status): {"$ref": f"#/components/responses/Problem{status}"}
                for status in sorted(statuses)
            },
        },
    }
    if parameters:
        whole["parameters"] = parameters
    if body:
        whole["requestBody"] = {"required": True, "content": body}
    return whole


def answer(about: str, schema: str, example: Any, **headers: Schema) -> Schema:
    """An answer in JSON of the form of a component."""
    told: Schema = {
        "description": about,
        "content": {JSON: {"schema": ref(schema), "example": example}},
    }
    return {**told, "headers": headers} if headers else told


def body(schema: str, example: Any, *media: str) -> Schema:
    """A body of the form of a component, as JSON or as *media*."""
    return {one: {"schema": ref(schema), "example": example} for one in (JSON, *media)}


ID: Final = parameter("id", "path", THING_ID, "The Thing.", example=sample.THING_ID)
CURSOR: Final = parameter(
    "cursor", "query", {"type": "string", "minLength": 1}, "nextCursor of the page before."
)
