"""What a check says, and how checks run: all at once, none for longer than it may."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Literal, NamedTuple, TypeAlias

import click

from egizcore.errors import StartupFailed

Level: TypeAlias = Literal["ok", "warn", "FAIL"]
_COLOURS = {"ok": "green", "warn": "yellow", "FAIL": "red"}


class Finding(NamedTuple):
    """One line: how it is, with what, in which words, and how to mend it."""

    level: Level
    subject: str
    what: str
    mend: str = ""


class Check(NamedTuple):
    """What is looked at, and the look, which may block."""

    subject: str
    look: Callable[[], list[Finding]]


def examine(checks: Sequence[Check], seconds: float) -> Iterator[Finding]:
    """Run *checks* side by side; give what they found in their own order.

    A check that is not done after *seconds* is left alone: its thread ends with the process.
    """
    found: dict[int, list[Finding]] = {}
    threads = []
    for index, check in enumerate(checks):
        thread = threading.Thread(
            target=lambda i=index, one=check: found.__setitem__(i, _looked(one)),
            name=check.subject,
            daemon=True,
        )
        thread.start()
        threads.append(thread)
    end = monotonic() + seconds
    for index, (check, thread) in enumerate(zip(checks, threads, strict=True)):
        thread.join(max(0.0, end - monotonic()))
        late = Finding("FAIL", check.subject, f"no answer within {seconds:.0f} s")
        yield from found.get(index, [late])


def _looked(check: Check) -> list[Finding]:
    try:
        return check.look()
    except StartupFailed as error:
        return [Finding("FAIL", check.subject, error.detail, error.mend)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks are told
        return [Finding("FAIL", check.subject, f"the check itself failed: {error!r}")]


def told(finding: Finding) -> None:
    """Print one line."""
    level, subject, what, mend = finding
    word = f"{level:<4}"
    if not os.environ.get("NO_COLOR"):
        word = click.style(word, fg=_COLOURS[level], bold=level != "ok")
    end = "" if what.endswith((".", "?", "!")) or not mend else "."
    line = f"  {subject}: {what}{end} {mend}".rstrip()
    click.echo(word + "".join(char if char.isprintable() else " " for char in line))
