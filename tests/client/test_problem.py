from typing import Any

import msgspec
import pytest

from egizcore.client.problem import Refused, error_of
from egizcore.errors import (
    AlreadyExists,
    BadCursor,
    BadFilter,
    BadJson,
    EgizError,
    Fault,
    FeatureNotFound,
    HistoryTimeout,
    HistoryUnavailable,
    LimitExceeded,
    PreconditionFailed,
    ThingNotFound,
    ValidationFailed,
    VersionConflict,
)
from egizcore.rest.problem import CODES, refusal, refusal_of

ERRORS: list[EgizError] = [
    ValidationFailed.at("/a", "is wrong"),
    BadJson("It is none."),
    BadFilter.at("/filter/x", "is wrong"),
    BadCursor("It is another's."),
    LimitExceeded("Too large."),
    ThingNotFound("f:a"),
    FeatureNotFound("f:a", "thermal"),
    AlreadyExists("f:a"),
    VersionConflict("f:a", 3, 5),
    PreconditionFailed("f:a"),
    HistoryUnavailable("It is down."),
    HistoryTimeout("It is slow."),
]


def problem(answer: tuple[int, object, bytes]) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(answer[2])
    return document


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_is_the_same_on_both_sides(error: EgizError) -> None:
    found = error_of(problem(refusal_of(error)), "f:a", "thermal")
    assert type(found) is type(error)
    assert (found.detail, found.hint, found.faults) == (error.detail, error.hint, error.faults)
    facts = ("thing_id", "feature", "expected", "actual")
    assert [getattr(found, one, None) for one in facts] == [
        getattr(error, one, None) for one in facts
    ]


@pytest.mark.parametrize("code", sorted(set(CODES) - {error.code for error in ERRORS}))
def test_what_only_http_refuses_keeps_its_words(code: str) -> None:
    found = error_of(problem(refusal(code, "Why.")))
    assert isinstance(found, Refused)
    assert (found.detail, found.mend, found.reason) == ("Why.", CODES[code].hint, code)


def test_the_engines_words_count_even_if_ours_are_others() -> None:
    told = {"code": "thing_not_found", "detail": "Ding nicht da."}
    assert error_of(told, "f:a").detail == "Ding nicht da."


def test_a_fault_has_its_place() -> None:
    told = {
        "code": "bad_filter",
        "detail": "d",
        "errors": [{"pointer": "/filter/a", "message": "m"}],
    }
    assert error_of(told).faults == (Fault("/filter/a", "m"),)


@pytest.mark.parametrize(
    "told",
    [
        {"code": "version_conflict"},
        {"code": "version_conflict", "expected": "3", "actual": 5},
        {"code": "validation_failed", "errors": ["a"]},
        {"code": "validation_failed", "errors": [{"pointer": "/a"}]},
        {"code": "bad_filter", "errors": 5},
        {"code": "bad_json", "errors": None},
    ],
)
def test_a_problem_that_is_none_of_ours_is_known_for_one(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no version|no list of pointers"):
        error_of({"detail": "d", **told}, "f:a")


def test_a_stranger_cannot_talk_for_ever() -> None:
    assert len(error_of({"code": "x" * 9999, "detail": "y" * 9999}).detail) == 500
