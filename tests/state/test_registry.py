"""Create, replace, merge, delete, and who may (FR-1; contract.md, sections 1 and 2)."""

import contextlib
from typing import Any, final

import pytest
from tests.state.plant import TIME, Plant

from egizcore.errors import (
    AlreadyExists,
    FeatureNotFound,
    PreconditionFailed,
    ThingNotFound,
    ValidationFailed,
    VersionConflict,
)
from egizcore.thing.draft import read_feature, read_thing
from egizcore.thing.moment import rfc3339

OVEN = "factory:oven-001"
MASTER: dict[str, Any] = {
    "id": OVEN,
    "type": "oven",
    "metadata": {"name": "Main Oven #1", "location": "line-a"},
    "features": {"thermal": {"properties": {"x": 1}, "desiredState": {"x": 2}}},
}


@final
class OnlyAt:
    """A precondition: the version has to be just this; None is no Thing."""

    def __init__(self, version: int | None) -> None:
        self.version = version

    def holds(self, version: int | None) -> bool:
        return version == self.version


@pytest.fixture
def plant() -> Plant:
    plant = Plant()
    plant.create(MASTER)
    plant.told()
    return plant


def test_a_creation_is_one_version_and_one_event_whatever_it_contains() -> None:
    plant = Plant()
    plant.create(MASTER)
    (event,) = plant.told()
    assert (event["event"], event["version"], event["seq"]) == ("ThingCreated", 1, 1)
    assert event["thing"] == plant.document(OVEN)
    assert event["thing"]["createdAt"] == event["timestamp"] == rfc3339(TIME)


@pytest.mark.parametrize(
    ("document", "pointer"), [({"type": "oven"}, "/id"), ({"id": OVEN}, "/type")]
)
def test_a_creation_needs_an_id_and_a_type(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        Plant().create(document)
    assert caught.value.faults[0].pointer == pointer


def test_what_exists_is_not_created_again(plant: Plant) -> None:
    with pytest.raises(AlreadyExists):
        plant.create(MASTER)
    assert plant.told() == []


def test_a_put_creates_or_replaces_and_says_which(plant: Plant) -> None:
    thing, created = plant.registry.put(OVEN, read_thing({"type": "mixer"}))
    assert not created
    assert thing is plant.registry.get(OVEN)
    assert [event["event"] for event in plant.told()] == ["ThingUpdated", "FeatureDeleted"]
    assert plant.document(OVEN)["version"] == 3
    thing, created = plant.registry.put("f:new", read_thing({"type": "mixer"}))
    assert created
    assert thing.version == 1
    with pytest.raises(ValidationFailed):
        plant.registry.put(OVEN, read_thing({}))


def test_a_put_keeps_when_the_thing_was_created(plant: Plant) -> None:
    plant.now += 1000
    plant.put({"id": OVEN, "type": "oven"})
    assert plant.document(OVEN)["createdAt"] == rfc3339(TIME)
    assert plant.document(OVEN)["lastUpdated"] == rfc3339(TIME + 1000)


def test_an_empty_patch_is_no_version_but_an_empty_new_feature_is(plant: Plant) -> None:
    assert plant.merge(OVEN, {}).version == 1
    assert plant.merge_feature(OVEN, "thermal", {}).version == 1
    assert plant.told() == []
    assert plant.merge_feature(OVEN, "new", {}).version == 2
    (event,) = plant.told()
    assert (event["feature"], event["properties"]) == ("new", {})


def test_an_update_with_the_stored_values_is_a_change(plant: Plant) -> None:
    plant.merge_feature(OVEN, "thermal", {"properties": {"x": 1}, "desiredState": {"x": 2}})
    assert [event["event"] for event in plant.told()] == ["StateChanged", "DesiredStateChanged"]
    assert plant.document(OVEN)["version"] == 3


def test_where_unchanged_is_skipped_an_update_with_the_stored_values_is_none() -> None:
    plant = Plant(skip=True)
    plant.create(MASTER)
    plant.told()
    plant.merge_feature(OVEN, "thermal", {"properties": {"x": 1.0}, "desiredState": {"x": 3}})
    (event,) = plant.told()
    assert event["event"] == "DesiredStateChanged"
    assert plant.store.unchanged == 1
    plant.merge_feature(OVEN, "thermal", {"properties": {"x": True}})
    assert len(plant.told()) == 1
    plant.merge(OVEN, {"type": "oven"})  # it is about features, not about own members
    plant.merge_feature(OVEN, "new", {})
    assert len(plant.told()) == 2


def test_what_is_not_there_is_not_found(plant: Plant) -> None:
    registry = plant.registry
    missing = "f:none"
    for act in (
        lambda: registry.get(missing),
        lambda: registry.feature(missing, "thermal"),
        lambda: registry.merge(missing, read_thing({})),
        lambda: registry.delete(missing),
        lambda: registry.merge_feature(missing, "thermal", read_feature({})),
        lambda: registry.delete_feature(missing, "thermal"),
    ):
        with pytest.raises(ThingNotFound):
            act()
    for act in (
        lambda: registry.feature(OVEN, "none"),
        lambda: registry.delete_feature(OVEN, "none"),
    ):
        with pytest.raises(FeatureNotFound):
            act()


def test_a_stale_version_is_a_conflict_that_names_both(plant: Plant) -> None:
    registry = plant.registry
    for act in (
        lambda: registry.put(OVEN, read_thing({"type": "oven", "version": 7})),
        lambda: registry.merge(OVEN, read_thing({"version": 7})),
        lambda: registry.merge_feature(OVEN, "thermal", read_feature({"version": 7})),
    ):
        with pytest.raises(VersionConflict) as caught:
            act()
        assert (caught.value.expected, caught.value.actual) == (7, 1)
    assert plant.told() == []


def test_a_stale_edit_revives_nothing(plant: Plant) -> None:
    plant.registry.delete(OVEN)
    for version in (0, 1, 2):
        with pytest.raises(VersionConflict) as caught:
            plant.registry.put(OVEN, read_thing({"type": "oven", "version": version}))
        assert caught.value.actual == 0
    assert OVEN not in plant.store.things


def test_every_write_looks_at_its_precondition_first(plant: Plant) -> None:
    registry = plant.registry
    stale = OnlyAt(7)
    for act in (
        lambda: registry.put(OVEN, read_thing({"version": 9}), stale),
        lambda: registry.put("f:new", read_thing({"type": "oven"}), stale),
        lambda: registry.merge(OVEN, read_thing({"version": 9}), stale),
        lambda: registry.delete(OVEN, stale),
        lambda: registry.merge_feature(OVEN, "thermal", read_feature({"version": 9}), stale),
        lambda: registry.delete_feature(OVEN, "thermal", stale),
    ):
        with pytest.raises(PreconditionFailed):
            act()
    assert plant.told() == []
    assert plant.document(OVEN)["version"] == 1


def test_given_both_both_must_hold(plant: Plant) -> None:
    with pytest.raises(VersionConflict):
        plant.registry.merge(OVEN, read_thing({"type": "oven", "version": 2}), OnlyAt(1))
    plant.registry.merge(OVEN, read_thing({"type": "oven", "version": 1}), OnlyAt(1))
    assert plant.document(OVEN)["version"] == 2
    plant.registry.put("f:new", read_thing({"type": "oven"}), OnlyAt(None))


def test_of_two_hundred_edits_of_one_version_one_wins(plant: Plant) -> None:
    won = 0
    for n in range(200):
        with contextlib.suppress(VersionConflict):
            plant.registry.merge(OVEN, read_thing({"metadata": {"n": n}, "version": 1}))
            won += 1
    assert won == 1
    assert plant.document(OVEN)["version"] == 2


def test_a_deleted_feature_goes_with_its_desired_state_and_moves_the_thing_s_time(
    plant: Plant,
) -> None:
    plant.now += 5
    plant.registry.delete_feature(OVEN, "thermal")
    (event,) = plant.told()
    assert (event["event"], event["feature"]) == ("FeatureDeleted", "thermal")
    assert plant.document(OVEN)["features"] == {}
    assert plant.document(OVEN)["lastUpdated"] == rfc3339(TIME + 5)
