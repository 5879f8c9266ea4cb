"""The socket of one client: uvicorn hands it over with the upgrade request (RFC 6455)."""

import asyncio
import codecs
import logging
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias, cast, final
from urllib.parse import urlsplit

import structlog
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from egizcore.errors import BadCommand
from egizcore.stream.client import Client, Tally
from egizcore.stream.command import Refusal, read_command
from egizcore.stream.hub import Hub

PATH: Final = "/api/v1/ws"
MAX_COMMAND: Final = 64 * 1024
HEARTBEAT: Final = 30.0
SILENCE: Final = 60.0
"""Seconds after which a client that sends nothing, or takes nothing, is closed."""
GOODBYE: Final = 5.0
"""Seconds for the closing handshake."""

SHUTTING_DOWN: Final = 4000
NOTHING_TAKEN: Final = 4001
NO_HEARTBEAT: Final = 4002

Answer: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]
_logger = logging.getLogger("websockets.server")
_logger.setLevel(logging.WARNING)  # clients that come and go are no news
_log = structlog.get_logger("egizcore.stream")
_REASONS: Final = {
    200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    426: "Upgrade Required", 503: "Service Unavailable",
}  # fmt: skip


class Rules(NamedTuple):
    """What the engine hands down from the HTTP side, so that both doors agree."""

    is_our_host: Callable[[bytes | None], bool]
    allowed_origins: frozenset[str]
    refusal: Callable[[str, str], Answer]
    """A problem+json answer for an error code and a detail."""


@final
class Door:
    """Makes a connection for each upgrade request, and looks after all of them once a second."""

    def __init__(self, hub: Hub, rules: Rules, client_buffer: int) -> None:
        self.hub = hub
        self.rules = rules
        self.client_buffer = client_buffer
        self.tally = Tally()
        self.errors = 0
        self.connections: set[Connection] = set()

    def connect(self, *, server_state: Any, **_: Any) -> "Connection":
        """What uvicorn calls in place of a protocol class."""
        return Connection(self, server_state.connections)

    def sweep(self, now: float) -> None:
        """Heartbeats, and the end of those that are silent or stuck. *now* as ``loop.time()``."""
        for connection in list(self.connections):
            connection.sweep(now)

    def close(self) -> None:
        """Shutting down: what is queued is flushed, then all are told to come back."""
        self.hub.flush()
        for connection in list(self.connections):
            connection.shutdown()


@final
class Connection(asyncio.Protocol):
    """Pumps bytes between a transport, the WebSocket protocol and a `Client`."""

    def __init__(self, door: Door, everyone: set[Any]) -> None:
        self._door = door
        self._everyone = everyone  # uvicorn's, which it waits for at its end
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # until connection_made
        self._protocol = ServerProtocol(max_size=MAX_COMMAND, logger=_logger)
        self._client: Client | None = None
        self._decoder: codecs.IncrementalDecoder | None = None  # of a text message in fragments
        self._parts: list[bytes] = []
        self._is_text = True
        self._reads = True
        self._heard = self._taken = self._loop.time()
        self._beat = self._heard + HEARTBEAT
        self._waiting = 0  # bytes in the transport's buffer at the last sweep
        self._deadline: float | None = None

    # asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport from the HTTP protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        high = self._door.client_buffer
        self._transport.set_write_buffer_limits(high=high, low=high // 4)
        self._everyone.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The peer went, or we closed."""
        self._everyone.discard(self)
        self._door.connections.discard(self)
        self._leave()

    def data_received(self, data: bytes) -> None:
        """The request's head first, whole; then frames."""
        self._heard = self._loop.time()
        if self._protocol.state is State.CONNECTING:
            self._shake_hands(data)
            return
        try:
            self._protocol.receive_data(data)
            self._pump()
        except Exception:
            self._door.errors += 1
            _log.exception("a WebSocket connection failed")
            self._transport.abort()

    def eof_received(self) -> None:
        """The peer sends no more: nor do we."""
        self._protocol.receive_eof()
        self._pump()

    def pause_writing(self) -> None:
        """The client is slow."""
        if self._client is not None:
            self._client.paused()
            self._pace()

    def resume_writing(self) -> None:
        """It took what waited."""
        self._taken = self._loop.time()
        if self._client is not None:
            self._client.resumed()
            self._pace()

    # Handshake --------------------------------------------------------------------------------

    def _shake_hands(self, head: bytes) -> None:
        refused = self._objection(head)
        if refused is not None:
            self._refuse(*refused)
            return
        self._protocol.receive_data(head)
        events = self._protocol.events_received()
        if not events or not isinstance(events[0], Request):
            self._refuse("bad_request", "The upgrade request is malformed.")
            return
        response = self._protocol.accept(events[0])
        if response.status_code != 101:
            wrong_upgrade = response.status_code == 426
            code = "upgrade_required" if wrong_upgrade else "bad_request"
            self._refuse(code, f"This is no WebSocket handshake: {self._protocol.handshake_exc}.")
            return
        self._protocol.send_response(response)
        self._send()
        self._door.connections.add(self)
        self._client = Client(self._door.hub, self._door.tally, self._write, self._again)

    def _objection(self, head: bytes) -> tuple[str, str] | None:
        """Why the request must not be upgraded: an error's code and detail."""
        line, _, rest = head.partition(b"\r\n")
        method, target, _ = line.split(b" ", 2)
        if target.partition(b"?")[0] != PATH.encode():
            return "not_found", "There is nothing to upgrade at this path."
        if method != b"GET":
            return "method_not_allowed", "A WebSocket begins with GET."
        host, origin = _headers(rest, b"host"), _headers(rest, b"origin")
        if len(host) != 1 or not self._door.rules.is_our_host(host[0]):
            return "bad_host", "The Host header names no host of ours."
        if origin and (len(origin) > 1 or not self._is_friend(origin[0], host[0])):
            return "forbidden", "The Origin header names neither this host nor an allowed origin."
        return None

    def _is_friend(self, origin: bytes, host: bytes) -> bool:
        text = origin.decode("latin-1")
        if text in self._door.rules.allowed_origins:
            return True
        try:
            parts = urlsplit(text)
            own = urlsplit(f"{parts.scheme}://{host.decode('latin-1')}")
            default = 443 if parts.scheme == "https" else 80
            return (
                parts.scheme in ("http", "https")
                and parts.hostname is not None
                and (parts.hostname, parts.port or default) == (own.hostname, own.port or default)
            )
        except ValueError:
            return False

    def _refuse(self, code: str, detail: str) -> None:
        status, headers, body = self._door.rules.refusal(code, detail)
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}".encode()]
        lines += [name + b": " + value for name, value in headers]
        if status == 405:
            lines.append(b"allow: GET")
        if status == 426:
            lines += [b"upgrade: websocket", b"sec-websocket-version: 13"]
        lines += [b"content-length: %d" % len(body), b"connection: close", b"", body]
        self._transport.write(b"\r\n".join(lines))
        self._transport.close()

    # Frames -----------------------------------------------------------------------------------

    def _pump(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        self._send()
        if self._client is None:
            return
        if self._protocol.state is not State.OPEN:
            self._leave()
        else:
            self._pace()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text = frame.opcode is Opcode.TEXT
            self._decoder = codecs.getincrementaldecoder("utf-8")() if self._is_text else None
            self._parts = []
        elif frame.opcode is not Opcode.CONT:
            return  # ping, pong and close are the protocol's
        if self._protocol.state is not State.OPEN or self._client is None:
            return
        data = bytes(frame.data)
        if self._decoder is not None:
            try:
                self._decoder.decode(data, final=frame.fin)
            except UnicodeDecodeError:
                self._protocol.fail(1007, "text that is not UTF-8")
                return
        self._parts.append(data)
        if not frame.fin:
            return
        if self._is_text:
            self._client.receive(read_command(b"".join(self._parts)))
        else:
            self._client.receive(Refusal(None, BadCommand("A command is a text message.")))
        self._parts = []

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                self._transport.close()  # b"" is the protocol's end of file

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def _again(self) -> None:
        self._loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        if self._client is not None:
            self._client.catch_up()
            self._pace()

    def _pace(self) -> None:
        """A client that has yet to catch up is not read from: its commands would pile up."""
        client = self._client
        if client is None or self._transport.is_closing() or self._reads is not client.is_slow:
            return
        self._reads = not client.is_slow
        if self._reads:
            self._heard = self._loop.time()
            self._transport.resume_reading()
        else:
            self._taken = self._loop.time()
            self._waiting = self._transport.get_write_buffer_size()
            self._transport.pause_reading()

    # Time -------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Once a second: heartbeat, silence, stuck, and the end of a goodbye."""
        if self._deadline is not None:
            if now >= self._deadline:
                self._transport.abort()
            return
        client = self._client
        if client is None:
            return
        if not self._reads:
            waiting = self._transport.get_write_buffer_size()
            if waiting < self._waiting:
                self._taken = now
            self._waiting = waiting
            if now - self._taken > SILENCE:
                self._close(NOTHING_TAKEN, "nothing was taken for 60 s")
            return
        if now - self._heard > SILENCE:
            self._close(NO_HEARTBEAT, "nothing was heard for 60 s")
        elif now >= self._beat:
            self._beat = now + HEARTBEAT
            self._protocol.send_ping(b"")
            self._send()
            client.heartbeat(time.time_ns() // 1_000_000)

    def shutdown(self) -> None:
        """uvicorn ends: tell the client to come back."""
        if self._client is None:
            self._transport.close()
        else:
            self._close(SHUTTING_DOWN, "shutting down")

    def _close(self, code: int, reason: str) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._send()
        self._leave()
        self._deadline = self._loop.time() + GOODBYE
        if not self._reads and not self._transport.is_closing():
            self._transport.resume_reading()  # for the peer's close frame
        self._reads = True

    def _leave(self) -> None:
        if self._client is not None:
            self._client.leave()
            self._client = None
            if self._deadline is None:
                self._deadline = self._loop.time() + GOODBYE


def _headers(block: bytes, name: bytes) -> list[bytes]:
    """The values of a header in a request's head, as uvicorn rebuilds it."""
    return [
        value.strip()
        for key, _, value in (line.partition(b":") for line in block.split(b"\r\n"))
        if key.strip().lower() == name
    ]
