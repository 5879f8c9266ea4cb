"""The JSON Schemas of what REST takes and gives, as the OpenAPI document names them.

They say what the strict readers check, no more and no less: a document that fits is taken, one
that does not is refused (save for limits and states that no schema can say).
"""

from typing import Any, Final, TypeAlias

from egizcore.rest.problem import CODES

Schema: TypeAlias = dict[str, Any]

ROOTS: Final = "id|type|metadata|features|relationships|version|createdAt|lastUpdated"


def _path(no: str) -> str:
    """The form of a path, dotted or a pointer, in which *no* does not stand."""
    dotted = rf"(?:{ROOTS})(?:\.(?:[^.\\{no}]|\\[.\\])+){{0,23}}"
    pointer = rf"/(?:{ROOTS})(?:/(?:[^~/{no}]|~[01])*){{0,23}}"
    return f"(?:{dotted}|{pointer})"


PATH: Final = _path("")
LISTED_PATH: Final = _path(",")
THING_ID: Final[Schema] = {
    "type": "string",
    "maxLength": 256,
    "pattern": "^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)+$",
}
WORD: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
INT64: Final = {"minimum": -(1 << 63), "maximum": (1 << 63) - 1}
VERSION: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": (1 << 63) - 1}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
IGNORED: Final[Schema] = {"description": "Only the server writes it: ignored."}
TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def ref(name: str) -> Schema:
    """A component by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Schema, *required: str, about: str = "") -> Schema:
    """An object that has no other members: unknown ones are refused."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    if about:
        schema["description"] = about
    return schema


def given(properties: Schema, *optional: str) -> Schema:
    """An object of an answer; later versions may add members."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def items(schema: Schema) -> Schema:
    """``{"items": […]}``."""
    return given({"items": {"type": "array", "items": schema}})


def nullable(schema: Schema) -> Schema:
    """*schema* or null."""
    return {"anyOf": [schema, {"type": "null"}]}


_NAME: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
}
_SERVER_ONLY: Final[Schema] = dict.fromkeys(
    ("createdAt", "lastUpdated", "stale", "quality"), IGNORED
)
_LINK: Final[Schema] = closed({"type": WORD, "targetId": THING_ID}, "type", "targetId")
_OWN: Final[Schema] = {
    "type": WORD,
    "metadata": nullable(ref("Members")),
    "features": nullable(
        {
            "type": "object",
            "propertyNames": WORD,
            "additionalProperties": nullable(ref("FeatureInThing")),
        }
    ),
    "relationships": nullable({"type": "array", "items": ref("Relationship")}),
}
_THING: Final[Schema] = {
    "id": THING_ID,
    "type": WORD,
    "metadata": {"type": "object"},
    "features": {"type": "object", "additionalProperties": ref("FeatureView")},
    "relationships": {"type": "array", "items": ref("Relationship")},
    "version": {"type": "integer", "minimum": 1},
    "createdAt": TIME,
    "lastUpdated": TIME,
}
_FEATURE: Final[Schema] = {
    "properties": {"type": "object"},
    "desiredState": {"type": "object"},
    "lastUpdated": TIME,
}

COMPONENTS: Final[dict[str, Schema]] = {
    "Json": {
        "description": "Any JSON value; integers within 64 bits, nested at most 16 levels deep.",
        "anyOf": [
            {"type": ["null", "boolean", "string"]},
            {"type": "integer", **INT64},
            {"type": "number"},
            {"type": "array", "items": ref("Json")},
            ref("Members"),
        ],
    },
    "Members": {
        "type": "object",
        "propertyNames": _NAME,
        "additionalProperties": ref("Json"),
    },
    "Relationship": _LINK,
    "FeatureInThing": closed(
        {
            "properties": nullable(ref("Members")),
            "desiredState": nullable(ref("Members")),
            "id": IGNORED,
            **_SERVER_ONLY,
        }
    ),
    "NewThing": closed(
        {"id": THING_ID, **_OWN, "version": IGNORED, **_SERVER_ONLY},
        "id",
        "type",
        about="A Thing to create.",
    ),
    "WholeThing": closed(
        {"id": THING_ID, **_OWN, "version": VERSION, **_SERVER_ONLY},
        "type",
        about="All of a Thing; what is not named goes. An `id` must be the path's.",
    ),
    "ThingPatch": closed(
        {"id": THING_ID, **_OWN, "version": VERSION, **_SERVER_ONLY},
        about="A JSON Merge Patch (RFC 7396) of a Thing: null deletes.",
    ),
    "FeaturePatch": closed(
        {
            "properties": nullable(ref("Members")),
            "desiredState": nullable(ref("Members")),
            "version": VERSION,
            "id": IGNORED,
            **_SERVER_ONLY,
        },
        about="A partial update of a feature (RFC 7396): null deletes.",
    ),
    "FeatureView": {"type": "object", "properties": _FEATURE},
    "Thing": given(_THING),
    "ThingView": given(_THING, *(name for name in _THING if name != "id")),
    "Feature": given({"id": WORD, **_FEATURE}),
    "Features": items(ref("Feature")),
    "Link": given({"type": WORD, "sourceId": THING_ID, "targetId": THING_ID}),
    "Links": items(ref("Link")),
    "Page": given(
        {
            "items": {"type": "array", "items": ref("ThingView")},
            "nextCursor": nullable(TEXT),
            "total": COUNT,
        },
        "total",
    ),
    "Filter": {
        "type": "object",
        "description": "Keys are paths or $and, $or, $not; see /docs/errors#bad_filter.",
        "propertyNames": {"pattern": rf"^(?:\$(?:and|or|not)|{PATH})$"},
    },
    "Query": closed(
        {
            "filter": ref("Filter"),
            "sort": {
                "type": "array",
                "maxItems": 8,
                "items": {"type": "string", "pattern": f"^-?{PATH}$"},
            },
            "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
            "cursor": nullable(TEXT),
            "fields": {
                "type": "array",
                "maxItems": 64,
                "items": {"type": "string", "pattern": f"^{PATH}$"},
            },
            "count": {"type": "boolean", "default": False},
        }
    ),
    "HistoryItem": given(
        {
            "timestamp": TIME,
            "feature": WORD,
            "properties": {
                "type": "object",
                "description": "Nested as in the Thing; numbers are floats, save for counts.",
            },
        }
    ),
    "History": given(
        {
            "thingId": THING_ID,
            "from": TIME,
            "to": TIME,
            "items": {"type": "array", "items": ref("HistoryItem")},
            "nextCursor": nullable(TEXT),
        }
    ),
    "BulkResult": items(
        given(
            {
                "id": TEXT,
                "status": {"type": "integer"},
                "version": {"type": "integer", "minimum": 1},
                "code": {"type": "string", "enum": list(CODES)},
                "message": TEXT,
            },
            "id",
            "version",
            "code",
            "message",
        )
    ),
    "Message": closed(
        {
            "topic": {"type": "string", "minLength": 1},
            "payload": {"description": "JSON, or text that is taken as it stands."},
        },
        "topic",
        "payload",
    ),
    "Verdict": {
        "anyOf": [
            given(
                {
                    "accepted": {"const": True},
                    "route": nullable(TEXT),
                    "device": TEXT,
                    "thingId": THING_ID,
                    "created": {"type": "boolean"},
                    "changes": {
                        "type": "array",
                        "items": given({"feature": WORD, "properties": {"type": "object"}}),
                    },
                },
                "device",
            ),
            given(
                {
                    "accepted": {"const": False},
                    "reason": TEXT,
                    "message": TEXT,
                    "tried": {"type": "array", "items": given({"route": TEXT, "why": TEXT})},
                }
            ),
        ]
    },
    "Rejected": items(
        given(
            {
                "time": TIME,
                "source": TEXT,
                "topic": TEXT,
                "reason": TEXT,
                "message": TEXT,
                "payload": TEXT,
                "truncated": {"type": "boolean"},
            }
        )
    ),
    "Unknown": items(
        given(
            {
                "device": TEXT,
                "count": {"type": "integer", "minimum": 1},
                "firstSeen": TIME,
                "lastSeen": TIME,
                "topic": TEXT,
            }
        )
    ),
    "Health": given(
        {
            "status": {"enum": ["ok", "degraded"]},
            "version": TEXT,
            "uptimeSeconds": {"type": "number", "minimum": 0},
            "things": COUNT,
            "components": {
                "type": "object",
                "additionalProperties": given(
                    {"status": {"enum": ["ok", "degraded", "disabled"]}, "message": TEXT}, "message"
                ),
            },
        }
    ),
    "Ready": given({"status": {"const": "ready"}}),
    "Problem": given(
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "code": {"type": "string", "enum": list(CODES)},
            "hint": TEXT,
            "errors": {
                "type": "array",
                "items": given({"pointer": TEXT, "message": TEXT}),
            },
            "expected": {"type": "integer"},
            "actual": {"type": "integer"},
        },
        "errors",
        "expected",
        "actual",
    ),
}
