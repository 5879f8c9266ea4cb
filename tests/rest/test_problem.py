"""The table of codes, against the tree of errors and the contract."""

import msgspec
import pytest

from egizcore import errors
from egizcore.errors import EgizError, VersionConflict
from egizcore.rest.problem import CODES, refusal, refusal_of

CONTRACT = {
    400: "validation_failed bad_json bad_filter bad_cursor bad_host bad_request limit_exceeded",
    403: "forbidden",
    404: "thing_not_found feature_not_found not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    409: "already_exists version_conflict",
    412: "precondition_failed",
    413: "payload_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    426: "upgrade_required",
    431: "headers_too_large",
    500: "internal",
    503: "history_unavailable not_ready",
    504: "history_timeout",
}


def leaves(kind: type[EgizError]) -> set[type[EgizError]]:
    below = {leaf for child in kind.__subclasses__() for leaf in leaves(child)}
    return below or {kind}


def test_codes_and_statuses_are_the_contracts() -> None:
    expected = {code: status for status, codes in CONTRACT.items() for code in codes.split()}
    assert {code: row.status for code, row in CODES.items()} == expected


def test_every_error_of_a_request_has_a_row_with_its_own_hint() -> None:
    for kind in (errors.Invalid, errors.NotThere, errors.Conflict, errors.HistoryUnavailable):
        for error in leaves(kind):
            if error.__module__ == errors.__name__:  # the WebSocket has some of its own
                assert CODES[error.code].hint == error.hint


@pytest.mark.parametrize("code", CODES)
def test_a_refusal_has_every_member(code: str) -> None:
    status, headers, body = refusal(code, "Why.")
    problem = msgspec.json.decode(body)
    assert problem == {
        "type": f"/docs/errors#{code}", "title": CODES[code].title, "status": status,
        "detail": "Why.", "code": code, "hint": CODES[code].hint,
    }  # fmt: skip
    assert dict(headers)[b"content-length"] == str(len(body)).encode()
    assert problem["title"]
    assert problem["hint"]


def test_a_version_conflict_says_both_versions() -> None:
    _, _, body = refusal_of(VersionConflict("f:a", 3, 5))
    problem = msgspec.json.decode(body)
    assert (problem["expected"], problem["actual"]) == (3, 5)


def test_an_error_that_no_table_knows_tells_nothing_of_itself() -> None:
    status, _, body = refusal_of(errors.StartupFailed("secret"))
    assert status == 500
    assert b"secret" not in body
