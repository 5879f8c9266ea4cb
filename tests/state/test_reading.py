"""Telemetry with clocks, repeats and new Things (contract.md, section 4, Clocks)."""

from itertools import permutations
from typing import Any

import pytest
from tests.state.plant import TIME, Plant

from egizcore.errors import LimitExceeded
from egizcore.state import Reading, settle, weigh
from egizcore.thing.moment import rfc3339

OVEN = "factory:oven-001"


def take(plant: Plant, features: Any, sampled_at: int | None = None, **more: Any) -> str:
    reading = Reading(features, plant.now, sampled_at, **more)
    planned = weigh(plant.store, OVEN, "oven", reading)
    outcome = settle(plant.store, OVEN, "oven", reading)
    assert (outcome == "applied") is bool(planned.parts)
    return outcome


def test_a_thing_that_telemetry_creates_is_empty_at_version_1_then_told_feature_by_feature() -> (
    None
):
    plant = Plant()
    assert take(plant, {"b": {"x": 1}, "a": {"y": None, "z": 2}}) == "applied"
    created, *changes = plant.told()
    assert created["event"] == "ThingCreated"
    assert created["thing"]["features"] == {}
    assert created["thing"]["type"] == "oven"
    assert created["version"] == 1
    assert [(e["feature"], e["properties"], e["version"]) for e in changes] == [
        ("b", {"x": 1}, 2),
        ("a", {"y": None, "z": 2}, 3),
    ]
    assert plant.properties(OVEN, "a") == {"z": 2}


def test_a_message_with_nothing_left_creates_nothing() -> None:
    plant = Plant()
    assert take(plant, {}) == "unchanged"
    assert plant.store.things == {}
    assert plant.told() == []


def test_a_thing_that_would_be_too_large_is_not_created_at_all() -> None:
    plant = Plant()
    with pytest.raises(LimitExceeded):
        take(plant, {"a": {f"p{n}": n for n in range(1025)}})
    assert plant.store.things == {}
    assert plant.told() == []


def test_a_sample_has_its_own_time() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}})
    plant.told()
    plant.now += 60_000
    take(plant, {"a": {"x": 2}}, TIME + 50_000)
    assert plant.told()[0]["timestamp"] == rfc3339(TIME + 50_000)
    assert plant.document(OVEN)["features"]["a"]["lastUpdated"] == rfc3339(TIME + 50_000)
    assert plant.document(OVEN)["lastUpdated"] == rfc3339(TIME + 50_000)


def test_a_sample_s_time_is_not_hidden_by_the_time_at_which_the_feature_was_created() -> None:
    plant = Plant()
    plant.create({"id": OVEN, "type": "oven", "features": {"a": {"properties": {"x": 1}}}})
    take(plant, {"a": {"x": 2}}, TIME - 50_000)
    assert plant.document(OVEN)["features"]["a"]["lastUpdated"] == rfc3339(TIME - 50_000)


@pytest.mark.parametrize("order", list(permutations([1, 2, 2, 3])))
def test_in_any_order_the_newest_sample_is_the_state(order: tuple[int, ...]) -> None:
    plant = Plant()
    outcomes = [take(plant, {"a": {"x": n}}, TIME + n) for n in order]
    assert plant.properties(OVEN, "a") == {"x": 3}
    newest = 0
    for n, outcome in zip(order, outcomes, strict=True):
        assert outcome == ("late" if n < newest else "applied")
        newest = max(newest, n)
    assert plant.store.late == outcomes.count("late")


def test_a_late_sample_is_no_version_and_no_event() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}}, TIME)
    before, _ = plant.document(OVEN), plant.told()
    assert take(plant, {"a": {"x": 2}}, TIME - 1) == "late"
    assert plant.document(OVEN) == before
    assert plant.told() == []


def test_each_feature_has_its_own_guard_and_the_first_of_the_outcomes_counts() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}}, TIME)
    assert take(plant, {"a": {"x": 2}, "b": {"x": 1}}, TIME - 1) == "applied"
    assert plant.properties(OVEN, "a") == {"x": 1}
    assert plant.properties(OVEN, "b") == {"x": 1}
    assert plant.store.late == 1
    assert take(plant, {"a": {"x": 2}, "b": {"x": 1}}, TIME - 1, skip_unchanged=True) == "late"
    assert take(plant, {"b": {"x": 1}}, TIME - 1, skip_unchanged=True) == "unchanged"


def test_rest_writes_neither_move_nor_mind_the_guard() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}}, TIME)
    plant.now += 10
    plant.merge_feature(OVEN, "a", {"properties": {"x": 2}})
    assert plant.properties(OVEN, "a") == {"x": 2}
    assert take(plant, {"a": {"x": 3}}, TIME + 5) == "applied"
    plant.merge_feature(OVEN, "a", {"properties": {"x": 4}})
    assert take(plant, {"a": {"x": 5}}, TIME + 4) == "late"


def test_telemetry_without_a_clock_does_not_mind_the_guard_either() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}}, TIME + 1000)
    assert take(plant, {"a": {"x": 2}}) == "applied"
    assert take(plant, {"a": {"x": 3}}, TIME + 999) == "late"


def test_an_old_sample_stays_late_after_a_newer_one_that_was_let_pass() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}}, TIME)
    assert take(plant, {"a": {"x": 1}}, TIME + 20, skip_unchanged=True) == "unchanged"
    assert take(plant, {"a": {"x": 2}}, TIME + 10, skip_unchanged=True) == "late"
    assert plant.properties(OVEN, "a") == {"x": 1}


def test_a_deleted_feature_begins_anew() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}}, TIME)
    plant.registry.delete_feature(OVEN, "a")
    assert take(plant, {"a": {"x": 2}}, TIME - 10) == "applied"


@pytest.mark.parametrize(
    ("stored", "sent", "outcome"),
    [
        (190, 190.0, "unchanged"),
        (190.0, 190, "unchanged"),
        (1, True, "applied"),
        (False, 0, "applied"),
        ([1, [2.0]], [1.0, [2]], "unchanged"),
        ({"a": 1, "b": 2}, {"a": 1}, "unchanged"),
        ({"a": 1}, {"b": None}, "unchanged"),
        ({"a": 1}, {"a": None}, "applied"),
        ("1", 1, "applied"),
    ],
)
def test_a_repeat_is_let_pass_where_the_route_says_so(stored: Any, sent: Any, outcome: str) -> None:
    plant = Plant()
    take(plant, {"a": {"x": stored}})
    assert take(plant, {"a": {"x": sent}}, skip_unchanged=True) == outcome
    assert plant.store.unchanged == (1 if outcome == "unchanged" else 0)
    plant.told()
    assert take(plant, {"a": {"x": sent}}) == "applied"
    assert len(plant.told()) == 1


def test_a_replayed_message_is_let_pass_only_if_it_changes_nothing_at_all() -> None:
    plant = Plant()
    take(plant, {"a": {"x": 1}, "b": {"x": 1}})
    plant.told()
    assert take(plant, {"a": {"x": 1}, "b": {"x": 1}}, replayed=True) == "unchanged"
    assert plant.store.unchanged == 2
    assert plant.told() == []
    assert take(plant, {"a": {"x": 1}, "b": {"x": 2}}, replayed=True) == "applied"
    assert len(plant.told()) == 2


def test_weighing_changes_nothing() -> None:
    plant = Plant()
    reading = Reading({"a": {"x": 1}}, TIME)
    plan = weigh(plant.store, OVEN, "oven", reading)
    assert [part.feature for part in plan.parts] == ["a"]
    assert plant.store.things == {}
    assert plant.told() == []
