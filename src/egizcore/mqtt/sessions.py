"""The sessions of the device endpoint: who is connected, and what is kept of who is away.

A session outlives its connection as long as its device asked for, and with it the subscriptions,
the messages half received and the commands unsent (4.1). A will waits out its delay here
(3.1.3.2.2). Time is an argument.
"""

from collections.abc import Callable
from math import inf
from typing import Final, Generic, Protocol, TypeVar, final

from egizcore.mqtt import packet as p
from egizcore.mqtt.connection import Origin
from egizcore.mqtt.memory import Budget, Memory, Outgoing, Tally
from egizcore.mqtt.reason import Reason
from egizcore.mqtt.server_session import ServerSession

T = TypeVar("T")

MAX_AWAY: Final = 16_384  # sessions without a connection; the longest away are forgotten, counted
WAITING_MESSAGES: Final = 1024  # for one device; the oldest go, counted, as with the next two
WAITING_BYTES: Final = 1024 * 1024  # for one device
ALL_BYTES: Final = 64 * 1024 * 1024  # for all devices together
WILL_BYTES: Final = 16 * 1024 * 1024  # wills that wait; one above it is published at once


class Client(Origin, Protocol[T]):
    """A device's connection."""

    @property
    def session(self) -> ServerSession[T]:
        """Its MQTT session."""

    @property
    def stalled(self) -> bool:
        """Does it not read what it is sent?"""

    def flush(self) -> None:
        """Send what its session has."""


@final
class Kept(Generic[T]):
    """A session: its state, and its connection or when it ends."""

    __slots__ = ("client", "ends_at", "memory", "will", "will_at")

    def __init__(self, client: Client[T], memory: Memory) -> None:
        self.client = client  # the connection, or the last one
        self.memory = memory
        self.ends_at = inf
        self.will: p.Will | None = None  # of a device that is away, and when it is due
        self.will_at = inf

    @property
    def due(self) -> float:
        """When something is to be done about a device that is away."""
        return min(self.ends_at, self.will_at)


@final
class Sessions(Generic[T]):
    """All sessions by client id.

    *publish* is called with each will that is due and the connection that left it. *takeovers*
    counts connections that another of the same id ended, *forgotten* sessions that had to go
    before their time.
    """

    __slots__ = (
        "_away",
        "_budget",
        "_connected",
        "_due",
        "_publish",
        "_tally",
        "_will_bytes",
        "forgotten",
        "takeovers",
    )

    def __init__(self, publish: Callable[[p.Will, Client[T]], None], tally: Tally) -> None:
        self._publish = publish
        self._tally = tally
        self._budget = Budget(ALL_BYTES)
        self._connected: dict[str, Kept[T]] = {}
        self._away: dict[str, Kept[T]] = {}  # at most MAX_AWAY, the longest away first
        self._due = inf  # no device that is away is due before
        self._will_bytes = 0
        self.takeovers = 0
        self.forgotten = 0

    @property
    def connected(self) -> int:
        """How many devices are connected."""
        return len(self._connected)

    @property
    def away(self) -> int:
        """How many sessions wait for their device."""
        return len(self._away)

    def find(self, client_id: str) -> tuple[Memory, Client[T] | None] | None:
        """The state of a session, and its connection unless the device is away."""
        kept = self._connected.get(client_id)
        if kept is not None:
            return kept.memory, kept.client
        kept = self._away.get(client_id)
        return None if kept is None else (kept.memory, None)

    def admit(
        self, client: Client[T], client_id: str, now: float, *, clean: bool
    ) -> tuple[Memory, bool]:
        """A device connects: give what is remembered of it, and was there anything?

        The wills of its former connection are published, or forgotten, by 3.1.2.5 and 3.1.3.2.2:
        a new connection in time, that goes on with the session, spares the will.
        """
        kept = self._former(client_id, now)
        if kept is not None:
            if not clean and now < kept.ends_at:
                self._spare(kept)
                kept.ends_at = inf
                kept.client = client
                self._connected[client_id] = kept
                return kept.memory, True
            self._end(kept)
        memory = Memory(
            Outgoing(self._tally, self._budget, messages=WAITING_MESSAGES, size=WAITING_BYTES)
        )
        self._connected[client_id] = Kept(client, memory)
        return memory, False

    def release(self, client: Client[T], now: float) -> bool:
        """A connection is closed; False if it was no session's any more."""
        kept = self._connected.get(client.client_id)
        if kept is None or kept.client is not client:
            return False
        del self._connected[client.client_id]
        self._leave(kept, now)
        if kept.ends_at <= now:
            self._end(kept)
            return True
        self._away[client.client_id] = kept
        self._due = min(self._due, kept.due)
        if len(self._away) > MAX_AWAY:
            self.forgotten += 1
            self._end(self._away.pop(next(iter(self._away))))
        return True

    def sweep(self, now: float) -> None:
        """Publish the wills and end the sessions whose time has come."""
        if now < self._due:
            return
        self._due = inf
        for client_id, kept in tuple(self._away.items()):
            if now >= kept.ends_at:
                del self._away[client_id]
                self._end(kept)
                continue
            if now >= kept.will_at:
                self._execute(kept)
            self._due = min(self._due, kept.due)

    def _former(self, client_id: str, now: float) -> Kept[T] | None:
        """The session of this id, taken out, without its connection."""
        kept = self._connected.pop(client_id, None)
        if kept is None:
            return self._away.pop(client_id, None)
        self.takeovers += 1
        kept.client.session.end(Reason.SESSION_TAKEN_OVER, "another device has this client id")
        kept.client.flush()
        self._leave(kept, now)
        return kept

    def _leave(self, kept: Kept[T], now: float) -> None:
        """The connection is over: from now the session's and the will's time runs."""
        session = kept.client.session
        kept.ends_at = now + session.expiry
        kept.will, session.will = session.will, None
        if kept.will is None:
            return
        self._will_bytes += len(kept.will.payload)
        kept.will_at = now + (kept.will.properties.will_delay_interval or 0)
        if kept.will_at <= now or self._will_bytes > WILL_BYTES:
            self._execute(kept)

    def _execute(self, kept: Kept[T]) -> None:
        """Publish the will, if there is one."""
        will = kept.will
        if will is not None:
            self._spare(kept)
            self._publish(will, kept.client)

    def _spare(self, kept: Kept[T]) -> None:
        """Forget the will."""
        if kept.will is not None:
            self._will_bytes -= len(kept.will.payload)
        kept.will = None
        kept.will_at = inf

    def _end(self, kept: Kept[T]) -> None:
        """The session ends, and its will is due however long its delay (3.1.2.5)."""
        self._execute(kept)
        kept.memory.outgoing.discard()
