"""Telemetry that is no plain update: new Things and names, device clocks, repeated values."""

from typing import Any, Final, NamedTuple, TypeAlias

from egizcore.state.store import Store
from egizcore.thing import Feature, Reported, Thing, changes_nothing, merge

JsonObject: TypeAlias = dict[str, Any]

APPLIED: Final = "applied"
LATE: Final = "late"
UNCHANGED: Final = "unchanged"


class Reading(NamedTuple):
    """What one message reports of one Thing: patches by feature, names already checked."""

    features: dict[str, JsonObject]
    received_at: int
    sampled_at: int | None = None
    """By the device's clock, when it has one that can be right."""
    quality: str | None = None
    skip_unchanged: bool = False
    """Whether each feature whose every leaf equals what is stored is let pass."""
    replayed: bool = False
    """Whether a broker had kept the message: let pass if it changes nothing at all."""
    size: int | None = None
    """Bytes that it can add to its Thing, times ``GROWTH``; None: not known."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but limits and names stands between it and the state."""
        return not (
            self.sampled_at is not None
            or self.quality is not None
            or self.skip_unchanged
            or self.replayed
        )


def settle(store: Store, thing_id: str, kind: str, reading: Reading) -> str:
    """Apply *reading* as one atomic step; a Thing that does not exist is created with type *kind*.

    A created Thing is ``ThingCreated`` with no features, then ``StateChanged`` for each: a client
    that handles only ``StateChanged`` misses no reading (contract.md, section 4).

    Gives the first that holds of ``applied``, ``late``, ``unchanged``.

    Raises:
        LimitExceeded: the Thing would be too large; nothing has happened.
    """
    plan = weigh(store, thing_id, kind, reading)
    thing = store.things.get(thing_id)
    if thing is not None and reading.sampled_at is not None:
        for name in plan.late:
            store.record_late(thing, name, reading.features[name], reading.sampled_at)
    if plan.parts:
        if thing is None:
            thing = Thing(thing_id, kind, 0, reading.received_at)
            store.insert(thing)
        at = reading.received_at if reading.sampled_at is None else reading.sampled_at
        thing = store.commit(thing, plan.parts, plan.room, at, quality=reading.quality)
        if reading.sampled_at is not None:
            for part in plan.parts:
                thing.features[part.feature].sampled_at = reading.sampled_at
    if reading.sampled_at is not None:
        for feature in plan.unchanged:  # what is older than this sample is late all the same
            feature.sampled_at = reading.sampled_at
    store.late += len(plan.late)
    store.unchanged += len(plan.unchanged)
    if plan.parts:
        return APPLIED
    return LATE if plan.late else UNCHANGED


class Plan(NamedTuple):
    """What would come of a reading."""

    parts: list[Reported]
    room: int
    """As ``Store.check`` gives it."""
    late: list[str]
    """The features that have a newer sample."""
    unchanged: list[Feature]
    """Those that keep their values and are let pass."""


def weigh(store: Store, thing_id: str, kind: str, reading: Reading) -> Plan:
    """What would come of *reading*; changes nothing.

    Raises:
        LimitExceeded: the Thing would be too large.
    """
    thing = store.things.get(thing_id) or Thing(thing_id, kind, 0, reading.received_at)
    timely: list[tuple[str, Feature | None, JsonObject]] = []
    late: list[str] = []
    for name, patch in reading.features.items():
        feature = thing.features.get(name)
        if _is_late(feature, reading.sampled_at):
            late.append(name)
        else:
            timely.append((name, feature, patch))
    parts: list[Reported] = []
    unchanged: list[Feature] = []
    skip = reading.skip_unchanged or (
        reading.replayed and all(_repeats(feature, patch) for _, feature, patch in timely)
    )
    for name, feature, patch in timely:
        if skip and feature is not None and _repeats(feature, patch):
            unchanged.append(feature)
        else:
            old = {} if feature is None else feature.properties
            parts.append(Reported(name, merge(old, patch), patch))
    room = store.room(thing, parts, reading.size) if parts else 0
    return Plan(parts, room, late, unchanged)


def _repeats(feature: Feature | None, patch: JsonObject) -> bool:
    return feature is not None and changes_nothing(feature.properties, patch)


def _is_late(feature: Feature | None, sampled_at: int | None) -> bool:
    """Older than the newest that this feature took from a device clock; an equal one is not."""
    return feature is not None and sampled_at is not None and sampled_at < feature.sampled_at
