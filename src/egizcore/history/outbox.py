"""The samples that wait for the store, bounded in number and in what they hold."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, final

from egizcore.history.point import Point

LEAVES: Final = 32
"""Leaves of a sample, on average, for which a full outbox has room: an array of a thousand places
takes that of thirty samples."""


@final
class Outbox:
    """First in, first out. Past *bound* samples, or ``LEAVES`` times as many leaves, the oldest go.

    One sample always has room.
    """

    __slots__ = ("_bound", "_leaves", "_waiting")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._waiting: deque[tuple[Point, int]] = deque()  # with its leaves
        self._leaves = 0  # of all

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, point: Point) -> int:
        """Add *point* behind all others; gives how many had to go for it."""
        leaves = count(point.properties)
        gone = 0
        while self._waiting and not self._has_room(leaves):
            self._leaves -= self._waiting.popleft()[1]
            gone += 1
        self._waiting.append((point, leaves))
        self._leaves += leaves
        return gone

    def take(self, points: int, leaves: int) -> list[Point]:
        """Remove the oldest: one at least, and no more than both bounds allow."""
        taken: list[Point] = []
        room = leaves
        while self._waiting and len(taken) < points:
            point, size = self._waiting[0]
            if taken and size > room:
                break
            self._waiting.popleft()
            self._leaves -= size
            room -= size
            taken.append(point)
        return taken

    def put_back(self, points: Sequence[Point]) -> int:
        """Undo ``take`` as far as there is room; gives how many, the oldest, had to go."""
        for kept, point in enumerate(reversed(points)):
            leaves = count(point.properties)
            if self._waiting and not self._has_room(leaves):
                return len(points) - kept
            self._waiting.appendleft((point, leaves))
            self._leaves += leaves
        return 0

    def clear(self) -> None:
        """Give up all."""
        self._waiting.clear()
        self._leaves = 0

    def _has_room(self, leaves: int) -> bool:
        return len(self._waiting) < self._bound and self._leaves + leaves <= self._bound * LEAVES


def count(properties: Mapping[str, Any]) -> int:
    """How many scalars there are in *properties*, ``null`` among them."""
    return _count(properties.values())


def _count(values: Iterable[Any]) -> int:
    leaves = 0
    for value in values:
        if isinstance(value, dict):
            leaves += _count(value.values())
        elif isinstance(value, list):
            leaves += _count(value)
        else:
            leaves += 1
    return leaves
