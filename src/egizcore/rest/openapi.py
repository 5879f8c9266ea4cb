"""The API's description: OpenAPI 3.1, written beside the routes and checked against them.

``python -m egizcore.rest.openapi`` prints it (``make openapi``).
"""

import sys
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec

import egizcore
from egizcore.rest import sample
from egizcore.rest.problem import CODES
from egizcore.rest.schema import COMPONENTS, LISTED_PATH, THING_ID, WORD, Schema, ref

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

_ALWAYS: Final = (400, 406, 408, 414, 431, 500)
_WITH_BODY: Final = (413, 415)
_TAG: Final[Schema] = {"ETag": {"$ref": "#/components/headers/ETag"}}


@cache
def document_bytes() -> bytes:
    """The document as it is served."""
    return msgspec.json.encode(document())


def document() -> Schema:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "EgizCore",
            "version": egizcore.__version__,
            "summary": "The live state of every machine.",
            "description": (
                "Things are created, read, changed and queried here; they change live over "
                "MQTT, and every change is told on the WebSocket at /api/v1/ws. Errors are "
                "problems (RFC 9457); /docs/errors explains each code."
            ),
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": name} for name in ("things", "features", "query", "ingest", "operations")
        ],
        "paths": _paths(),
        "components": {
            "schemas": COMPONENTS,
            "headers": {
                "ETag": {
                    "description": "The Thing's entity tag, for If-Match and If-None-Match.",
                    "schema": {"type": "string"},
                    "example": sample.ETAG,
                },
                "Location": {
                    "description": "Where the new Thing is.",
                    "schema": {"type": "string", "format": "uri-reference"},
                    "example": f"/api/v1/things/{sample.THING_ID}",
                },
            },
            "responses": {
                f"Problem{status}": _problem(status)
                for status in sorted({row.status for row in CODES.values()})
            },
        },
    }


def _problem(status: int) -> Schema:
    codes = [code for code, row in CODES.items() if row.status == status]
    row = CODES[codes[0]]
    example = {
        "type": f"/docs/errors#{codes[0]}",
        "title": row.title,
        "status": status,
        "detail": f"{row.title}.",
        "code": codes[0],
        "hint": row.hint,
    }
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}.",
        "content": {PROBLEM: {"schema": ref("Problem"), "example": example}},
    }


def _parameter(name: str, where: str, schema: Schema, about: str, **more: object) -> Schema:
    required = {"required": True} if where == "path" else {}
    return {"name": name, "in": where, "description": about, "schema": schema, **required, **more}


_ID: Final = _parameter("thing_id", "path", THING_ID, "The Thing.", example=sample.THING_ID)
_FEATURE: Final = _parameter("feature", "path", WORD, "The feature.", example="thermal")
_CONDITIONS: Final = [
    _parameter("If-Match", "header", {"type": "string"}, "412 unless the Thing has this ETag."),
    _parameter("If-None-Match", "header", {"type": "string"}, "`*`: 412 if the Thing exists."),
]
_FIELDS: Final = _parameter(
    "fields",
    "query",
    {"type": "string", "pattern": f"^{LISTED_PATH}(?:,{LISTED_PATH}){{0,63}}$"},
    "Paths of what to answer, with commas between; at most 64.",
    example="id,features.thermal.properties.setpoint",
)
_CURSOR: Final = _parameter(
    "cursor", "query", {"type": "string", "minLength": 1}, "nextCursor of the page before."
)
_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
_SPAN: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d|w)"
_HISTORY: Final = [
    _parameter("from", "query", {"type": "string", "minLength": 1}, "RFC 3339, or such as -1h."),
    _parameter("to", "query", {"type": "string", "minLength": 1}, "The same; exclusive."),
    _parameter("feature", "query", {"type": "array", "items": WORD}, "Repeatable."),
    _parameter(
        "property",
        "query",
        {"type": "array", "items": {"type": "string", "minLength": 1}},
        "A path within the feature; repeatable.",
    ),
    _parameter("every", "query", {"type": "string", "pattern": f"^{_SPAN}$"}, "Length of buckets."),
    _parameter(
        "aggregate",
        "query",
        {"enum": ["mean", "min", "max", "last", "count", "sum"]},
        "What is made of a bucket; goes together with every.",
    ),
    _parameter("limit", "query", {**_LIMIT, "maximum": 10_000, "default": 1000}, "Items a page."),
    _CURSOR,
    _parameter("order", "query", {"enum": ["asc", "desc"]}, "By time."),
    _parameter("format", "query", {"enum": ["json", "csv", "ndjson"]}, "Of the answer."),
    _parameter("shape", "query", {"enum": ["long", "wide"]}, "Of CSV."),
]


def _operation(
    tag: str,
    name: str,
    summary: str,
    answers: dict[int, Schema],
    *,
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
    errors: tuple[int, ...] = (),
) -> Schema:
    statuses = {*_ALWAYS, *errors, *(_WITH_BODY if body else ())}
    operation: Schema = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "responses": {
            **{str(status): answer for status, answer in answers.items()},
            **{
                str(status): {"$ref": f"#/components/responses/Problem{status}"}
                for status in sorted(statuses)
            },
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _answer(about: str, schema: str, example: Any, **headers: Schema) -> Schema:
    answer: Schema = {
        "description": about,
        "content": {JSON: {"schema": ref(schema), "example": example}},
    }
    return {**answer, "headers": headers} if headers else answer


def _body(schema: str, example: Any, *media: str) -> Schema:
    return {one: {"schema": ref(schema), "example": example} for one in (JSON, *media)}


_NOT_MODIFIED: Final[Schema] = {
    "description": "If-None-Match names the ETag that it still has.",
    "headers": _TAG,
}
_DONE: Final[Schema] = {"description": "It is gone."}
_PATCH_MEDIA: Final = "application/merge-patch+json"


def _paths() -> Schema:
    thing = "/api/v1/things/{thing_id}"
    return {
        "/api/v1/things": _things(),
        "/api/v1/things/bulk": {"post": _bulk()},
        thing: _thing(),
        f"{thing}/features": {
            "get": _operation(
                "features",
                "listFeatures",
                "All features of a Thing",
                {
                    200: _answer("The features.", "Features", sample.FEATURES, **_TAG),
                    304: _NOT_MODIFIED,
                },
                parameters=[_ID],
                errors=(404,),
            )
        },
        f"{thing}/features/{{feature}}": _feature(),
        f"{thing}/relationships": {"get": _relationships()},
        f"{thing}/history": {
            "get": _operation(
                "query",
                "getHistory",
                "What a Thing reported; needs a history store",
                {},
                parameters=[_ID, *_HISTORY],
                errors=(503,),
            )
        },
        "/api/v1/query": {
            "post": _operation(
                "query",
                "queryThings",
                "Things that match a filter",
                {200: _answer("A page of Things.", "Page", sample.QUERY_PAGE)},
                body=_body("Query", sample.QUERY),
            )
        },
        **_ingest(),
        **_operations(),
    }


def _things() -> Schema:
    return {
        "get": _operation(
            "things",
            "listThings",
            "Things, ordered by id",
            {200: _answer("A page of Things.", "Page", sample.PAGE)},
            parameters=[
                _parameter("limit", "query", _LIMIT, "Things a page.", example=50),
                _CURSOR,
                _parameter("type", "query", WORD, "Only Things of this type.", example="oven"),
                _FIELDS,
            ],
        ),
        "post": _operation(
            "things",
            "createThing",
            "Create a Thing",
            {201: _created()},
            body=_body("NewThing", sample.NEW_THING),
            errors=(409, 412),
        ),
    }


def _created() -> Schema:
    location = {"Location": {"$ref": "#/components/headers/Location"}}
    return _answer("The new Thing.", "Thing", sample.THING, **_TAG, **location)


def _bulk() -> Schema:
    about = (
        "Things (see NewThing), each created, or merged into the Thing that exists. As "
        "application/x-ndjson: a Thing a line."
    )
    return _operation(
        "things",
        "storeThings",
        "Create or merge many Things; each item succeeds or fails by itself",
        {200: _answer("A result for each item, in order.", "BulkResult", sample.BULK_RESULT)},
        body={
            JSON: {
                "schema": {"type": "array", "maxItems": 10_000, "items": {}, "description": about},
                "example": sample.BULK,
            }
        },
    )


def _thing() -> Schema:
    changed = _answer("The Thing as it is now.", "Thing", sample.THING, **_TAG)
    return {
        "get": _operation(
            "things",
            "getThing",
            "A Thing",
            {
                200: _answer(
                    "The Thing, or what was asked of it.", "ThingView", sample.THING, **_TAG
                ),
                304: _NOT_MODIFIED,
            },
            parameters=[_ID, _FIELDS],
            errors=(404,),
        ),
        "put": _operation(
            "things",
            "putThing",
            "Create a Thing, or replace it whole",
            {200: changed, 201: _created()},
            parameters=[_ID, *_CONDITIONS],
            body=_body("WholeThing", sample.NEW_THING),
            errors=(409, 412),
        ),
        "patch": _operation(
            "things",
            "patchThing",
            "Merge a patch into a Thing",
            {200: changed},
            parameters=[_ID, *_CONDITIONS],
            body=_body("ThingPatch", sample.THING_PATCH, _PATCH_MEDIA),
            errors=(404, 409, 412),
        ),
        "delete": _operation(
            "things",
            "deleteThing",
            "Delete a Thing",
            {204: _DONE},
            parameters=[_ID, *_CONDITIONS],
            errors=(404, 412),
        ),
    }


def _feature() -> Schema:
    changed = _answer("The whole feature as it is now.", "Feature", sample.FEATURE, **_TAG)
    return {
        "get": _operation(
            "features",
            "getFeature",
            "A feature",
            {200: _answer("The feature.", "Feature", sample.FEATURE, **_TAG), 304: _NOT_MODIFIED},
            parameters=[_ID, _FEATURE],
            errors=(404,),
        ),
        "put": _operation(
            "features",
            "putFeature",
            "Update a feature in part; it is created if it is not there",
            {200: changed},
            parameters=[_ID, _FEATURE, *_CONDITIONS],
            body=_body("FeaturePatch", sample.FEATURE_PATCH),
            errors=(404, 409, 412),
        ),
        "patch": _operation(
            "features",
            "patchFeature",
            "The same as PUT",
            {200: changed},
            parameters=[_ID, _FEATURE, *_CONDITIONS],
            body=_body("FeaturePatch", sample.FEATURE_PATCH, _PATCH_MEDIA),
            errors=(404, 409, 412),
        ),
        "delete": _operation(
            "features",
            "deleteFeature",
            "Delete a feature",
            {204: _DONE},
            parameters=[_ID, _FEATURE, *_CONDITIONS],
            errors=(404, 412),
        ),
    }


def _relationships() -> Schema:
    return _operation(
        "things",
        "listRelationships",
        "What a Thing points to, or what points to it",
        {200: _answer("The relationships.", "Links", sample.LINKS)},
        parameters=[
            _ID,
            _parameter(
                "direction", "query", {"enum": ["out", "in"], "default": "out"}, "Which way."
            ),
            _parameter("type", "query", WORD, "Only of this type.", example="partOf"),
        ],
        errors=(404,),
    )


def _ingest() -> Schema:
    return {
        "/api/v1/ingest/test": {
            "post": _operation(
                "ingest",
                "testMessage",
                "What would come of an MQTT message; changes nothing",
                {200: _answer("What would come of it.", "Verdict", sample.VERDICT)},
                body=_body("Message", sample.MESSAGE),
            )
        },
        "/api/v1/ingest/rejected": {
            "get": _operation(
                "ingest",
                "listRejected",
                "Messages that were refused, newest first",
                {200: _answer("The newest ones.", "Rejected", sample.REJECTED)},
            )
        },
        "/api/v1/ingest/unknown": {
            "get": _operation(
                "ingest",
                "listUnknown",
                "Devices that nothing maps to a Thing, newest first",
                {200: _answer("The newest ones.", "Unknown", sample.UNKNOWN)},
            )
        },
    }


def _operations() -> Schema:
    metrics = {
        "description": "Prometheus text.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": sample.METRICS}},
    }
    return {
        "/health": {
            "get": _operation(
                "operations",
                "getHealth",
                "How the engine is; always 200 while it lives",
                {200: _answer("How it is.", "Health", sample.HEALTH)},
            )
        },
        "/health/ready": {
            "get": _operation(
                "operations",
                "getReady",
                "Whether the engine takes traffic",
                {200: _answer("It does.", "Ready", {"status": "ready"})},
                errors=(503,),
            )
        },
        "/metrics": {"get": _operation("operations", "getMetrics", "Metrics", {200: metrics})},
    }


if __name__ == "__main__":
    text = msgspec.json.format(document_bytes(), indent=2)
    sys.stdout.write(text.decode() + "\n")
