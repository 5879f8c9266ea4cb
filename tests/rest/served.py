"""An app over a real store, in process or on a real socket."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, final

import httpx
import msgspec

from egizcore.bus import Bus
from egizcore.history import Answers, Reader
from egizcore.rest import HttpSettings, RestParts
from egizcore.rest.app import build
from egizcore.rest.guard import Bounds
from egizcore.rest.pages import docs
from egizcore.rest.server import Server, bind, create_server
from egizcore.state import LimitSettings, Registry, Store

docs()  # read before any loop runs: in production that is start-up

EPOCH = "epoch1"
NOW = 1_769_509_800_000
"""2026-01-27T10:30:00Z: the time that history takes for the present."""
BASE = "http://127.0.0.1"


@final
class Ingest:
    """What REST shows of ingestion, without any."""

    def test(self, topic: str, payload: bytes) -> Mapping[str, object]:
        return {
            "accepted": False,
            "reason": "no_route",
            "message": topic,
            "tried": [],
            "got": payload.decode(),
        }

    def rejected(self) -> Sequence[object]:
        return []

    def unknown(self) -> Sequence[object]:
        return []


@final
class World:
    """The engine as far as REST sees it; the clock goes 1 ms a change."""

    def __init__(
        self,
        settings: HttpSettings | None = None,
        limits: LimitSettings | None = None,
        archive: Answers | None = None,
        **parts: Any,
    ) -> None:
        self.bus = Bus(EPOCH)
        self.store = Store(self.bus, limits or LimitSettings())
        ticks = itertools.count(NOW)
        self.registry = Registry(self.store, lambda: next(ticks))
        self.asked: list[float] = []
        self.answers: list[tuple[str, str, int]] = []
        self.failures = 0
        self.is_ready = True
        self.parts = RestParts(
            **{
                "store": self.store,
                "registry": self.registry,
                "ingest": Ingest(),
                "history": Reader(archive, self.asked.append, lambda: NOW),
                "settings": settings or HttpSettings(),
                "version": "1.2.3",
                "health": lambda: {
                    "status": "ok",
                    "version": "1.2.3",
                    "uptimeSeconds": 1.5,
                    "things": len(self.store.things),
                    "components": {"mqtt": {"status": "disabled"}},
                },
                "ready": lambda: self.is_ready,
                "metrics": lambda: b"# HELP egizcore_things Things.\n",
                "answered": lambda method, route, status, _seconds: self.answers.append(
                    (method, route, status)
                ),
                "failed": self._fail,
                "pages": {},
                **parts,
            }
        )
        self.app = build(self.parts)

    def _fail(self) -> None:
        self.failures += 1

    def client(self) -> httpx.AsyncClient:
        """In process: no socket, no guard."""
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url=f"{BASE}:8080")


@final
class Echo(asyncio.Protocol):
    """Stands for the WebSocket protocol: says what it got of the handshake and after it."""

    def __init__(self, config: Any, server_state: Any, app_state: Any) -> None:
        self._state = server_state
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._state.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"<" + data + b">")

    def shutdown(self) -> None:
        self._transport.close()


@contextlib.asynccontextmanager
async def serving(world: World, bounds: Bounds | None = None) -> AsyncIterator[Server]:
    """*world* on a port of loopback."""
    server = create_server(world.app, bind("127.0.0.1", 0), ws=Echo, bounds=bounds)
    task = asyncio.create_task(server.serve(), name="server")
    await server.listening.wait()
    try:
        yield server
    finally:
        server.stop()
        await task


@final
class Peer:
    """A client that sends just the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answers(self, seconds: float = 5) -> list[tuple[int, dict[str, str], bytes]]:
        """All that comes until the server closes."""
        async with asyncio.timeout(seconds):
            data = await self.reader.read(-1)
        return split(data)

    async def one(self, seconds: float = 5) -> tuple[int, dict[str, str], bytes]:
        """The next answer of a connection that stays open."""
        async with asyncio.timeout(seconds):
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, headers = _head(head)
            length = 0 if status in (204, 304) else int(headers.get("content-length", "0"))
            return status, headers, await self.reader.readexactly(length)


@contextlib.asynccontextmanager
async def peer(server: Server) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def split(data: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers in a stream, each with its body by Content-Length."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status, headers = _head(head)
        length = int(headers.get("content-length", "0"))
        found.append((status, headers, data[:length]))
        data = data[length:]
    return found


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    line, *fields = head.decode().strip().split("\r\n")
    pairs = (field.partition(": ") for field in fields)
    return int(line.split(" ")[1]), {name: value for name, _, value in pairs}


def code_of(body: bytes) -> str:
    code: str = msgspec.json.decode(body)["code"]
    return code


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for what the server does by itself and tells nobody."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)
