"""THE dict: every Thing by its id, and the only code that changes one (FR-1.4, FR-2)."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, final

import msgspec

from egizcore.bus import Bus
from egizcore.errors import LimitExceeded
from egizcore.state.index import Index
from egizcore.state.settings import LimitSettings
from egizcore.thing import (
    FAR,
    NEVER,
    Desired,
    DesiredStateChanged,
    Dropped,
    Feature,
    FeatureDeleted,
    Members,
    Part,
    Reported,
    StateChanged,
    Thing,
    ThingCreated,
    ThingDeleted,
    ThingUpdated,
    rfc3339,
)

JsonObject: TypeAlias = dict[str, Any]

DESIRED: Final = "desiredState"
WRAPPERS: Final = frozenset({"properties", DESIRED})
"""Members of a feature's document, which telemetry wraps properties in or ignores. A Thing with
properties of these names, or with a feature ``desiredState``, takes the careful road always: only
there the two are told apart."""

GROWTH: Final = 4
"""A byte of a payload is at most four as we write it: ``1e15,`` is ``1000000000000000.0,``."""

MAX_GRAVES: Final = 100_000
"""Deleted Things whose last version is remembered."""

Record: TypeAlias = Callable[[Thing, str, Feature, int], None]
"""Told that a feature, by name, has properties of a time that history wants; sets ``due``."""
RecordLate: TypeAlias = Callable[[Thing, str, JsonObject, int], None]
"""Told of a sample that came too late for the live state: its patch and its time."""

_encoder: Final = msgspec.json.Encoder()


def _unrecorded(thing: Thing, name: str, what: object, at: int) -> None:
    """Nobody keeps history."""


@final
class Store:
    """Holds the live state. Every method is synchronous and happens wholly or not at all.

    No task can see a half-merged Thing, so there is no lock: one event loop owns the store
    (contract.md, section 9). Each change is one version of its Thing, one ``seq`` of the bus and
    one event, published before the next part of the same step is applied.
    """

    __slots__ = (
        "_first",
        "_floor",
        "_graves",
        "_limits",
        "_most_graves",
        "_record",
        "_size",
        "applied",
        "bus",
        "index",
        "late",
        "nesting",
        "record_late",
        "things",
        "unchanged",
    )

    def __init__(self, bus: Bus, limits: LimitSettings) -> None:
        self.bus = bus
        self.index = Index()
        self.things: dict[str, Thing] = {}
        self._limits = limits
        self._size = int(limits.thing)
        self.nesting = limits.nesting  # whoever reads documents holds to it
        # Versions of deleted Things, oldest first. An evicted one raises the floor of all.
        self._most_graves = MAX_GRAVES
        self._graves: dict[str, int] = {}
        self._floor = 0
        self._first = FAR  # from when on history wants what a new feature reports
        self._record: Record = _unrecorded
        self.record_late: RecordLate = _unrecorded
        self.applied = 0  # parts, read at scrape
        self.unchanged = 0
        self.late = 0

    def record_with(self, record: Record, late: RecordLate) -> None:
        """From now on *record* hears of each feature that is due, at first at its first report.

        To be called before there is any Thing.
        """
        self._first = NEVER
        self._record = record
        self.record_late = late

    # The hot road ---------------------------------------------------------------------------

    def report(
        self, thing: Thing, reading: dict[str, JsonObject], size: int, at: int, timestamp: str
    ) -> bool:
        """Merge a *flat* reading into *thing* and publish what came of it.

        *reading* is feature → property → scalar, list, or object of scalars and lists: no
        ``null`` that deletes and nothing deeper. *size* is its length in bytes, *timestamp* the
        text of *at*.

        False, and nothing done, when the reading is no plain update of what is there: a new
        feature or name, an empty one, or a size that must be measured. The caller then goes by
        ``commit``, which checks all of that.

        Never awaits: no task can see a half-merged Thing.
        """
        room = thing.room - size * GROWTH
        if room < 0:
            return False
        found: list[Feature] = []
        merged: list[JsonObject] = []
        for name, patch in reading.items():
            if name == thing.last_name:
                feature = thing.last
            else:
                feature = thing.features.get(name)
                if feature is not None:
                    thing.last, thing.last_name = feature, name
            if feature is None or not patch:
                return False
            new = _merged(feature.properties, patch)
            if new is None:
                return False
            found.append(feature)
            merged.append(new)
        if not merged:
            return False
        thing.room = room
        bus = self.bus
        listeners = bus.listeners
        for index, name in enumerate(reading):  # to zip costs more (make bench, flood)
            if thing.still is not None:
                thing.keep_still()
            feature = found[index]
            feature.properties = merged[index]
            feature.reported_at = at
            if at >= feature.due:
                self._record(thing, name, feature, at)
            thing.version = version = thing.version + 1
            bus.seq = seq = bus.seq + 1
            if listeners:
                event = StateChanged(thing.id, name, reading[name], version, timestamp, seq)
                for listener in listeners:
                    listener(event, thing, thing)
        self.applied += len(merged)
        return True

    # The careful road -----------------------------------------------------------------------

    def check(self, thing: Thing, parts: Sequence[Part]) -> int:
        """The bytes that *thing* has left once *parts* are applied.

        Raises:
            LimitExceeded: it would be larger than a limit allows.
        """
        after = thing.copy()
        for part in parts:
            after = _apply(after, part, 0, FAR)
        limits = self._limits
        if len(after.features) > limits.features:
            raise LimitExceeded(f"A Thing has at most {limits.features} features.")
        if len(after.relationships) > limits.relationships:
            raise LimitExceeded(f"A Thing has at most {limits.relationships} relationships.")
        for name, feature in after.features.items():
            if max(len(feature.properties), len(feature.desired_state)) > limits.properties:
                raise LimitExceeded(
                    f"Feature {name!r} would have more than {limits.properties} properties."
                )
        size = len(_encoder.encode(after.document()))
        if size > self._size:
            raise LimitExceeded(f"The Thing would have {size} bytes as JSON, over {self._size}.")
        if DESIRED in after.features or any(
            not WRAPPERS.isdisjoint(one.properties) for one in after.features.values()
        ):
            return -1
        return self._size - size

    def room(self, thing: Thing, parts: Sequence[Reported], size: int | None) -> int:
        """As ``check``, but without measuring where *size* bytes surely fit.

        They do where they add no feature and no property, and ``room`` is left: a clock or a
        ``null`` in the payload should not cost the Thing's encoding
        (``tests/bench/test_intake.py``).
        """
        room = -1 if size is None else thing.room - size * GROWTH
        if room < 0:
            return self.check(thing, parts)
        for part in parts:
            feature = thing.features.get(part.feature)
            if feature is None or not part.properties.keys() <= feature.properties.keys():
                return self.check(thing, parts)
        return room

    def commit(
        self, thing: Thing, parts: Sequence[Part], room: int, at: int, *, quality: str | None = None
    ) -> Thing:
        """Apply *parts*, which ``check`` found to leave *room*, each a version and an event.

        Gives the Thing as it is registered afterwards: a change of its own members makes a new
        object, so that listeners can compare both.
        """
        for part in parts:
            before = thing
            before.keep_still()
            thing = _apply(before, part, at, self._first)
            thing.version += 1
            if thing is not before:
                self.things[thing.id] = thing
                self.index.replace(before, thing)
            thing.room = room
            self.applied += 1
            if type(part) is Reported:
                feature = thing.features[part.feature]
                if at >= feature.due:
                    self._record(thing, part.feature, feature, at)
            self._publish(before, thing, part, at, quality)
            if thing is not before:
                before.retire()
        return thing

    def insert(self, thing: Thing) -> None:
        """Register a Thing that does not exist, with what it has; its version is set here.

        Raises:
            LimitExceeded: it is larger than a limit allows.
        """
        thing.room = self.check(thing, [])
        thing.version = self._graves.pop(thing.id, self._floor) + 1
        self.things[thing.id] = thing
        self.index.add(thing)
        for name, feature in thing.features.items():
            feature.due = self._first
            if feature.reported_at >= feature.due:
                self._record(thing, name, feature, feature.reported_at)
        self.bus.seq += 1
        self.bus.publish(
            ThingCreated(
                thing.id,
                thing.document(),
                thing.version,
                rfc3339(thing.created_at),
                self.bus.seq,
            ),
            None,
            thing,
        )

    def remove(self, thing: Thing, at: int) -> None:
        """Delete *thing*. Its deletion is a version: a Thing of this id begins above it."""
        del self.things[thing.id]
        self.index.remove(thing)
        version = thing.version + 1
        self._bury(thing.id, version)
        self.bus.seq += 1
        self.bus.publish(ThingDeleted(thing.id, version, rfc3339(at), self.bus.seq), thing, None)
        thing.retire()

    def _bury(self, thing_id: str, version: int) -> None:
        self._graves[thing_id] = version
        if len(self._graves) > self._most_graves:
            evicted = next(iter(self._graves))
            self._floor = max(self._floor, self._graves.pop(evicted))

    def _publish(
        self, before: Thing, thing: Thing, part: Part, at: int, quality: str | None
    ) -> None:
        bus = self.bus
        bus.seq += 1
        if not bus.listeners and type(part) is Reported:
            return
        told = (thing.version, rfc3339(at), bus.seq)
        match part:
            case Reported():
                event: Any = StateChanged(thing.id, part.feature, part.patch, *told, quality)
            case Desired():
                event = DesiredStateChanged(thing.id, part.feature, part.patch, *told)
            case Dropped():
                event = FeatureDeleted(thing.id, part.feature, *told)
            case Members():
                event = ThingUpdated(thing.id, part.changed, *told)
        bus.publish(event, before, thing)


def _merged(old: JsonObject, patch: JsonObject) -> JsonObject | None:
    """*old* with a flat *patch* merged in; None where that brings a new name.

    Names that are there were checked when they came. A device mostly names the same ones again:
    then what it says takes the place of what was, and nothing is copied.
    """
    new = patch if len(patch) == len(old) else old | patch
    for key, value in patch.items():
        below = old.get(key)
        if below is None:
            return None
        if type(value) is dict:
            if type(below) is not dict:
                return None
            if len(value) == len(below):
                for name in value:
                    if name not in below:
                        return None
            else:
                joined = below | value
                if len(joined) != len(below):
                    return None
                if new is patch:  # which is the event's too
                    new = patch.copy()
                new[key] = joined
    return new


def _apply(thing: Thing, part: Part, at: int, first: int) -> Thing:
    """Change *thing* by one part; own members change in a copy of it that shares the features.

    History wants a new feature from the time *first* on.
    """
    match part:
        case Reported(name, properties, _):
            feature = thing.features.get(name)
            if feature is None:
                thing.features[name] = feature = Feature()
                feature.due = first
            feature.properties = properties
            feature.reported_at = at
        case Desired(name, desired_state, _):
            feature = thing.features.get(name)
            if feature is None:
                thing.features[name] = feature = Feature()
                feature.due = first
            feature.desired_state = desired_state
            feature.desired_at = at
        case Dropped(name):
            del thing.features[name]
            thing.last, thing.last_name = None, ""
            thing.changed_at = max(thing.changed_at, at)
        case Members(kind, metadata, relationships, _):
            after = Thing(thing.id, kind, thing.version, thing.created_at)
            after.metadata = metadata
            after.features = thing.features
            after.relationships = relationships
            after.changed_at = max(thing.changed_at, at)
            after.reporter = thing.reporter
            return after
    return thing
