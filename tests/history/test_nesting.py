"""Shapes of samples: what they come to, and that a row is nested as a column is."""

from hypothesis import given
from hypothesis import strategies as st

from egizcore.history import nesting
from egizcore.history.nesting import nested_of, nested_row, places_of
from egizcore.history.point import Leaf, nest, spread

KEYS = st.lists(
    st.sampled_from(
        ("a", "b.c", "z[0]", "z[1]", "z[2]", "z[5]", "y[1].a", "y[1].b", "y[0].a", "z", "a.b",
         "w[0][1]", "w[1][0]", "v[2][0]", "v[2][1]", r"u\.x[0]", "[0]", "q[0]", "q.r")
    ),
    min_size=1,
    unique=True,
).map(tuple)  # fmt: skip


def leaves_of(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(leaves_of, value.values()))
    if isinstance(value, list):
        return sum(map(leaves_of, value))
    return 1


@given(KEYS)
def test_a_row_and_columns_are_nested_as_nest_does_it(keys: tuple[str, ...]) -> None:
    row: list[Leaf] = [float(place) for place in range(len(keys))]
    wanted = nest(dict(zip(keys, row, strict=True)))
    told: list[int] = []
    assert nested_row(keys, row, told.append) == wanted
    assert nested_of(keys, [[leaf, leaf] for leaf in row]) == [wanted, wanted]
    assert told == [places_of(keys)]
    assert leaves_of(wanted) <= told[0] <= spread(keys)


@given(KEYS, st.data())
def test_of_a_row_what_is_not_there_is_left_out(keys: tuple[str, ...], data: st.DataObject) -> None:
    row = [data.draw(st.sampled_from((1.0, None, False, ""))) for _ in keys]
    leaves = {key: leaf for key, leaf in zip(keys, row, strict=True) if leaf is not None}
    assert nested_row(keys, row, bool) == nest(leaves)


def test_nulls_of_arrays_weigh_as_leaves_do() -> None:
    for keys, places in (
        (("a", "b"), 2),
        (("z[0]", "z[1]"), 2),
        (("z[999]",), 1000),
        (("z[0].a", "z[9].b"), 10),
        (("z[1][9]", "z[0][0]"), 11),
        ((), 0),
    ):
        assert places_of(keys) == places
        assert places <= spread(keys) <= 2 * places


def test_shapes_of_wide_samples_are_not_hoarded() -> None:
    for width in range(2000, 2010):
        places_of(tuple(f"z[{place}]" for place in range(width)))
    assert nesting._wide.cache_info().currsize <= 2
