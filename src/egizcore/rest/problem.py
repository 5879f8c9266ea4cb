"""Problems as clients see them (RFC 9457): THE table of codes, and how an error becomes one.

Whatever layer refuses a request, the body is made here. ``type`` is a page that we serve.
"""

from typing import Final, NamedTuple

from egizcore.errors import (
    AlreadyExists,
    BadCursor,
    BadFilter,
    BadJson,
    EgizError,
    FeatureNotFound,
    HistoryTimeout,
    HistoryUnavailable,
    LimitExceeded,
    PreconditionFailed,
    ThingNotFound,
    ValidationFailed,
    VersionConflict,
)
from egizcore.thing import write_json

MEDIA: Final = b"application/problem+json"

Headers = list[tuple[bytes, bytes]]


class Code(NamedTuple):
    """One row of the table."""

    status: int
    title: str
    hint: str


def _code(status: int, title: str, error: type[EgizError]) -> Code:
    return Code(status, title, error.hint)


CODES: Final[dict[str, Code]] = {
    "validation_failed": _code(400, "The request has another form than this", ValidationFailed),
    "bad_json": _code(400, "The body is not JSON", BadJson),
    "bad_filter": _code(400, "The filter is wrong", BadFilter),
    "bad_cursor": _code(400, "The cursor does not belong here", BadCursor),
    "bad_host": Code(
        400,
        "The Host is not ours",
        "Ask by localhost or 127.0.0.1, or add the name to http.allowed_hosts.",
    ),
    "bad_request": Code(
        400,
        "The request is not well-formed HTTP",
        "Send HTTP/1.1 as RFC 9112 has it: one Host, one length, CR LF, no folded lines.",
    ),
    "limit_exceeded": _code(400, "A limit would be exceeded", LimitExceeded),
    "thing_not_found": _code(404, "There is no such Thing", ThingNotFound),
    "feature_not_found": _code(404, "There is no such feature", FeatureNotFound),
    "not_found": Code(
        404, "There is nothing at this path", "/docs lists what there is; ids are percent-encoded."
    ),
    "method_not_allowed": Code(
        405, "This path does not take the method", "The Allow header lists what it takes."
    ),
    "not_acceptable": Code(
        406, "We cannot answer in a form that Accept allows", "Accept application/json, or */*."
    ),
    "request_timeout": Code(
        408,
        "The request did not arrive in time",
        "Send the header within 10 seconds and the body within 30.",
    ),
    "already_exists": _code(409, "The Thing exists already", AlreadyExists),
    "version_conflict": _code(409, "The version is stale", VersionConflict),
    "precondition_failed": _code(412, "The condition does not hold", PreconditionFailed),
    "payload_too_large": Code(
        413,
        "The body is too large",
        "Send at most 1 MiB, or 32 MiB and 10,000 Things to /api/v1/things/bulk.",
    ),
    "uri_too_long": Code(
        414,
        "The request target is too long",
        "Keep it under 16 KiB; POST /api/v1/query takes more.",
    ),
    "unsupported_media_type": Code(
        415,
        "The body has a form that we do not read",
        "Send UTF-8 JSON as application/json, without Content-Encoding.",
    ),
    "upgrade_required": Code(
        426, "This path is a WebSocket", "Connect with a WebSocket client: ws://host/api/v1/ws."
    ),
    "headers_too_large": Code(
        431, "The request header is too large", "Keep the whole header under 32 KiB."
    ),
    "internal": _code(500, "Something went wrong on our side", EgizError),
    "history_unavailable": _code(503, "History does not answer", HistoryUnavailable),
    "history_timeout": _code(504, "The history store did not answer in time", HistoryTimeout),
    "not_ready": Code(503, "The engine is not ready", "Ask again in a second."),
    "forbidden": Code(403, "This is not allowed", "Add the page's origin to http.allowed_origins."),
}


class Refused(Exception):
    """A request that is answered with a problem of *code*, told in words of the HTTP layer."""

    def __init__(self, code: str, detail: str, *, headers: Headers | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers: Headers = headers or []


def refusal(code: str, detail: str, headers: Headers | None = None) -> tuple[int, Headers, bytes]:
    """Status, header fields and body of a problem, for whoever writes HTTP."""
    row = CODES[code]
    return _answer(row.status, _document(code, row, detail), headers or [])


def refusal_of(error: EgizError) -> tuple[int, Headers, bytes]:
    """The same of an error of the tree; what is not in the table is ``internal``."""
    code = error.code if error.code in CODES else "internal"
    row = CODES[code]
    document = _document(code, row, error.detail if code == error.code else row.title + ".")
    if error.faults:
        document["errors"] = [
            {"pointer": fault.pointer, "message": fault.message} for fault in error.faults
        ]
    if isinstance(error, VersionConflict):
        document["expected"] = error.expected
        document["actual"] = error.actual
    return _answer(row.status, document, [])


def _document(code: str, row: Code, detail: str) -> dict[str, object]:
    return {
        "type": f"/docs/errors#{code}",
        "title": row.title,
        "status": row.status,
        "detail": detail,
        "code": code,
        "hint": row.hint,
    }


def _answer(
    status: int, document: dict[str, object], headers: Headers
) -> tuple[int, Headers, bytes]:
    body = write_json(document)
    return (
        status,
        [
            (b"content-type", MEDIA),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *headers,
        ],
        body,
    )
