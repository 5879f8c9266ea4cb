r"""Samples as InfluxDB's line protocol: measurement = feature, fields = keys of ``flatten``.

``thermal,thing_id=factory:oven-001,type=oven zones[0]=185,setpoint=190 1769509800123``, times in
milliseconds. A field name is the key as ``point`` writes it, save where InfluxDB cannot take
that: it drops a field ``time``, and a name that ends with ``\`` would swallow the ``=`` behind it.
Such a name gets one space at its end (``stored``), and loses it when read (``restored``).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from egizcore.history.point import Leaf, Point, flatten

EARLIEST: Final = -9_223_372_036_854
LATEST: Final = 9_223_372_036_854
"""What InfluxDB's clock of nanoseconds can tell, in milliseconds, both inclusive."""

_AWKWARD: Final = re.compile(r"(?:^time|\\) *\Z")
_MARKED: Final = re.compile(r"(?:^time|\\) +\Z")
# A quote in a name is a plain character, unless a backslash stands before it.
_KEY: Final = re.compile(r'[,= ]|(?<=\\)"')
_TEXT: Final = re.compile(r'["\\]')


class Lines(NamedTuple):
    """A batch as it is sent."""

    body: bytes
    lines: int
    """Lines in it: points that have leaves."""
    outside: int
    """Points whose time InfluxDB cannot tell; they are not in it."""


def stored(key: str) -> str:
    """The field name of *key*."""
    return f"{key} " if _AWKWARD.search(key) else key


def restored(name: str) -> str:
    """The opposite of ``stored``."""
    return name[:-1] if _MARKED.search(name) else name


def lines_of(points: Sequence[Point]) -> Lines:
    """*points* as lines; those without leaves need none."""
    lines: list[str] = []
    outside = 0
    for point in points:
        if not EARLIEST <= point.at <= LATEST:
            outside += 1
        elif line := line_of(point):
            lines.append(line)
    return Lines("\n".join(lines).encode(), len(lines), outside)


def line_of(point: Point) -> str:
    """One line; empty for a point without leaves.

    Feature, type and Thing id are of letters that need no escape (contract.md, section 1).
    """
    fields = ",".join(
        [f"{_written(key)}={_value(leaf)}" for key, leaf in flatten(point.properties).items()]
    )
    if not fields:
        return ""
    return f"{point.feature},thing_id={point.thing_id},type={point.type} {fields} {point.at}"


@lru_cache(maxsize=8192)  # the names of a plant are few and come again with each point
def _written(key: str) -> str:
    return _KEY.sub(_escaped, stored(key))


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def _value(leaf: Leaf) -> str:
    if isinstance(leaf, bool):
        return "true" if leaf else "false"
    if isinstance(leaf, str):
        return f'"{_TEXT.sub(_escaped, leaf)}"'
    return repr(leaf)
