from typing import Any

import pytest

from egizcore.thing.comparison import canonical_text, comparison, plain
from egizcore.thing.path import MISSING

ANYTHING = [None, False, True, 0, 1, 1.5, "", "a", [], [1], {}, {"a": 1}, MISSING]


def ask(operator: str, operand: Any, value: Any) -> bool:
    return comparison(operator, plain(operand))(value)


@pytest.mark.parametrize("operator", ["$eq", "$gt", "$gte", "$lt", "$lte", "$like"])
def test_a_missing_value_answers_no(operator: str) -> None:
    assert not ask(operator, "a", MISSING)


@pytest.mark.parametrize(("operator", "operand"), [("$ne", 5), ("$nin", [5]), ("$nin", [None])])
def test_a_missing_value_differs_from_everything(operator: str, operand: object) -> None:
    assert ask(operator, operand, MISSING)


@pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte"])
@pytest.mark.parametrize(("operand", "others"), [(0, ["a", True, None, [0]]), ("a", [0, True])])
def test_order_is_of_one_type_only(operator: str, operand: object, others: list[object]) -> None:
    assert not any(ask(operator, operand, value) for value in others)


@pytest.mark.parametrize(
    ("operator", "answers"),
    [("$gt", [0, 0, 1]), ("$gte", [0, 1, 1]), ("$lt", [1, 0, 0]), ("$lte", [1, 1, 0])],
)
def test_numbers_and_texts_are_ordered(operator: str, answers: list[int]) -> None:
    assert [ask(operator, 5, value) for value in (4.0, 5.0, 5.5)] == answers
    big: list[float] = [2**53 - 1, 2.0**53, 2**53 + 1]
    assert [ask(operator, 2**53, value) for value in big] == answers
    assert [ask(operator, "b", text) for text in ("Z", "b", "é")] == answers
    assert [ask(operator, "\uffff", text) for text in ("\ue000", "\uffff", "𝄞")] == answers


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (5, 5.0, True),
        (0, -0.0, True),
        (True, 1, False),
        (False, 0, False),
        (True, 1.0, False),
        ("5", 5, False),
        ([1, True], [1.0, True], True),
        ([True], [1], False),
        ([1, 2], [2, 1], False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": True}, {"a": 1}, False),
        ([None], [None], True),
        ([], {}, False),
    ],
)
def test_equality_is_that_of_json(left: object, right: object, *, equal: bool) -> None:
    for operand, value in ((left, right), (right, left)):
        assert ask("$eq", operand, value) is equal
        assert ask("$ne", operand, value) is not equal
        assert ask("$in", ["x", operand], value) is equal
        assert ask("$nin", ["x", operand], value) is not equal


def test_null_means_missing_and_exists_asks_for_presence() -> None:
    assert [value for value in ANYTHING if ask("$eq", None, value)] == [None, MISSING]
    assert ask("$ne", None, 0)
    assert not ask("$ne", None, MISSING)
    assert [value for value in ANYTHING if ask("$exists", operand=False, value=value)] == [MISSING]
    assert ask("$exists", operand=True, value=None)
    assert ask("$in", [None], None)
    assert not ask("$in", [None], MISSING)


def test_like_takes_texts_only() -> None:
    assert ask("$like", "1*", "10")
    assert not any(ask("$like", "*", value) for value in (1, True, None, ["a"], MISSING))


@pytest.mark.parametrize(
    ("operator", "operand"),
    [
        ("$gt", None),
        ("$gt", True),
        ("$gt", []),
        ("$lte", False),
        ("$lte", {"a": 1}),
        ("$in", None),
        ("$in", "a"),
        ("$in", {}),
        ("$in", [0] * 1_001),
        ("$nin", "a"),
        *[("$exists", value) for value in (None, 1, 0, "true")],
        *[("$like", value) for value in (None, 1, ["a"], "*" * 257)],
        ("$regex", "a"),
        ("$and", []),
        ("$not", {}),
        ("$", 1),
    ],
)
def test_an_operand_of_the_wrong_type_is_refused(operator: str, operand: object) -> None:
    with pytest.raises(ValueError, match=r"takes|at most|operators"):
        comparison(operator, operand)


def test_a_thousand_values_are_as_fast_as_one() -> None:
    among = comparison("$in", list(range(1_000)))
    assert among(999.0)
    assert not among(1_000)
    assert not any(among(value) for value in (True, "999", None, [1], MISSING))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_is_finite(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        plain({"a": [number]})


def test_a_value_nests_at_most_24_levels() -> None:
    value: Any = 1
    for _ in range(24):
        value = [value]
    assert plain(value) == value
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(ValueError, match="at most 24"):
        plain(value)


def test_equal_values_have_one_text() -> None:
    assert canonical_text(plain({"b": -0.0, "a": [5.0]})) == '{"a":[5],"b":0}'
    assert canonical_text(plain([True])) != canonical_text(plain([1]))
    assert canonical_text(plain(2.0**63)) == canonical_text(2.0**63)
