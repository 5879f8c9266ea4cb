"""A store of samples, as the rest of EgizCore sees it: SQLite or InfluxDB behind one face."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from egizcore.history.point import Point
from egizcore.history.query import Item, Query


class Written(NamedTuple):
    """What came of a batch of points."""

    written: int
    conflict: int = 0
    """Refused for good: the store has another type under that name."""


class Answers(Protocol):
    """What can be asked of a store."""

    async def page(self, query: Query) -> list[Item]:
        """The first ``limit`` items of *query*, in order; fewer: there are no more.

        Raises:
            LimitExceeded: they would take more memory than one answer may: ask for fewer.
            HistoryUnavailable: the store does not answer rightly.
            HistoryTimeout: not in time.
        """
        ...

    async def knows(self, thing_id: str) -> bool:
        """Whether there is anything of that Thing, at any time. Errors as above."""
        ...


class Archive(Answers, Protocol):
    """A store. Two samples of a feature at one time are one: the later's values win, key by key."""

    @property
    def message(self) -> str:
        """What is wrong at present, for ``/health``; empty: nothing."""
        ...

    async def open(self) -> None:
        """Begin. A store that cannot be had now is no error here: see ``message``."""
        ...

    async def write(self, points: Sequence[Point]) -> Written:
        """Keep *points*: whoever asks from now on finds them, after a crash too.

        Raises:
            HistoryUnavailable: not all was written; the same batch may be tried again, and what
                was written of it does no harm. ``retry_after`` (seconds) is what the store itself
                asked for.
        """
        ...

    async def close(self) -> None:
        """End; nothing is called after it."""
        ...
