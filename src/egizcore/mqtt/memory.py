"""What a session remembers beyond its connection (MQTT 5, section 4.1; 3.1.1, section 3.1.2.4).

Both roles have the same: which QoS 2 messages of the peer are half received, and which
publications of ours the peer has not confirmed. A server also keeps the subscriptions. All of it
is bounded, whatever the peer does.
"""

from collections.abc import Callable, Container
from typing import Final, NamedTuple, final

from egizcore.mqtt.topic import matches

MAX_SUBSCRIPTIONS: Final = 1024  # of one device: a gateway has one for each behind it
OVERHEAD: Final = 256  # bytes that a publication takes beside its payload
_LAST_ID: Final = 65_535


@final
class Message(NamedTuple):
    """A publication of QoS 1; *identifiers* are those of the subscriptions that select it."""

    topic: str
    payload: bytes
    retain: bool = False
    identifiers: tuple[int, ...] = ()


@final
class Grant(NamedTuple):
    """A subscription that we granted, at QoS 0 or 1."""

    qos: int
    identifier: int | None = None


@final
class Identifiers:
    """A set of packet identifiers: 8 KiB at most, and nothing while it is empty."""

    __slots__ = ("_bits", "count")

    def __init__(self) -> None:
        self._bits: bytearray | None = None
        self.count = 0

    def __contains__(self, number: int) -> bool:
        bits = self._bits
        return bits is not None and bool(bits[number >> 3] & 1 << (number & 7))

    def add(self, number: int) -> None:
        """Put *number* in."""
        if number in self:
            return
        if self._bits is None:
            self._bits = bytearray((_LAST_ID >> 3) + 1)
        self._bits[number >> 3] |= 1 << (number & 7)
        self.count += 1

    def discard(self, number: int) -> bool:
        """Take *number* out; was it in?"""
        if self._bits is None or number not in self:
            return False
        self._bits[number >> 3] ^= 1 << (number & 7)
        self.count -= 1
        if not self.count:
            self._bits = None
        return True

    def clear(self) -> None:
        """Take all out."""
        self._bits = None
        self.count = 0


@final
class Tally:
    """Whom to tell what became of the publications: confirmed by the peer, or given up."""

    __slots__ = ("acknowledged", "dropped")

    def __init__(self, acknowledged: Callable[[], None], dropped: Callable[[int], None]) -> None:
        self.acknowledged = acknowledged
        self.dropped = dropped


@final
class Budget:
    """Bytes that the publications of many sessions may take together."""

    __slots__ = ("size", "used")

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0

    @property
    def overdrawn(self) -> bool:
        """Do they take more?"""
        return self.used > self.size


@final
class Outgoing:
    """Publications of QoS 1 on their way to the peer, in order (4.3.2, 4.4, 4.6).

    Some are in flight, at most a window that the session gives; the others wait. Past *messages*
    or *size* bytes, or with an overdrawn *budget*, the oldest that wait are dropped, all but the
    newest: of commands that one counts.
    """

    __slots__ = (
        "_again",
        "_budget",
        "_bytes",
        "_flight",
        "_id",
        "_messages",
        "_size",
        "_tally",
        "_waiting",
    )

    def __init__(self, tally: Tally, budget: Budget, *, messages: int, size: int) -> None:
        self._tally = tally
        self._budget = budget
        self._messages = messages
        self._size = size
        self._bytes = 0  # of all that is here
        self._id = 0
        self._flight: dict[int, Message] = {}  # at most the window; identifier → message
        self._again: list[int] = []  # of these, what this connection has not seen yet
        self._waiting: list[Message] = []  # at most `messages` and `size`, the oldest go, counted

    @property
    def in_flight(self) -> int:
        """How many were sent on this connection and are not confirmed."""
        return len(self._flight) - len(self._again)

    @property
    def idle(self) -> bool:
        """Is nothing left to be sent?"""
        return not self._waiting and not self._again

    def put(self, message: Message) -> None:
        """Let *message* wait for its turn."""
        waiting = self._waiting
        waiting.append(message)
        self._charge(message)
        lost = 0
        while len(waiting) > 1 and (
            len(waiting) > self._messages or self._bytes > self._size or self._budget.overdrawn
        ):
            self._release(waiting.pop(0))
            lost += 1
        if lost:
            self._tally.dropped(lost)

    def _charge(self, message: Message) -> None:
        cost = len(message.payload) + OVERHEAD
        self._bytes += cost
        self._budget.used += cost

    def _release(self, message: Message) -> None:
        cost = len(message.payload) + OVERHEAD
        self._bytes -= cost
        self._budget.used -= cost

    def take(self, reserved: Container[int] = ()) -> tuple[int, Message, bool]:
        """What is to be sent next: its identifier, itself, and was it sent before?

        A new one gets an identifier that is not *reserved*.
        """
        if self._again:
            number = self._again.pop(0)
            return number, self._flight[number], True
        message = self._waiting.pop(0)
        number = self.next_id(reserved)
        self._flight[number] = message
        return number, message, False

    def next_id(self, reserved: Container[int] = ()) -> int:
        """An identifier that is not in use (2.2.1)."""
        while True:
            self._id = self._id % _LAST_ID + 1
            if self._id not in self._flight and self._id not in reserved:
                return self._id

    def resume(self) -> None:
        """A new connection of the same session: all in flight goes out again (MQTT-4.4.0-1)."""
        self._again = list(self._flight)

    def knows(self, number: int) -> bool:
        """Is *number* in flight?"""
        return number in self._flight

    def confirm(self, number: int, *, taken: bool = True) -> None:
        """The peer answered; unless *taken*, it refused. An unknown number changes nothing."""
        message = self._flight.pop(number, None)
        if message is None:
            return
        self._release(message)
        if number in self._again:
            self._again.remove(number)
        if taken:
            self._tally.acknowledged()
        else:
            self._tally.dropped(1)

    def restart(self) -> None:
        """The peer knows nothing of what is in flight: all of it waits again, first in order."""
        self._waiting[:0] = self._flight.values()
        self._flight.clear()
        self._again.clear()

    def discard(self) -> None:
        """The session ends: what was not confirmed is given up."""
        lost = len(self._flight) + len(self._waiting)
        self._flight.clear()
        self._again.clear()
        self._waiting.clear()
        self._budget.used -= self._bytes
        self._bytes = 0
        if lost:
            self._tally.dropped(lost)


@final
class Memory:
    """The state of one session."""

    __slots__ = ("_wild", "outgoing", "received", "subscriptions")

    def __init__(self, outgoing: Outgoing) -> None:
        self.outgoing = outgoing
        self.received = Identifiers()  # QoS 2 messages whose PUBREL has not come
        self.subscriptions: dict[str, Grant] = {}  # at most MAX_SUBSCRIPTIONS; more are refused
        self._wild: set[str] = set()  # of these, the filters with wildcards

    def subscribe(self, filter: str, grant: Grant) -> bool:
        """Note a subscription, in place of an older one; False if there is no room for it."""
        if filter not in self.subscriptions and len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            return False
        self.subscriptions[filter] = grant
        if "+" in filter or "#" in filter:
            self._wild.add(filter)
        return True

    def unsubscribe(self, filter: str) -> bool:
        """Forget a subscription; was there one?"""
        self._wild.discard(filter)
        return self.subscriptions.pop(filter, None) is not None

    def granted(self, topic: str) -> tuple[int, tuple[int, ...]] | None:
        """The highest QoS and the identifiers of the subscriptions that select *topic*, if any do.

        Exact filters, as nearly all are, cost one look-up.
        """
        exact = self.subscriptions.get(topic)
        found = [] if exact is None else [exact]
        found += [self.subscriptions[name] for name in self._wild if matches(name, topic)]
        if not found:
            return None
        identifiers = tuple(one.identifier for one in found if one.identifier is not None)
        return max(one.qos for one in found), identifiers
