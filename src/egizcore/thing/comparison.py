"""The operators that a filter puts to one value (contract.md, section 2, the table).

A comparison is built once from its operand and then asked for each value. A value is JSON, or
``MISSING``. Where the types differ every answer is no, and ``$ne`` and ``$nin`` are the opposite
of ``$eq`` and ``$in``. Numbers are one type (5 equals 5.0), ``true`` is no number, objects and
arrays compare deeply, texts by code point.

``null`` is never a member of a Thing, so as an operand of ``$eq`` it means missing. Inside arrays
nulls stay: such an element answers to ``$eq: null`` too, yet it exists. ``$in`` knows only what
is there: a missing value is in no list, not even in one with a null.
"""

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from egizcore.thing.like import like
from egizcore.thing.patch import same
from egizcore.thing.path import MISSING

Test: TypeAlias = Callable[[Any], bool]

MAX_VALUES = 1_000
MAX_DEPTH = 24  # nothing in a Thing nests deeper than a path reaches
_INTEGERS = 2.0**63  # below it a whole float is written as an integer
_encoder = msgspec.json.Encoder(order="deterministic")


def canonical_text(value: object) -> str:
    """One text for all spellings of a ``plain`` value: members are sorted."""
    return _encoder.encode(value).decode()


def plain(value: object, depth: int = 0) -> object:
    """*value* with whole floats as integers: equal values become one.

    Raises:
        ValueError: a number is not finite, or it nests deeper than a Thing can.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"a value nests at most {MAX_DEPTH} levels")
    if type(value) is float:
        if not math.isfinite(value):
            raise ValueError("a number is finite")
        return int(value) if value.is_integer() and abs(value) < _INTEGERS else value
    if type(value) is dict:
        return {name: plain(member, depth + 1) for name, member in value.items()}
    if type(value) is list:
        return [plain(element, depth + 1) for element in value]
    return value


def comparison(operator: str, operand: object) -> Test:
    """The test that *operator* makes with a ``plain`` *operand*.

    Raises:
        ValueError: there is no such operator, or the operand is of the wrong type.
    """
    build = _BUILDERS.get(operator)
    if build is None:
        raise ValueError(f"the operators on a value are {', '.join(_BUILDERS)}")
    return build(operand)


def _equal(operand: object) -> Test:
    if operand is None:
        return lambda value: value is MISSING or value is None
    if type(operand) is str:
        return lambda value: value == operand
    if type(operand) is bool:
        return lambda value: value is operand
    if type(operand) is int or type(operand) is float:
        return lambda value: value == operand and type(value) is not bool
    return lambda value: same(value, operand)


def _not_equal(operand: object) -> Test:
    equal = _equal(operand)
    return lambda value: not equal(value)


def _among(operand: object) -> Test:
    """Scalars by hash, so a thousand cost as much as one."""
    if type(operand) is not list or len(operand) > MAX_VALUES:
        raise ValueError(f"takes an array of at most {MAX_VALUES} values")
    scalars = frozenset(value for value in operand if type(value) in (str, int, float))
    singles = tuple(value for value in operand if value is None or type(value) is bool)
    containers = [value for value in operand if type(value) in (dict, list)]

    def among(value: object) -> bool:
        kind = type(value)
        if kind is str or kind is float or kind is int:
            return value in scalars
        if kind is dict or kind is list:
            return any(same(value, container) for container in containers)
        return any(value is single for single in singles)

    return among


def _not_among(operand: object) -> Test:
    among = _among(operand)
    return lambda value: not among(value)


def _exists(operand: object) -> Test:
    if type(operand) is not bool:
        raise ValueError("takes true or false")
    return (lambda value: value is not MISSING) if operand else (lambda value: value is MISSING)


def _like(operand: object) -> Test:
    if type(operand) is not str:
        raise ValueError("takes a text with '*' and '?'")
    fits = like(operand)
    return lambda value: type(value) is str and fits(value)


def _kinds(operand: object) -> tuple[type, ...]:
    """The types that an ordering operator compares with *operand*."""
    if type(operand) is str:
        return (str,)
    if type(operand) is int or type(operand) is float:
        return (float, int)
    raise ValueError("takes a number or a text")


def _greater(operand: Any) -> Test:
    kinds = _kinds(operand)
    return lambda value: type(value) in kinds and value > operand


def _greater_or_equal(operand: Any) -> Test:
    kinds = _kinds(operand)
    return lambda value: type(value) in kinds and value >= operand


def _less(operand: Any) -> Test:
    kinds = _kinds(operand)
    return lambda value: type(value) in kinds and value < operand


def _less_or_equal(operand: Any) -> Test:
    kinds = _kinds(operand)
    return lambda value: type(value) in kinds and value <= operand


_BUILDERS: Final[dict[str, Callable[[Any], Test]]] = {
    "$eq": _equal,
    "$ne": _not_equal,
    "$gt": _greater,
    "$gte": _greater_or_equal,
    "$lt": _less,
    "$lte": _less_or_equal,
    "$in": _among,
    "$nin": _not_among,
    "$exists": _exists,
    "$like": _like,
}
