"""What ``egizcore set`` is told: ``path=value`` as typed, and the merge patch that comes of it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from egizcore.cli.path import find, read_path
from egizcore.errors import BadJson
from egizcore.thing import Path, array_index, read_json

SERVERS: Final = ("id", "version", "createdAt", "lastUpdated")
"""Members that only the engine writes."""
_NUMBER: Final = re.compile(
    r"[-+]? (?: \d+ (?: [.,] \d* )? | [.,] \d+ ) (?: [eE] [-+]? \d+ )? | NaN | [-+]? Infinity",
    re.VERBOSE | re.ASCII,
)
"""What people and other programs write for a number; JSON takes less, and has no infinite one."""
_LIKE_NUMBER: Final = re.compile(r"[-+]?[.,]?\d", re.ASCII)


class Assignment(NamedTuple):
    """One value and where it goes; *typed* is the path as it was typed."""

    path: Path
    value: Any
    typed: str


def read_assignment(text: str) -> Assignment:
    """*text* is ``path=value``; a value is JSON, else the text itself.

    Raises:
        ValueError: it is ill-formed; the message is for the one who typed it.
    """
    typed, equals, value = text.partition("=")
    if not equals:
        raise ValueError("write PATH=VALUE, such as thermal.setpoint=195")
    path = read_path(typed, "desiredState")
    if path[0] in SERVERS:
        raise ValueError(f"{path[0]} is EgizCore's own to write")
    return Assignment(path, read_value(value, is_live=path[0] == "features"), typed)


def read_value(text: str, *, is_live: bool = False) -> Any:
    """JSON if it is JSON, else *text*; ``null`` is what deletes.

    A number that was mistyped is no text: the machine would be told ``"19O"``. What *is_live*,
    what machines report or obey, may not even begin as a number does; elsewhere, where names and
    notes are, ``3rd floor`` and ``2026-01-27`` are text, and ``1e400`` and ``007`` are refused.

    Raises:
        ValueError: it begins as JSON does and is none: better no change than a wrong one.
    """
    try:
        return read_json(text.encode())
    except BadJson as error:
        if text.startswith(("{", "[", '"')):
            raise ValueError(f"the value is no JSON: {error.detail}") from None
        if _NUMBER.fullmatch(text) or (is_live and _LIKE_NUMBER.match(text)):
            quoted = json.dumps(text, ensure_ascii=False)
            raise ValueError(
                f"the value looks like a number, and is none. For text write '{quoted}'"
            ) from None
        return text
    except UnicodeEncodeError:
        raise ValueError("the value is not UTF-8") from None


def patch_of(assignments: Iterable[Assignment]) -> dict[str, Any]:
    """One merge patch (RFC 7396) of all *assignments*, in their order.

    Raises:
        ValueError: one lies in another's way.
    """
    patch: dict[str, Any] = {}
    ends: set[Path] = set()
    for path, value, typed in assignments:
        at = patch
        for depth, name in enumerate(path[:-1], 1):
            if path[:depth] in ends:
                raise ValueError(f"{typed!r} is set twice")
            at = at.setdefault(name, {})
        if path[-1] in at:
            raise ValueError(f"{typed!r} is set twice")
        at[path[-1]] = value
        ends.add(path)
    return patch


def array_on_the_way(thing: Mapping[str, Any], path: Path) -> tuple[Path, Any] | None:
    """The array of *thing* that *path* leads into, with where it would be set whole.

    A merge patch replaces arrays whole: ``zones.0=5`` would make an object of them. What is
    reported as an array is desired as one.
    """
    for depth in range(2, len(path)):
        above = path[:depth]
        reported = (*path[:2], "properties", *path[3:depth])
        for one in (above, reported) if path[2] == "desiredState" else (above,):
            if isinstance(value := find(thing, one), list):
                return above, value
    return None


def may_lead_into_array(path: Path) -> bool:
    """Whether *path* could lead into an array: it is worth to look at the Thing first."""
    return any(array_index(name) >= 0 for name in path[2:])
