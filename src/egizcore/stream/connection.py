"""The socket of one client: uvicorn hands it over with the upgrade request (RFC 6455)."""

import asyncio
import codecs
import logging
import time
from collections.abc import Callable
from typing import Any, Final, cast, final

import structlog
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from egizcore.errors import BadCommand
from egizcore.stream.client import Client, Tally
from egizcore.stream.command import Refusal, read_command
from egizcore.stream.handshake import Porter, Rules
from egizcore.stream.hub import Hub

MAX_COMMAND: Final = 64 * 1024
HEARTBEAT: Final = 30.0
SILENCE: Final = 60.0
"""Seconds after which a client that sends nothing, or takes nothing, is closed."""
GOODBYE: Final = 3.0
"""Seconds for the closing handshake."""
READ: Final = 4096
"""Bytes that are read as commands before it is seen whether the client still reads answers."""

SHUTTING_DOWN: Final = 4000
NOTHING_TAKEN: Final = 4001
NO_HEARTBEAT: Final = 4002

_logger = logging.getLogger("websockets.server")
_logger.setLevel(logging.WARNING)  # clients that come and go are no news
_log = structlog.get_logger("egizcore.stream")


@final
class Door:
    """Makes a connection for each upgrade request, and looks after all of them once a second."""

    def __init__(self, hub: Hub, rules: Rules, client_buffer: int) -> None:
        self.hub = hub
        self.porter = Porter(rules)
        self.client_buffer = client_buffer
        self.tally = Tally()
        self.errors = 0
        self.connections: set[Connection] = set()

    def connect(self, *, server_state: Any, **_: Any) -> "Connection":
        """What uvicorn calls in place of a protocol class."""
        return Connection(self, server_state.connections)

    @property
    def slow(self) -> int:
        """Clients that fall behind now; counted when it is asked for."""
        return sum(connection.falls_behind for connection in self.connections)

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
        self._unread = b""  # of the last read, while the client may not be read from
        self._reads = True
        self._heard = self._progress = self._loop.time()
        self._beat = self._heard + HEARTBEAT
        self._written = 0  # bytes to the transport, ever
        self._taken = 0  # bytes that had left it at the last sweep
        self._deadline: float | None = None

    @property
    def falls_behind(self) -> bool:
        """Whether its client does."""
        return self._client is not None and self._client.falls_behind

    # asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport from the HTTP protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
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
        if self._transport.is_closing():
            return  # refused: what came with the request has no meaning
        self._heard = self._loop.time()
        if self._protocol.state is State.CONNECTING:
            self._shake_hands(data)
            return
        self._unread += data
        self._feed()

    def eof_received(self) -> None:
        """The peer sends no more: nor do we."""
        if self._client is not None or self._deadline is not None:
            self._protocol.receive_eof()
            self._pump()

    def pause_writing(self) -> None:
        """The client is slow."""
        if self._client is not None:
            self._client.paused()
            self._pace()

    def resume_writing(self) -> None:
        """It took what waited."""
        if self._client is not None:
            self._guarded(self._client.resumed)
            self._feed()

    # Handshake --------------------------------------------------------------------------------

    def _shake_hands(self, head: bytes) -> None:
        refused = self._door.porter.objection(head)
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

    def _refuse(self, code: str, detail: str) -> None:
        self._transport.write(self._door.porter.refuse(code, detail))
        self._transport.close()

    # Frames -----------------------------------------------------------------------------------

    def _feed(self) -> None:
        """Read on in what came, a slice at a time, for as long as answers are taken."""
        self._guarded(self._read_on)
        self._pace()

    def _read_on(self) -> None:
        while self._unread and (self._client is None or self._client.reads):
            part, self._unread = self._unread[:READ], self._unread[READ:]
            self._protocol.receive_data(part)
            self._pump()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Whatever goes wrong ends this connection and no other."""
        try:
            work()
        except Exception:  # noqa: BLE001 - it is counted, and the log has it
            self._door.errors += 1
            _log.exception("a WebSocket connection failed")
            self._transport.abort()

    def _pump(self) -> None:
        if self._protocol.state is State.OPEN:
            self._send()  # pongs: a ping among a message's fragments came before the message
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and self._client is not None:
                self._frame(event, self._client)
        if self._protocol.state is not State.OPEN:
            self._leave()  # before the close frame is sent, since nothing may follow it
        self._send()

    def _frame(self, frame: Frame, client: Client) -> None:
        """A frame that is right; if one after it was not, the protocol has closed already."""
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text = frame.opcode is Opcode.TEXT
            self._decoder = codecs.getincrementaldecoder("utf-8")() if self._is_text else None
            self._parts = []
        elif frame.opcode is not Opcode.CONT:
            return  # ping, pong and close are the protocol's
        data = bytes(frame.data)
        if self._decoder is not None:
            try:
                self._decoder.decode(data, final=frame.fin)
            except UnicodeDecodeError:
                self._protocol.fail(1007, "text that is not UTF-8")
                self._leave()
                return
        self._parts.append(data)
        if not frame.fin:
            return
        if self._is_text:
            client.receive(read_command(b"".join(self._parts)))
        else:
            client.receive(Refusal(None, BadCommand("A command is a text message.")))
        self._parts = []

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
            elif not self._transport.is_closing():  # b"" is the protocol's end of file
                self._end()

    def _end(self) -> None:
        """No more from us.

        A peer that broke the protocol may still be sending: to close at once would reset the
        connection, and our close frame would be lost on its way.
        """
        if self._protocol.close_rcvd is None and self._protocol.close_sent is not None:
            self._transport.write_eof()
        else:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._written += len(data)
            self._transport.write(data)

    def _again(self) -> None:
        self._door.hub.later(self._catch_up)

    def _catch_up(self) -> None:
        if self._client is not None:
            self._guarded(self._client.catch_up)
            self._feed()

    def _pace(self) -> None:
        """A client that takes no answers is not read from: its commands would pile up."""
        if self._transport.is_closing():
            return
        client = self._client
        reads = client is None or (client.reads and not self._unread)
        if reads is self._reads:
            return
        self._reads = reads
        if reads:
            self._transport.resume_reading()
        else:
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
        waiting = self._transport.get_write_buffer_size()
        taken = self._written - waiting
        if not waiting or taken > self._taken:
            self._progress = now
            self._taken = taken
        elif now - self._progress >= SILENCE:
            self._close(NOTHING_TAKEN, "nothing was taken for 60 s")
            return
        if waiting or client.is_slow:
            self._heard = now  # it is alive, and a ping would wait behind what it has to take
        elif now - self._heard >= SILENCE:
            self._close(NO_HEARTBEAT, "nothing was heard for 60 s")
        elif now >= self._beat:
            self._beat = now + HEARTBEAT
            self._protocol.send_ping(b"")
            self._send()
            client.heartbeat(time.time_ns() // 1_000_000)

    def shutdown(self) -> None:
        """The server ends: tell the client to come back."""
        if self._client is not None:
            self._close(SHUTTING_DOWN, "shutting down")

    def _close(self, code: int, reason: str) -> None:
        self._leave()
        self._protocol.send_close(code, reason)
        self._send()
        self._pace()  # for the peer's close frame

    def _leave(self) -> None:
        if self._client is not None:
            self._client.leave()
            self._client = None
            self._deadline = self._loop.time() + GOODBYE
