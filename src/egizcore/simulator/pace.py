"""When each message is due: open loop, so a slow moment is made up for and nothing drifts."""

from typing import Final, final

BEHIND: Final = 1.0  # seconds: what is due for longer is left out, a sensor does not catch up
AT_ONCE: Final = 256  # messages between two turns of the loop


@final
class Pace:
    """A steady *rate* (messages a second) from *start* on; the k-th is due at start + k / rate."""

    def __init__(self, rate: float, start: float) -> None:
        self._rate = rate
        self._start = start
        self._next = 0
        self.skipped = 0

    def due(self, now: float) -> range:
        """The numbers of messages that are due by *now* and were not given before.

        At most `AT_ONCE`; ask again (`wait` is 0) for the rest.
        """
        end = int((now - self._start) * self._rate) + 1
        oldest = end - max(1, int(BEHIND * self._rate))
        if oldest > self._next:
            self.skipped += oldest - self._next
            self._next = oldest
        first = self._next
        self._next = max(first, min(end, first + AT_ONCE))
        return range(first, self._next)

    def wait(self, now: float) -> float:
        """Seconds until the next one is due."""
        return max(0.0, self._start + self._next / self._rate - now)
