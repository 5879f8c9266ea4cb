"""Nested and flat: two forms of the same properties."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.history import flatten, nest, split
from egizcore.history.point import MAX_PLACE, escaped, selects, spellings

NAMES = st.text(
    st.sampled_from('ab.[]\\0 1"é') | st.characters(exclude_categories=["C"]),
    min_size=1,
    max_size=6,
)
SCALARS = st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(NAMES, VALUES, max_size=4)


@given(PROPERTIES)
def test_what_was_flattened_nests_again(properties: dict[str, Any]) -> None:
    assert nest(flatten(properties)) == properties


@given(PROPERTIES, st.randoms())
def test_the_order_of_leaves_does_not_matter(properties: dict[str, Any], chance: Any) -> None:
    leaves = list(flatten(properties).items())
    chance.shuffle(leaves)
    assert nest(dict(leaves)) == properties


def joined(parts: Sequence[str | int]) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{escaped(part)}" for part in parts)
    return key[1:]


@given(NAMES, st.lists(NAMES | st.integers(0, MAX_PLACE), max_size=5))
def test_a_key_says_its_parts(first: str, others: list[str | int]) -> None:
    key = joined((first, *others))
    assert split(key) == (first, *others)
    assert key in spellings((first, *others))


@given(st.text(st.sampled_from("ab.[]\\01"), min_size=1, max_size=12))
def test_any_text_is_some_key(text: str) -> None:
    assert split(joined(split(text))) == split(text)


def test_flat_is_scalars_by_key() -> None:
    assert flatten(
        {
            "setpoint": 190,
            "zones": [185, None, {"t": 1.5}, [True]],
            "a.b": {"c[d": "x", "e\\": 0},
            "nothing": [None, [], {}],
        }
    ) == {
        "setpoint": 190.0,
        "zones[0]": 185.0,
        "zones[2].t": 1.5,
        "zones[3][0]": True,
        r"a\.b.c\[d": "x",
        r"a\.b.e\\": 0.0,
    }


def test_numbers_become_floats_and_truths_stay() -> None:
    leaves = flatten({"a": 1, "b": True})
    assert [type(leaf) for leaf in leaves.values()] == [float, bool]


def test_places_that_an_array_lacks_are_null() -> None:
    assert nest({"a[2]": 1.0, "b[1].c": 2.0}) == {"a": [None, None, 1.0], "b": [None, {"c": 2.0}]}


@pytest.mark.parametrize(
    ("leaves", "nested"),
    [
        ({"a": 1.0, "a.b": 2.0}, {"a": 1.0, "a.b": 2.0}),
        ({"a": 1.0, "a[0]": 2.0}, {"a": 1.0, "a[0]": 2.0}),
        ({"a.b": 1.0, "a[0]": 2.0}, {"a": {"b": 1.0}, "a[0]": 2.0}),
        ({"a[0]": 1.0, "a[0].b": 2.0}, {"a": [1.0], "a[0].b": 2.0}),
    ],
)
def test_of_leaves_that_contradict_each_other_the_later_keeps_its_key(
    leaves: dict[str, Any], nested: dict[str, Any]
) -> None:
    assert nest(leaves) == nested


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a[0].b[10]", ("a", 0, "b", 10)),
        ("a[007]", ("a", 7)),
        (r"a\.b", ("a.b",)),
        (r"a\[0]", ("a[0]",)),
        (r"\a", ("a",)),
        ("a[b", ("a[b",)),
        ("a[b]", ("a[b]",)),
        ("a[]", ("a[]",)),
        ("a.0", ("a", "0")),
        ("a]", ("a]",)),
        ("", ("",)),
        (".", (".",)),
        ("a.", ("a.",)),
        (".a", (".a",)),
        ("a..b", ("a..b",)),
        ("[0]", ("[0]",)),
        ("a[0]b", ("a[0]b",)),
        ("a.[0]", ("a.[0]",)),
        ("a\\", ("a\\",)),
        ("a[1000001]", ("a[1000001]",)),
        ("a[12345678]", ("a[12345678]",)),
    ],
)
def test_a_key_is_taken_apart(key: str, parts: tuple[str | int, ...]) -> None:
    assert split(key) == parts


def test_a_name_of_digits_may_be_a_place() -> None:
    assert spellings(("zones", "1")) == ["zones.1", "zones[1]"]
    assert spellings(("zones", 1, "x.y")) == [
        r"zones.1.x\.y",
        r"zones[1].x\.y",
        r"zones\[1].x\.y",
    ]
    assert spellings(("br", 0, 2))[-2:] == [r"br\[0][2]", r"br\[0]\[2]"], "and of a name the end"
    assert spellings(("0",)) == ["0"]
    assert spellings(("a", "12345678")) == ["a.12345678"]


@pytest.mark.parametrize(
    ("key", "wanted", "selected"),
    [
        ("a", ["a"], True),
        ("a.b", ["a"], True),
        ("a[0].b", ["a"], True),
        ("a[0].b", ["x", "a[0]"], True),
        ("ab", ["a"], False),
        (r"a\.b", ["a"], False),
        ("a", ["a.b"], False),
        ("a[10]", ["a[1]"], False),
        ("a", [], False),
    ],
)
def test_a_path_selects_what_it_names_and_all_below(
    key: str,
    wanted: list[str],
    selected: bool,  # noqa: FBT001
) -> None:
    assert selects(key, wanted) is selected


def test_a_long_key_is_no_trap() -> None:
    started = time.perf_counter()
    for key in ("\\" * 20_000, "a[" * 20_000, "a." * 20_000, "a[0]" * 20_000 + "b"):
        split(key)
    assert time.perf_counter() - started < 2


def test_what_is_deeper_than_any_thing_is_one_name() -> None:
    for key in (".".join("a" * 500), "a" + "[0]" * 500):
        assert split(key) == (key,)
        assert nest({key: 1.0}) == {key: 1.0}
