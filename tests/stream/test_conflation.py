from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.stream.plant import Plant

from egizcore.stream.conflation import Pending
from egizcore.thing.event import Event


def gather(plant: Plant) -> Pending:
    """A client that takes nothing, and is to be told everything."""
    pending = Pending()
    plant.bus.attach(lambda event, _before, _after: pending.add(event))
    return pending


def take(pending: Pending, plant: Plant, most: int = 1000) -> list[Any]:
    return list(pending.take(most, plant.store))


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_many_changes_of_a_feature_are_one_with_its_whole_state() -> None:
    plant = Plant(1)
    plant.report("f:00000", "p", n=0, m=5)
    pending = gather(plant)
    for n in range(3):
        plant.report("f:00000", "p", n=n)
    (told,) = take(pending, plant)
    assert (told.properties, told.conflated) == ({"n": 2, "m": 5}, 3)
    assert (told.version, told.seq) == (5, 5)
    assert not pending


def test_parts_come_in_the_order_of_their_newest_seq() -> None:
    plant = Plant(2)
    pending = gather(plant)
    for thing_id, feature in (("0", "p"), ("1", "p"), ("0", "q"), ("0", "p")):
        plant.report(f"f:0000{thing_id}", feature, n=1)
    told = take(pending, plant)
    assert [(one.thingId, one.feature) for one in told] == [
        ("f:00001", "p"),
        ("f:00000", "q"),
        ("f:00000", "p"),
    ]
    assert [one.seq for one in told] == [4, 5, 6]


def test_properties_and_desired_state_are_parts_of_their_own() -> None:
    plant = Plant(1)
    pending = gather(plant)
    plant.write("f:00000", "p", properties={"n": 1}, desiredState={"n": 2})
    plant.write("f:00000", "p", desiredState={"m": 3})
    reported, desired = take(pending, plant)
    assert (reported.properties, reported.conflated) == ({"n": 1}, 1)
    assert (desired.desiredState, desired.conflated) == ({"n": 2, "m": 3}, 2)


def test_the_end_of_a_feature_takes_the_place_of_its_parts() -> None:
    plant = Plant(1)
    pending = gather(plant)
    plant.write("f:00000", "p", properties={"n": 1}, desiredState={"n": 2})
    plant.report("f:00000", "q", n=1)
    plant.delete_feature("f:00000", "p")
    kept, deleted = take(pending, plant)
    assert (kept.feature, kept.conflated) == ("q", 1)
    assert (names([deleted]), deleted.conflated) == (["FeatureDeleted"], 3)


def test_a_feature_that_came_back_is_told_after_its_end() -> None:
    plant = Plant(1)
    pending = gather(plant)
    plant.report("f:00000", "p", n=1)
    plant.delete_feature("f:00000", "p")
    plant.report("f:00000", "p", m=1)
    told = take(pending, plant)
    assert names(told) == ["FeatureDeleted", "StateChanged"]
    assert [one.conflated for one in told] == [2, 1]


def test_the_end_of_a_thing_takes_the_place_of_all() -> None:
    plant = Plant()
    pending = gather(plant)
    plant.create("f:a")
    plant.report("f:a", "p", n=1)
    plant.merge("f:a", metadata={"place": "x"})
    plant.delete("f:a")
    (told,) = take(pending, plant)
    assert (names([told]), told.conflated, told.version) == (["ThingDeleted"], 4, 4)


def test_a_new_thing_carries_its_newest_state() -> None:
    plant = Plant()
    pending = gather(plant)
    plant.create("f:a")
    plant.report("f:a", "p", n=1)
    plant.delete_feature("f:a", "p")
    plant.merge("f:a", metadata={"place": "x"})
    (told,) = take(pending, plant)
    assert (names([told]), told.conflated) == (["ThingCreated"], 4)
    assert told.thing == plant.document("f:a")


def test_a_thing_that_came_back_is_told_after_its_end() -> None:
    plant = Plant()
    plant.create("f:a")
    pending = gather(plant)
    plant.delete("f:a")
    plant.create("f:a", "mixer")
    told = take(pending, plant)
    assert names(told) == ["ThingDeleted", "ThingCreated"]


def test_changed_members_are_told_whole() -> None:
    plant = Plant()
    plant.create("f:a", metadata={"place": "x"})
    pending = gather(plant)
    plant.merge("f:a", metadata={"place": None})
    plant.merge("f:a", metadata={"name": "A"})
    (told,) = take(pending, plant)
    assert told.changed == {"type": "oven", "metadata": {"name": "A"}, "relationships": []}
    assert told.conflated == 2


def test_what_has_gone_unseen_is_told_as_gone() -> None:
    """A Thing can leave a filter, which is told, and then end, which is not."""
    plant = Plant(2)
    pending = Pending()
    plant.bus.attach(lambda event, _before, _after: pending.add(event))
    plant.report("f:00000", "p", n=1)
    plant.report("f:00001", "p", n=1)
    plant.bus.listeners = ()
    plant.delete("f:00000")
    plant.delete_feature("f:00001", "p")
    told = take(pending, plant)
    assert names(told) == ["ThingDeleted", "FeatureDeleted"]
    assert [one.seq for one in told] == [3, 4]


def test_they_can_be_taken_a_few_at_a_time() -> None:
    plant = Plant(5)
    pending = gather(plant)
    for number in range(5):
        plant.report(f"f:0000{number}", "p", n=1)
    assert [one.thingId for one in take(pending, plant, 2)] == ["f:00000", "f:00001"]
    plant.report("f:00002", "p", n=2)
    assert [one.thingId for one in take(pending, plant)] == ["f:00003", "f:00004", "f:00002"]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from("pq"))))
def test_the_counts_always_add_up(steps: list[tuple[int, str, str]]) -> None:
    plant = Plant()
    pending = gather(plant)
    for kind, name, feature in steps:
        thing_id = f"f:{name}"
        thing = plant.store.things.get(thing_id)
        if thing is None or kind < 2:
            plant.report(thing_id, feature, n=kind)
        elif kind == 2:
            plant.merge(thing_id, metadata={"n": 1})
        elif kind == 3:
            plant.write(thing_id, feature, desiredState={"n": 1})
        elif kind == 4:
            plant.delete(thing_id)
        elif feature in thing.features:
            plant.delete_feature(thing_id, feature)
    told = take(pending, plant)
    assert sum(one.conflated for one in told) == plant.bus.seq
    assert [one.seq for one in told] == sorted(one.seq for one in told)
    assert len(told) <= 2 * (2 + 2 * 3), "a handful for each part of a Thing"
    assert (pending._order, pending._of) == ({}, {})
