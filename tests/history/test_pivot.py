import math

import pytest

from egizcore.errors import LimitExceeded
from egizcore.history import Aggregate, Item, Query, pivot
from egizcore.history.mapping import Layout
from egizcore.history.pivot import Pivot

NAMES = Layout(None, {}).names(None)


def pivoted(query: Query, *rows: tuple[int, str, str, int, float], each: int = 100) -> Pivot:
    table = Pivot(query, NAMES, each)
    for row in rows:
        table.add(*row)
    return table


def asked(limit: int = 10, *, descending: bool = False, every: int = 0,
          aggregate: Aggregate | None = None) -> Query:  # fmt: skip
    return Query(
        "a:b", 0, 1000, limit=limit, descending=descending, every=every, aggregate=aggregate
    )


def test_rows_of_one_time_and_feature_are_one_item() -> None:
    rows = [(0, "f", "b", 5, 1.0), (0, "f", "b", 6, 2.0), (1, "f", "a[1]", 5, 3.0),
            (2, "e", "b", 5, 4.0)]  # fmt: skip
    assert pivoted(asked(), *rows).items() == [
        Item(5, "e", {"b": 4.0}),
        Item(5, "f", {"a": [None, 3.0], "b": 1.0}),
        Item(6, "f", {"b": 2.0}),
    ]


def test_what_lies_behind_the_end_of_a_full_series_is_not_whole() -> None:
    full = [(0, "f", "a", at, 1.0) for at in range(3)]
    longer = [(1, "f", "b", at, 1.0) for at in (1, 2)]
    table = pivoted(asked(2), *full, *longer, each=3)
    assert table.items() == [Item(0, "f", {"a": 1.0}), Item(1, "f", {"a": 1.0, "b": 1.0})]
    assert pivoted(asked(3), *full, *longer, each=3).items() is None
    assert pivoted(asked(3), *full, *longer, each=4).items() is not None


def test_newest_first_the_end_is_the_oldest() -> None:
    full = [(0, "f", "a", at, 1.0) for at in (7, 8, 9)]
    rare = [(1, "f", "b", at, 1.0) for at in (1, 9)]
    table = pivoted(asked(2, descending=True), *full, *rare, each=3)
    assert table.items() == [Item(9, "f", {"a": 1.0, "b": 1.0}), Item(8, "f", {"a": 1.0})]
    assert pivoted(asked(3, descending=True), *full, *rare, each=3).items() is None


@pytest.mark.parametrize(
    ("aggregate", "value"), [("min", 1.0), ("max", 5.0), ("sum", 6.0), ("count", 6.0)]
)
def test_two_series_of_one_leaf_are_put_together(aggregate: Aggregate, value: float) -> None:
    query = asked(every=10, aggregate=aggregate)
    table = pivoted(query, (0, "f", "a", 10, 5.0), (1, "f", "a", 10, 1.0))
    assert table.items() == [Item(10, "f", {"a": value})]
    assert not table.uneven


def test_the_last_of_two_series_is_the_newer() -> None:
    query = asked(every=10, aggregate="last")
    for rows in ((12, 1.0), (17, 2.0)), ((17, 2.0), (12, 1.0)):
        table = pivoted(query, *[(n, "f", "a", at, v) for n, (at, v) in enumerate(rows)])
        assert table.items() == [Item(10, "f", {"a": 2.0})]


def test_a_mean_of_means_is_not_taken() -> None:
    query = asked(every=10, aggregate="mean")
    assert pivoted(query, (0, "f", "a", 10, 5.0), (1, "f", "a", 10, 1.0)).uneven
    sums = pivoted(query._replace(aggregate="sum"), (0, "f", "a", 10, 5.0), (1, "f", "a", 10, 1.0))
    counts = pivoted(query._replace(aggregate="count"), (0, "f", "a", 10, 3), (1, "f", "a", 10, 1))
    sums.divide(counts)
    assert sums.items() == [Item(10, "f", {"a": 1.5})]


@pytest.mark.parametrize("aggregate", ["sum", "mean", "last", None])
def test_what_is_past_all_numbers_is_left_out(aggregate: Aggregate | None) -> None:
    rows = [(0, "f", "a", 10, math.inf), (1, "f", "b", 10, 1.0), (2, "e", "a", 10, -math.inf),
            (2, "e", "a", 20, math.nan), (2, "e", "a", 30, 2.0)]  # fmt: skip
    query = asked(2, every=10 if aggregate else 0, aggregate=aggregate)
    assert pivoted(query, *rows).items() == [
        Item(10, "f", {"b": 1.0}),
        Item(30, "e", {"a": 2.0}),
    ]


@pytest.mark.parametrize("field", ["a[400]", "a[1][198]", "a[0].b[398]"])
def test_places_of_arrays_that_a_name_stands_for_count(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pivot, "MAX_RECORDS", 1000)
    rows = [(0, "f", field, at, 1.0) for at in range(5)]
    assert pivoted(asked(2), *rows).items() is not None
    with pytest.raises(LimitExceeded):
        pivoted(asked(6), *rows).items()


def test_too_many_rows_and_too_much_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pivot, "MAX_RECORDS", 3)
    table = pivoted(asked(), *[(0, "f", "a", at, 1.0) for at in range(3)])
    with pytest.raises(LimitExceeded):
        table.add(0, "f", "a", 4, 1.0)
    monkeypatch.setattr(pivot, "MAX_TEXT", 10)
    with pytest.raises(LimitExceeded):
        Pivot(asked(), NAMES, 5).add(0, "f", "a", 0, "x" * 11)
