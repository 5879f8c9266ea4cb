# ruff: noqa: INP001 - a program with an environment of its own, no package
# mypy: ignore-errors
"""Who wants what, and how it reaches them: frames gathered for a client, one write a tick."""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

MOST: Final = 250_000  # frames that may wait for a client that does not read; then it is cut off
ROOM: Final = 1024 * 1024  # bytes in the transport of a client, past which it is to wait


class FramedProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, with a queue of whole frames that the application may fill.

    It is the application's under ``scope["extensions"]["frames"]``. What the application sends
    by ASGI goes out at once, so one that queues frames answers commands by the queue too.
    """

    waiting: list[bytes]
    is_paused = False

    def handle_connect(self, event: Request) -> None:
        self.waiting = []
        super().handle_connect(event)
        if not self.close_sent:
            self.transport.set_write_buffer_limits(high=ROOM)
            cast("dict[str, Any]", self.scope["extensions"])["frames"] = self

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_paused = True

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_paused = False
        self.flush()

    def flush(self) -> None:
        if self.is_paused:
            if len(self.waiting) > MOST:
                self.transport.abort()
        elif self.waiting and not self.transport.is_closing():
            self.transport.write(b"".join(self.waiting))
            self.waiting = []


Audience = list[FramedProtocol]


class Hub:
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.generation = 0
        self._by_thing: dict[str, set[FramedProtocol]] = {}
        self._by_type: dict[str, set[FramedProtocol]] = {}
        self._everything: set[FramedProtocol] = set()
        self._told: list[FramedProtocol] = []
        self._is_due = False

    def subscribe(self, client: FramedProtocol, command: dict[str, Any]) -> None:
        type_ = command.get("filter", {}).get("type")
        if "thingId" in command:
            self._by_thing.setdefault(command["thingId"], set()).add(client)
        elif type_ is not None:
            self._by_type.setdefault(type_, set()).add(client)
        else:
            self._everything.add(client)
        self.generation += 1
        self.publish(framed(b'{"event":"Subscribed"}'), [client])

    def forget(self, client: FramedProtocol) -> None:
        for clients in (self._everything, *self._by_thing.values(), *self._by_type.values()):
            clients.discard(client)
        self.generation += 1

    def audience(self, id: str, type: str) -> Audience:
        found = self._by_thing.get(id, set()) | self._by_type.get(type, set()) | self._everything
        return list(found)

    def publish(self, frame: bytes, audience: Audience) -> None:
        told = self._told
        for client in audience:
            # Who is full stays in the list, so that its bound is looked at.
            if not client.waiting or client.is_paused:
                told.append(client)
            client.waiting.append(frame)
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        told, self._told, self._is_due = self._told, [], False
        for client in told:
            client.flush()


def framed(text: bytes) -> bytes:
    """A text frame, unmasked; events are below 64 KiB."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    return b"\x81\x7e" + size.to_bytes(2) + text
