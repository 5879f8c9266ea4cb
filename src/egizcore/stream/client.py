"""One client of the stream, without its socket: commands in, frames out, never too many."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, final

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
from egizcore.thing.moment import rfc3339

MAX_SUBSCRIPTIONS: Final = 1000
SLICE: Final = 64 * 1024
"""Bytes of a snapshot or of what was conflated that are made in one turn of the loop."""
_EVENTS: Final = 64
"""Conflated events that are made between two looks at the slice."""


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

    def __init__(
        self, name: str, selection: Selection, features: frozenset[str] | None
    ) -> None:
        self.name = name
        self.selection = selection
        self.features = features


@final
class Client:
    """Answers commands and passes on what the hub gathers.

    *write* takes bytes at once. When too much waits behind it, the owner calls ``paused``, and
    ``resumed`` when it has drained. From then until all is caught up the client is slow: what is
    new to it is conflated, its commands wait, and the owner should read no more from it.

    *again* asks the owner to call ``catch_up`` in a later turn of the loop.
    """

    __slots__ = (
        "_again",
        "_commands",
        "_hub",
        "_is_paused",
        "_names",
        "_pending",
        "_snapshots",
        "_tally",
        "_write",
        "audience",
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
        self._pending = Pending()  # bounded by the parts of the Things it may see
        self._snapshots: deque[Iterator[bytes]] = deque()  # one, since commands wait for it
        # Of the socket reads before reading stopped, which is when it became slow.
        self._commands: deque[Command | Refusal] = deque()
        self.subscriptions: dict[str, Subscription] = {}
        self.audience: Audience | None = None
        self.start = 0
        tally.clients += 1

    @property
    def is_slow(self) -> bool:
        """Whether it has yet to catch up."""
        return self._is_paused or bool(self._snapshots) or bool(self._pending)

    def interests(self) -> frozenset[Interest]:
        """What it wants now."""
        return frozenset(
            Interest(one.selection, one.features) for one in self.subscriptions.values()
        )

    def leave(self) -> None:
        """The connection ended."""
        self._end(list(self.subscriptions))
        self._hub.move(self)
        self._commands.clear()
        self._tally.clients -= 1

    # In ---------------------------------------------------------------------------------------

    def receive(self, command: Command | Refusal) -> None:
        """One message of the client, as ``read_command`` read it."""
        if self.is_slow or self._commands:
            self._commands.append(command)
        else:
            self._follow(command)

    def _follow(self, command: Command | Refusal) -> None:
        match command:
            case Refusal(command_id, error):
                self._answer(_error(command_id, error))
            case Ping(command_id):
                self._answer(_answered("Pong", command_id))
            case Subscribe():
                self._subscribe(command)
            case Unsubscribe():
                self._unsubscribe(command)

    def _subscribe(self, command: Subscribe) -> None:
        key = command.selector.key
        subscription = self.subscriptions.get(key)
        if subscription is None:
            if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
                error = TooManySubscriptions(
                    f"A client has at most {MAX_SUBSCRIPTIONS} subscriptions."
                )
                self._answer(_error(command.id, error))
                return
            self._names += 1
            selection = self._hub.select(command.selector)
            subscription = Subscription(f"s{self._names}", selection, command.features)
            self.subscriptions[key] = subscription
        subscription.features = command.features
        bus = self._hub.store.bus
        self._answer(
            _answered("Subscribed", command.id)
            | {"subscription": subscription.name, "epoch": bus.epoch, "seq": bus.seq}
        )
        self._hub.move(self)
        if command.snapshot:
            self._snapshots.append(
                snapshot(
                    [thing.frozen() for thing in self._hub.matching(subscription.selection)],
                    subscription.features,
                    subscription=subscription.name,
                    epoch=bus.epoch,
                    seq=bus.seq,
                )
            )
            self.catch_up()

    def _unsubscribe(self, command: Unsubscribe) -> None:
        keys = [
            key
            for key, one in self.subscriptions.items()
            if command.key in (None, key) and command.subscription in (None, one.name)
        ]
        if not keys and (command.key is not None or command.subscription is not None):
            self._answer(_error(command.id, NotSubscribed("There is no such subscription.")))
            return
        names = [self.subscriptions[key].name for key in keys]
        self._answer(_answered("Unsubscribed", command.id) | {"subscriptions": names})
        self._end(keys)
        self._hub.move(self)

    def _end(self, keys: list[str]) -> None:
        for key in keys:
            self._hub.release(self.subscriptions.pop(key).selection)

    # Out --------------------------------------------------------------------------------------

    def deliver(self, frames: list[bytes], joined: bytes) -> None:
        """Frames of events, from the hub."""
        if self.is_slow:
            events = self._hub.events
            for one in frames:
                self._pending.add(events[id(one)])
        else:
            self._write(joined)
            self._tally.sent += len(frames)

    def heartbeat(self, at: int) -> None:
        """Tell the time and the newest seq; a slow client was not told all up to it, so not it."""
        if not self.is_slow:
            bus = self._hub.store.bus
            self._answer(
                {"event": "Heartbeat", "timestamp": rfc3339(at)}
                | {"epoch": bus.epoch, "seq": bus.seq}
            )

    def paused(self) -> None:
        """Too much waits behind *write*."""
        self._is_paused = True

    def resumed(self) -> None:
        """It has drained."""
        self._is_paused = False
        self.catch_up()

    def catch_up(self) -> None:
        """Write a slice of what is owed: snapshots first, then what was conflated, then answers."""
        self._hub.settle(self)
        left = SLICE
        while self._snapshots and left > 0 and not self._is_paused:
            part = next(self._snapshots[0], None)
            if part is None:
                self._snapshots.popleft()
            else:
                self._write(part)
                left -= len(part)
        while self._pending and not self._snapshots and left > 0 and not self._is_paused:
            left -= self._tell_pending()
        while self._commands and not self.is_slow:
            self._follow(self._commands.popleft())
        if self.is_slow and not self._is_paused:
            self._again()

    def _tell_pending(self) -> int:
        frames: list[bytes] = []
        for event in self._pending.take(_EVENTS, self._hub.store):
            frames.append(frame(event))
            self._tally.conflated += event.conflated - 1
        joined = b"".join(frames)
        self._write(joined)
        self._tally.sent += len(frames)
        return len(joined)

    def _answer(self, message: dict[str, Any]) -> None:
        self._hub.settle(self)
        self._write(frame(message))


def _answered(event: str, command_id: CommandId) -> dict[str, Any]:
    return {"event": event} if command_id is None else {"event": event, "id": command_id}


def _error(command_id: CommandId, error: EgizError) -> dict[str, Any]:
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
