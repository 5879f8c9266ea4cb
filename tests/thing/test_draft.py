"""What a document may say of a Thing, and how its faults are told (contract.md, section 1)."""

from typing import Any

import pytest
from msgspec import UNSET

from egizcore.errors import LimitExceeded, ValidationFailed
from egizcore.thing.draft import MAX_FAULTS, NESTING, read_feature, read_thing
from egizcore.thing.model import Relationship

OVEN: dict[str, Any] = {"id": "factory:oven-001", "type": "oven"}
PLACES = ["metadata", "properties", "desiredState"]


def faults(document: object) -> dict[str, str]:
    """Pointer → message."""
    with pytest.raises(ValidationFailed) as caught:
        read_thing(document)
    assert caught.value.detail.startswith(caught.value.faults[0].pointer or "the document")
    return {fault.pointer: fault.message for fault in caught.value.faults}


def at_place(place: str, members: Any) -> dict[str, Any]:
    """A Thing whose *place* is *members*."""
    if place == "metadata":
        return {**OVEN, "metadata": members}
    return {**OVEN, "features": {"f": {place: members}}}


def nested(levels: int, *, lists: bool = False) -> Any:
    """*levels* containers in each other."""
    value: Any = 1
    for _ in range(levels):
        value = [value] if lists else {"n": value}
    return value


def test_what_is_not_named_is_told_from_what_is_null_and_what_is_empty() -> None:
    draft = read_thing(OVEN)
    assert draft.metadata is draft.features is draft.relationships is UNSET
    draft = read_thing(
        {**OVEN, "metadata": None, "features": None, "relationships": None, "version": 3}
    )
    assert draft.metadata is draft.features is draft.relationships is None
    assert draft.version == 3
    draft = read_thing({**OVEN, "metadata": {}, "features": {"a": None, "b": {}}})
    assert draft.metadata == {}
    assert isinstance(draft.features, dict)
    assert draft.features["a"] is None
    assert draft.features["b"] is not None
    assert draft.features["b"].properties is draft.features["b"].desired_state is UNSET


def test_what_was_read_can_be_sent_back_as_it_is() -> None:
    draft = read_thing(
        {
            **OVEN,
            "metadata": {"name": "Main Oven #1"},
            "features": {
                "thermal": {
                    "id": "thermal",
                    "properties": {"setpoint": 190.0},
                    "desiredState": {"setpoint": 195.0},
                    "lastUpdated": "2026-01-27T10:30:00.123Z",
                    "stale": True,
                    "quality": "bad-clock",
                }
            },
            "relationships": [{"type": "partOf", "targetId": "factory:line-a"}],
            "version": 1234,
            "createdAt": "2026-01-20T08:00:00.000Z",
            "lastUpdated": "2026-01-27T10:30:00.123Z",
        }
    )
    assert draft.relationships == (Relationship("partOf", "factory:line-a"),)
    assert draft.version == 1234
    feature = read_feature(
        {"id": "thermal", "properties": {}, "desiredState": {}, "lastUpdated": "x", "version": 5}
    )
    assert feature.version == 5


def test_a_version_at_creation_is_ignored_whatever_it_is() -> None:
    assert read_thing({**OVEN, "version": "new"}, versioned=False).version is None


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        (None, ""),
        ({"id": "oven"}, "/id"),
        ({"id": None}, "/id"),
        ({"id": "a:b\n"}, "/id"),
        ({"type": None}, "/type"),
        ({"type": ""}, "/type"),
        ({"type": "two words"}, "/type"),
        ({"type": 5}, "/type"),
        ({"metadata": []}, "/metadata"),
        ({"metadata": {"": 1}}, "/metadata/"),
        ({"metadata": {"a": {"b": [{"c\n": 1}]}}}, "/metadata/a/b/0/c\n"),
        ({"metadata": {"x" * 129: 1}}, "/metadata/" + "x" * 129),
        ({"metadata": {"a/b~c": {"": 1}}}, "/metadata/a~1b~0c/"),
        ({"features": []}, "/features"),
        ({"features": {"a b": {}}}, "/features/a b"),
        ({"features": {"a": 1}}, "/features/a"),
        ({"features": {"a": {"version": 1}}}, "/features/a/version"),
        ({"features": {"a": {"colour": 1}}}, "/features/a/colour"),
        ({"features": {"a": {"properties": 1}}}, "/features/a/properties"),
        ({"features": {"a": {"properties": {"\x7f": 1}}}}, "/features/a/properties/\x7f"),
        ({"features": {"a": {"desiredState": [1]}}}, "/features/a/desiredState"),
        ({"relationships": {}}, "/relationships"),
        ({"relationships": [1]}, "/relationships/0"),
        ({"relationships": [{"targetId": "a:b"}]}, "/relationships/0/type"),
        ({"relationships": [{"type": "partOf"}]}, "/relationships/0/targetId"),
        (
            {"relationships": [{"type": "a", "targetId": "a:b", "x": 1}]},
            "/relationships/0/x",
        ),
        ({"version": -1}, "/version"),
        ({"version": True}, "/version"),
        ({"version": 1.0}, "/version"),
        ({"version": None}, "/version"),
        ({"version": 1 << 63}, "/version"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_fault_is_told_with_a_pointer_to_it(document: object, pointer: str) -> None:
    assert pointer in faults(document)


def test_all_faults_are_told_at_once_but_no_endless_list() -> None:
    assert len(faults({"id": 1, "type": 2, "metadata": 3, "colour": 4})) == 4
    assert len(faults({f"unknown-{n}": 1 for n in range(1000)})) == MAX_FAULTS


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("lists", [False, True])
def test_sixteen_levels_below_a_member_are_taken_and_seventeen_are_not(
    place: str, *, lists: bool
) -> None:
    read_thing(at_place(place, {"deep": nested(NESTING, lists=lists)}))
    with pytest.raises(LimitExceeded) as caught:
        read_thing(at_place(place, {"deep": nested(NESTING + 1, lists=lists)}))
    (fault,) = caught.value.faults
    assert "/deep/" in fault.pointer


def test_an_ill_formed_document_is_that_first_and_too_deep_only_then() -> None:
    assert "/colour" in faults({**at_place("metadata", {"deep": nested(17)}), "colour": 1})


def test_a_document_that_is_too_deep_in_many_places_names_only_some() -> None:
    deep = {f"m{n}": nested(NESTING + 1) for n in range(1000)}
    with pytest.raises(LimitExceeded) as caught:
        read_thing(at_place("metadata", deep))
    assert len(caught.value.faults) == MAX_FAULTS


def test_a_feature_s_own_document_takes_a_version_and_no_more() -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_feature({"properties": [], "version": "1", "type": "oven"})
    assert {fault.pointer for fault in caught.value.faults} == {"/properties", "/version", "/type"}
