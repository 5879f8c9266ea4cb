"""Blocks to a line of samples: in order of time, whatever order they were written in."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from egizcore.history.columns import Columns


class Stretch(NamedTuple):
    """Samples of one series that are loaded when their time comes."""

    oldest: int
    newest: int
    rank: int
    """Of two samples at one time that of the higher rank wins."""
    load: Callable[[], Columns]
    """The samples, settled; all within *oldest* and *newest*."""


def timeline(stretches: Sequence[Stretch], *, descending: bool = False) -> Iterator[Columns]:
    """All samples of *stretches*, in settled pieces that do not overlap.

    The pieces come in the order asked for; in each the oldest sample stands first. What is in
    memory is the piece, and the stretches that overlap there.
    """
    waiting = sorted(
        stretches, key=(lambda one: -one.newest) if descending else (lambda one: one.oldest)
    )
    opened: list[tuple[int, Columns]] = []
    for place, stretch in enumerate(waiting):
        opened.append((stretch.rank, stretch.load()))
        following = waiting[place + 1] if place + 1 < len(waiting) else None
        ready: list[tuple[int, Columns]] = []
        rest: list[tuple[int, Columns]] = []
        for rank, columns in opened:
            final, later = _divided(columns, following, descending=descending)
            if final:
                ready.append((rank, final))
            if later:
                rest.append((rank, later))
        opened = rest
        if ready:
            ready.sort(key=lambda one: one[0])
            piece = Columns.joined([columns for _, columns in ready])
            del columns, final, later, ready  # the next may be as large
            yield piece
            del piece


def _divided(
    columns: Columns, following: Stretch | None, *, descending: bool
) -> tuple[Columns, Columns]:
    """What no sample of *following* can come before or join, and the rest."""
    size = len(columns)
    if following is None:
        return columns, Columns([], {})
    if descending:
        place = bisect_right(columns.at, following.newest)
        return columns.cut(place, size), columns.cut(0, place)
    place = bisect_left(columns.at, following.oldest)
    return columns.cut(0, place), columns.cut(place, size)
