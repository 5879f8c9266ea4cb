"""Columns against the plain functions of point.py."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from egizcore.history.columns import Columns
from egizcore.history.point import Leaf, flatten, nest

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
NAMES = st.sampled_from(("a", "b", "a.b", "[0]", "c\\", "0"))
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
PROPERTIES = st.dictionaries(NAMES, VALUES, max_size=4)
SAMPLES = st.lists(st.tuples(st.integers(0, 9), PROPERTIES), max_size=12)


def rows(columns: Columns) -> list[tuple[int, dict[str, Leaf]]]:
    return [
        (
            at,
            {
                key: leaf
                for key, column in columns.leaves.items()
                if (leaf := column[place]) is not None
            },
        )
        for place, at in enumerate(columns.at)
    ]


def settled(samples: list[tuple[int, dict[str, Leaf]]]) -> list[tuple[int, dict[str, Leaf]]]:
    merged: dict[int, dict[str, Leaf]] = {}
    for at, leaves in samples:
        merged[at] = merged.get(at, {}) | leaves
    return sorted((at, leaves) for at, leaves in merged.items() if leaves)


def of(samples: list[tuple[int, dict[str, Any]]]) -> Columns:
    return Columns.gathered([at for at, _ in samples], [some for _, some in samples])


@given(SAMPLES)
def test_they_hold_the_leaves_that_flatten_finds(samples: list[tuple[int, dict[str, Any]]]) -> None:
    columns = of(samples)
    assert all(len(column) == len(samples) for column in columns.leaves.values())
    got = rows(columns)
    assert got == [(at, flatten(some)) for at, some in samples]
    assert [[type(leaf) for leaf in some.values()] for _, some in got] == [
        [type(some[key]) for key in found]
        for (_, found), some in zip(got, (flatten(some) for _, some in samples), strict=True)
    ]


@given(SAMPLES)
def test_settled_they_are_in_order_and_the_later_sample_wins(
    samples: list[tuple[int, dict[str, Any]]],
) -> None:
    assert rows(of(samples).settled()) == settled([(at, flatten(some)) for at, some in samples])


@given(st.lists(SAMPLES, min_size=1, max_size=4))
def test_joined_parts_are_one_and_the_later_part_wins(
    parts: list[list[tuple[int, dict[str, Any]]]],
) -> None:
    whole = [(at, flatten(some)) for part in parts for at, some in part]
    assert rows(Columns.joined([of(part).settled() for part in parts])) == settled(whole)


@given(SAMPLES)
def test_nested_they_are_what_nest_makes_of_each_sample(
    samples: list[tuple[int, dict[str, Any]]],
) -> None:
    columns = of(samples).settled()
    assert columns.nested() == [nest(leaves) for _, leaves in rows(columns)]


@given(SAMPLES, st.integers(0, 12), st.integers(0, 12))
def test_a_cut_has_the_samples_between(
    samples: list[tuple[int, dict[str, Any]]], start: int, end: int
) -> None:
    columns = of(samples)
    assert rows(columns.cut(start, end)) == rows(columns)[start:end]


def test_arrays_are_in_order_whatever_came_first() -> None:
    columns = Columns([1], {"z[1]": [1.0], "z[0]": [0.0]})
    assert columns.nested() == [{"z": [0.0, 1.0]}]


def test_arrays_with_holes_are_filled_with_null() -> None:
    columns = Columns([1, 2], {"z[2]": [1.0, 2.0], "z[0]": [3.0, None]})
    assert columns.nested() == [{"z": [3.0, None, 1.0]}, {"z": [None, None, 2.0]}]


def test_leaves_that_contradict_each_other_are_told_as_nest_tells_them() -> None:
    leaves: dict[str, Leaf] = {"a": 1.0, "a.b": 2.0, "c[0]": 3.0, "c.d": 4.0}
    columns = Columns([1], {key: [leaf] for key, leaf in leaves.items()})
    assert columns.nested() == [nest(leaves)]
