"""Numbers over time as one line of blocks, and what can be said of them in five words."""

import math
from collections.abc import Sequence
from typing import Final, final

BLOCKS: Final = "▁▂▃▄▅▆▇█"
CELLS: Final = 240
"""Parts into which a `Course` divides its time."""


def sparkline(values: Sequence[float | None]) -> str:
    """One block a value, the lowest for the least; a space where there is none.

    Values that are all the same stand in the middle.
    """
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    least, most = min(known), max(known)
    # Halved: the distance of two finite floats may be no finite one.
    reach = most / 2 - least / 2

    def block(value: float) -> str:
        share = 0.5 if reach == 0 else (value / 2 - least / 2) / reach
        return BLOCKS[min(int(share * len(BLOCKS)), len(BLOCKS) - 1)]

    return "".join(" " if value is None else block(value) for value in values)


@final
class Course:
    """How one property went from *start* to *end* (ms): means over short times, and the whole.

    It holds no samples, so it may take any number of them.
    """

    def __init__(self, start: int, end: int) -> None:
        self._start = start
        self._length = max(end - start, 1)
        self._sums = [0.0] * CELLS
        self._counts = [0] * CELLS
        self._newest = -math.inf
        self.count = 0
        self.numbers = 0
        self.least = math.inf
        self.most = -math.inf
        self.mean = math.nan
        self.last: object = None

    def add(self, at: int, value: object) -> None:
        """One sample at *at* (ms); in any order."""
        self.count += 1
        if at >= self._newest:
            self._newest, self.last = at, value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        self.numbers += 1
        self.least, self.most = min(self.least, value), max(self.most, value)
        # A running mean: a sum of many large numbers would overflow.
        before = self.mean if self.numbers > 1 else 0.0
        self.mean = before + (value / self.numbers - before / self.numbers)
        cell = (at - self._start) * CELLS // self._length
        # A bucket is stamped with its start, which may lie before ours.
        cell = min(max(cell, 0), CELLS - 1)
        self._sums[cell] += value
        self._counts[cell] += 1

    def line(self, columns: int) -> str:
        """The sparkline, *columns* wide (at most `CELLS`); empty where there are no numbers."""
        if not self.numbers:
            return ""
        sums, counts = [0.0] * columns, [0] * columns
        for cell in range(CELLS):
            column = cell * columns // CELLS
            sums[column] += self._sums[cell]
            counts[column] += self._counts[cell]
        means = [
            total / count if count else None for total, count in zip(sums, counts, strict=True)
        ]
        return sparkline([one if one is not None and math.isfinite(one) else None for one in means])
