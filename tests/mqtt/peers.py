"""The other side of a socket: a device that sends what it is told to, and a scripted broker."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import ClassVar, Self

from tests.mqtt.hosts import Outcomes

from egizcore.mqtt import Batch, Endpoint, EndpointSettings, Origin, Topics
from egizcore.mqtt import packet as p
from egizcore.mqtt.decode import decode, frame
from egizcore.mqtt.encode import encode

PATIENCE = 20.0  # seconds


class Inbox:
    """Takes batches, and wakes whoever waits for them."""

    def __init__(self) -> None:
        self.batches: list[Batch[str]] = []
        self.origins: list[Origin] = []
        self._came = asyncio.Event()

    def __call__(self, batch: Batch[str], origin: Origin) -> None:
        self.batches.append(batch)
        self.origins.append(origin)
        self._came.set()

    @property
    def messages(self) -> Batch[str]:
        return [message for batch in self.batches for message in batch]

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload, _ in self.messages]

    async def until(self, count: int) -> None:
        """Wait for so many messages in all."""
        async with asyncio.timeout(PATIENCE):
            while len(self.messages) < count:
                self._came.clear()
                await self._came.wait()


async def until(true: Callable[[], object]) -> None:
    """Wait for what has no event: a counter, or a state behind a timer."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  (what is waited for has no event)
            await asyncio.sleep(0.005)


class Peer:
    """One end of a connection, in whole packets or raw bytes."""

    opened: ClassVar[list["Peer"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened.append(self)
        self.reader = reader
        self.writer = writer
        self.version = p.V5
        self._held = b""

    @classmethod
    async def dial(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @classmethod
    async def device(cls, port: int, client_id: str = "dev", version: int = p.V5) -> Self:
        """A connected device."""
        peer = await cls.dial(port)
        peer.version = version
        peer.send(p.Connect(client_id, version))
        answer = await peer.read()
        assert isinstance(answer, p.ConnAck)
        assert answer.reason == 0
        return peer

    def send(self, *packets: p.Packet) -> None:
        self.raw(b"".join(encode(packet, self.version) for packet in packets))

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self) -> p.Packet | None:
        """The next packet; None at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            while True:
                body, stop = frame(self._held, 0, len(self._held))
                if 0 < stop <= len(self._held):
                    data, self._held = self._held[:stop], self._held[stop:]
                    packet = decode(data[0], data[body:], self.version)
                    if isinstance(packet, p.Connect):
                        self.version = packet.version
                    return packet
                try:
                    more = await self.reader.read(65_536)
                except ConnectionError:
                    return None
                if not more:
                    return None
                self._held += more

    async def rest(self) -> list[p.Packet]:
        """All packets to the end of the connection."""
        found = []
        while (packet := await self.read()) is not None:
            found.append(packet)
        return found

    def close(self) -> None:
        self.writer.close()

    @classmethod
    async def close_all(cls) -> None:
        """Close what a test left open, so that no socket outlives its loop."""
        for peer in cls.opened:
            peer.reset()
        cls.opened.clear()
        await asyncio.sleep(0.01)

    def reset(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Peer, int], Awaitable[object]]


@asynccontextmanager
async def broker(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that plays *script* with each connection and its number; gives its port."""
    count = 0
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        peer = Peer(reader, writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(peer, count)
        finally:
            tasks.discard(task)
            peer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await Peer.close_all()


async def accept(peer: Peer, *, grant: int = 1) -> p.Connect:
    """Be a broker that accepts and grants all: answers CONNECT and the SUBSCRIBEs at hand."""
    connect = await peer.read()
    assert isinstance(connect, p.Connect)
    peer.send(p.ConnAck())
    subscribe = await peer.read()
    assert isinstance(subscribe, p.Subscribe)
    peer.send(p.SubAck(subscribe.id, (grant,)))
    return connect


def an_endpoint(
    settings: EndpointSettings,
    deliver: Callable[[Batch[str], Origin], None],
    *,
    max_packet: int = 1 << 20,
    subscribed: Callable[[Origin, str], None] = lambda *_: None,
    outcomes: Outcomes | None = None,
) -> Endpoint[str]:
    """An endpoint whose topics mean themselves and that lets everybody in but `eve`.

    A device may have its own command topic: ``devices/<client id>/desired``.
    """
    outcomes = outcomes or Outcomes()
    return Endpoint(
        settings,
        Topics(str),
        deliver,
        max_packet=max_packet,
        authenticate=lambda client_id, _, __: client_id != "eve",
        may_subscribe=lambda origin, wanted: wanted == f"devices/{origin.client_id}/desired",
        subscribed=subscribed,
        acknowledged=outcomes.acknowledged,
        dropped=outcomes.dropped,
    )


@asynccontextmanager
async def serving(
    deliver: Callable[[Batch[str], Origin], None],
    *,
    max_packet: int = 1 << 20,
    port: int = 0,
    subscribed: Callable[[Origin, str], None] = lambda *_: None,
    outcomes: Outcomes | None = None,
) -> AsyncIterator[Endpoint[str]]:
    """`an_endpoint`, started."""
    endpoint = an_endpoint(
        EndpointSettings(enabled=True, port=port),
        deliver,
        max_packet=max_packet,
        subscribed=subscribed,
        outcomes=outcomes,
    )
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await Peer.close_all()
        await endpoint.stop()
