"""Answers: a status, fields and bytes that are ready to send."""

from typing import Final, final

from egizcore.rest.parts import Receive, Scope, Send
from egizcore.rest.problem import Headers
from egizcore.thing import write_json

JSON: Final = "application/json"

_JSON_FIELDS: Final[Headers] = [
    (b"content-type", JSON.encode()),
    (b"cache-control", b"no-cache"),  # ask each time: with the ETag that costs a 304
    (b"x-content-type-options", b"nosniff"),
]


@final
class Answer:
    """An ASGI application that sends one response."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def json_bytes(body: bytes, *extra: tuple[bytes, bytes], status: int = 200) -> Answer:
    """*body*, which is JSON."""
    length = (b"content-length", b"%d" % len(body))
    return Answer(status, [*_JSON_FIELDS, length, *extra], body)


def json_answer(value: object, *extra: tuple[bytes, bytes], status: int = 200) -> Answer:
    """*value* as JSON."""
    return json_bytes(write_json(value), *extra, status=status)


def etag_field(tag: bytes) -> tuple[bytes, bytes]:
    """The header field of an entity tag."""
    return (b"etag", tag)


def not_modified(tag: bytes) -> Answer:
    """The client has it already."""
    return Answer(304, [etag_field(tag), (b"cache-control", b"no-cache")])


def no_content() -> Answer:
    """It is done, there is nothing to say."""
    return Answer(204, [])
