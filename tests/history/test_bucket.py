"""Buckets against the naive model, however the samples are cut into pieces."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.history import naive
from tests.history.asking import alike
from tests.history.test_columns import rows

from egizcore.history import AGGREGATES, Aggregate, Leaf, Place
from egizcore.history.bucket import buckets
from egizcore.history.columns import Columns

LEAVES = st.dictionaries(
    st.sampled_from(("n", "mixed", "text")),
    st.floats(-1e9, 1e9) | st.sampled_from(("x", "", True, False)),
    min_size=1,
)
SAMPLES = st.dictionaries(st.integers(-50, 50), LEAVES, max_size=40)


@given(
    SAMPLES,
    st.tuples(st.integers(1, 60), st.sampled_from(AGGREGATES), st.booleans()),
    st.sets(st.integers(0, 40)),
    st.integers(1, 5),
)
def test_they_are_what_the_model_says(
    samples: dict[int, dict[str, Leaf]],
    asked: tuple[int, Aggregate, bool],
    cuts: set[int],
    piece: int,
) -> None:
    every, aggregate, descending = asked
    whole = Columns.of_rows(sorted(samples.items()))
    places = [0, *sorted(cuts), len(whole)]
    parts = [whole.cut(start, end) for start, end in pairwise(places)]
    given_parts = parts[::-1] if descending else parts
    pieces = list(buckets(given_parts, every, aggregate, descending=descending, piece=piece))
    assert all(0 < len(one) <= piece for one in pieces)
    got = [row for one in (pieces[::-1] if descending else pieces) for row in rows(one)]
    model = naive.buckets(
        {Place(at, "f"): leaves for at, leaves in samples.items()}, every, aggregate
    )
    wanted = [(place.at, leaves) for place, leaves in sorted(model.items())]
    assert [at for at, _ in got] == [at for at, _ in wanted]
    assert all(alike(one[1], two[1]) for one, two in zip(got, wanted, strict=True))


@pytest.mark.parametrize(
    ("aggregate", "values", "wanted"),
    [
        ("mean", [1.7e308, 1.7e308], 1.7e308),
        ("sum", [1.7e308, 1.7e308], None),
        ("sum", [1.7e308, 1.7e308, 1.0], None),
        ("mean", [0.1] * 10, 0.1),
        ("sum", [0.1] * 10, 1.0),
    ],
)
def test_sums_past_what_a_number_holds_are_left_out(
    aggregate: Aggregate, values: list[float], wanted: float | None
) -> None:
    column: Any = list(values)
    pieces = list(buckets([Columns(list(range(len(values))), {"n": column})], 1000, aggregate))
    if wanted is None:
        assert pieces == []
    else:
        assert math.isclose(pieces[0].leaves["n"][0], wanted)  # type: ignore[arg-type]


def test_buckets_of_many_leaves_are_handed_on_soon() -> None:
    wide = Columns(list(range(10)), {str(key): [1.0] * 10 for key in range(10_000)})
    for descending in (False, True):
        pieces = list(buckets([wide], 1, "mean", descending=descending))
        assert [len(piece) for piece in pieces] == [2] * 5
        assert all(len(piece.leaves) == 10_000 for piece in pieces)
