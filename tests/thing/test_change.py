"""Which parts a request is, and in which order (contract.md, section 1, Parts)."""

from typing import Any

import pytest
from tests.thing.samples import TIME

from egizcore.thing.change import (
    Desired,
    Dropped,
    Members,
    Part,
    Reported,
    created,
    merging,
    merging_feature,
    replacing,
)
from egizcore.thing.draft import read_feature, read_thing
from egizcore.thing.model import NEVER, Feature, Relationship, Thing


@pytest.fixture
def oven() -> Thing:
    thing = Thing("f:o", "oven", 5, TIME)
    thing.metadata = {"name": "Main", "place": {"line": "a", "row": 1}}
    thing.relationships = (Relationship("partOf", "f:line"),)
    for name in ("thermal", "door"):
        feature = thing.features[name] = Feature(TIME)
        feature.properties = {"x": 1, "y": {"z": 2}}
        feature.desired_state = {"x": 3}
    return thing


def merged(thing: Thing, document: dict[str, Any]) -> list[Part]:
    return merging(thing, read_thing(document))


def replaced(thing: Thing, document: dict[str, Any]) -> list[Part]:
    return replacing(thing, read_thing(document))


def updated(thing: Thing, name: str, document: dict[str, Any]) -> list[Part]:
    return merging_feature(thing, name, read_feature(document))


def test_own_members_come_first_then_features_as_given_properties_before_desired_state(
    oven: Thing,
) -> None:
    parts = merged(
        oven,
        {
            "features": {
                "door": {"desiredState": {"x": 9}, "properties": {"x": 8}},
                "new": {"properties": {"n": 1}},
                "thermal": {"properties": {"x": None}},
            },
            "type": "mixer",
            "metadata": {"name": None},
        },
    )
    assert parts == [
        Members(
            "mixer",
            {"place": {"line": "a", "row": 1}},
            oven.relationships,
            {"type": "mixer", "metadata": {"name": None}},
        ),
        Reported("door", {"x": 8, "y": {"z": 2}}, {"x": 8}),
        Desired("door", {"x": 9}, {"x": 9}),
        Reported("new", {"n": 1}, {"n": 1}),
        Reported("thermal", {"y": {"z": 2}}, {"x": None}),
    ]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"metadata": {}},
        {"features": {}},
        {"features": {"thermal": {}}},
        {"features": {"no": None}},
        {"features": {"thermal": {"properties": {}, "desiredState": {}}}},
    ],
)
def test_an_empty_patch_is_no_part(oven: Thing, document: dict[str, Any]) -> None:
    assert merged(oven, document) == []


def test_an_update_is_a_change_also_when_its_values_are_what_is_stored(oven: Thing) -> None:
    (members,) = merged(oven, {"type": "oven"})
    assert members == Members("oven", oven.metadata, oven.relationships, {"type": "oven"})
    (part,) = merged(oven, {"features": {"thermal": {"properties": {"x": 1}}}})
    assert part == Reported("thermal", {"x": 1, "y": {"z": 2}}, {"x": 1})


def test_null_empties_and_the_patch_names_what_went(oven: Thing) -> None:
    assert merged(oven, {"metadata": None}) == [
        Members(
            "oven", {}, oven.relationships, {"metadata": {"name": None, "place": None}}
        )
    ]  # fmt: skip
    assert updated(oven, "door", {"properties": None, "desiredState": None}) == [
        Reported("door", {}, {"x": None, "y": None}),
        Desired("door", {}, {"x": None}),
    ]
    assert merged(oven, {"features": None}) == [Dropped("door"), Dropped("thermal")]
    assert merged(oven, {"features": {"door": None}}) == [Dropped("door")]
    (members,) = merged(oven, {"relationships": None})
    assert members == Members("oven", oven.metadata, (), {"relationships": []})


def test_relationships_are_replaced_as_arrays_are(oven: Thing) -> None:
    links = [{"type": "feeds", "targetId": "f:mixer"}]
    (members,) = merged(oven, {"relationships": links})
    assert members == Members(
        "oven", oven.metadata, (Relationship("feeds", "f:mixer"),), {"relationships": links}
    )


def test_a_feature_that_is_new_is_a_part_even_when_it_is_empty(oven: Thing) -> None:
    assert updated(oven, "new", {}) == [Reported("new", {}, {})]
    assert updated(oven, "new", {"properties": None}) == [Reported("new", {}, {})]
    assert updated(oven, "new", {"desiredState": {"x": 1}}) == [Desired("new", {"x": 1}, {"x": 1})]
    assert updated(oven, "new", {"properties": {"a": None}}) == [Reported("new", {}, {"a": None})]


def test_an_update_of_nothing_is_no_part(oven: Thing) -> None:
    assert updated(oven, "door", {}) == updated(oven, "door", {"properties": {}}) == []


def test_a_replacement_is_own_members_then_the_features_named_then_those_that_went_by_name(
    oven: Thing,
) -> None:
    oven.features["attic"] = Feature(TIME)
    parts = replaced(
        oven,
        {
            "type": "oven",
            "features": {"thermal": {"properties": {"y": {"w": 1}}}, "new": {}, "door": None},
        },
    )
    assert parts == [
        Members(
            "oven",
            {},
            (),
            {"type": "oven", "metadata": {"name": None, "place": None}, "relationships": []},
        ),
        Reported("thermal", {"y": {"w": 1}}, {"x": None, "y": {"z": None, "w": 1}}),
        Desired("thermal", {}, {"x": None}),  # it is not named, so it goes
        Reported("new", {}, {}),
        Dropped("attic"),
        Dropped("door"),
    ]


def test_a_replacement_that_names_nothing_but_the_type_is_one_part_at_least() -> None:
    bare = Thing("f:o", "oven", 1, TIME)
    assert len(replaced(bare, {"type": "oven"})) == 1


def test_a_replacement_of_a_part_that_is_named_is_a_part_also_when_it_is_empty() -> None:
    thing = Thing("f:o", "oven", 1, TIME)
    thing.features["f"] = Feature(TIME)
    parts = replaced(thing, {"type": "oven", "features": {"f": {"properties": {}}}})
    assert parts[1:] == [Reported("f", {}, {})]


def test_a_creation_stores_no_null_and_keeps_those_in_arrays() -> None:
    thing = Thing("f:o", "oven", 0, TIME)
    document = {
        "metadata": {"a": None, "b": {"c": None}},
        "features": {
            "f": {"properties": {"p": None, "q": [None]}, "desiredState": {"r": None}},
            "gone": None,
            "wanted": {"desiredState": {"x": 1}},
        },
        "relationships": None,
    }
    created(read_thing(document), thing)
    assert thing.metadata == {"b": {}}
    assert thing.features.keys() == {"f", "wanted"}
    assert thing.features["f"].properties == {"q": [None]}
    assert thing.features["f"].desired_state == {}
    assert thing.features["f"].desired_at == NEVER
    assert thing.features["wanted"].desired_at == TIME
    assert thing.relationships == ()
