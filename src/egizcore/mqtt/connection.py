"""A session on a socket: what a device's connection and a link to a broker share.

It pumps bytes and holds the bounds that only a socket can have: a peer that does not read what we
send is not read from either, and after a minute it goes.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from struct import unpack
from termios import FIONREAD
from time import monotonic
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, cast

import structlog

from egizcore.mqtt.session import Batch, Session

T = TypeVar("T")

STALLED: Final = 60.0  # seconds without any progress of what we send
LINGER: Final = 2.0  # seconds that a peer has to read our last packet
_SEND_BUFFER: Final = 64 * 1024  # bytes in user space; above it we stop reading the peer

log = structlog.get_logger("egizcore.mqtt")


class Origin(Protocol):
    """Where a batch came from; hashable, and the same object for all batches of a connection."""

    @property
    def source(self) -> str:
        """``endpoint``, or the link's name."""

    @property
    def client_id(self) -> str:
        """The device's at the endpoint; ours on a link."""

    @property
    def username(self) -> str | None:
        """The device's at the endpoint; ours on a link."""

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Queue a publication of QoS 1 for whoever is there, also after the connection's end.

        At the endpoint it goes to the device if its session has a subscription to *topic* (else
        False), and waits while the device is away; on a link it goes to the broker.
        """


# Called once a socket read, before its acknowledgements go out. It must not await and should not
# raise: an error closes the connection unacknowledged, so that QoS 1 comes again.
Deliver: TypeAlias = Callable[[Batch[T], Origin], None]


class Connection(asyncio.Protocol, Generic[T]):
    """One open socket and its session."""

    __slots__ = ("_deliver", "_leaves_at", "_stalled_at", "_transport", "source", "__weakref__")

    def __init__(self, source: str, deliver: Deliver[T]) -> None:
        self.source = source
        self._deliver = deliver
        self._transport: asyncio.Transport | None = None
        self._stalled_at: float | None = None  # since when the peer does not read
        self._leaves_at: float | None = None  # when a closing connection is cut off

    @property
    def session(self) -> Session[T]:
        """The session of this socket, for its whole life."""
        raise NotImplementedError

    @property
    def client_id(self) -> str:
        """See `Origin`."""
        raise NotImplementedError

    @property
    def username(self) -> str | None:
        """See `Origin`."""
        raise NotImplementedError

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """See `Origin`."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_SEND_BUFFER)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Apply one socket read, then acknowledge it."""
        session = self.session
        try:
            batch = session.receive(data, monotonic())
            if batch:
                self._deliver(batch, self)
        except Exception:
            log.exception("a batch of messages could not be applied", source=self.source)
            session.unapplied()
            session.fault = True
            self.cut("our own failure")
            return
        session.applied()
        self.flush()

    def flush(self) -> None:
        """Send what the session has, and close the socket of one that has ended."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = self.session.to_send()
        if data:
            transport.write(data)
        if self.session.closed and self._leaves_at is None:
            self._leave(transport)

    def _leave(self, transport: asyncio.Transport) -> None:
        """Half-close, and read on for a moment.

        Closing a socket with unread bytes resets it, and a reset may overtake the DISCONNECT
        that tells the peer why. TLS has no half-close.
        """
        self._leaves_at = monotonic() + LINGER
        if not transport.can_write_eof():
            transport.close()
            return
        with suppress(OSError):  # the peer has reset it
            transport.write_eof()
        transport.resume_reading()

    def cut(self, why: str) -> None:
        """Drop the connection at once."""
        self.session.gone()
        self.session.detail = why
        if self._transport is not None:
            self._transport.abort()

    @property
    def stalled(self) -> bool:
        """Does the peer not read what we send?"""
        return self._stalled_at is not None

    def overdue(self, now: float) -> bool:
        """Has the peer had all its time to read: what we send, or our last packet?"""
        if self._leaves_at is not None:
            return now >= self._leaves_at
        return self._stalled_at is not None and now >= self._stalled_at + STALLED

    def pause_writing(self) -> None:
        """The peer does not read: take nothing more from it."""
        self._stalled_at = monotonic()
        self.pause()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._stalled_at = None
        self.resume()

    def pause(self) -> None:
        """Stop reading, unless the connection is closing and reads what it throws away."""
        if self._transport is not None and self._leaves_at is None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again, unless the peer does not."""
        if self._transport is not None and self._stalled_at is None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The socket is closed, whoever did it."""
        self._transport = None
        self.session.gone()

    def waiting(self) -> int:
        """Bytes that came and are not applied: in the kernel and in the session."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return 0
        descriptor = transport.get_extra_info("socket").fileno()
        (unread,) = unpack("i", ioctl(descriptor, FIONREAD, b"\0\0\0\0"))
        return int(unread) + self.session.held
