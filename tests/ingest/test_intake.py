"""Messages in, changes and outcomes out (contract.md, section 4)."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.state.plant import TIME, Plant, Source, compact

from egizcore.ingest import OUTCOMES, RouteSettings
from egizcore.thing.moment import rfc3339

OVEN = "factory:oven-001"
TOPIC = "sensors/oven-001/telemetry"
THING = "factory:{device}"


def on(topic: str, **more: Any) -> RouteSettings:
    return RouteSettings(topic=topic, **{"thing": THING, **more})


def reasons(plant: Plant) -> list[str]:
    return [item["reason"] for item in plant.intake.rejected.items()]


def test_every_outcome_of_a_source_is_there_from_the_start_at_zero() -> None:
    assert Plant().intake.counts == {"endpoint": dict.fromkeys(OUTCOMES, 0)}
    assert set(OUTCOMES) == {
        "applied", "unchanged", "late", "no_route", "bad_topic", "unknown_device", "bad_json",
        "bad_payload", "limit_exceeded",
    }  # fmt: skip


def test_a_first_reading_creates_a_thing_and_the_next_ones_change_it() -> None:
    plant = Plant(on("sensors/{device}/telemetry", type="oven"))
    assert plant.publish(TOPIC, {"thermal": {"x": 1}}) == "applied"
    assert [event["event"] for event in plant.told()] == ["ThingCreated", "StateChanged"]
    plant.now += 5
    assert plant.publish(TOPIC, {"thermal": {"x": 2}}) == "applied"
    assert plant.told() == [
        {
            "event": "StateChanged",
            "thingId": OVEN,
            "feature": "thermal",
            "properties": {"x": 2},
            "version": 3,
            "timestamp": rfc3339(TIME + 5),
            "seq": 3,
        }
    ]
    assert plant.document(OVEN)["type"] == "oven"


@pytest.mark.parametrize(
    ("payload", "patch"),
    [
        ({"temp": 21.4, "hum": 40}, {"temp": 21.4, "hum": 40}),
        ({"telemetry": {"temp": 21.4, "hum": 40}}, {"temp": 21.4, "hum": 40}),
        ({"telemetry": {"properties": {"hum": 40, "temp": 1}}}, {"hum": 40, "temp": 1}),
        ({"hum": None, "temp": 3}, {"temp": 3}),
        ({"telemetry": {"hum": None}}, {"hum": None}),
    ],
)
def test_every_form_of_payload_means_the_same_whatever_came_before(
    payload: Any, patch: Any
) -> None:
    """The topic remembers which decoder to try first; that may cost time, never meaning."""
    for before in ({"temp": 0, "hum": 0}, {"telemetry": {"temp": 0, "hum": 0}}):
        plant = Plant()
        plant.publish(TOPIC, before)
        plant.publish(TOPIC, before)
        plant.told()
        assert plant.publish(TOPIC, payload) == "applied"
        assert [event["properties"] for event in plant.told()] == [patch]


def test_a_message_with_nothing_left_is_unchanged_and_creates_nothing() -> None:
    plant = Plant(on("sensors/{device}/telemetry"), on("f/{device}", feature="f"))
    for topic in (TOPIC, "f/oven-001"):
        for payload in ({}, {"x": None}, {"desiredState": {"x": 1}}):
            assert plant.publish(topic, payload) == "unchanged"
    assert plant.publish(TOPIC, {"thermal": {}}) == "unchanged"
    assert plant.store.things == {}
    assert reasons(plant) == []


def test_a_feature_named_desired_state_does_not_open_a_way_for_telemetry() -> None:
    plant = Plant()
    plant.create(
        {"id": OVEN, "type": "oven", "features": {"desiredState": {"properties": {"x": 1}}}}
    )
    assert plant.publish(TOPIC, {"desiredState": {"x": 2}}) == "unchanged"
    assert plant.properties(OVEN, "desiredState") == {"x": 1}


@pytest.mark.parametrize("name", ["properties", "desiredState"])
def test_properties_with_the_names_of_wrappers_are_told_apart(name: str) -> None:
    plant = Plant()
    feature = {"properties": {name: {"x": 1}, "x": 1}}
    plant.create({"id": OVEN, "type": "oven", "features": {"f": feature}})
    plant.publish(TOPIC, {"f": {"properties": {"x": 2}, "desiredState": {"x": 3}}})
    assert plant.properties(OVEN, "f") == {name: {"x": 1}, "x": 2}


@pytest.mark.parametrize(
    ("topic", "payload", "outcome"),
    [
        ("elsewhere", b"{}", "no_route"),
        ("sensors/no good/telemetry", b"{}", "bad_topic"),
        ("nameless/esp", b"{}", "unknown_device"),
        (TOPIC, b"{", "bad_json"),
        (TOPIC, b"[]", "bad_payload"),
        (TOPIC, b'{"thermal": {"bad\\nname": 1}}', "bad_payload"),
        (TOPIC, b'{"thermal": {"zone": {"bad\\nname": 1}}}', "bad_payload"),
        (TOPIC, b'{"thermal": {"zone": {"%s": 1}}}' % (b"x" * 129), "bad_payload"),
        (TOPIC, b'{"temp": {"x": 1}, "bad\\u007fname": 1}', "bad_payload"),
        (TOPIC, b'{"thermal": {"x": 9223372036854775808}}', "bad_json"),
        (TOPIC, b'{"thermal": {"x": %s1%s}}' % (b"[" * 17, b"]" * 17), "limit_exceeded"),
        (TOPIC, b"[" * 100_000, "limit_exceeded"),
        (TOPIC, compact({"thermal": {"x": "a" * 300_000}}), "limit_exceeded"),
        (TOPIC, compact({"thermal": {f"p{n}": n for n in range(1025)}}), "limit_exceeded"),
        (TOPIC, compact({f"f{n}": {"x": 1} for n in range(257)}), "limit_exceeded"),
    ],
)
def test_bad_input_is_counted_listed_and_costs_nothing_else(
    topic: str, payload: bytes, outcome: str
) -> None:
    plant = Plant(on("sensors/{device}/telemetry"), RouteSettings(topic="nameless/{device}"))
    plant.publish(TOPIC, {"thermal": {"zone": {"a": 1}, "x": 1}, "temp": {"x": 1}})
    before, _ = plant.document(OVEN), plant.told()
    assert plant.publish(topic, payload) == outcome
    assert plant.document(OVEN) == before
    assert plant.told() == []
    (item,) = plant.intake.rejected.items()
    assert (item["topic"], item["reason"], item["source"]) == (topic, outcome, "endpoint")
    assert item["time"] == rfc3339(TIME)
    assert item["message"]
    assert plant.publish(TOPIC, {"thermal": {"x": 2}}) == "applied"


def test_a_reject_in_a_batch_loses_no_neighbour() -> None:
    plant = Plant()
    bodies = [b'{"a": {"x": 1}}', b"{", b'{"a": {"x": 2}}', b"[]", b'{"a": {"x": 3}}']
    target = plant.routes.resolve(TOPIC)
    plant.intake.take([(target, body, False) for body in bodies], Source())
    counts = plant.intake.counts["endpoint"]
    assert {name: n for name, n in counts.items() if n} == {
        "applied": 3,
        "bad_json": 1,
        "bad_payload": 1,
    }
    assert reasons(plant) == ["bad_payload", "bad_json"]  # newest first
    assert plant.properties(OVEN, "a") == {"x": 3}


# Devices --------------------------------------------------------------------------------------


def test_an_unknown_device_is_listed_with_how_often_it_was_seen() -> None:
    plant = Plant(RouteSettings(topic="x/{device}"), devices={"known": "f:known"})
    for _ in range(3):
        assert plant.publish("x/esp32-a1b2", {"t": 1}) == "unknown_device"
        plant.now += 1
    assert plant.publish("x/known", {"t": 1}) == "applied"
    (item,) = plant.intake.unknown.items()
    assert (item["device"], item["count"], item["topic"]) == ("esp32-a1b2", 3, "x/esp32-a1b2")
    assert (item["firstSeen"], item["lastSeen"]) == (rfc3339(TIME), rfc3339(TIME + 2))


def test_where_unknown_is_reject_only_things_that_exist_are_reported_for() -> None:
    plant = Plant(create=False)
    assert plant.publish(TOPIC, {"a": {"x": 1}}) == "unknown_device"
    assert plant.store.things == {}
    assert plant.intake.unknown.items()[0]["device"] == "oven-001"
    plant.create({"id": OVEN, "type": "oven"})
    assert plant.publish(TOPIC, {"a": {"x": 1}}) == "applied"


def test_the_device_may_be_in_the_payload_and_is_no_property() -> None:
    plant = Plant(
        RouteSettings(topic="legacy/+/flat", device="payload.device_id", thing=THING),
        RouteSettings(topic="deep/{feature}", device="payload.meta.id", feature="{feature}"),
        devices={"17": "plant:special"},
    )
    assert plant.publish("legacy/x/flat", {"device_id": "oven-001", "t": 1}) == "applied"
    assert plant.properties(OVEN, "telemetry") == {"t": 1}
    assert plant.publish("deep/thermal", {"meta": {"id": 17, "fw": "1"}, "t": 2}) == "applied"
    assert plant.properties("plant:special", "thermal") == {"meta": {"fw": "1"}, "t": 2}
    assert plant.publish("legacy/x/flat", {"t": 1}) == "bad_payload"
    assert plant.publish("legacy/x/flat", {"device_id": "no good", "t": 1}) == "bad_payload"
    assert plant.publish("deep/thermal", {"meta": {"id": "other"}, "t": 1}) == "unknown_device"
    assert plant.intake.unknown.items()[0]["device"] == "other"
    assert plant.publish("deep/two words", {"meta": {"id": 17}, "t": 1}) == "bad_topic"


# Repeats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("unchanged", [None, "apply", "skip"])
def test_a_route_s_word_on_repeats_goes_before_the_word_for_all(
    unchanged: Any, *, skip: bool
) -> None:
    plant = Plant(on("x/{device}", unchanged=unchanged), skip=skip)
    plant.publish("x/oven-001", {"a": {"x": 190}})
    plant.told()
    skips = unchanged == "skip" or (skip and unchanged is None)
    for value in (190, 190.0):
        outcome = plant.publish("x/oven-001", {"a": {"x": value}})
        assert outcome == ("unchanged" if skips else "applied")
    assert len(plant.told()) == (0 if skips else 2)
    assert plant.publish("x/oven-001", {"a": {"x": True}}) == "applied"
    assert plant.publish("x/oven-001", {"a": {"x": 1}}) == "applied"


def test_a_replayed_message_that_changes_nothing_is_always_let_pass() -> None:
    plant = Plant(on("x/{device}", unchanged="apply"))
    assert plant.publish("x/oven-001", {"a": {"x": 1}}, retained=True) == "applied"
    plant.told()
    assert plant.publish("x/oven-001", {"a": {"x": 1.0}}, retained=True) == "unchanged"
    assert plant.told() == []
    assert plant.publish("x/oven-001", {"a": {"x": 2}}, retained=True) == "applied"
    assert plant.publish("x/oven-001", {"a": {"x": 2}}) == "applied"


# Clocks ---------------------------------------------------------------------------------------


def test_the_device_s_clock_is_the_time_and_no_property() -> None:
    plant = Plant(on("x/{device}", time="payload.ts"))
    assert plant.publish("x/oven-001", {"ts": TIME - 5000, "a": {"x": 1}}) == "applied"
    (_, event) = plant.told()
    assert event["timestamp"] == rfc3339(TIME - 5000)
    assert "quality" not in event
    assert plant.document(OVEN)["features"].keys() == {"a"}
    assert plant.publish("x/oven-001", {"ts": TIME - 5001, "a": {"x": 2}}) == "late"
    assert plant.publish("x/oven-001", {"ts": TIME - 5000, "a": {"x": 3}}) == "applied"
    assert plant.publish("x/oven-001", {"ts": (TIME - 6000) / 1000, "a": {"x": 4}}) == "late"
    assert plant.properties(OVEN, "a") == {"x": 3}
    assert reasons(plant) == []


def test_a_clock_that_cannot_be_right_is_replaced_and_said_to_be() -> None:
    plant = Plant(on("x/{device}", time="payload.ts"))
    for clock in (0, TIME + 300_001, "soon"):
        assert plant.publish("x/oven-001", {"ts": clock, "a": {"x": 1}}) == "applied"
        event = plant.told()[-1]
        assert (event["timestamp"], event["quality"]) == (rfc3339(TIME), "bad-clock")
    assert plant.publish("x/oven-001", {"ts": TIME - 5, "a": {"x": 1}}) == "applied"


def test_without_a_clock_in_the_payload_the_time_of_receipt_rules() -> None:
    plant = Plant(on("x/{device}", time="payload.ts"))
    for payload in ({"a": {"x": 1}}, {"ts": None, "a": {"x": 1}}):
        assert plant.publish("x/oven-001", payload) == "applied"
        event = plant.told()[-1]
        assert event["timestamp"] == rfc3339(TIME)
        assert "quality" not in event


def test_fields_device_and_time_work_together_as_in_the_contract_s_example() -> None:
    plant = Plant(
        RouteSettings(
            topic="legacy/+/flat",
            device="payload.device_id",
            thing=THING,
            fields={"temp": "thermal.temperature", "v": "electrical.voltage.a"},
            time="payload.ts",
        )
    )
    payload = {"device_id": "oven-001", "ts": TIME // 1000 - 1, "temp": 21, "v": 220.5, "x": 1}
    assert plant.publish("legacy/a/flat", payload) == "applied"
    document = plant.document(OVEN)
    assert {name: one["properties"] for name, one in document["features"].items()} == {
        "thermal": {"temperature": 21},
        "electrical": {"voltage": {"a": 220.5}},
    }
    assert document["features"]["thermal"]["lastUpdated"] == rfc3339(TIME - 1000)


# Any bytes ------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.sampled_from((TOPIC, "elsewhere", "sensors/ä/telemetry", "f/oven-001")),
            st.binary(max_size=40) | st.sampled_from((b'{"a":{"x":1}}', b'{"x":1}', b'{"x":null}')),
            st.booleans(),
        ),
        max_size=10,
    )
)
def test_whatever_comes_counts_once_and_never_raises(messages: list[Any]) -> None:
    plant = Plant(on("sensors/{device}/telemetry"), on("f/{device}", feature="f"))
    batch = [(plant.routes.resolve(topic), body, kept) for topic, body, kept in messages]
    plant.intake.take(batch, Source())
    counts = plant.intake.counts["endpoint"]
    assert sum(counts.values()) == len(messages)
    accepted = counts["applied"] + counts["unchanged"] + counts["late"]
    assert len(plant.intake.rejected.items()) == len(messages) - accepted


def test_a_fault_of_our_own_costs_its_message_and_no_other() -> None:
    plant = Plant()
    broken, whole = plant.routes.resolve(TOPIC), plant.routes.resolve(TOPIC)
    broken.route = cast("Any", object())
    payload = b'{"thermal": {"x": 1}}'
    plant.intake.take([(broken, payload, False), (whole, payload, False)], Source())
    assert plant.intake.errors == 1
    counts = plant.intake.counts["endpoint"]
    assert (counts["bad_payload"], counts["applied"]) == (1, 1)
    assert plant.properties(OVEN, "thermal") == {"x": 1}


# What a topic remembers of its Thing ------------------------------------------------------------


def test_a_reading_reaches_the_thing_that_has_the_id_now() -> None:
    """A topic that has found its Thing looks no more; but Things go, and come back."""
    plant = Plant(on("sensors/{device}/telemetry"))
    for temperature in (1, 2):
        plant.publish(TOPIC, {"thermal": {"t": temperature}})
    plant.registry.delete(OVEN)
    assert plant.publish(TOPIC, {"thermal": {"t": 3}}) == "applied"
    assert plant.publish(TOPIC, {"thermal": {"t": 4}}) == "applied"
    assert plant.properties(OVEN, "thermal") == {"t": 4}
    assert plant.topics[TOPIC.encode()].thing is plant.store.things[OVEN], "found once more"
    plant.merge(OVEN, {"metadata": {"name": "Oven"}})
    assert plant.publish(TOPIC, {"thermal": {"t": 5}}) == "applied"
    assert plant.properties(OVEN, "thermal") == {"t": 5}
    assert plant.document(OVEN)["metadata"] == {"name": "Oven"}


def test_a_feature_that_was_deleted_begins_anew_with_its_next_reading() -> None:
    plant = Plant(on("sensors/{device}/telemetry"))
    for _ in range(2):
        plant.publish(TOPIC, {"thermal": {"t": 1, "u": 2}})
    plant.registry.delete_feature(OVEN, "thermal")
    assert "thermal" not in plant.document(OVEN)["features"]
    for _ in range(2):
        plant.publish(TOPIC, {"thermal": {"t": 3}})
    assert plant.properties(OVEN, "thermal") == {"t": 3}


@pytest.mark.parametrize("replaced", [False, True])
def test_a_silent_topic_holds_nothing_of_a_thing_that_is_gone(*, replaced: bool) -> None:
    plant = Plant(on("sensors/{device}/telemetry"))
    for _ in range(2):
        plant.publish(TOPIC, {"thermal": {"t": 1}})
    thing = plant.store.things[OVEN]
    held = thing.frozen()
    before = held.thing.document()
    if replaced:
        plant.merge(OVEN, {"metadata": {"name": "Oven"}})
    plant.registry.delete(OVEN)
    assert (thing.features, thing.metadata, thing.relationships) == ({}, {}, ())
    assert held.thing.document() == before, "whoever holds what was, still has it"
