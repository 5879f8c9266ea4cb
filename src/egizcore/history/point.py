r"""One sample of one feature, and its two forms: nested as in live state, flat as in a store.

A store keeps *leaves*: scalars by key. A key joins names with ``.`` and puts a place in an array
in brackets, ``zones[0].temperature``; ``.``, ``[`` and ``\`` in a name stand behind a ``\``
(contract.md, section 5). Numbers are floats, so 190 and 190.5 share a field. A ``null`` in an
array, an empty array and an empty object leave no trace.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

Leaf: TypeAlias = float | str | bool
Key: TypeAlias = tuple[str | int, ...]
"""A key taken apart: names, and places in arrays."""

MAX_PARTS: Final = 200
"""No key has more: what another archiver wrote with more of them is one name."""
MAX_PLACE: Final = 1_000_000
"""No array is longer: one that was would have been a Thing over its limit."""

_SPECIAL: Final = re.compile(r"[.\[\\]")
_PART: Final = re.compile(
    r"((?:[^.\[\\]|\\.|\[(?![0-9]{1,7}\]))+)|\[([0-9]{1,7})\]|(\.)", re.DOTALL
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


class Point(NamedTuple):
    """A feature's whole properties at one time."""

    thing_id: str
    type: str
    feature: str
    at: int
    """Milliseconds since 1970 UTC."""
    properties: Mapping[str, Any]
    """Nested, as in live state; never changed by anyone."""


def escaped(name: str) -> str:
    """*name* as it stands in a key."""
    return _SPECIAL.sub(r"\\\g<0>", name)


def flatten(properties: Mapping[str, Any]) -> dict[str, Leaf]:
    """The leaves of *properties* by key."""
    leaves: dict[str, Leaf] = {}
    for name, value in properties.items():
        _flatten(escaped(name), value, leaves)
    return leaves


def _flatten(key: str, value: Any, leaves: dict[str, Leaf]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(f"{key}.{escaped(name)}", inner, leaves)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _flatten(f"{key}[{place}]", inner, leaves)
    elif isinstance(value, bool | str):
        leaves[key] = value
    elif value is not None:
        leaves[key] = float(value)


def nest(leaves: Mapping[str, Leaf]) -> dict[str, Any]:
    """The opposite of ``flatten``; places that an array lacks are ``null``.

    Leaves that contradict each other (a name that is a scalar and an object, as can come of
    samples of different times) are told as they stand: what lies below under its whole key.
    """
    root: dict[str | int, Any] = {}
    arrays: set[int] = set()  # ids of the dictionaries below that stand for arrays
    for key, value in leaves.items():
        if not _put(root, split(key), value, arrays):
            return _contradictory(leaves)
    return {str(name): _settled(inner, arrays) for name, inner in root.items()}


def _contradictory(leaves: Mapping[str, Leaf]) -> dict[str, Any]:
    root: dict[str | int, Any] = {}
    arrays: set[int] = set()
    for key, value in sorted(leaves.items()):  # what is above comes first
        if not _put(root, split(key), value, arrays):
            root[key] = value
    return {str(name): _settled(inner, arrays) for name, inner in root.items()}


def _put(root: dict[str | int, Any], parts: Key, value: Leaf, arrays: set[int]) -> bool:
    """Put *value* where *parts* lead; False, and nothing done, where that is taken otherwise."""
    if not parts or isinstance(parts[0], int):
        return False
    at = root
    for place, part in enumerate(parts[:-1]):
        below = at.get(part)
        is_array = isinstance(parts[place + 1], int)
        if below is None:
            below = {}
            if is_array:
                arrays.add(id(below))
            at[part] = below
        elif not isinstance(below, dict) or (id(below) in arrays) != is_array:
            return False
        at = below
    if isinstance(at.get(parts[-1]), dict):  # what lies below came first
        return False
    at[parts[-1]] = value
    return True


def _settled(value: Any, arrays: set[int]) -> Any:
    if not isinstance(value, dict):
        return value
    if id(value) not in arrays:
        return {str(name): _settled(inner, arrays) for name, inner in value.items()}
    return [
        _settled(value[place], arrays) if place in value else None
        for place in range(max(value) + 1)
    ]


def spread(keys: Iterable[str]) -> int:
    """How much ``nest`` makes of these keys: leaves, and nulls of arrays; it is never more."""
    count = 0
    arrays: dict[Key, int] = {}
    for key in keys:
        if "[" not in key:
            count += 1
            continue
        parts = split(key)
        count += isinstance(parts[-1], str)
        for place, part in enumerate(parts):
            if isinstance(part, int):
                array = parts[:place]
                arrays[array] = max(part + 1, arrays.get(array, 0))
    return count + sum(arrays.values())


def split(key: str) -> Key:
    r"""The names and places of *key*; what is no rightly written key is one name.

    A bracket that holds no number is part of a name, so ``a[b`` needs no ``\`` when typed.
    """
    parts: list[str | int] = []
    end = 0
    after_dot = True
    while end < len(key):
        found = _PART.match(key, end)
        if found is None:
            return (key,)
        name, place, dot = found.groups()
        if name is not None and after_dot:
            parts.append(_ESCAPED.sub(r"\1", name))
            after_dot = False
        elif place is not None and parts and not after_dot and int(place) <= MAX_PLACE:
            parts.append(int(place))
        elif dot is not None and not after_dot:
            after_dot = True
        else:
            return (key,)
        end = found.end()
    return (key,) if after_dot or len(parts) > MAX_PARTS else tuple(parts)


def spellings(path: Key) -> list[str]:
    """The keys that *path* can mean.

    A name of digits may be a place in an array, and a place the end of the name before it:
    what is called ``br[0]`` is typed so.
    """
    first, *below = path
    keys = [(escaped(str(first)), True)]  # and whether it ends with a name as it was typed
    for part in below:
        keys = [
            (key + form, is_name)
            for key, after_name in keys
            for form, is_name in _forms(part, after_name=after_name)
        ]
    return [key for key, _ in keys]


def _forms(part: str | int, *, after_name: bool) -> list[tuple[str, bool]]:
    if isinstance(part, str):
        forms = [(f".{escaped(part)}", True)]
        if part.isascii() and part.isdigit() and len(part) <= 7:
            forms.append((f"[{int(part)}]", False))
        return forms
    forms = [(f".{part}", False), (f"[{part}]", False)]
    return [*forms, (rf"\[{part}]", True)] if after_name else forms


def selects(key: str, wanted: Iterable[str]) -> bool:
    """Whether *key* is one of *wanted* (see ``spellings``), or lies below one."""
    return any(
        key.startswith(one) and (len(key) == len(one) or key[len(one)] in ".[") for one in wanted
    )
