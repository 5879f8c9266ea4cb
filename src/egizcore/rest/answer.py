"""Answers: a status, fields and bytes that are ready to send, or come piece by piece."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Protocol, final

from egizcore.errors import EgizError
from egizcore.rest.parts import Receive, Scope, Send
from egizcore.rest.problem import Headers
from egizcore.thing import write_json

JSON: Final = "application/json"
HEAD: Final = "egizcore.head"
"""Member of the scope: whether only the header is asked for."""
BREAK_OFF: Final = "egizcore.break_off"
"""Member of the scope: a function that ends the connection in the midst of an answer."""

_JSON_FIELDS: Final[Headers] = [
    (b"content-type", JSON.encode()),
    (b"cache-control", b"no-cache"),  # ask each time: with the ETag that costs a 304
    (b"x-content-type-options", b"nosniff"),
]


class Reply(Protocol):
    """An ASGI application that sends one response, whole or in pieces."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        ...


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


@final
class Stream:
    """An ASGI application that sends one response of unknown length, piece by piece.

    A client that does not read holds it up, one that goes ends it. Where the next piece cannot be
    had the connection ends without the last chunk, so the client can tell half from whole.
    """

    __slots__ = ("headers", "pieces")

    def __init__(self, headers: Headers, pieces: AsyncGenerator[bytes]) -> None:
        self.headers = headers
        self.pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it."""
        leaving = asyncio.create_task(_left(receive), name="rest: a reader that may leave")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            if not scope.get(HEAD):
                await self._send_pieces(send, leaving)
            await send({"type": "http.response.body", "body": b""})
        except EgizError:  # it is known already: to the meters, to /health
            scope[BREAK_OFF]()
        finally:
            leaving.cancel()
            await self.pieces.aclose()

    async def _send_pieces(self, send: Send, leaving: asyncio.Task[None]) -> None:
        stay = asyncio.timeout(None)
        now = asyncio.get_running_loop().time

        def end(_: asyncio.Task[None]) -> None:
            stay.reschedule(now())

        try:
            async with stay:
                leaving.add_done_callback(end)
                async for piece in self.pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    await asyncio.sleep(0)  # others have their turn, also where nothing holds us up
        except TimeoutError:
            if not stay.expired():
                raise
        finally:
            leaving.remove_done_callback(end)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


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
