"""The addresses of a broker's name, from a thread that nobody has to wait for.

The system's resolver cannot be interrupted, and where no name server answers it takes its time. A
loop's own threads are joined when the process ends, which must not take ten seconds (contract.md,
section 7); a daemon thread is just left.
"""

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread
from typing import Final, TypeAlias

Places: TypeAlias = list[str]

# (host, port) → the look-up that is under way. All who ask for a name share one, so there are as
# many threads as names.
_running: Final[dict[tuple[str, int], Future[Places]]] = {}


async def look_up(host: str, port: int) -> Places:
    """The numeric addresses of *host*, in the system's order. Raises `OSError`."""
    try:
        return _resolve(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # a name
    key = (host, port)
    future = _running.get(key)
    if future is None:
        future = _running[key] = Future()
        future.set_running_or_notify_cancel()  # so no one who leaves takes it from the others
        Thread(target=_work, args=(key, future), name=f"lookup {host}", daemon=True).start()
    return await asyncio.wrap_future(future)


def _work(key: tuple[str, int], future: Future[Places]) -> None:
    try:
        found = _resolve(*key)
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        del _running[key]
        future.set_exception(error)
    else:
        del _running[key]
        future.set_result(found)


def _resolve(host: str, port: int, flags: int = 0) -> Places:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:
        raise OSError(f"{host!r} is no host's name") from None
    return [_numeric(place) for *_, place in found]


def _numeric(place: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> str:
    """The address in text; a link-local one of IPv6 needs its interface."""
    scope = place[3] if len(place) == 4 else 0
    return f"{place[0]!s}%{scope}" if scope else str(place[0])
