"""A client's copy of the Things."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.console.documents import objects, values

from egizcore.console.mirror import Mirror, merge

RFC_7396 = [  # appendix A
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


def snapshot(*things: dict[str, Any], last: bool = True) -> dict[str, Any]:
    return {"event": "Snapshot", "seq": 1, "things": list(things), "last": last}


def thing(version: int = 1, **features: dict[str, Any]) -> dict[str, Any]:
    wrapped = {name: {"properties": properties} for name, properties in features.items()}
    return {"id": "f:o", "type": "oven", "metadata": {}, "features": wrapped, "version": version}


def changed(event: str, version: int, **members: Any) -> dict[str, Any]:
    return {"event": event, "thingId": "f:o", "version": version, "timestamp": "t"} | members


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_merging_follows_the_examples_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@given(target=values, patch=values)
def test_merging_changes_neither_side(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    merge(target, patch)
    assert (target, patch) == before


@given(target=values, patch=objects)
def test_merging_the_same_again_changes_nothing(target: Any, patch: dict[str, Any]) -> None:
    once = merge(target, patch)
    assert merge(once, patch) == once


def test_a_snapshot_counts_from_its_last_message_on() -> None:
    mirror = Mirror()
    mirror.take({"event": "Subscribed", "epoch": "e", "seq": 1})
    mirror.take(snapshot(thing(), last=False))
    assert mirror.things == {}
    mirror.take(snapshot({**thing(), "id": "f:p"}))
    assert set(mirror.things) == {"f:o", "f:p"}


def test_a_new_snapshot_forgets_what_is_gone() -> None:
    mirror = Mirror()
    mirror.take(snapshot(thing()))
    mirror.take(snapshot())
    assert mirror.things == {}


def test_a_change_that_is_not_newer_is_left_out() -> None:
    mirror = Mirror()
    mirror.take(snapshot(thing(version=5, thermal={"setpoint": 190})))
    late = changed("StateChanged", 5, feature="thermal", properties={"setpoint": 1})
    assert mirror.take(late) is None
    assert mirror.things["f:o"]["features"]["thermal"]["properties"] == {"setpoint": 190}


@given(st.booleans())
def test_a_conflated_change_replaces_and_another_merges(conflated: bool) -> None:  # noqa: FBT001
    mirror = Mirror()
    mirror.take(snapshot(thing(thermal={"old": 1})))
    message = changed("StateChanged", 9, feature="thermal", properties={"new": 2})
    mirror.take(message | ({"conflated": 8} if conflated else {}))
    expected = {"new": 2} if conflated else {"old": 1, "new": 2}
    assert mirror.things["f:o"]["features"]["thermal"]["properties"] == expected


def test_a_things_life_is_followed_to_its_end() -> None:
    mirror = Mirror()
    mirror.take(changed("ThingCreated", 1, thing=thing()))
    mirror.take(changed("ThingUpdated", 2, changed={"metadata": {"name": "Oven"}}))
    mirror.take(changed("DesiredStateChanged", 3, feature="x", desiredState={"a": 1}))
    assert mirror.things["f:o"]["metadata"] == {"name": "Oven"}
    assert mirror.things["f:o"]["features"]["x"]["desiredState"] == {"a": 1}
    mirror.take(changed("FeatureDeleted", 4, feature="x"))
    assert mirror.things["f:o"]["features"] == {}
    assert mirror.take(changed("ThingDeleted", 5)) == "f:o"
    assert mirror.things == {}
