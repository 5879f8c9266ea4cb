"""Every error that EgizCore tells a person, as one tree.

::

    EgizError
    ├── Invalid                 the request is wrong, whatever the state is
    │   ├── ValidationFailed    validation_failed    with pointers to each fault
    │   ├── BadJson             bad_json
    │   ├── BadFilter           bad_filter           with a pointer
    │   ├── BadCursor           bad_cursor
    │   └── LimitExceeded       limit_exceeded
    ├── NotThere
    │   ├── ThingNotFound       thing_not_found
    │   └── FeatureNotFound     feature_not_found
    ├── Conflict                the request was right for another state
    │   ├── AlreadyExists       already_exists
    │   ├── VersionConflict     version_conflict     with expected and actual
    │   └── PreconditionFailed  precondition_failed
    ├── CommandFailed           a WebSocket command cannot be followed; the connection stays
    │   ├── BadCommand          bad_command
    │   ├── UnknownAction       unknown_action
    │   ├── NotSubscribed       not_subscribed
    │   └── TooManySubscriptions  too_many_subscriptions
    ├── HistoryUnavailable      history_unavailable
    ├── HistoryTimeout          history_timeout
    └── StartupFailed           the process cannot start: one line, exit 1
        └── SettingsInvalid     a setting is wrong: exit 2

Each class has a stable ``code`` and a ``hint`` that says how to mend it; REST, WebSocket, the
command line and the log use the same words. Which HTTP status a code has is REST's table
(``rest/problem.py``).
"""

from typing import ClassVar, final


class Fault:
    """One place where a document is wrong: an RFC 6901 pointer into it, and why."""

    __slots__ = ("message", "pointer")

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer = pointer
        self.message = message

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and (self.pointer, self.message) == (
            other.pointer,
            other.message,
        )

    def __hash__(self) -> int:
        return hash((self.pointer, self.message))

    def __repr__(self) -> str:
        return f"Fault({self.pointer!r}, {self.message!r})"


class EgizError(Exception):
    """The root: ``str(error)`` is the detail for a person, in one sentence."""

    code: ClassVar[str] = "internal"
    hint: ClassVar[str] = "This is our fault: the log of EgizCore has more."

    def __init__(self, detail: str, *, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults


class Invalid(EgizError):
    """The request is wrong, whatever the state is."""


@final
class ValidationFailed(Invalid):
    """A document is JSON, but not of the form that this place takes."""

    code = "validation_failed"
    hint = "Correct the members named in 'errors'; /openapi.json has the form."

    @classmethod
    def at(cls, pointer: str, message: str) -> "ValidationFailed":
        """One fault; the detail names it too."""
        where = pointer or "the document"
        return cls(f"{where}: {message}", faults=(Fault(pointer, message),))


@final
class BadJson(Invalid):
    """The bytes are no JSON that we take (RFC 8259; no duplicate keys, int64, UTF-8)."""

    code = "bad_json"
    hint = "Send one UTF-8 JSON document: no duplicate keys, no NaN, integers within 64 bits."


@final
class BadFilter(Invalid):
    """A filter does not follow the filter language."""

    code = "bad_filter"
    hint = "See the filter language in /docs/errors#bad_filter; 'errors' points to the place."

    @classmethod
    def at(cls, pointer: str, message: str) -> "BadFilter":
        """One fault at *pointer*, an RFC 6901 pointer into the filter."""
        return cls(f"{pointer or 'the filter'}: {message}", faults=(Fault(pointer, message),))


@final
class BadCursor(Invalid):
    """The cursor is not ours, or belongs to another filter or sort."""

    code = "bad_cursor"
    hint = "Begin again without a cursor, and keep filter and sort the same from page to page."


@final
class LimitExceeded(Invalid):
    """What the request would make is larger than a limit allows."""

    code = "limit_exceeded"
    hint = "Make it smaller, split it over several Things, or raise the setting in 'limits'."


class NotThere(EgizError):
    """What the request names does not exist."""


@final
class ThingNotFound(NotThere):
    """No Thing has this id."""

    code = "thing_not_found"
    hint = "GET /api/v1/things lists what exists; a Thing appears with its first telemetry."

    def __init__(self, thing_id: str) -> None:
        super().__init__(f"There is no Thing {thing_id!r}.")
        self.thing_id = thing_id


@final
class FeatureNotFound(NotThere):
    """The Thing has no feature of this name."""

    code = "feature_not_found"
    hint = "GET /api/v1/things/{id}/features lists what the Thing has."

    def __init__(self, thing_id: str, feature: str) -> None:
        super().__init__(f"Thing {thing_id!r} has no feature {feature!r}.")
        self.thing_id = thing_id
        self.feature = feature


class Conflict(EgizError):
    """The request was right for another state than the present one."""


@final
class AlreadyExists(Conflict):
    """A Thing of this id exists."""

    code = "already_exists"
    hint = "PUT replaces a Thing, PATCH merges into it."

    def __init__(self, thing_id: str) -> None:
        super().__init__(f"Thing {thing_id!r} exists already.")
        self.thing_id = thing_id


@final
class VersionConflict(Conflict):
    """The caller's version is stale: read again, then retry. *actual* is 0 without a Thing."""

    code = "version_conflict"
    hint = "Read the Thing again, apply your change to what you get, and send its version."

    def __init__(self, thing_id: str, expected: int, actual: int) -> None:
        super().__init__(f"Thing {thing_id!r} is at version {actual}, not {expected}.")
        self.thing_id = thing_id
        self.expected = expected
        self.actual = actual


@final
class PreconditionFailed(Conflict):
    """If-Match or If-None-Match does not hold (RFC 9110, section 13)."""

    code = "precondition_failed"
    hint = "Read the Thing again and send its new ETag."

    def __init__(self, thing_id: str) -> None:
        super().__init__(f"Thing {thing_id!r} is not in the state that the request demands.")
        self.thing_id = thing_id


class CommandFailed(EgizError):
    """A WebSocket command cannot be followed."""


@final
class BadCommand(CommandFailed):
    """A command is not of the form that the protocol gives it."""

    code = "bad_command"
    hint = "See the WebSocket protocol in docs/protocol/ws.md: members, and which go together."


@final
class UnknownAction(CommandFailed):
    """The command's action is none of ours."""

    code = "unknown_action"
    hint = "The actions are subscribe, unsubscribe and ping."


@final
class NotSubscribed(CommandFailed):
    """There is no such subscription to end."""

    code = "not_subscribed"
    hint = "Name the subscription by what Subscribed answered, or send no selector to end all."


@final
class TooManySubscriptions(CommandFailed):
    """The client has as many subscriptions as one may have."""

    code = "too_many_subscriptions"
    hint = "Use a filter in place of many single Things, or end subscriptions first."


@final
class HistoryUnavailable(EgizError):
    """No history store is configured, or it does not answer."""

    code = "history_unavailable"
    hint = "GET /health says what is wrong with history; live state works without it."

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after  # seconds, where the store itself asked for it


@final
class HistoryTimeout(EgizError):
    """The history store did not answer in time."""

    code = "history_timeout"
    hint = "Ask for a shorter time, one feature or property, or longer buckets (every)."


class StartupFailed(EgizError):
    """The process cannot start. One line on stderr, exit code 1."""

    code = "startup_failed"
    hint = ""

    def __init__(self, detail: str, *, hint: str = "") -> None:
        super().__init__(detail)
        self.mend = hint


@final
class SettingsInvalid(StartupFailed):
    """A setting is unknown, of the wrong type or out of range. Exit code 2."""

    code = "settings_invalid"
