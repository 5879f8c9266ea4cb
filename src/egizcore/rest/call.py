"""A request as the routes see it, and a route as the app sees it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, final

from egizcore.errors import ValidationFailed
from egizcore.rest.accept import media_type
from egizcore.rest.answer import JSON, Reply
from egizcore.rest.etag import Condition, parse_tags
from egizcore.rest.parameters import Parameters
from egizcore.rest.parts import Receive, Scope
from egizcore.rest.problem import Refused
from egizcore.thing import is_thing_id, is_word, read_json

MERGE_PATCH: Final = "application/merge-patch+json"
NDJSON: Final = "application/x-ndjson"


@final
class Call:
    """One request; what is read of it is checked."""

    __slots__ = ("_names", "_receive", "_scope", "media", "parameters")

    def __init__(
        self, scope: Scope, receive: Receive, names: Mapping[str, str], parameters: Parameters
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._names = names
        self.parameters = parameters
        self.media = ""  # of the body, when the route takes one

    @property
    def thing_id(self) -> str:
        """The id in the path.

        Raises:
            ValidationFailed: it is ill-formed.
        """
        thing_id = self._names["id"]
        if not is_thing_id(thing_id):
            raise ValidationFailed.at("/id", "the path has no id of the form namespace:name")
        return thing_id

    @property
    def feature(self) -> str:
        """The feature's name in the path; errors as above."""
        name = self._names["feature"]
        if not is_word(name):
            raise ValidationFailed.at("/feature", "the path has no name of 1 to 64 A-Z a-z 0-9 _ -")
        return name

    def header(self, name: bytes) -> bytes | None:
        """A field's value; of several fields, the list that they make (RFC 9110, section 5.3)."""
        values = [value for field, value in self._scope["headers"] if field == name]
        return b", ".join(values) if values else None

    def condition(self, epoch: str) -> Condition | None:
        """What the request demands of the Thing that it changes."""
        match, none_match = self.header(b"if-match"), self.header(b"if-none-match")
        if match is None and none_match is None:
            return None
        return Condition(
            epoch,
            None if match is None else parse_tags(match),
            None if none_match is None else parse_tags(none_match),
        )

    def check_media(self, takes: frozenset[str]) -> None:
        """See that the body is of a kind that is read here.

        Raises:
            Refused: unsupported_media_type.
        """
        if self.header(b"content-encoding") is not None:
            raise Refused("unsupported_media_type", "A Content-Encoding is not read here.")
        content_type = self.header(b"content-type")
        self.media = "" if content_type is None else media_type(content_type)
        if self.media not in takes:
            known = " or ".join(sorted(takes))
            raise Refused("unsupported_media_type", f"The Content-Type must be {known}, in UTF-8.")

    async def body(self) -> bytes:
        """All of it; the guard bounds it."""
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Refused("bad_request", "The body broke off.")
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def document(self) -> object:
        """The body as JSON.

        Raises:
            BadJson
        """
        return read_json(await self.body())


Handler = Callable[[Call], Awaitable[Reply]]


class Route(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    handle: Handler
    query: frozenset[str] = frozenset()
    repeatable: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    """Media types of the body; none: there is no body."""
    media: str = JSON
    """Media type of the answer; empty: whatever the client accepts."""


def route(
    method: str,
    path: str,
    handle: Handler,
    *,
    query: str = "",
    repeatable: str = "",
    takes: tuple[str, ...] = (),
    media: str = JSON,
) -> Route:
    """A route, with names of query parameters as words."""
    return Route(
        method,
        path,
        handle,
        frozenset(query.split()),
        frozenset(repeatable.split()),
        frozenset(takes),
        media,
    )
