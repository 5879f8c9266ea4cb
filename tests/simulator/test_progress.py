"""The progress line."""

import asyncio
import io
from typing import final

import pytest

from egizcore.simulator.progress import CLEAR, Progress


@final
class Figures:
    """What a fleet would tell."""

    def __init__(self) -> None:
        self.sent = 1200
        self.unsent = 3
        self.wanted = 40
        self.up = 40
        self.errors = 0
        self.message = ""


class Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.thrice = asyncio.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        written = super().write(text)
        if self.getvalue().count(CLEAR) == 3:
            self.thrice.set()
        return written


def test_the_rate_is_that_of_the_time_since_the_last_line() -> None:
    figures = Figures()
    progress = Progress(figures, io.StringIO())
    progress.line(1.0)
    figures.sent += 500
    assert progress.line(2.0) == "1,700 sent · 250/s · 40/40 connected · 3 unsent · 0 errors"


def test_it_says_what_is_wrong_while_a_device_is_not_connected() -> None:
    figures = Figures()
    figures.up = 0
    figures.message = "connecting to localhost:1883: connection refused"
    assert Progress(figures, io.StringIO()).line(1.0).endswith(figures.message)


async def test_a_broker_that_is_not_there_is_told_at_once_in_a_pipe_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("egizcore.simulator.progress.FIRST_SECONDS", 0.001)
    told = asyncio.Event()

    class Pipe(io.StringIO):
        def write(self, text: str, /) -> int:
            told.set()
            return super().write(text)

    figures, out = Figures(), Pipe()
    figures.up, figures.message = 0, "connection refused"
    task = asyncio.create_task(Progress(figures, out).run())
    async with asyncio.timeout(5):  # half of what it waits later
        await told.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert out.getvalue().splitlines()[0].endswith("connection refused")


async def test_the_end_is_one_plain_line_in_a_pipe() -> None:
    out = io.StringIO()
    task = asyncio.create_task(Progress(Figures(), out).run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert out.getvalue().startswith("1,200 sent in 0 s")
    assert CLEAR not in out.getvalue()


async def test_a_terminal_has_always_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egizcore.simulator.progress.TERMINAL_SECONDS", 0.001)
    out = Terminal()
    task = asyncio.create_task(Progress(Figures(), out).run())
    async with asyncio.timeout(5):
        await out.thrice.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert out.getvalue().count("\n") == 1


async def test_a_reader_that_is_gone_does_not_end_the_simulation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("egizcore.simulator.progress.PIPE_SECONDS", 0.001)
    told: list[str] = []
    thrice = asyncio.Event()

    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            told.append(text)
            if len(told) == 3:
                thrice.set()
            raise BrokenPipeError

    task = asyncio.create_task(Progress(Figures(), Gone()).run())
    async with asyncio.timeout(5):
        await thrice.wait()
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
