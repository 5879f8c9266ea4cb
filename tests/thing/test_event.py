"""Events as they stand on the wire (contract.md, section 3)."""

from typing import Any

import msgspec
import pytest

from egizcore.thing.event import (
    EVENTS,
    DesiredStateChanged,
    Event,
    FeatureDeleted,
    StateChanged,
    ThingCreated,
    ThingDeleted,
    ThingUpdated,
)

AT = "2026-01-27T10:30:05.123Z"
TOLD: dict[str, Any] = {"thingId": "f:o", "version": 2, "timestamp": AT, "seq": 3}


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (
            StateChanged("f:o", "electrical", {"voltage": {"a": None}}, 2, AT, 3),
            {"feature": "electrical", "properties": {"voltage": {"a": None}}},
        ),
        (
            StateChanged("f:o", "t", {"x": 1}, 2, AT, 3, "bad-clock", 4),
            {"feature": "t", "properties": {"x": 1}, "quality": "bad-clock", "conflated": 4},
        ),
        (
            DesiredStateChanged("f:o", "t", {"x": 1}, 2, AT, 3),
            {"feature": "t", "desiredState": {"x": 1}},
        ),
        (FeatureDeleted("f:o", "t", 2, AT, 3), {"feature": "t"}),
        (ThingCreated("f:o", {"id": "f:o"}, 2, AT, 3), {"thing": {"id": "f:o"}}),
        (ThingUpdated("f:o", {"type": "oven"}, 2, AT, 3), {"changed": {"type": "oven"}}),
        (ThingDeleted("f:o", 2, AT, 3, 5), {"conflated": 5}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_has_the_members_of_the_contract_and_no_more(event: Event, wire: Any) -> None:
    told = msgspec.json.decode(msgspec.json.encode(event))
    assert told == {"event": type(event).__name__, **TOLD, **wire}


def test_the_prd_s_state_change_keeps_its_fields_in_their_order() -> None:
    event = StateChanged("factory:oven-001", "electrical", {"voltage": {"a": 221.0}}, 1235, AT, 9)
    assert list(msgspec.json.decode(msgspec.json.encode(event))) == [
        "event", "thingId", "feature", "properties", "version", "timestamp", "seq",
    ]  # fmt: skip


def test_every_kind_of_event_is_listed() -> None:
    assert {kind.__name__ for kind in EVENTS} == {
        "StateChanged",
        "DesiredStateChanged",
        "FeatureDeleted",
        "ThingCreated",
        "ThingUpdated",
        "ThingDeleted",
    }
