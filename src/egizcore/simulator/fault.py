"""When a machine fails, and how."""

from collections.abc import Sequence
from random import Random
from typing import Final, final

NONE: Final = "none"
PHASE_SAGS: Final = ("phase-a-sag", "phase-b-sag", "phase-c-sag")


@final
class Faults:
    """Faults that come at random (exponential, *mean* seconds apart) and pass by themselves."""

    def __init__(
        self, rng: Random, kinds: Sequence[str], now: float, *, mean: float = 1200.0
    ) -> None:
        self._rng = rng
        self._kinds = tuple(kinds)
        self._mean = mean
        self._kind = NONE
        self._start = now + rng.expovariate(1.0 / mean)
        self._end = self._start

    def at(self, now: float) -> str:
        """The fault at *now* (which never goes back), or ``none``."""
        if now >= self._end and self._kind != NONE:
            self._kind = NONE
            self._start = now + self._rng.expovariate(1.0 / self._mean)
        if self._kind == NONE and now >= self._start:
            self._kind = self._rng.choice(self._kinds)
            self._end = now + self._rng.uniform(40.0, 100.0)
        return self._kind


def sagging_phase(fault: str) -> str:
    """``b`` of ``phase-b-sag``; empty for any other fault."""
    return fault[6] if fault in PHASE_SAGS else ""
