"""How long to wait before the next attempt (FR-3.4; contract.md, section 4)."""

from random import Random
from typing import Final, final

FIRST: Final = 0.5  # seconds: the bound of the first wait
LONGEST: Final = 30.0  # seconds
HELD: Final = 10.0  # seconds that a link must have held for the waits to begin anew
_SHORTEST: Final = 0.05  # seconds: even the luckiest draw leaves the peer alone for a moment


@final
class Backoff:
    """Exponential with full jitter: a wait is drawn from zero to a bound that doubles.

    Full jitter spreads a thousand clients of a restarted broker; see "Exponential Backoff And
    Jitter" of the AWS Architecture Blog, 2015.
    """

    __slots__ = ("_bound", "_random")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._bound = FIRST

    def next(self) -> float:
        """Seconds to wait now."""
        wait = self._random.uniform(0.0, self._bound)
        self._bound = min(self._bound * 2, LONGEST)
        return max(wait, _SHORTEST)

    def held(self, seconds: float) -> None:
        """The connection that just ended had lasted so long."""
        if seconds >= HELD:
            self._bound = FIRST
