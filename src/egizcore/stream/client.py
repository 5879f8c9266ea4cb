"""One client of the stream, without its socket: commands in, frames out, never too many."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, final

from egizcore.errors import EgizError, NotSubscribed, TooManySubscriptions
from egizcore.stream.audience import Audience, Interest, Selection
from egizcore.stream.command import (
    Command,
    CommandId,
    Ping,
    Refusal,
    Subscribe,
    Unsubscribe,
)
from egizcore.stream.conflation import Pending
from egizcore.stream.frame import frame
from egizcore.stream.hub import Hub
from egizcore.stream.snapshot import snapshot
from egizcore.thing import rfc3339

MAX_SUBSCRIPTIONS: Final = 1000
SLICE: Final = 64 * 1024
"""Bytes of a snapshot or of what was conflated that are made in one turn of the loop."""
_EVENTS: Final = 64
"""Conflated events that are made between two looks at the slice."""
_LOOK: Final = 16
"""What looking at one Thing counts as, in bytes of a slice: both take about as long."""

Message: TypeAlias = dict[str, Any]


@final
class Tally:
    """What all clients together were told; read at scrape."""

    __slots__ = ("clients", "conflated", "sent")

    def __init__(self) -> None:
        self.clients = 0
        self.sent = 0
        self.conflated = 0


@final
class Subscription:
    """One subscription of one client."""

    __slots__ = ("features", "name", "selection")

    def __init__(self, name: str, selection: Selection, features: frozenset[str] | None) -> None:
        self.name = name
        self.selection = selection
        self.features = features


@final
class Client:
    """Answers commands and passes on what the hub gathers.

    *write* takes bytes at once. When too much waits behind it, the owner calls ``paused``, and
    ``resumed`` when it has drained. From then until all is caught up the client is slow: what is
    new to it is conflated. Answers keep the order of the commands, one each.

    *again* asks the owner to call ``catch_up`` when ``Hub.later`` says so.
    """

    __slots__ = (
        "_again",
        "_has_left",
        "_hub",
        "_is_paused",
        "_names",
        "_pending",
        "_snapshot",
        "_tally",
        "_waits",
        "_waiting",
        "_write",
        "audience",
        "is_slow",
        "start",
        "subscriptions",
    )

    def __init__(
        self,
        hub: Hub,
        tally: Tally,
        write: Callable[[bytes], None],
        again: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._tally = tally
        self._write = write
        self._again = again
        self._names = 0
        self._is_paused = False
        self._has_left = False
        self._waits = False  # for its next turn to catch up
        self._pending = Pending()  # bounded by the parts of the Things it may see
        self._snapshot: Iterator[bytes] | None = None
        # Commands that wait for their turn, and an answer that waits for what is pending. The
        # owner reads no more while there are any, so these are of one slice of its reading.
        self._waiting: deque[Command | Refusal | Message] = deque()
        self.is_slow = False
        """Whether it has yet to catch up: events are conflated, not written."""
        self.subscriptions: dict[str, Subscription] = {}
        self.audience: Audience | None = None
        self.start = 0
        tally.clients += 1

    @property
    def reads(self) -> bool:
        """Whether the owner should read on; else commands and answers would pile up."""
        return not self._is_paused and not self._waiting

    @property
    def falls_behind(self) -> bool:
        """Whether it takes less than there is: what is new to it is conflated.

        A snapshot that is being told holds events back too, and alone makes no client slow.
        """
        return self._is_paused or bool(self._pending)

    def interests(self) -> frozenset[Interest]:
        """What it wants now."""
        return frozenset(
            Interest(one.selection, one.features) for one in self.subscriptions.values()
        )

    def leave(self) -> None:
        """The connection ends: what was gathered is written, and nothing after it."""
        if not self.is_slow:
            self._hub.settle(self)
        self._has_left = self.is_slow = True
        self._end(list(self.subscriptions))
        self._hub.move(self)
        self._waiting.clear()
        self._snapshot = None
        self._pending.sharers -= 1
        self._pending = Pending()
        self._tally.clients -= 1

    # In ---------------------------------------------------------------------------------------

    def receive(self, command: Command | Refusal) -> None:
        """One message of the client, as ``read_command`` read it."""
        self._waiting.append(command)
        if not self._waits and not self._is_paused:
            self.catch_up()

    def _follow(self, command: Command | Refusal | Message) -> int:
        """Do it and answer; what it took of the turn, in bytes of a slice."""
        match command:
            case Subscribe():
                return self._subscribe(command)
            case Unsubscribe():
                return self._unsubscribe(command)
            case Ping(command_id):
                return self._answer(_answered("Pong", command_id))
            case Refusal(command_id, error):
                return self._answer(_error(command_id, error))
            case message:
                return self._answer(message)

    def _must_wait(self, command: Command | Refusal | Message) -> bool:
        """Whether it comes after what is pending: events of another selection cannot overtake."""
        return bool(self._pending) and isinstance(command, Subscribe | dict)

    def _subscribe(self, command: Subscribe) -> int:
        key = command.selector.key
        subscription = self.subscriptions.get(key)
        if subscription is None:
            if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
                error = TooManySubscriptions(
                    f"A client has at most {MAX_SUBSCRIPTIONS} subscriptions."
                )
                return self._answer(_error(command.id, error))
            self._names += 1
            selection = self._hub.select(command.selector)
            subscription = Subscription(f"s{self._names}", selection, command.features)
            self.subscriptions[key] = subscription
        subscription.features = command.features
        bus = self._hub.store.bus
        size = self._answer(
            _answered("Subscribed", command.id)
            | {"subscription": subscription.name, "epoch": bus.epoch, "seq": bus.seq}
        )
        self._hub.move(self)
        if command.snapshot:
            self.is_slow = True
            self._snapshot = snapshot(
                [thing.frozen() for thing in self._hub.matching(subscription.selection)],
                subscription.features,
                subscription=subscription.name,
                epoch=bus.epoch,
                seq=bus.seq,
            )
        if command.snapshot or subscription.selection.is_dynamic:
            size += len(self._hub.store.things) * _LOOK  # each was looked at
        return size

    def _unsubscribe(self, command: Unsubscribe) -> int:
        keys = [
            key
            for key, one in self.subscriptions.items()
            if command.key in (None, key) and command.subscription in (None, one.name)
        ]
        if not keys and (command.key is not None or command.subscription is not None):
            return self._answer(_error(command.id, NotSubscribed("There is no such subscription.")))
        names = [self.subscriptions[key].name for key in keys]
        answer = _answered("Unsubscribed", command.id) | {"subscriptions": names}
        self._hub.settle(self)
        self._end(keys)
        self._hub.move(self)
        if self._pending:  # it ends now, so that a slow client can catch up; then this is told
            self._waiting.appendleft(answer)
            return 0
        return self._answer(answer)

    def _end(self, keys: list[str]) -> None:
        for key in keys:
            self._hub.release(self.subscriptions.pop(key).selection)

    # Out --------------------------------------------------------------------------------------

    def deliver(self, frames: list[bytes], joined: bytes) -> None:
        """Frames of events, from the hub."""
        if not self.is_slow:
            self._write(joined)
            self._tally.sent += len(frames)
        elif not self._has_left:
            self._own()
            self._note(frames)

    def miss(self, frames: list[bytes], missed: Pending | None) -> Pending | None:
        """All frames of a flush, from the hub, while it is slow; see ``Member``."""
        if self._has_left:
            return missed
        if self._is_paused and not self._pending:
            if missed is not None:
                missed.sharers += 1
                self._pending = missed
                return missed
            missed = self._pending = Pending()
        if self._pending.newest is not frames:
            self._pending.newest = frames
            self._note(frames)
        return missed

    def _note(self, frames: list[bytes]) -> None:
        events = self._hub.events
        for one in frames:
            self._pending.add(events[id(one)])

    def _own(self) -> None:
        """Share what it missed no longer."""
        if self._pending.sharers > 1:
            self._pending.sharers -= 1
            self._pending = self._pending.copy()

    def heartbeat(self, at: int) -> None:
        """Tell the time and the newest seq. Not to a slow client: it was not told all up to it."""
        bus = self._hub.store.bus
        self._answer(
            {"event": "Heartbeat", "timestamp": rfc3339(at)} | {"epoch": bus.epoch, "seq": bus.seq}
        )

    def paused(self) -> None:
        """Too much waits behind *write*."""
        self._is_paused = self.is_slow = True

    def resumed(self) -> None:
        """It has drained."""
        self._is_paused = False
        if not self._waits:
            self._ask_again()

    def catch_up(self) -> None:
        """Write a slice of what is owed: a snapshot first, then answers, then what was conflated.

        A command that changes what is selected waits for what is pending, so each event comes
        before the answer that ends, and after the answer that begins, its subscription.
        """
        self._waits = False
        if self._has_left or self._is_paused:
            return
        self._own()
        self._hub.settle(self)
        self._write_slice()

    def _write_slice(self) -> None:
        left = SLICE
        while left > 0 and not self._is_paused:
            if self._snapshot is not None:
                left -= self._tell_snapshot(self._snapshot)
            elif self._waiting and not self._must_wait(self._waiting[0]):
                left -= self._follow(self._waiting.popleft())
            elif self._pending:
                left -= self._tell_pending()
            else:
                break
        self.is_slow = self._is_paused or self._snapshot is not None or bool(self._pending)
        if not self._is_paused and (left <= 0 or self.is_slow or self._waiting):
            self._ask_again()

    def _ask_again(self) -> None:
        self._waits = True
        self._again()

    def _tell_snapshot(self, parts: Iterator[bytes]) -> int:
        part = next(parts, None)
        if part is None:
            self._snapshot = None
            return 0
        self._write(part)
        return len(part)

    def _tell_pending(self) -> int:
        frames: list[bytes] = []
        for event in self._pending.take(_EVENTS, self._hub.store):
            frames.append(frame(event))
            self._tally.conflated += event.conflated - 1
        joined = b"".join(frames)
        self._write(joined)
        self._tally.sent += len(frames)
        return len(joined)

    def _answer(self, message: Message) -> int:
        self._hub.settle(self)
        data = frame(message)
        self._write(data)
        return len(data)


def _answered(event: str, command_id: CommandId) -> Message:
    return {"event": event} if command_id is None else {"event": event, "id": command_id}


def _error(command_id: CommandId, error: EgizError) -> Message:
    message = _answered("Error", command_id) | {
        "code": error.code,
        "message": error.detail,
        "hint": error.hint,
    }
    if error.faults:
        message["errors"] = [
            {"pointer": fault.pointer, "message": fault.message} for fault in error.faults
        ]
    return message
