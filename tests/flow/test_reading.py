"""From the bytes of a device to the frames of a client, and nothing but memory between."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flow.line import Line, Screen, Wire
from tests.state.plant import TIME, Mirror, content, exact, json_copy, rfc7396

from egizcore.ingest import RouteSettings
from egizcore.mqtt import packet as p
from egizcore.thing.moment import rfc3339

OVEN = "factory:oven-001"
THING = "factory:{device}"
TOPIC = "sensors/oven-001/telemetry"
BOTH = pytest.mark.parametrize("version", [p.V3, p.V5])
ROUTES = (
    RouteSettings(topic="sensors/{device}/telemetry", thing=THING, type="oven"),
    RouteSettings(topic="feature/{device}/{feature}", thing=THING, feature="{feature}"),
    RouteSettings(topic="clock/{device}", thing=THING, time="payload.ts"),
    RouteSettings(topic="skip/{device}", thing=THING, unchanged="skip"),
)


# One reading ----------------------------------------------------------------------------------


@BOTH
def test_a_reading_becomes_live_state_and_reaches_the_client(version: int) -> None:
    line = Line()
    screen = line.screen()
    device = line.device("oven-001", version)
    device.publish(TOPIC, {"electrical": {"voltage": {"a": 220.5, "b": 219.8}}})
    assert [event["event"] for event in screen.take()] == ["ThingCreated", "StateChanged"]
    line.plant.now += 5123
    device.publish(TOPIC, {"electrical": {"voltage": {"a": 221.0}}})
    assert screen.take() == [
        {
            "event": "StateChanged",
            "thingId": OVEN,
            "feature": "electrical",
            "properties": {"voltage": {"a": 221.0}},
            "version": 3,
            "timestamp": rfc3339(TIME + 5123),
            "seq": 3,
        }
    ]
    assert line.plant.properties(OVEN, "electrical") == {"voltage": {"a": 221.0, "b": 219.8}}


@BOTH
def test_a_message_may_be_cut_at_any_byte(version: int) -> None:
    line = Line()
    screen = line.screen()
    device = line.device("oven-001", version)
    data = device.packet(TOPIC, {"a": {"x": 1}}, 1, 7)
    for cut in range(1, len(data)):
        device.send(data[:cut])
        assert device.read() == []
        device.send(data[cut:])
        assert [type(one) for one in device.read()] == [p.PubAck]
    changes = [event for event in screen.take() if event["event"] == "StateChanged"]
    assert len(changes) == len(data) - 1


def test_what_one_read_contained_is_one_write_to_each_client() -> None:
    line = Line()
    screens = [line.screen() for _ in range(3)]
    device = line.device("oven-001")
    device.send(b"".join(device.packet(TOPIC, {"a": {"x": n}}) for n in range(100)))
    line.loop.run()
    for screen in screens:
        assert screen.writes == 2, "the answer to subscribe, then all events at once"
        assert len(screen.take()) == 101


def test_a_bad_message_costs_its_neighbours_nothing() -> None:
    line = Line()
    screen = line.screen()
    device = line.device("oven-001")
    bodies: list[Any] = [{"a": {"x": 1}}, b"{", {"a": {"x": 2}}, b"\xff", [], {"a": {"x": 3}}]
    device.send(b"".join(device.packet(TOPIC, body, 1, n + 1) for n, body in enumerate(bodies)))
    (acks,) = [one for one in [device.read()] if one]
    assert [ack.id for ack in acks if isinstance(ack, p.PubAck)] == [1, 2, 3, 4, 5, 6]
    changes = [event for event in screen.take() if event["event"] == "StateChanged"]
    assert [event["properties"] for event in changes] == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert not device.closed


def test_garbage_after_a_message_ends_the_connection_and_not_the_message() -> None:
    line = Line()
    screen = line.screen()
    device = line.device("oven-001")
    device.send(device.packet(TOPIC, {"a": {"x": 1}}, 1, 1) + b"\xff\xff\xff\xff\xff")
    assert device.closed
    assert len(screen.take()) == 2
    assert line.plant.properties(OVEN, "a") == {"x": 1}


@BOTH
def test_a_puback_goes_out_after_the_change_is_applied(version: int) -> None:
    line = Line()
    device = line.device("oven-001", version)
    device.counted_at_ack.clear()
    for round_ in range(3):
        device.send(b"".join(device.packet(TOPIC, {"a": {"x": n}}, 1, 1 + n) for n in range(5)))
        assert device.counted_at_ack == [5 * (n + 1) for n in range(round_ + 1)]
        assert [ack.id for ack in device.read() if isinstance(ack, p.PubAck)] == [1, 2, 3, 4, 5]


# Any traffic ----------------------------------------------------------------------------------

DEVICES = ("d1", "d2", "d3")
features = st.sampled_from(("a", "b", "c"))
scalars = st.booleans() | st.integers(-3, 3) | st.sampled_from((0.5, "text", [1, None]))
values = (
    scalars | st.none() | st.dictionaries(st.sampled_from("xy"), scalars | st.none(), max_size=2)
)
properties = st.dictionaries(st.sampled_from("pqr"), values, max_size=3)
readings = st.dictionaries(features, properties, max_size=3)
published = st.one_of(
    st.tuples(st.just("sensors/{}/telemetry"), readings),
    st.tuples(st.just("sensors/{}/telemetry"), properties),
    st.tuples(features.map(lambda name: f"feature/{{}}/{name}"), properties),
    st.tuples(st.just("skip/{}"), readings),
    st.tuples(
        st.just("clock/{}"),
        st.tuples(readings, st.integers(-3, 3)).map(lambda both: {**both[0], "ts": TIME + both[1]}),
    ),
    st.tuples(st.just("sensors/{}/telemetry"), st.sampled_from((b"{", b"[]", b"\xff"))),
)  # fmt: skip
traffic = st.lists(
    st.tuples(st.sampled_from(DEVICES), published, st.sampled_from((0, 1)), st.integers(0, 400)),
    max_size=25,
)
subscriptions = st.sampled_from(
    (
        {"filter": {"type": "oven"}},
        {"filter": {}, "features": ["a"]},
        {"filter": {"features.a.properties.p": {"$exists": True}}},
        {"thingId": "factory:d1"},
        {"thingId": "factory:d2", "features": ["b", "c"]},
    )
)


@given(
    traffic,
    st.lists(st.tuples(st.integers(0, 25), subscriptions), max_size=4),
    st.lists(st.booleans(), min_size=1, max_size=5),
    st.sampled_from((p.V3, p.V5)),
)
def test_what_a_client_merged_from_its_frames_is_the_server_s_state(
    traffic: list[Any], joins: list[Any], turns: list[bool], version: int
) -> None:
    line = Line(*ROUTES)
    everything, mirror = line.screen(), Mirror()
    wires = {name: line.device(name, version) for name in DEVICES}
    held = dict.fromkeys(DEVICES, b"")
    owed: dict[str, list[int]] = {name: [] for name in DEVICES}
    late: list[tuple[Screen, Any]] = []
    for number, (name, (topic, payload), qos, cut) in enumerate(traffic, 1):
        late += [
            (line.screen(**selector, snapshot=True), selector)
            for at, selector in joins
            if at == number
        ]
        data = held[name] + wires[name].packet(topic.format(name), payload, qos, number)
        wires[name].send(data[:cut])
        held[name] = data[cut:]
        owed[name] += [number] * qos
        if turns[number % len(turns)]:
            line.loop.turn()
    for name, wire in wires.items():
        wire.send(held[name])
        assert [ack.id for ack in wire.read() if isinstance(ack, p.PubAck)] == owed[name]

    for event in everything.take():
        mirror.follow(event)
    store = line.plant.store
    assert mirror.seq == line.plant.bus.seq
    assert mirror.things.keys() == store.things.keys()
    for thing_id, thing in store.things.items():
        assert exact(mirror.things[thing_id]) == exact(thing.document())
    for screen, selector in late:
        _agrees(screen, selector, line)
    counts = line.plant.intake.counts["endpoint"]
    assert sum(counts.values()) == len(traffic)


def _agrees(screen: Screen, selector: Any, line: Line) -> None:
    """The copy from a snapshot and what followed is the state of what is selected."""
    copy: dict[str, Any] = {}
    for event in screen.take():
        if event["event"] == "Snapshot":
            copy |= {thing["id"]: content(thing) for thing in event["things"]}
        elif event["event"] == "ThingCreated":
            copy[event["thingId"]] = content(event["thing"])
        elif event["thingId"] in copy:
            thing = copy[event["thingId"]]
            empty: dict[str, Any] = {"properties": {}, "desiredState": {}}
            feature = thing["features"].setdefault(event["feature"], empty)
            rfc7396(feature, {"properties": event["properties"]})
    wanted = selector.get("features")
    for thing_id, thing in copy.items():
        state = content(json_copy(line.plant.store.things[thing_id].document()))
        if "features" not in str(selector.get("filter")):  # one with property terms may let go
            for name, feature in state["features"].items():
                if wanted is None or name in wanted:
                    assert thing["features"][name] == feature
    if "thingId" in selector:
        there = selector["thingId"] in line.plant.store.things
        assert (selector["thingId"] in copy) is there
    elif selector["filter"] == {}:
        assert copy.keys() == line.plant.store.things.keys()


def test_a_flood_of_many_devices_loses_nothing() -> None:
    line = Line()
    screen, mirror = line.screen(), Mirror()
    wires: list[Wire] = [line.device(f"oven-{n:03}") for n in range(50)]
    for n in range(40):
        for number, wire in enumerate(wires):
            wire.publish(f"sensors/oven-{number:03}/telemetry", {"a": {"x": n, "y": {"z": number}}})
        line.loop.turn()
    for event in screen.take():
        mirror.follow(event)
    assert line.plant.intake.counts["endpoint"]["applied"] == mirror.seq - 50 == 2000
    assert len(mirror.things) == 50
    for thing_id, thing in line.plant.store.things.items():
        assert exact(mirror.things[thing_id]) == exact(thing.document())
