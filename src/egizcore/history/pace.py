"""A thread that works beside the event loop, and steps aside often enough.

Python gives the interpreter to another thread only every 5 ms by itself; a message that came in
meanwhile would wait that long.
"""

from time import perf_counter, sleep
from typing import Final, final

SLICE: Final = 0.0001
NAP: Final = 0.0001
"""Seconds of work, and of sleep; the system makes the sleep some 0.1 ms longer."""


@final
class Pace:
    """Call it often: it sleeps when there was enough work since it last did."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self) -> None:
        """Step aside if it is time."""
        if perf_counter() >= self._until:
            sleep(NAP)
            self._until = perf_counter() + SLICE
