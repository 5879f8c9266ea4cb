"""The synchronous bus: whoever changes the state publishes, and all listeners hear it at once."""

from collections.abc import Callable
from typing import TypeAlias, final

from egizcore.thing import EVENTS, Event, StateChanged, Thing

Listener: TypeAlias = Callable[[Event, Thing | None, Thing | None], None]
"""Called with the event, the Thing before and the Thing after it: None before its creation and
after its deletion. Both are the same object where only features changed."""


@final
class Bus:
    """Numbers the events of this process and hands them on.

    A listener runs inside the change: it never awaits, never changes the state and never raises.
    It keeps no Thing beyond the call, since Things change in place; what it keeps of an event is
    never changed by anyone.
    """

    __slots__ = ("_counts", "_rare", "epoch", "listeners", "seq")

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch  # names this life of the process
        self.seq = 0  # of the newest event, +1 with each whether or not anyone listens
        self.listeners: tuple[Listener, ...] = ()
        self._rare: tuple[Listener, ...] = ()
        self._counts: dict[type[Event], int] = {
            kind: 0 for kind in EVENTS if kind is not StateChanged
        }

    def attach(self, listener: Listener) -> None:
        """From now on *listener* hears each event, after those that were attached before."""
        self.listeners = (*self.listeners, listener)

    def attach_rare(self, listener: Listener) -> None:
        """From now on *listener* hears each event but StateChanged, after all others.

        Nearly all events are StateChanged: one who can do without costs the hot path nothing.
        """
        self._rare = (*self._rare, listener)

    def detach(self, listener: Listener) -> None:
        """The opposite; nothing if it is not attached."""
        self.listeners = tuple(one for one in self.listeners if one != listener)

    def publish(self, event: Event, before: Thing | None, after: Thing | None) -> None:
        """Hand *event*, which took the present ``seq``, to every listener."""
        kind = type(event)
        if kind is not StateChanged:
            self._counts[kind] += 1
        for listener in self.listeners:
            listener(event, before, after)
        if kind is not StateChanged:
            for listener in self._rare:
                listener(event, before, after)

    def counts(self) -> dict[str, int]:
        """Events so far by name. Nearly all are StateChanged, so these are what is left."""
        counts = {kind.__name__: count for kind, count in self._counts.items()}
        return {StateChanged.__name__: self.seq - sum(counts.values()), **counts}
