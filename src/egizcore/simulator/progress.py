"""What a person sees of a running simulation: one line, on a terminal always the same one."""

import asyncio
from shutil import get_terminal_size
from time import monotonic
from typing import Final, Protocol, TextIO, final

TERMINAL_SECONDS: Final = 0.5
PIPE_SECONDS: Final = 10.0
FIRST_SECONDS: Final = 0.5
"""By then a broker that is not there is known, and who waits wants to hear of it."""
CLEAR: Final = "\r\x1b[2K"


class Counts(Protocol):
    """What is told; `Fleet` has it."""

    sent: int
    unsent: int

    @property
    def wanted(self) -> int:
        """Devices."""
        ...

    @property
    def up(self) -> int:
        """Devices that are connected now."""
        ...

    @property
    def errors(self) -> int:
        """Lost connections and breaches of the protocol."""
        ...

    @property
    def message(self) -> str:
        """What is wrong, or empty."""
        ...


@final
class Progress:
    """Tells *counts* on *out* until cancelled, then a last line of the whole."""

    def __init__(self, counts: Counts, out: TextIO) -> None:
        self._counts = counts
        self._out = out
        self._terminal = out.isatty()
        self._before = 0

    async def run(self) -> None:
        """At once; then on a terminal twice a second, in a pipe every ten seconds."""
        pause = TERMINAL_SECONDS if self._terminal else PIPE_SECONDS
        began = then = monotonic()
        wait = min(FIRST_SECONDS, pause)
        try:
            while True:
                await asyncio.sleep(wait)
                wait = pause
                now = monotonic()
                self._tell(self.line(now - then))
                then = now
        finally:
            self._end(monotonic() - began)

    def line(self, seconds: float) -> str:
        """The present figures; the rate is that of the last *seconds*."""
        counts = self._counts
        rate = (counts.sent - self._before) / seconds
        self._before = counts.sent
        parts = [
            f"{counts.sent:,} sent",
            f"{rate:,.0f}/s",
            f"{counts.up:,}/{counts.wanted:,} connected",
            f"{counts.unsent:,} unsent",
            f"{counts.errors:,} errors",
        ]
        if counts.message and counts.up < counts.wanted:
            parts.append(counts.message)
        return " · ".join(parts)

    def _tell(self, line: str) -> None:
        if self._terminal:
            self._write(f"{CLEAR}{_fit(line)}")
        else:
            self._write(f"{line}\n")

    def _end(self, seconds: float) -> None:
        average = self._counts.sent / max(seconds, 1e-6)
        start = CLEAR if self._terminal else ""
        self._write(f"{start}{self._counts.sent:,} sent in {seconds:.0f} s, {average:,.0f}/s\n")

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            pass  # the reader is gone; the simulation is not about it


def _fit(line: str) -> str:
    """Cut *line* to the terminal: a wrapped one could not be written over."""
    width = get_terminal_size().columns
    return line if len(line) < width else f"{line[: width - 2]}…"
