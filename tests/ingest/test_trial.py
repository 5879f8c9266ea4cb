"""``POST /api/v1/ingest/test``: what would come of a message."""

from typing import Any

import pytest
from tests.state.plant import TIME, Plant, compact

from egizcore.ingest import IngestView, RouteSettings

OVEN = "factory:oven-001"


def view(plant: Plant) -> IngestView:
    return IngestView(plant.intake, plant.routes, lambda: plant.now)


def ask(plant: Plant, topic: str, payload: Any) -> Any:
    """The answer; asking changes nothing, whatever it is."""
    before = (plant.bus.seq, dict(plant.store.things), dict(plant.intake.counts["endpoint"]))
    answer = view(plant).test(topic, payload if isinstance(payload, bytes) else compact(payload))
    assert before == (plant.bus.seq, plant.store.things, plant.intake.counts["endpoint"])
    assert view(plant).rejected() == []
    assert view(plant).unknown() == []
    return answer


@pytest.fixture
def plant() -> Plant:
    return Plant(
        RouteSettings(topic="a/{device}", thing="factory:{device}"),
        RouteSettings(topic="b/{device}", time="payload.ts", unchanged="skip"),
        RouteSettings(topic="c/{feature}", device="payload.id", feature="{feature}"),
        devices={"esp": OVEN},
    )


def test_a_message_that_would_be_taken_is_told_with_what_it_changes(plant: Plant) -> None:
    assert ask(plant, "a/oven-001", {"thermal": {"x": 1, "y": None}, "t": 2}) == {
        "accepted": True,
        "route": "a/{device}",
        "device": "oven-001",
        "thingId": OVEN,
        "created": True,
        "changes": [
            {"feature": "thermal", "properties": {"x": 1, "y": None}},
            {"feature": "telemetry", "properties": {"t": 2}},
        ],
    }
    plant.create({"id": OVEN, "type": "oven"})
    assert ask(plant, "c/thermal", {"id": "esp", "x": 1}) == {
        "accepted": True,
        "route": "c/{feature}",
        "device": "esp",
        "thingId": OVEN,
        "created": False,
        "changes": [{"feature": "thermal", "properties": {"x": 1}}],
    }


def test_a_message_that_would_change_nothing_is_accepted_without_changes(plant: Plant) -> None:
    answer = ask(plant, "a/oven-001", {"x": None})
    assert (answer["accepted"], answer["created"], answer["changes"]) == (True, False, [])
    plant.publish("b/esp", {"ts": TIME, "a": {"x": 1}})
    answer = ask(plant, "b/esp", {"ts": TIME - 1, "a": {"x": 2}})
    assert (answer["accepted"], answer["changes"]) == (True, [])
    assert ask(plant, "b/esp", {"ts": TIME, "a": {"x": 1.0}})["changes"] == []


def test_what_is_told_is_what_then_happens(plant: Plant) -> None:
    for topic, payload in (
        ("a/oven-001", {"thermal": {"x": 1}}),
        ("a/oven-001", {"thermal": {"x": 2}, "new": {"y": [1]}}),
        ("b/esp", {"ts": TIME, "thermal": {"x": 3}}),
    ):
        answer = ask(plant, topic, payload)
        plant.told()
        assert plant.publish(topic, payload) == "applied"
        changes = [
            {"feature": event["feature"], "properties": event["properties"]}
            for event in plant.told()
            if event["event"] == "StateChanged"
        ]
        assert changes == answer["changes"]


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "tried"),
    [
        ("nowhere", b"{}", "no_route", ["a/{device}", "b/{device}", "c/{feature}"]),
        ("b/unknown", b"{}", "unknown_device", ["a/{device}", "b/{device}"]),
        ("a/no good", b"{}", "bad_topic", ["a/{device}"]),
        ("a/+", b"{}", "bad_topic", ["a/{device}"]),
        ("a/oven-001", b"{", "bad_json", ["a/{device}"]),
        ("a/oven-001", b"1", "bad_payload", ["a/{device}"]),
        ("a/oven-001", compact({"f": {"x": "a" * 300_000}}), "limit_exceeded", ["a/{device}"]),
        ("c/thermal", b'{"x": 1}', "bad_payload", ["a/{device}", "b/{device}", "c/{feature}"]),
    ],
)
def test_a_message_that_would_be_refused_is_told_with_the_routes_that_were_tried(
    plant: Plant, topic: str, payload: bytes, reason: str, tried: list[str]
) -> None:
    answer = ask(plant, topic, payload)
    assert answer["accepted"] is False
    assert answer["reason"] == reason
    assert answer["message"]
    assert [one["route"] for one in answer["tried"]] == tried
    assert all(one["why"] for one in answer["tried"])
    assert answer.keys() == {"accepted", "reason", "message", "tried"}


def test_where_unknown_is_reject_a_new_thing_would_be_refused() -> None:
    answer = ask(Plant(create=False), "sensors/oven-001/telemetry", {"a": {"x": 1}})
    assert answer["reason"] == "unknown_device"
    assert answer["tried"][-1]["why"] == answer["message"]


def test_the_lists_are_those_of_the_intake(plant: Plant) -> None:
    plant.publish("b/unknown", {"x": 1})
    assert [item["reason"] for item in plant.intake.rejected.items()] == ["unknown_device"]
    assert view(plant).rejected() == plant.intake.rejected.items()
    assert view(plant).unknown() == plant.intake.unknown.items()
