"""``egizcore watch``: a WebSocket client that shows what it hears."""

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Coroutine, Mapping
from random import Random
from time import monotonic
from typing import Any, Final, Protocol, final
from urllib.parse import SplitResult, urlsplit

from rich.console import Console
from rich.live import Live
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from egizcore.console.mirror import CHANGES
from egizcore.console.screen import is_screen
from egizcore.console.table import Board
from egizcore.errors import SettingsInvalid, StartupFailed
from egizcore.quantity import masked

FRAMES_A_SECOND: Final = 4
FIRST: Final = 0.5  # seconds: bound of the first wait before another try; it doubles
LONGEST: Final = 10.0
HELD: Final = 10.0  # seconds that a connection must have lasted for the waits to begin anew
MAX_MESSAGE: Final = 8 << 20  # bytes; a snapshot's message has at most one Thing above 16 KiB
UNWELCOME: Final = (4100, 4101)


@final
class ReaderGoneError(Exception):
    """Nobody reads our standard output any more."""


class Screen(Protocol):
    """Where messages go: the table, or a pipe."""

    snapshot: bool

    def take(self, message: Mapping[str, Any], text: str) -> None:
        """One message of the engine, and how it was written."""
        ...

    def say(self, line: str) -> None:
        """How the connection is."""
        ...


def watch(
    url: str = "http://127.0.0.1:8080",
    *,
    kind: str | None = None,
    filter: dict[str, object] | None = None,
) -> int:
    """Show live state until SIGINT or SIGTERM; the exit code.

    On a screen a table, else one JSON line an event on stdout. *url* is the engine's; *kind*
    or *filter* selects Things. A connection that ends is tried again for ever. Raises
    `SettingsInvalid` for an ill-formed *url* and `StartupFailed` where the engine refuses the
    filter or us.
    """
    address = socket_url(url)
    wanted = {"type": kind} if kind is not None else (filter or {})
    try:
        asyncio.run(_table(address, wanted) if is_screen() else _lines(address, wanted))
    except ReaderGoneError:  # ``| head`` has what it wanted; nor may the last flush complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def socket_url(url: str) -> str:
    """``ws://host:port/api/v1/ws`` for the engine's address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise SettingsInvalid("url: this is no address", hint="Write http://host:8080.")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/v1/ws"


@final
class Lines:
    """One JSON line an event on stdout; how the connection is goes to stderr."""

    snapshot = False

    def __init__(self) -> None:
        self._told = ""

    def take(self, message: Mapping[str, Any], text: str) -> None:
        """Print it if it is a change of a Thing."""
        if message["event"] in CHANGES:
            try:
                sys.stdout.write(f"{text}\n")
                sys.stdout.flush()
            except BrokenPipeError:
                raise ReaderGoneError from None
            except OSError as error:  # a full disk is no broken connection
                raise StartupFailed(
                    f"stdout: {error.strerror}.", hint="Write to where there is room."
                ) from None

    def say(self, line: str) -> None:
        """On stderr, once for each change."""
        if line != self._told:
            self._told = line
            sys.stderr.write(f"{line}\n")


@final
class Panel:
    """The board behind the live table."""

    snapshot = True

    def __init__(self) -> None:
        self.board = Board()

    def take(self, message: Mapping[str, Any], text: str) -> None:  # noqa: ARG002 - for `Lines`
        """Merge it."""
        self.board.take(message, monotonic())

    def say(self, line: str) -> None:
        """Below the table."""
        self.board.link = line


async def _lines(address: str, wanted: Mapping[str, object]) -> None:
    await _until_signal(_follow(address, wanted, Lines()))


async def _table(address: str, wanted: Mapping[str, object]) -> None:
    console = Console()
    panel = Panel()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        await _until_signal(_follow(address, wanted, panel), _draw(live, panel.board))


async def _draw(live: Live, board: Board) -> None:
    while True:
        live.update(board.table(live.console.height, monotonic()), refresh=True)
        await asyncio.sleep(1 / FRAMES_A_SECOND)


async def _until_signal(*running: Coroutine[object, object, None]) -> None:
    """Run these until a signal, or until one of them fails: that is raised as it is."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    signalled = asyncio.create_task(stop.wait(), name="signal")
    tasks = {signalled, *(asyncio.create_task(coroutine) for coroutine in running)}
    ended, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in going:
        task.cancel()
    await asyncio.gather(*going, return_exceptions=True)
    for task in ended:
        task.result()


async def _follow(address: str, wanted: Mapping[str, object], screen: Screen) -> None:
    """Connect, subscribe and listen, again and again."""
    rng = Random()  # noqa: S311 - spreads load, guards nothing
    bound = FIRST
    while True:
        began = monotonic()
        reason = await _session(address, wanted, screen)
        bound = FIRST if monotonic() - began > HELD else min(bound * 2, LONGEST)
        screen.say(f"offline: {reason}; trying again")
        await asyncio.sleep(rng.uniform(0.1, bound))


async def _session(address: str, wanted: Mapping[str, object], screen: Screen) -> str:
    """One connection, to its end; gives why it ended."""
    try:
        # The plant's own address: a proxy of the environment has no business in between.
        async with connect(address, max_size=MAX_MESSAGE, compression=None, proxy=None) as socket:
            hello = {"action": "subscribe", "id": 1, "filter": wanted}
            await socket.send(json.dumps(hello | {"snapshot": screen.snapshot}))
            async for text in socket:
                message = json.loads(text)
                if message["event"] == "Error":  # our only command was refused
                    raise StartupFailed(message["message"], hint=message.get("hint", ""))
                if message["event"] == "Subscribed":
                    screen.say("live")
                screen.take(message, str(text))
            return "the engine closed the connection"
    except InvalidStatus as error:
        status = error.response.status_code
        if status < 500:  # asking again would get the same answer
            raise StartupFailed(
                f"{masked(address)} answers with HTTP status {status}.",
                hint="Give EgizCore's own address with --url.",
            ) from None
        return f"HTTP status {status}"
    except ConnectionClosed as error:
        if error.rcvd is not None and error.rcvd.code in UNWELCOME:
            raise StartupFailed("The engine does not let us in.") from None
        return "the connection was lost"
    except (OSError, InvalidHandshake, TimeoutError) as error:
        return _words(error)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):  # its number is OpenSSL's, not the system's
        return f"TLS: {(error.reason or 'it failed').replace('_', ' ').lower()}"
    if isinstance(error, OSError) and error.errno is not None:
        known = error.errno > 0  # a name that cannot be resolved has a negative one
        return (os.strerror(error.errno) if known else str(error.strerror)).lower()
    if isinstance(error, ConnectionError):
        return "the connection was lost"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
