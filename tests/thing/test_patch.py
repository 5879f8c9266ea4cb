"""Merging against RFC 7396 as it is written, on values that nobody may change."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.thing.patch import changes_nothing, merge, replacement, same, without_nulls

names = st.sampled_from("abc")
scalars = st.none() | st.booleans() | st.integers(-1, 1) | st.sampled_from([0.0, 1.0, 0.5, "", "a"])
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(names, below, max_size=3),
    max_leaves=6,
)
patches = st.dictionaries(names, values, max_size=3)
stored = patches.map(without_nulls)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merge_patch(target.get(name), value)
    return target


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A, as far as both are objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge(target, patch) == result


@given(stored, patches)
def test_merging_is_the_rfc_and_changes_neither_side(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    assert merge(target, patch) == merge_patch(target, patch)
    assert (target, patch) == before


@given(stored, patches)
def test_no_null_is_ever_stored_as_a_member(target: Any, patch: Any) -> None:
    assert not _null_members(merge(target, patch))
    assert not _null_members(without_nulls(patch))


def test_null_stays_inside_arrays() -> None:
    assert without_nulls({"a": [None, {"b": None}]}) == {"a": [None, {"b": None}]}


@given(patches)
def test_what_a_patch_leaves_where_nothing_was(patch: Any) -> None:
    assert without_nulls(patch) == merge_patch({}, patch)


@given(stored, stored)
def test_a_replacement_turns_the_old_into_the_new_and_names_what_went(old: Any, new: Any) -> None:
    patch = replacement(old, new)
    assert merge_patch(old, patch) == new
    assert {name for name, value in patch.items() if value is None} == old.keys() - new.keys()
    assert new.keys() <= patch.keys()


@given(values, values)
def test_equality_is_json_s(left: Any, right: Any) -> None:
    assert same(left, right) is same(right, left)
    assert same(left, copy.deepcopy(left))
    if same(left, right):
        assert left == right


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (190, 190.0, True),
        (0.0, -0.0, True),
        (1, True, False),
        (0, False, False),
        (0.0, False, False),
        (None, 0, False),
        ("1", 1, False),
        ([1, [2.0]], [1.0, [2]], True),
        ([1], [True], False),
        ([1], [1, 1], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([], {}, False),
        (2**53 + 1, float(2**53), False),
    ],
)
def test_numbers_are_equal_by_value_and_true_is_no_number(
    left: Any,
    right: Any,
    equal: bool,  # noqa: FBT001
) -> None:
    assert same(left, right) is equal
    assert changes_nothing({"x": left}, {"x": right}) is (equal and left is not None)


@given(stored, patches)
def test_a_patch_changes_nothing_when_the_result_is_the_same(target: Any, patch: Any) -> None:
    assert changes_nothing(target, patch) is same(merge(target, patch), target)


def _null_members(value: Any) -> bool:
    return isinstance(value, dict) and any(
        member is None or _null_members(member) for member in value.values()
    )
