"""The store's two roads, its limits, and versions that never go back (contract.md, section 1)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.state.plant import TIME, Mirror, Plant, json_copy

from egizcore.errors import LimitExceeded
from egizcore.ingest import RouteSettings
from egizcore.ingest.decode import decode_features, is_flat
from egizcore.quantity import Size
from egizcore.state import LimitSettings, Reading, settle
from egizcore.thing.event import Event
from egizcore.thing.model import Thing
from egizcore.thing.moment import rfc3339

OVEN = "factory:oven-001"
ROUTE = RouteSettings(
    topic="sensors/{device}/telemetry", thing="factory:{device}", time="payload.ts"
)
names = st.sampled_from("abc")
flat_values: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.integers(-5, 5), st.floats(0, 1), st.text(max_size=2),
    st.lists(st.none() | st.integers(0, 3), max_size=2),
)  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | flat_values,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(names, below, max_size=2),
    max_leaves=4,
)
readings = st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=3)
flat_readings = st.dictionaries(
    names, st.dictionaries(names, flat_values | st.dictionaries(names, flat_values)), max_size=3
)


def oven(plant: Plant, **features: Any) -> None:
    plant.create(
        {
            "id": OVEN,
            "type": "oven",
            "features": {name: {"properties": properties} for name, properties in features.items()},
        }
    )


def report(plant: Plant, reading: Any, size: int | None = None) -> bool:
    thing = plant.store.things[OVEN]
    size = len(msgspec.json.encode(reading)) if size is None else size
    return plant.store.report(thing, reading, size, plant.now, rfc3339(plant.now))


# The flat road --------------------------------------------------------------------------------


@given(readings, readings)
def test_the_flat_road_ends_where_the_careful_road_ends(before: Any, reading: Any) -> None:
    """Or it does nothing at all and says so."""
    fast, careful = Plant(), Plant()
    for plant in (fast, careful):
        oven(plant, **before)
        plant.now += 5
        plant.told()
    if not is_flat(reading):
        return
    untouched = fast.document(OVEN)
    if report(fast, reading):
        settle(careful.store, OVEN, "oven", Reading(reading, careful.now))
        assert fast.document(OVEN) == careful.document(OVEN)
        assert fast.told() == careful.told()
        assert fast.store.applied == careful.store.applied
    else:
        assert fast.document(OVEN) == untouched
        assert fast.told() == []


def test_a_reading_of_a_part_of_an_object_is_told_as_it_came_and_keeps_the_rest() -> None:
    plant = Plant()
    oven(plant, thermal={"zone": {"a": 1, "b": 2}})
    plant.told()
    assert report(plant, {"thermal": {"zone": {"a": 3}}})
    assert plant.properties(OVEN, "thermal") == {"zone": {"a": 3, "b": 2}}
    assert [event["properties"] for event in plant.told()] == [{"zone": {"a": 3}}]


@given(flat_readings | readings)
def test_flat_is_what_the_flat_decoder_takes(reading: Any) -> None:
    try:
        decode_features(msgspec.json.encode(reading))
    except msgspec.ValidationError:
        assert not is_flat(reading)
    else:
        assert is_flat(reading)


@pytest.mark.parametrize(
    "reading",
    [
        {},
        {"thermal": {}},
        {"new": {"x": 1}},
        {"thermal": {"new": 1}},
        {"thermal": {"zone": {"new": 1}}},
        {"thermal": {"x": {"y": 1}}},
        {"thermal": {"x": 2}, "new": {"x": 1}},
    ],
)
def test_the_flat_road_leaves_alone_what_is_no_plain_update(reading: Any) -> None:
    plant = Plant()
    oven(plant, thermal={"x": 1, "zone": {"a": 1}})
    before, _ = plant.document(OVEN), plant.told()
    assert report(plant, reading) is False
    assert plant.document(OVEN) == before
    assert plant.told() == []


def test_a_reading_of_several_features_is_a_version_and_an_event_each_in_its_order() -> None:
    plant = Plant()
    oven(plant, a={"x": 1}, b={"x": 1})
    plant.told()
    plant.now += 1000
    assert report(plant, {"b": {"x": 2}, "a": {"x": 3}})
    assert plant.told() == [
        {
            "event": "StateChanged",
            "thingId": OVEN,
            "feature": feature,
            "properties": {"x": value},
            "version": version,
            "timestamp": "2026-01-27T10:30:01.000Z",
            "seq": version,
        }
        for feature, value, version in (("b", 2, 2), ("a", 3, 3))
    ]
    assert plant.document(OVEN)["lastUpdated"] == "2026-01-27T10:30:01.000Z"
    assert plant.document(OVEN)["createdAt"] == "2026-01-27T10:30:00.000Z"


def test_events_are_numbered_and_counted_when_nobody_listens() -> None:
    plant = Plant()
    plant.bus.listeners = ()
    oven(plant, a={"x": 1})
    assert report(plant, {"a": {"x": 2}})
    plant.merge(OVEN, {"features": {"a": {"properties": {"x": None}, "desiredState": {"y": 1}}}})
    assert plant.bus.seq == plant.store.things[OVEN].version == 4
    assert plant.bus.counts()["StateChanged"] == 2


def test_a_listener_never_sees_a_snapshot_from_before_its_event() -> None:
    plant = Plant()
    oven(plant, a={"x": 1}, b={"x": 1})
    seen: list[int] = []

    def look(_event: Event, _before: Thing | None, after: Thing | None) -> None:
        assert after is not None
        seen.append(after.frozen().thing.version)

    plant.bus.attach(look)
    report(plant, {"a": {"x": 2}, "b": {"x": 2}})
    plant.merge(OVEN, {"type": "mixer", "features": {"a": None}})
    assert seen == [2, 3, 4, 5]
    assert plant.store.things[OVEN].frozen().thing.version == 5


# Limits ---------------------------------------------------------------------------------------


def size_of(plant: Plant) -> int:
    return len(msgspec.json.encode(plant.store.things[OVEN].document()))


def test_a_thing_of_exactly_256_kib_is_taken_and_a_byte_more_is_not() -> None:
    plant = Plant()
    oven(plant, f={"x": ""})
    left = 256 * 1024 - size_of(plant)
    plant.merge_feature(OVEN, "f", {"properties": {"x": "a" * left}})
    assert size_of(plant) == 256 * 1024
    before = plant.document(OVEN)
    changes: list[Any] = [
        lambda: plant.merge_feature(OVEN, "f", {"properties": {"x": "a" * (left + 1)}}),
        lambda: plant.merge_feature(OVEN, "f", {"desiredState": {"y": 1}}),
        lambda: plant.merge(OVEN, {"metadata": {"m": 1}}),
    ]
    for change in changes:
        with pytest.raises(LimitExceeded, match="bytes"):
            change()
        assert plant.document(OVEN) == before


@pytest.mark.parametrize("clock", [b"", b'"ts":1769509800,'])
def test_telemetry_makes_a_thing_grow_to_its_limit_and_no_further(clock: bytes) -> None:
    """Numbers such as 1e15 are longer as we write them than as they came."""
    plant = Plant(ROUTE, limits=LimitSettings(thing=Size(8 * 1024)))
    oven(plant, f={f"p{n}": [] for n in range(20)})
    outcomes = {
        plant.publish(
            "sensors/oven-001/telemetry",
            b'{%s"f":{"p%d":[%s]}}' % (clock, n, b",".join([b"1e15"] * 40)),
        )
        for n in range(20)
    }
    assert outcomes == {"applied", "limit_exceeded"}
    assert 7 * 1024 < size_of(plant) <= 8 * 1024


@pytest.mark.parametrize("clock", [{}, {"ts": 1769509800}])
def test_what_telemetry_adds_is_counted_on_every_road(clock: dict[str, int]) -> None:
    plant = Plant(ROUTE, limits=LimitSettings(features=1, properties=2))
    topic = "sensors/oven-001/telemetry"
    assert plant.publish(topic, {**clock, "f": {"x": {"a": 1}}}) == "applied"
    assert plant.publish(topic, {**clock, "f": {"y": 1, "x": {"b": [1]}}}) == "applied"
    for payload in ({"f": {"z": 1}}, {"f": {"x": 2, "z": 1}}, {"g": {"x": 1}}):
        before = plant.document(OVEN)
        assert plant.publish(topic, {**clock, **payload}) == "limit_exceeded"
        assert plant.document(OVEN) == before
    assert plant.publish(topic, {**clock, "f": {"x": None, "properties": 1}}) == "applied"
    assert plant.publish(topic, {**clock, "f": {"properties": {"y": 2}}}) == "applied"
    assert plant.properties(OVEN, "f") == {"y": 2, "properties": 1}


def test_a_thing_has_256_features_and_no_more() -> None:
    plant = Plant()
    oven(plant, **{f"f{n}": {} for n in range(256)})
    with pytest.raises(LimitExceeded, match="256 features"):
        plant.merge_feature(OVEN, "one-more", {})
    assert plant.publish("sensors/oven-001/telemetry", {"more": {"x": 1}}) == "limit_exceeded"
    plant.registry.delete_feature(OVEN, "f0")
    plant.merge_feature(OVEN, "one-more", {})
    with pytest.raises(LimitExceeded):
        Plant().create({"id": OVEN, "type": "oven", "features": {f"f{n}": {} for n in range(257)}})


@pytest.mark.parametrize("part", ["properties", "desiredState"])
def test_a_feature_has_1024_properties_and_no_more(part: str) -> None:
    plant = Plant()
    oven(plant)
    plant.merge_feature(OVEN, "f", {part: {f"p{n}": 1 for n in range(1024)}})
    with pytest.raises(LimitExceeded, match="1024 properties"):
        plant.merge_feature(OVEN, "f", {part: {"more": 1}})
    plant.merge_feature(OVEN, "f", {part: {"p0": None, "more": 1}})
    assert len(plant.document(OVEN)["features"]["f"][part]) == 1024


def test_a_thing_has_1000_relationships_and_no_more() -> None:
    plant = Plant()
    links = [{"type": "feeds", "targetId": f"f:{n}"} for n in range(1001)]
    with pytest.raises(LimitExceeded, match="1000 relationships"):
        plant.create({"id": OVEN, "type": "oven", "relationships": links})
    assert plant.store.things == {}
    plant.create({"id": OVEN, "type": "oven", "relationships": links[1:]})
    with pytest.raises(LimitExceeded):
        plant.merge(OVEN, {"relationships": links})


def test_a_step_whose_last_part_is_too_large_does_not_happen_at_all() -> None:
    plant = Plant(limits=LimitSettings(properties=2))
    oven(plant, a={"x": 1}, b={"x": 1})
    before, _ = plant.document(OVEN), plant.told()
    with pytest.raises(LimitExceeded):
        plant.merge(
            OVEN,
            {
                "type": "mixer",
                "features": {
                    "a": {"properties": {"x": 2}},
                    "b": {"properties": {"y": 1, "z": 1}},
                },
            },
        )
    assert plant.publish(
        "sensors/oven-001/telemetry", {"a": {"x": 2}, "b": {"y": 1, "z": 1}}
    ) == "limit_exceeded"  # fmt: skip
    assert plant.document(OVEN) == before
    assert plant.told() == []


# Versions and time ----------------------------------------------------------------------------


def test_a_deletion_is_a_version_and_a_thing_that_comes_back_begins_above_it() -> None:
    plant = Plant()
    oven(plant, a={"x": 1})
    report(plant, {"a": {"x": 2}})
    plant.registry.delete(OVEN)
    assert plant.told()[-1]["version"] == 3
    oven(plant)
    assert plant.document(OVEN)["version"] == 4
    plant.registry.delete(OVEN)
    plant.publish("sensors/oven-001/telemetry", {"a": {"x": 1}})
    assert [event["version"] for event in plant.told()[-3:]] == [5, 6, 7]


def test_forgotten_deletions_raise_the_floor_under_all_new_things() -> None:
    plant = Plant()
    plant.store._most_graves = 2
    oven(plant, a={"x": 1})
    for n in range(7):
        report(plant, {"a": {"x": n}})
    plant.registry.delete(OVEN)  # at version 9
    for n in range(3):
        plant.create({"id": f"f:{n}", "type": "oven"})
        plant.registry.delete(f"f:{n}")
    assert len(plant.store._graves) == 2
    oven(plant)
    assert plant.document(OVEN)["version"] > 9
    plant.create({"id": "f:new", "type": "oven"})
    assert plant.document("f:new")["version"] > 9


def test_a_thing_is_as_new_as_the_newest_of_its_parts() -> None:
    plant = Plant()
    oven(plant, a={"x": 1}, b={"x": 1})
    times: list[str] = []
    for change in (
        lambda: report(plant, {"a": {"x": 2}}),
        lambda: plant.merge_feature(OVEN, "b", {"desiredState": {"x": 2}}),
        lambda: plant.merge(OVEN, {"metadata": {"m": 1}}),
        lambda: plant.registry.delete_feature(OVEN, "b"),
    ):
        plant.now += 1
        change()
        times.append(plant.document(OVEN)["lastUpdated"])
    assert times == [rfc3339(TIME + n) for n in (1, 2, 3, 4)]
    assert plant.document(OVEN)["features"]["a"]["lastUpdated"] == rfc3339(TIME + 1)
    assert plant.document(OVEN)["createdAt"] == rfc3339(TIME)


# What is handed out ---------------------------------------------------------------------------


@given(st.lists(readings, max_size=6))
def test_nothing_that_was_handed_out_changes_afterwards(steps: list[Any]) -> None:
    plant, mirror = Plant(), Mirror()
    plant.bus.attach(mirror.hear)
    oven(plant)
    kept = []
    for reading in steps:
        still = plant.store.things[OVEN].frozen()
        document = still.thing.document()
        kept.append((still, json_copy(document), document))
        plant.publish("sensors/oven-001/telemetry", reading)
    mirror.assert_untouched()
    for still, copy, document in kept:
        assert json_copy(still.thing.document()) == json_copy(document) == copy
