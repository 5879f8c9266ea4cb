"""The server: uvicorn on sockets that we bound, with our guard, leaving signals alone.

uvicorn raises a captured SIGTERM again when it has shut down, and the process ends with 143; and
it calls ``sys.exit`` where a port is taken. Here the engine owns signals and exit codes.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator, Sequence
from typing import final

import uvicorn

from egizcore.errors import StartupFailed
from egizcore.rest.guard import Bounds, GuardedConfig, GuardedProtocol
from egizcore.rest.parts import AsgiApp, UpgradeProtocol

BACKLOG = 2048
SWEEP_EVERY = 5  # ticks of uvicorn's main loop, a tenth of a second each
CUT_SECONDS = 4.0
"""At the end an answer that is under way has so long to leave; then its connection is cut."""
GRACE_SECONDS = 8
"""When uvicorn gives up, as an error: never, since all has been cut by then."""


@final
class Server(uvicorn.Server):
    """``serve`` runs until ``stop`` is called; ``listening`` is set once it accepts."""

    def __init__(self, config: GuardedConfig, sockets: list[socket.socket]) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.port: int = sockets[0].getsockname()[1]
        self._sockets = sockets
        self._guarded = config

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept, answer, and when stopped: close what is idle, let the rest finish."""
        await super().serve(sockets or self._sockets)

    def stop(self) -> None:
        """Ask for the end."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        self.listening.set()

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn's, with the guard's sweep."""
        if counter % SWEEP_EVERY == 0:
            self._guarded.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but a peer that does not end its request holds nobody up."""
        cut = asyncio.get_running_loop().call_later(CUT_SECONDS, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        for connection in list(self._guarded.guarded):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none (Kludex/uvicorn#1600)."""
        yield


def create_server(
    app: AsgiApp,
    sockets: list[socket.socket],
    *,
    ws: UpgradeProtocol,
    bounds: Bounds | None = None,
) -> Server:
    """A server of *app* on *sockets* (``bind`` gives them); *ws* takes the upgrades over."""
    config = GuardedConfig(
        app,
        bounds=bounds or Bounds(),
        http=GuardedProtocol,
        ws=ws,
        lifespan="off",
        log_config=None,
        access_log=False,  # it prints query strings, and with them tokens
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config, sockets)


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address that *host* has; port 0 takes one free port for all.

    Raises:
        StartupFailed: the port is taken, or the host is none of ours.
    """
    bound: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            if port == 0 and bound:
                address = (address[0], bound[0].getsockname()[1], *address[2:])  # noqa: PLW2901
            bound.append(_listen(family, address))
    except OSError as error:
        for one in bound:
            one.close()
        raise StartupFailed(_told(error, host, port), hint=_mend(error)) from None
    return bound


def _addresses(host: str, port: int) -> Sequence[tuple[int, tuple[object, ...]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _listen(family: int, address: tuple[object, ...]) -> socket.socket:
    # Without the protocol named, asyncio would not know to set TCP_NODELAY on what it accepts.
    one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.listen(BACKLOG)  # two that are bound collide only here
        one.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError:
        one.close()
        raise
    return one


def _told(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken by another program."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"http.host {host!r} is no address of this machine."
    return f"Cannot listen on {host} port {port}: {error.strerror}."


def _mend(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "Stop it, or choose another http.port."
    if error.errno == errno.EACCES:
        return "Ports below 1024 belong to root; choose another http.port."
    return "Set http.host to an address of this machine, such as 127.0.0.1."
