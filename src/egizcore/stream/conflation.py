"""What a slow client missed: only which part changed, how often, and when last.

When it drains it gets the present state of each, in the order of their newest ``seq``, and the
counts add up exactly (contract.md, section 3, Slow clients).
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import final

from egizcore.state import Store
from egizcore.thing import (
    DesiredStateChanged,
    Event,
    FeatureDeleted,
    StateChanged,
    Thing,
    ThingCreated,
    ThingDeleted,
    ThingUpdated,
)


@final
class _Entry:
    """One part of one Thing; *event* is its newest, *count* how many it stands for."""

    __slots__ = ("count", "event", "feature", "kind", "next")

    def __init__(self, kind: type[Event], feature: str | None, event: Event, count: int) -> None:
        self.kind = kind
        self.feature = feature
        self.event = event
        self.count = count
        self.next: _Entry | None = None  # of the same Thing


@final
class Pending:
    """The parts that changed, oldest newest first. At most a handful for each part of a Thing.

    Clients of one audience that fall behind at the same flush have missed the same: they share
    one of these, until they catch up.
    """

    __slots__ = ("_first", "_order", "newest", "sharers")

    def __init__(self) -> None:
        self._order: dict[_Entry, None] = {}
        self._first: dict[str, _Entry] = {}
        self.sharers = 1
        self.newest: list[bytes] | None = None  # the frames of the last flush that it has seen

    def __len__(self) -> int:
        return len(self._order)

    def add(self, event: Event) -> None:
        """One more event that the client could not be told."""
        kind = type(event)
        feature: str | None = getattr(event, "feature", None)
        if kind is ThingDeleted:
            self._replace(event, feature, lambda _: True)
            return
        entry = self._find(event.thingId, ThingCreated, None)  # it carries the newest Thing
        if entry is None:
            if kind is FeatureDeleted:
                self._replace(event, feature, lambda one: one.feature == feature)
                return
            entry = self._find(event.thingId, kind, feature)
        if entry is None:
            self._append(_Entry(kind, feature, event, 1))
            return
        entry.count += 1
        entry.event = event
        del self._order[entry]
        self._order[entry] = None

    def copy(self) -> "Pending":
        """The same for one client alone."""
        twin = Pending()
        for one in self._order:
            twin._append(_Entry(one.kind, one.feature, one.event, one.count))
        return twin

    def take(self, most: int, store: Store) -> Iterator[Event]:
        """Remove up to *most* of them and give each as an event with the present state."""
        for entry in list(islice(self._order, most)):
            self._remove(entry)
            yield _told(entry, store)

    def _find(self, thing_id: str, kind: type[Event], feature: str | None) -> _Entry | None:
        entry = self._first.get(thing_id)
        while entry is not None and (entry.kind is not kind or entry.feature != feature):
            entry = entry.next
        return entry

    def _replace(self, event: Event, feature: str | None, covers: Callable[[_Entry], bool]) -> None:
        """Let *event* take the place of all of its Thing's entries that it *covers*."""
        count = 1
        entry = self._first.get(event.thingId)
        while entry is not None:
            following = entry.next
            if covers(entry):
                count += entry.count
                self._remove(entry)
            entry = following
        self._append(_Entry(type(event), feature, event, count))

    def _append(self, entry: _Entry) -> None:
        self._order[entry] = None
        thing_id = entry.event.thingId
        entry.next = self._first.get(thing_id)
        self._first[thing_id] = entry

    def _remove(self, entry: _Entry) -> None:
        del self._order[entry]
        thing_id = entry.event.thingId
        first = self._first[thing_id]
        if first is entry:
            if entry.next is None:
                del self._first[thing_id]
            else:
                self._first[thing_id] = entry.next
            return
        while first.next is not None and first.next is not entry:
            first = first.next
        first.next = entry.next


def _told(entry: _Entry, store: Store) -> Event:
    """The event for *entry*: the newest version, time and seq, with the state as it is now.

    What has gone meanwhile is told as gone. Nobody else would tell it: where the client selects
    the part still, its deletion has taken the entry's place.
    """
    newest, count = entry.event, entry.count
    told = (newest.version, newest.timestamp, newest.seq)
    thing_id = newest.thingId
    thing = store.things.get(thing_id)
    if thing is None or entry.kind is ThingDeleted:
        return ThingDeleted(thing_id, *told, conflated=count)
    if entry.feature is not None:
        return _told_feature(entry, entry.feature, thing)
    document = thing.document()
    if entry.kind is ThingCreated:
        return ThingCreated(thing_id, document, *told, conflated=count)
    changed = {name: document[name] for name in ("type", "metadata", "relationships")}
    return ThingUpdated(thing_id, changed, *told, conflated=count)


def _told_feature(entry: _Entry, name: str, thing: Thing) -> Event:
    newest, count = entry.event, entry.count
    told = (newest.version, newest.timestamp, newest.seq)
    feature = thing.features.get(name)
    if feature is None or entry.kind is FeatureDeleted:
        return FeatureDeleted(thing.id, name, *told, conflated=count)
    if isinstance(newest, StateChanged):
        return StateChanged(thing.id, name, feature.properties, *told, newest.quality, count)
    return DesiredStateChanged(thing.id, name, feature.desired_state, *told, conflated=count)
