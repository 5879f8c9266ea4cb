"""The description of history, with a full example of each form of its answer."""

from typing import Final

from egizcore.history import AGGREGATES
from egizcore.rest import sample
from egizcore.rest.answer import JSON
from egizcore.rest.call import NDJSON
from egizcore.rest.history_form import CSV
from egizcore.rest.history_query import DEFAULT_LIMIT, MAX_CHOSEN, MAX_LIMIT
from egizcore.rest.operation import CURSOR, ID, operation, parameter
from egizcore.rest.schema import WORD, Schema, ref

_SPAN: Final = r"^[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d|w)$"
_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_PARAMETERS: Final = [
    ID,
    parameter(
        "from",
        "query",
        _TEXT,
        "RFC 3339, or a time before now such as -1h; default an hour before `to`.",
        example="-24h",
    ),
    parameter("to", "query", _TEXT, "The same; exclusive; default now.", example="-1h"),
    parameter(
        "feature",
        "query",
        {"type": "array", "items": WORD, "maxItems": MAX_CHOSEN},
        "Only of these features; repeatable.",
        example=["thermal"],
    ),
    parameter(
        "property",
        "query",
        {"type": "array", "items": _TEXT, "maxItems": MAX_CHOSEN},
        "A path within the feature, with all below it; repeatable.",
        example=["temperature_zones"],
    ),
    parameter(
        "every",
        "query",
        {"type": "string", "pattern": _SPAN},
        "Length of buckets, aligned to 1970; goes together with aggregate.",
        example="1m",
    ),
    parameter(
        "aggregate",
        "query",
        {"enum": list(AGGREGATES)},
        "What is made of a bucket: last and count of anything, the others of numbers.",
        example="mean",
    ),
    parameter(
        "limit",
        "query",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "Items a page. CSV and NDJSON without it are all of the range.",
    ),
    CURSOR,
    parameter("order", "query", {"enum": ["asc", "desc"], "default": "asc"}, "By time."),
    parameter(
        "format", "query", {"enum": ["json", "csv", "ndjson"]}, "Goes before Accept; default JSON."
    ),
    parameter(
        "shape",
        "query",
        {"enum": ["long", "wide"], "default": "long"},
        "Of CSV: a row for each value, or a column for each property.",
    ),
]
_LINK: Final[Schema] = {
    "description": "CSV and NDJSON with a limit: where the next page is (rel=next).",
    "schema": {"type": "string"},
}


def history() -> Schema:
    """The operation."""
    return operation(
        "query",
        "getHistory",
        "What a Thing reported, as it was or in buckets of time",
        {
            200: {
                "description": "A page of items, ordered by time; or all of them as a stream.",
                "headers": {"Link": _LINK},
                "content": {
                    JSON: {"schema": ref("History"), "example": sample.HISTORY},
                    CSV: {
                        "schema": {"type": "string"},
                        "examples": {
                            "long": {"summary": "shape=long", "value": sample.HISTORY_LONG},
                            "wide": {"summary": "shape=wide", "value": sample.HISTORY_WIDE},
                        },
                    },
                    NDJSON: {"schema": {"type": "string"}, "example": sample.HISTORY_NDJSON},
                },
            }
        },
        parameters=_PARAMETERS,
        errors=(404, 503, 504),
    )
