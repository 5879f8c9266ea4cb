"""Telemetry that is no plain update: new Things and names, device clocks, repeated values."""

from typing import Any, Final, NamedTuple, TypeAlias

from egizcore.state.store import Store
from egizcore.thing.change import Reported
from egizcore.thing.model import Feature, Thing
from egizcore.thing.patch import changes_nothing, merge

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


def settle(store: Store, thing_id: str, kind: str, reading: Reading) -> str:
    """Apply *reading* as one atomic step; a Thing that does not exist is created with type *kind*.

    A created Thing is ``ThingCreated`` with no features, then ``StateChanged`` for each: a client
    that handles only ``StateChanged`` misses no reading (contract.md, section 4).

    Gives the first that holds of ``applied``, ``late``, ``unchanged``.

    Raises:
        LimitExceeded: the Thing would be too large; nothing has happened.
    """
    plan = weigh(store, thing_id, kind, reading)
    if plan.parts:
        thing = store.things.get(thing_id)
        if thing is None:
            thing = Thing(thing_id, kind, 0, reading.received_at)
            store.insert(thing)
        at = reading.received_at if reading.sampled_at is None else reading.sampled_at
        thing = store.commit(thing, plan.parts, plan.room, at, quality=reading.quality)
        if reading.sampled_at is not None:
            for part in plan.parts:
                thing.features[part.feature].sampled_at = reading.sampled_at
    store.late += plan.late
    store.unchanged += plan.unchanged
    if plan.parts:
        return APPLIED
    return LATE if plan.late else UNCHANGED


class Plan(NamedTuple):
    """What would come of a reading."""

    parts: list[Reported]
    room: int
    """As ``Store.check`` gives it."""
    late: int
    unchanged: int


def weigh(store: Store, thing_id: str, kind: str, reading: Reading) -> Plan:
    """What would come of *reading*; changes nothing.

    Raises:
        LimitExceeded: the Thing would be too large.
    """
    thing = store.things.get(thing_id) or Thing(thing_id, kind, 0, reading.received_at)
    parts: list[Reported] = []
    late = unchanged = 0
    for name, patch in reading.features.items():
        feature = thing.features.get(name)
        old = {} if feature is None else feature.properties
        if _is_late(feature, reading.sampled_at):
            late += 1
        elif reading.skip_unchanged and feature and changes_nothing(old, patch):
            unchanged += 1
        else:
            parts.append(Reported(name, merge(old, patch), patch))
    room = store.check(thing, parts) if parts else 0
    return Plan(parts, room, late, unchanged)


def _is_late(feature: Feature | None, sampled_at: int | None) -> bool:
    """Older than the newest that this feature took from a device clock; an equal one is not."""
    return feature is not None and sampled_at is not None and sampled_at < feature.sampled_at
