"""A problem that the engine told (RFC 9457), as the error that it was there.

The same words on both sides: ``detail`` and ``errors`` are the engine's, ``code`` picks the class
of `egizcore.errors`. What only the HTTP layer refuses has no class there: that is `Refused`.
"""

from collections.abc import Mapping
from typing import Any, Final, final

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
    StartupFailed,
    ThingNotFound,
    ValidationFailed,
    VersionConflict,
)

MAX_SHOWN: Final = 500  # characters of what a stranger at that address may say


@final
class Unreachable(StartupFailed):
    """Nobody at that address speaks as EgizCore does."""


@final
class Refused(StartupFailed):
    """The engine refuses, for a reason that only its HTTP layer has; *reason* is its code."""

    def __init__(self, detail: str, *, hint: str, reason: str) -> None:
        super().__init__(detail, hint=hint)
        self.reason = reason


_PLAIN: Final[dict[str, type[EgizError]]] = {
    error.code: error for error in (ValidationFailed, BadJson, BadFilter, BadCursor, LimitExceeded)
}


def error_of(problem: Mapping[str, Any], thing_id: str = "", feature: str = "") -> EgizError:
    """The error behind *problem*; *thing_id* and *feature* are what the request was about.

    Raises:
        ValueError: EgizCore tells of such an error otherwise.
    """
    code, detail = str(problem["code"]), str(problem["detail"])[:MAX_SHOWN]
    if (plain := _PLAIN.get(code)) is not None:
        return plain(detail, faults=tuple(_faults(problem)))
    error: EgizError
    match code:
        case "thing_not_found":
            error = ThingNotFound(thing_id)
        case "feature_not_found":
            error = FeatureNotFound(thing_id, feature)
        case "already_exists":
            error = AlreadyExists(thing_id)
        case "version_conflict":
            error = VersionConflict(
                thing_id, _version(problem, "expected"), _version(problem, "actual")
            )
        case "precondition_failed":
            error = PreconditionFailed(thing_id)
        case "history_unavailable":
            error = HistoryUnavailable(detail)
        case "history_timeout":
            error = HistoryTimeout(detail)
        case _:
            hint = str(problem.get("hint", ""))[:MAX_SHOWN]
            error = Refused(detail, hint=hint, reason=code)
    error.detail = detail
    return error


def _faults(problem: Mapping[str, Any]) -> list[Fault]:
    try:
        return [
            Fault(str(one["pointer"]), str(one["message"])) for one in problem.get("errors", ())
        ]
    except (TypeError, KeyError):
        raise ValueError("errors are no list of pointers with messages") from None


def _version(problem: Mapping[str, Any], name: str) -> int:
    found = problem.get(name)
    if not isinstance(found, int):
        raise ValueError(f"{name} is no version")  # noqa: TRY004 - one kind of error
    return found
