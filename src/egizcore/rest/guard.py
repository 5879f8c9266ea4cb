"""The guard: uvicorn's HTTP protocol, kept within bounds.

uvicorn parses and answers well, but waits for ever and takes anything: half a request holds a
connection, a body grows in memory, an answer that nobody reads stays there. Here every phase of a
connection has a deadline and a size, and whoever breaks one gets a single problem+json and the
connection closed. Time-outs need no timer each: the server sweeps all connections twice a second.

What must stay true: a request gets at most one answer, and answers keep the order of requests.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple, NoReturn, final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from egizcore.rest.answer import BREAK_OFF
from egizcore.rest.problem import refusal

SLICE: Final = 8192
"""Bytes parsed at once: what came with it may exceed a bound by this much, and no more."""


class Bounds(NamedTuple):
    """How large and how slow a request may be (contract.md, section 2, Bounds)."""

    header: int = 32 * 1024
    target: int = 16 * 1024
    body: int = 1024 * 1024
    bulk_body: int = 32 * 1024 * 1024
    bulk_path: bytes = b"/api/v1/things/bulk"
    header_seconds: float = 10
    body_seconds: float = 30
    unread_seconds: float = 60
    linger_seconds: float = 2
    """How long what still comes after a refusal is read and forgotten; a close at once would
    reset the connection, and the refusal would be lost on its way."""


@final
class GuardedConfig(Config):
    """uvicorn's configuration, with our bounds and the connections that they bind."""

    def __init__(self, app: Any, *, bounds: Bounds, **options: Any) -> None:
        super().__init__(app, **options)
        self.bounds = bounds
        self.guarded: set[GuardedProtocol] = set()

    def sweep(self, now: float) -> None:
        """Let every connection see what time it is."""
        for connection in list(self.guarded):
            connection.sweep(now)


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "nothing: between two requests"
    HEADER = "the rest of a header"
    BODY = "the rest of a body"
    ENDED = "the peer to go: it was refused"


@final
class _Flow(FlowControl):
    """Reading goes on only when nothing that was read waits."""

    def __init__(self, transport: asyncio.Transport, waiting: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """As uvicorn's, which would read more requests than it answers."""
        if not self._waiting():
            super().resume_reading()


@final
class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, GuardedConfig)  # noqa: S101 - built only by our server
        self._guarded = config.guarded
        self._bounds = config.bounds
        self._phase = Phase.HEADER
        self._deadline = 0.0
        self._inbox = b""  # read, not parsed: bounded by one read, since reading is paused then
        self._raw = 0  # bytes of this phase, at most a slice too many
        self._parsed = 0  # bytes of header fields, or of body
        self._limit = 0  # bytes of body
        self._accepted = False  # the present request has a cycle
        self._running: RequestResponseCycle | None = None  # whose answer is next on the wire
        self._fault: tuple[str, str] | None = None  # what the parser's callbacks found
        self._last_words = b""  # to be written when all before it is answered
        self._unsent = 0  # bytes in the write buffer at the last change
        self._unsent_since = 0.0

    # The connection ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the first byte of a request is waited for, too."""
        super().connection_made(transport)
        self.flow = _Flow(transport, lambda: bool(self.pipeline or self._inbox))
        self._deadline = self.loop.time() + self._bounds.header_seconds
        self._guarded.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._guarded.discard(self)
        self._inbox = b""
        self._phase = Phase.ENDED
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True  # uvicorn tells only the newest request of it
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data* slice by slice; what follows an unanswered request waits."""
        if self._phase is Phase.ENDED:
            return
        self._unset_keepalive_if_required()
        if self._phase is Phase.IDLE:
            self._begin_header()
        self._inbox += data
        self._parse()

    def sweep(self, now: float) -> None:
        """Close what is too slow: a request that does not come, an answer that is not taken."""
        if now > self._deadline and not self.transport.is_closing():
            self._expire()
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent = unsent
            self._unsent_since = now
        elif unsent and now - self._unsent_since > self._bounds.unread_seconds:
            self.transport.abort()

    def _expire(self) -> None:
        if self._phase is Phase.ENDED:
            self.transport.abort()
        elif self._phase is Phase.IDLE:
            self.transport.close()
        else:
            self._refuse("request_timeout", f"We waited for {self._phase.value}.")

    def _begin_header(self) -> None:
        self._phase = Phase.HEADER
        self._deadline = self.loop.time() + self._bounds.header_seconds
        self._raw = 0

    def _parse(self) -> None:
        while self._inbox and not self.pipeline and self._phase is not Phase.ENDED:
            piece = self._inbox[:SLICE]
            self._inbox = self._inbox[SLICE:]
            self._raw += len(piece)
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as pause:
                self._upgrade(piece[pause.args[0] :])
            except httptools.HttpParserError:
                code, detail = self._fault or ("bad_request", "The request is not HTTP/1.1.")
                self._refuse(code, detail)
            else:
                self._measure()
        if self._inbox:
            self.flow.pause_reading()

    def _measure(self) -> None:
        """What the parser holds back until it is whole still counts."""
        if self._phase is Phase.HEADER and self._raw > self._bounds.header + SLICE:
            self._refuse("headers_too_large", "The header does not end.")
        elif self._phase is Phase.BODY and self._raw > 2 * self._limit + 2 * SLICE:
            self._refuse("payload_too_large", "The body has more framing than content.")

    # The parser's callbacks -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self.scope[BREAK_OFF] = self._break_off  # type: ignore[typeddict-unknown-key]
        if self._phase is not Phase.HEADER:
            self._begin_header()
        self._parsed = 0
        self._accepted = False

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        super().on_url(url)
        if len(self.url) > self._bounds.target:
            self._stop("uri_too_long", f"It has more than {self._bounds.target} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer field, which we have no use for."""
        self._parsed += len(name) + len(value) + 4
        if self._phase is not Phase.HEADER:
            return
        if self._parsed + len(self.url) > self._bounds.header:
            self._stop("headers_too_large", f"It has more than {self._bounds.header} bytes.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse what can be refused by its header, else start to answer."""
        self._check_framing()
        self._phase = Phase.BODY
        self._deadline = self.loop.time() + self._bounds.body_seconds
        self._raw = self._parsed = 0
        super().on_headers_complete()
        self._accepted = not (self.parser.should_upgrade() and self._should_upgrade())
        if self.parser.should_upgrade() and self._accepted:
            self.cycle.keep_alive = False  # llhttp reads nothing after a refused upgrade

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._parsed += len(body)
        if self._parsed > self._limit:
            self._stop("payload_too_large", f"It has more than {self._limit} bytes.")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here."""
        self._phase = Phase.IDLE
        early = self._accepted and self.cycle.response_complete
        self._deadline = self.loop.time() + self.timeout_keep_alive if early else float("inf")
        super().on_message_complete()

    def _check_framing(self) -> None:
        """What llhttp lets pass and RFC 9112 does not, and what is announced as too large."""
        version = self.parser.get_http_version()
        fields = [name for name, _ in self.headers]
        hosts = fields.count(b"host")
        encodings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if version not in ("1.0", "1.1") or self.parser.get_method() == b"CONNECT":
            self._stop("bad_request", "We speak HTTP/1.1 and are no proxy.")
        elif hosts > 1 or (hosts == 0 and version == "1.1"):
            self._stop("bad_request", "HTTP/1.1 has exactly one Host (RFC 9112, section 3.2).")
        elif encodings and (version == "1.0" or encodings[0].lower() != b"chunked"):
            self._stop("bad_request", "The only Transfer-Encoding is chunked, from HTTP/1.1 on.")
        path = self.url.partition(b"?")[0].rstrip(b"/")
        bulk = path.endswith(self._bounds.bulk_path)
        self._limit = self._bounds.bulk_body if bulk else self._bounds.body
        for name, value in self.headers:
            if name == b"content-length" and int(value) > self._limit:
                self._stop("payload_too_large", f"It would have more than {self._limit} bytes.")

    def _stop(self, code: str, detail: str) -> NoReturn:
        """Leave the parser, from within one of its callbacks."""
        self._fault = (code, detail)
        raise ValueError(code)

    # Answers ----------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """Go on with what was read meanwhile."""
        super().on_response_complete()
        if self._last_words and not self._pending():
            self._end()
        elif self._inbox and not self.pipeline and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._parse()
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse(self, code: str, detail: str) -> None:
        """Answer the present request with a problem, after all before it, and close."""
        self._phase = Phase.ENDED
        self._deadline = float("inf")
        self._inbox = b""
        if self._accepted and self.cycle is self._running:
            if not self.cycle.response_started:
                self._last_words = _written(code, detail)
            self.cycle.disconnected = True  # what the app says from now on is not sent
            self.cycle.message_event.set()
            self._end()
            return
        if self._accepted:
            self.pipeline.popleft()
        self._last_words = _written(code, detail)
        if not self._pending():
            self._end()

    def _break_off(self) -> None:
        """End in the midst of an answer: whose last chunk does not come is seen to be broken."""
        assert self._running is not None  # noqa: S101 - it is whose answer breaks off
        self._phase = Phase.ENDED
        self._deadline = float("inf")
        self._inbox = b""
        self._running.disconnected = True  # it will not be completed, which is no error
        self.transport.close()

    def _pending(self) -> bool:
        """Whether a request waits for its answer."""
        return self._running is not None and not self._running.response_complete

    def _end(self) -> None:
        """Say the last words, hear the peer out for a moment, and go."""
        words, self._last_words = self._last_words, b""
        if self.transport.is_closing():
            return
        if not words:  # an answer has begun, or was all: there is nothing to add to it
            self.transport.close()
            return
        self.transport.write(words)
        self.transport.write_eof()
        self._deadline = self.loop.time() + self._bounds.linger_seconds
        self.flow.resume_reading()

    # Upgrades ---------------------------------------------------------------------------------

    def _upgrade(self, rest: bytes) -> None:
        """Hand the connection to the WebSocket protocol, with what was read of its frames."""
        if not self._should_upgrade():  # it is answered as if it had not asked, then closed
            self._phase = Phase.ENDED
            self._deadline = float("inf")
            self._inbox = b""
            return
        self._accepted = False
        if self._pending():
            self._refuse("bad_request", "An upgrade waits for the answers before it.")
            return
        rest += self._inbox
        self._inbox = b""
        self._guarded.discard(self)
        self.handle_websocket_upgrade()
        if rest:
            self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]


def _written(code: str, detail: str) -> bytes:
    status, headers, body = refusal(code, detail, [(b"connection", b"close")])
    fields = b"".join(b"%b: %b\r\n" % field for field in headers)
    return b"%b%b\r\n%b" % (STATUS_LINE[status], fields, body)
