"""Is a raw value what the Structs say? Walks their types; the first wrong place is an error.

A message shows a value only where its type cannot hold a secret.
"""

import difflib
import re
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from egizcore import quantity
from egizcore.errors import SettingsInvalid
from egizcore.quantity import Duration, Size


def member(kind: Any, name: str, path: tuple[str, ...], source: str) -> Any:
    """The type of member *name* of *kind*; an unknown one is an error that names the nearest."""
    found = step(kind, name)
    if found is not None:
        return found
    known = _names(kind)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    nearest = ".".join((*path[:-1], near[0])) if near else ""
    what = "section" if len(path) == 1 else "setting"
    mend = f"did you mean '{nearest}'?" if near else f"there are: {', '.join(known) or 'none'}"
    raise SettingsInvalid(f"{source}: unknown {what} '{'.'.join(path)}': {mend}")


def check(value: Any, kind: Any, where: str, source: str) -> None:
    """Walk *value* along *kind* and refuse the first wrong place by its full name.

    *where* is that name so far (``mqtt.routes[0]``), *source* who gave the value. Raises
    `SettingsInvalid`.
    """
    kind = _without_none(kind)
    if isinstance(value, dict) and is_map(kind):
        for name, inner in value.items():
            path = (*where.split("."), name)
            check(inner, member(kind, name, path, source), f"{where}.{name}", source)
    elif isinstance(value, list) and (item := item_of(kind)) is not None:
        for index, inner in enumerate(value):
            check(inner, item, f"{where}[{index}]", source)
    elif value is None or value == "":
        return  # not set; what must be set is missed at the end
    else:
        _check_leaf(value, kind, where, source)


def _check_leaf(value: Any, kind: Any, where: str, source: str) -> None:
    try:
        msgspec.convert(value, kind, strict=False, dec_hook=quantity.from_setting)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"{source}: {where}: {_complaint(value, kind, error)}") from None


def _complaint(value: Any, kind: Any, error: msgspec.ValidationError) -> str:
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    shown = f"'{value}'" if isinstance(value, str) and len(value) <= 40 else "this"
    if bare in (Duration, Size):
        return str(error)
    if bare is bool:
        return f"{shown} is neither true nor false"
    if get_origin(bare) is Literal:
        return f"{shown} is none of: {', '.join(get_args(bare))}"
    if bare in (int, float) and "Expected `" + bare.__name__ + "`, got" in str(error):
        return f"{shown} is no {'whole ' if bare is int else ''}number"
    return sentence(error)


def sentence(error: msgspec.ValidationError) -> str:
    """What msgspec says, in the words of someone who writes settings, without the place."""
    text = str(error).split(" - at `")[0].replace("`", "")
    if text.startswith("Object missing required field "):
        return f"'{text.rpartition(' ')[2]}' is missing"
    if not text.startswith("Expected"):
        return text  # a room's own words
    for theirs, ours in (
        ("object", "a map"),
        ("array", "a list"),
        ("str", "text"),
        ("int", "a whole number"),
        ("null", "nothing"),
    ):
        text = re.sub(rf"\b{theirs}\b", ours, text)
    return text[:1].lower() + text[1:]


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        others = [one for one in get_args(kind) if one is not types.NoneType]
        return others[0] if len(others) == 1 else kind
    return kind


def is_map(kind: Any) -> bool:
    """Does *kind* have members: a Struct or a dictionary?"""
    kind = _without_none(kind)
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, Struct))


def item_of(kind: Any) -> Any:
    """The type of a list's items, None for what is no list."""
    kind = _without_none(kind)
    return get_args(kind)[0] if get_origin(kind) in (list, tuple, frozenset) else None


def step(kind: Any, name: str) -> Any:
    """The type of member *name*, None where there is none."""
    kind = _without_none(kind)
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if isinstance(kind, type) and issubclass(kind, Struct):
        for one in msgspec.structs.fields(kind):
            if one.encode_name == name:
                return _without_none(one.type)
    return None


def _names(kind: Any) -> list[str]:
    kind = _without_none(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return [one.encode_name for one in msgspec.structs.fields(kind)]
    return []
