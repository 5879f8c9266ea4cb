"""What systemd hears of us: ready, stopping, and that the event loop is alive (sd_notify(3)).

Without ``NOTIFY_SOCKET`` nobody listens, and nothing is sent.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import NoReturn, final


@final
class ServiceManager:
    """The one that started us, as *environ* names it. What it cannot be told is lost."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog = _watchdog(environ)
        """Seconds after which it takes silence for death; 0: it does not watch."""

    def ready(self, status: str) -> None:
        """We take traffic."""
        self._tell("READY=1", f"STATUS={status}")

    def stopping(self, status: str) -> None:
        """We shut down."""
        self._tell("STOPPING=1", f"STATUS={status}")

    async def watch(self) -> NoReturn:
        """Say for ever that we live: a task of the loop, so a loop that hangs says nothing."""
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)

    def _tell(self, *assignments: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
                one.setblocking(False)  # noqa: FBT003 - the standard library's signature
                one.connect(self._address)
                one.send("\n".join(assignments).encode())
        except OSError:
            return  # it has gone, or its queue is full: the engine does not live by it


def _address(text: str) -> str | None:
    """A path, or a name in the abstract namespace, which is written with ``@`` for its NUL."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog(environ: Mapping[str, str]) -> float:
    """``WATCHDOG_USEC`` in seconds, if it is meant for this process."""
    span, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not span.isdecimal() or process not in ("", str(os.getpid())):
        return 0.0
    return int(span) / 1e6
