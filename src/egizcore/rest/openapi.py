"""The API's description: OpenAPI 3.1, written beside the routes and checked against them.

``python -m egizcore.rest.openapi`` prints it (``make openapi``).
"""

import sys
from functools import cache
from http import HTTPStatus

import msgspec

import egizcore
from egizcore.rest import sample
from egizcore.rest.paths import paths
from egizcore.rest.problem import CODES, MEDIA
from egizcore.rest.schema import COMPONENTS, Schema, ref


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
        "paths": paths(),
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
        "content": {MEDIA.decode(): {"schema": ref("Problem"), "example": example}},
    }


if __name__ == "__main__":
    text = msgspec.json.format(document_bytes(), indent=2)
    sys.stdout.write(text.decode() + "\n")
