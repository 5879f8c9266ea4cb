"""Things as tables: a list of them, one of them, a part of one."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from egizcore.cli.output import Rows
from egizcore.cli.path import find, leaves, shown
from egizcore.thing import MISSING, Path, parse_rfc3339

_NAME: Final = ("metadata", "name")
_UPDATED: Final = ("lastUpdated",)
_USUAL: Final[tuple[Path, ...]] = (("type",), _NAME, ("version",), _UPDATED)
_NUMBERS: Final = (int, float, type(None))
_TYPED: Final = ("path",)
"""What is typed again in the next command stands there whole, however narrow the terminal."""


def of_list(
    items: Sequence[Mapping[str, Any]], columns: Sequence[Path], also: Sequence[Path] = ()
) -> Rows:
    """A row a Thing: *columns*; without any what most want to know, and *also*."""
    now = time.time()
    chosen = columns or (*_USUAL, *(path for path in also if path not in _USUAL))
    chosen = [path for path in chosen if path != ("id",)]
    names = ["id", *map(_name, chosen)]
    rows = [[item["id"], *(_value(item, path, now) for path in chosen)] for item in items]
    right = [
        name
        for place, name in enumerate(names)
        if name == "updated" or all(type(row[place]) in _NUMBERS for row in rows)
    ]
    return Rows(names, rows, right, kept=("id",))


def of_thing(thing: Mapping[str, Any]) -> Rows:
    """A row a value, under the path that ``get`` and ``set`` take, with what is desired of it."""
    own = {name: value for name, value in thing.items() if name != "features"}
    rows = [[shown(path), value, None] for path, value in leaves(own, arrays=False)]
    features = thing.get("features", {})
    for name, feature in features.items():
        rows += of_feature(name, feature)
    return Rows(("path", "value", "desired"), rows, kept=_TYPED)


def of_feature(name: str, feature: Mapping[str, Any]) -> list[list[object]]:
    """The rows of one feature; a value that is only desired has a row too."""
    both: dict[Path, list[object]] = {}
    for place, member in enumerate(("properties", "desiredState"), 1):
        for path, value in leaves(feature.get(member, {}), arrays=False):
            if path:
                where = ("features", name, "properties", *path)
                row = both.setdefault(path, [shown(where), None, None])
                row[place] = value
    return list(both.values())


def of_part(part: object, path: Path) -> Rows:
    """What stands at *path*: a row a value."""
    if isinstance(part, Mapping) and path[0] == "features" and len(path) == 2:
        return Rows(("path", "value", "desired"), of_feature(path[1], part), kept=_TYPED)
    rows = [(shown((*path, *below)), value) for below, value in leaves(part, arrays=False)]
    return Rows(("path", "value"), rows, kept=_TYPED)


def ago(stamp: str, now: float) -> str:
    """How long before *now* (s since 1970) *stamp* was: ``3 s``, ``5 min``, ``2 h``, ``4 d``."""
    seconds = max(0, int(now - parse_rfc3339(stamp) / 1000))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _name(path: Path) -> str:
    return {_NAME: "name", _UPDATED: "updated"}.get(path) or shown(path)


def _value(item: Mapping[str, Any], path: Path, now: float) -> object:
    found = find(item, path)
    if path == _UPDATED and isinstance(found, str):
        return ago(found, now)
    return None if found is MISSING else found
