"""One connection of a link to a broker."""

import asyncio
from time import monotonic
from typing import Final, Protocol, TypeVar, final

from egizcore.mqtt.client_session import ClientSession
from egizcore.mqtt.connection import Connection, Deliver

T = TypeVar("T")

# A broker writes once for each message to an eager reader. Where many short reads follow each other
# fast, a nap between them lets it gather: with Mosquitto a fifth more messages a second, for a
# sixth of our CPU. A reading that comes alone, or with a few others, never waits: a nap that
# gathered little was the last one.
_NAP: Final = 0.001  # seconds
_FAST: Final = 0.000_1  # seconds since the last read
_SHORT: Final = 8 * 1024  # bytes
_LITTLE: Final = 2 * 1024  # bytes: some 15 messages
_MANY: Final = 16  # fast reads in a row: more than 10,000 a second


class Owner(Protocol[T]):
    """The link, which outlives its connections."""

    name: str
    client_id: str
    deliver: Deliver[T]

    @property
    def username(self) -> str | None:
        """Our user name at the broker."""

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """See `Origin`."""


@final
class Channel(Connection[T]):
    """One connection of a link; the origin of its batches."""

    __slots__ = ("_fast", "_link", "_napped", "_read_at", "_session", "changed", "lost")

    def __init__(self, link: Owner[T], session: ClientSession[T]) -> None:
        super().__init__(link.name, link.deliver)
        self._link = link
        self._session = session
        self._read_at = 0.0
        self._fast = 0  # reads in a row
        self._napped = False  # just now
        self.changed = asyncio.Event()  # the session opened, settled or ended
        self.lost = asyncio.Event()  # the socket is closed

    @property
    def session(self) -> ClientSession[T]:
        """The session of this socket."""
        return self._session

    @property
    def client_id(self) -> str:
        """Our id at the broker."""
        return self._link.client_id

    @property
    def username(self) -> str | None:
        """Our user name at the broker."""
        return self._link.username

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """See `Origin`."""
        return self._link.send(topic, payload, retain=retain)

    def data_received(self, data: bytes) -> None:
        """Apply one socket read and wake the link where something changed."""
        session = self._session
        was_open, settled = session.open, session.settled
        super().data_received(data)
        if session.closed or session.settled != settled or session.open != was_open:
            self.changed.set()
        now = monotonic()
        if now - self._read_at >= _FAST or (self._napped and len(data) < _LITTLE):
            self._fast = 0
        else:
            self._fast += 1
            if self._fast >= _MANY and len(data) < _SHORT:
                self.pause()
                asyncio.get_running_loop().call_later(_NAP, self._wake)
        self._napped = False
        self._read_at = now

    def pump(self) -> None:
        """Send what waits."""
        self._session.pump()
        self.flush()

    def resume_writing(self) -> None:
        """The broker reads again: what was published meanwhile may go."""
        super().resume_writing()
        self.pump()

    def _wake(self) -> None:
        self._read_at = monotonic()
        self._napped = True
        self.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self.changed.set()
        self.lost.set()
