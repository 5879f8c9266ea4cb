"""JSON Merge Patch (RFC 7396) on dictionaries that are never changed in place.

Every function makes new containers along the changed path and shares the rest, so an event, a
snapshot and the state can hold the same value without seeing each other's future.
"""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


def merge(target: JsonObject, patch: JsonObject) -> JsonObject:
    """*target* with *patch* merged in: objects merge at any depth, ``null`` deletes."""
    merged = target.copy()
    for name, value in patch.items():
        if type(value) is dict:
            below = merged.get(name)
            merged[name] = merge(below, value) if type(below) is dict else without_nulls(value)
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def without_nulls(value: JsonObject) -> JsonObject:
    """What a patch leaves where nothing was: its ``null`` members gone, at any depth."""
    kept: JsonObject = {}
    for name, member in value.items():
        if type(member) is dict:
            kept[name] = without_nulls(member)
        elif member is not None:
            kept[name] = member
    return kept


def replacement(old: JsonObject, new: JsonObject) -> JsonObject:
    """The patch that turns *old* into *new* and names the whole of *new*; ``null`` what went."""
    patch: JsonObject = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if type(value) is dict and type(before) is dict:
            patch[name] = replacement(before, value)
        else:
            patch[name] = value
    return patch


def same(left: object, right: object) -> bool:
    """Deep JSON equality: 190 is 190.0, ``true`` is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(value, right[name]) for name, value in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    return left == right


def changes_nothing(target: JsonObject, patch: JsonObject) -> bool:
    """Whether every leaf of *patch* equals what *target* has."""
    for name, value in patch.items():
        if value is None:
            if name in target:
                return False
        elif name not in target:
            return False
        elif type(value) is dict:
            below = target[name]
            if type(below) is not dict or not changes_nothing(below, value):
                return False
        elif not same(target[name], value):
            return False
    return True
