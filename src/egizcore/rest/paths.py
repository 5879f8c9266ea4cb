"""Every operation of the API, as its description has it."""

from typing import Final

from egizcore.rest import sample
from egizcore.rest.answer import JSON
from egizcore.rest.call import MERGE_PATCH
from egizcore.rest.history_path import history
from egizcore.rest.operation import CURSOR, ID, answer, body, operation, parameter
from egizcore.rest.schema import LISTED_PATH, WORD, Schema

_TAG: Final[Schema] = {"ETag": {"$ref": "#/components/headers/ETag"}}
_FEATURE: Final = parameter("feature", "path", WORD, "The feature.", example="thermal")
_CONDITIONS: Final = [
    parameter("If-Match", "header", {"type": "string"}, "412 unless the Thing has this ETag."),
    parameter("If-None-Match", "header", {"type": "string"}, "`*`: 412 if the Thing exists."),
]
_FIELDS: Final = parameter(
    "fields",
    "query",
    {"type": "string", "pattern": f"^{LISTED_PATH}(?:,{LISTED_PATH}){{0,63}}$"},
    "Paths of what to answer, with commas between; at most 64.",
    example="id,features.thermal.properties.setpoint",
)
_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
_NOT_MODIFIED: Final[Schema] = {
    "description": "If-None-Match names the ETag that it still has.",
    "headers": _TAG,
}
_DONE: Final[Schema] = {"description": "It is gone."}


def paths() -> Schema:
    """All of them, by path and method."""
    thing = "/api/v1/things/{id}"
    return {
        "/api/v1/things": _things(),
        "/api/v1/things/bulk": {"post": _bulk()},
        thing: _thing(),
        f"{thing}/features": {
            "get": operation(
                "features",
                "listFeatures",
                "All features of a Thing",
                {
                    200: answer("The features.", "Features", sample.FEATURES, **_TAG),
                    304: _NOT_MODIFIED,
                },
                parameters=[ID],
                errors=(404,),
            )
        },
        f"{thing}/features/{{feature}}": _feature(),
        f"{thing}/relationships": {"get": _relationships()},
        f"{thing}/history": {"get": history()},
        "/api/v1/query": {
            "post": operation(
                "query",
                "queryThings",
                "Things that match a filter",
                {200: answer("A page of Things.", "Page", sample.QUERY_PAGE)},
                body=body("Query", sample.QUERY),
            )
        },
        **_ingest(),
        **_operations(),
    }


def _things() -> Schema:
    return {
        "get": operation(
            "things",
            "listThings",
            "Things, ordered by id",
            {200: answer("A page of Things.", "Page", sample.PAGE)},
            parameters=[
                parameter("limit", "query", _LIMIT, "Things a page.", example=50),
                CURSOR,
                parameter("type", "query", WORD, "Only Things of this type.", example="oven"),
                _FIELDS,
            ],
        ),
        "post": operation(
            "things",
            "createThing",
            "Create a Thing",
            {201: _created()},
            body=body("NewThing", sample.NEW_THING),
            errors=(409, 412),
        ),
    }


def _created() -> Schema:
    location = {"Location": {"$ref": "#/components/headers/Location"}}
    return answer("The new Thing.", "Thing", sample.THING, **_TAG, **location)


def _bulk() -> Schema:
    about = (
        "Things (see NewThing), each created, or merged into the Thing that exists. As "
        "application/x-ndjson: a Thing a line."
    )
    return operation(
        "things",
        "storeThings",
        "Create or merge many Things; each item succeeds or fails by itself",
        {200: answer("A result for each item, in order.", "BulkResult", sample.BULK_RESULT)},
        body={
            JSON: {
                "schema": {"type": "array", "maxItems": 10_000, "items": {}, "description": about},
                "example": sample.BULK,
            }
        },
    )


def _thing() -> Schema:
    changed = answer("The Thing as it is now.", "Thing", sample.THING, **_TAG)
    return {
        "get": operation(
            "things",
            "getThing",
            "A Thing",
            {
                200: answer(
                    "The Thing, or what was asked of it.", "ThingView", sample.THING, **_TAG
                ),
                304: _NOT_MODIFIED,
            },
            parameters=[ID, _FIELDS],
            errors=(404,),
        ),
        "put": operation(
            "things",
            "putThing",
            "Create a Thing, or replace it whole",
            {200: changed, 201: _created()},
            parameters=[ID, *_CONDITIONS],
            body=body("WholeThing", sample.NEW_THING),
            errors=(409, 412),
        ),
        "patch": operation(
            "things",
            "patchThing",
            "Merge a patch into a Thing",
            {200: changed},
            parameters=[ID, *_CONDITIONS],
            body=body("ThingPatch", sample.THING_PATCH, MERGE_PATCH),
            errors=(404, 409, 412),
        ),
        "delete": operation(
            "things",
            "deleteThing",
            "Delete a Thing",
            {204: _DONE},
            parameters=[ID, *_CONDITIONS],
            errors=(404, 412),
        ),
    }


def _feature() -> Schema:
    changed = answer("The whole feature as it is now.", "Feature", sample.FEATURE, **_TAG)
    return {
        "get": operation(
            "features",
            "getFeature",
            "A feature",
            {200: answer("The feature.", "Feature", sample.FEATURE, **_TAG), 304: _NOT_MODIFIED},
            parameters=[ID, _FEATURE],
            errors=(404,),
        ),
        "put": operation(
            "features",
            "putFeature",
            "Update a feature in part; it is created if it is not there",
            {200: changed},
            parameters=[ID, _FEATURE, *_CONDITIONS],
            body=body("FeaturePatch", sample.FEATURE_PATCH),
            errors=(404, 409, 412),
        ),
        "patch": operation(
            "features",
            "patchFeature",
            "The same as PUT",
            {200: changed},
            parameters=[ID, _FEATURE, *_CONDITIONS],
            body=body("FeaturePatch", sample.FEATURE_PATCH, MERGE_PATCH),
            errors=(404, 409, 412),
        ),
        "delete": operation(
            "features",
            "deleteFeature",
            "Delete a feature",
            {204: _DONE},
            parameters=[ID, _FEATURE, *_CONDITIONS],
            errors=(404, 412),
        ),
    }


def _relationships() -> Schema:
    return operation(
        "things",
        "listRelationships",
        "What a Thing points to, or what points to it",
        {200: answer("The relationships.", "Links", sample.LINKS)},
        parameters=[
            ID,
            parameter(
                "direction", "query", {"enum": ["out", "in"], "default": "out"}, "Which way."
            ),
            parameter("type", "query", WORD, "Only of this type.", example="partOf"),
        ],
        errors=(404,),
    )


def _ingest() -> Schema:
    return {
        "/api/v1/ingest/test": {
            "post": operation(
                "ingest",
                "testMessage",
                "What would come of an MQTT message; changes nothing",
                {200: answer("What would come of it.", "Verdict", sample.VERDICT)},
                body=body("Message", sample.MESSAGE),
            )
        },
        "/api/v1/ingest/rejected": {
            "get": operation(
                "ingest",
                "listRejected",
                "Messages that were refused, newest first",
                {200: answer("The newest ones.", "Rejected", sample.REJECTED)},
            )
        },
        "/api/v1/ingest/unknown": {
            "get": operation(
                "ingest",
                "listUnknown",
                "Devices that nothing maps to a Thing, newest first",
                {200: answer("The newest ones.", "Unknown", sample.UNKNOWN)},
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
            "get": operation(
                "operations",
                "getHealth",
                "How the engine is; always 200 while it lives",
                {200: answer("How it is.", "Health", sample.HEALTH)},
            )
        },
        "/health/ready": {
            "get": operation(
                "operations",
                "getReady",
                "Whether the engine takes traffic",
                {200: answer("It does.", "Ready", {"status": "ready"})},
                errors=(503,),
            )
        },
        "/metrics": {"get": operation("operations", "getMetrics", "Metrics", {200: metrics})},
    }
