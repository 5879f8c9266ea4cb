"""An engine on a port of loopback, and a client that sends just the bytes it is told to."""

import asyncio
import base64
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple, final

import msgspec

from egizcore.engine import Engine
from egizcore.rest import HttpSettings
from egizcore.settings import Settings
from egizcore.stream import StreamSettings

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PATIENCE: Final = 10.0  # seconds
Json = dict[str, Any]


@contextlib.asynccontextmanager
async def serving(
    http: HttpSettings | None = None, stream: StreamSettings | None = None
) -> AsyncIterator[Engine]:
    settings = Settings(http=http or HttpSettings(port=0), stream=stream or StreamSettings())
    engine = await asyncio.to_thread(Engine, settings, asyncio.get_running_loop())
    stop, started = asyncio.Event(), asyncio.Event()

    async def announce() -> None:
        started.set()

    life = asyncio.create_task(engine.run(stop, announce), name="engine")
    try:
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        yield engine
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await life


def frame(
    opcode: int,
    payload: bytes | str = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
) -> bytes:
    """A client's frame (RFC 6455, section 5.2), right or wrong."""
    data = payload.encode() if isinstance(payload, str) else payload
    length = len(data)
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if length < 126:
        head += bytes([masked << 7 | length])
    elif length < 65536:
        head += bytes([masked << 7 | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([masked << 7 | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + data
    mask = os.urandom(4)
    key = (mask * (length // 4 + 1))[:length]
    masked_data = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")
    return head + mask + masked_data


def closing(code: int, reason: bytes | str = b"") -> bytes:
    data = reason.encode() if isinstance(reason, str) else reason
    return frame(CLOSE, code.to_bytes(2, "big") + data)


class Frame(NamedTuple):
    opcode: int
    payload: bytes


@final
class Peer:
    """A WebSocket client after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes, chop: int = 0) -> None:
        """*data*, in pieces of *chop* bytes if it is not 0."""
        step = chop or len(data) or 1
        for start in range(0, len(data), step):
            self.writer.write(data[start : start + step])
            await asyncio.sleep(0)
        await self.writer.drain()

    async def say(self, **command: Any) -> None:
        await self.send(frame(TEXT, msgspec.json.encode(command)))

    async def ask(self, **command: Any) -> Json:
        await self.say(**command)
        return await self.hear()

    async def frame(self) -> Frame | None:
        """The next frame; None is the end of the connection."""
        try:
            async with asyncio.timeout(PATIENCE):
                first, second = await self.reader.readexactly(2)
                assert first & 0xF0 == 0x80, "final, no reserved bit"
                assert second < 128, "a server masks nothing"
                length = second
                if second > 125:
                    size = await self.reader.readexactly(2 if second == 126 else 8)
                    length = int.from_bytes(size, "big")
                return Frame(first & 15, await self.reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def hear(self, *events: str) -> Json:
        """The next message, or the next one of *events*."""
        while True:
            found = await self.frame()
            assert found is not None, "the connection ended"
            if found.opcode == TEXT:
                message: Json = msgspec.json.decode(found.payload)
                if not events or message["event"] in events:
                    return message

    async def end(self) -> tuple[list[Frame], int | None]:
        """All frames until the connection ends, and the code that it was closed with."""
        frames: list[Frame] = []
        while (found := await self.frame()) is not None:
            frames.append(found)
        if frames and frames[-1].opcode == CLOSE:
            closing = frames.pop().payload
            return frames, int.from_bytes(closing[:2], "big") if closing else 0
        return frames, None

    async def alive(self) -> None:
        """It still answers."""
        assert (await self.ask(action="ping", id="alive"))["id"] == "alive"


def request(path: str = "/api/v1/ws", method: str = "GET", **fields: str | None) -> bytes:
    """An upgrade request; a field that is None is left out."""
    key = base64.b64encode(os.urandom(16)).decode()
    given: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


async def dial(port: int, *, receive_buffer: int = 0) -> Peer:
    """A TCP connection; *receive_buffer* bytes at most wait on our side, 0: the system's choice."""
    one = socket.socket()
    if receive_buffer:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    one.setblocking(False)  # noqa: FBT003 - the standard library's signature
    await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=one, limit=receive_buffer or 1 << 20)
    return Peer(reader, writer)


async def answer(peer: Peer, head: bytes) -> tuple[int, dict[str, list[str]], bytes]:
    """Status, header fields and body of what *head* was answered with."""
    await peer.send(head)
    async with asyncio.timeout(PATIENCE):
        line, *fields = (await peer.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers: dict[str, list[str]] = {}
    for field in fields:
        name, _, value = field.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    status = int(line.split(" ")[1])
    length = int(headers.get("content-length", ["0"])[0])
    return status, headers, await peer.reader.readexactly(length)


@contextlib.asynccontextmanager
async def connected(port: int, *, receive_buffer: int = 0) -> AsyncIterator[Peer]:
    peer = await dial(port, receive_buffer=receive_buffer)
    try:
        status, _, _ = await answer(peer, request())
        assert status == 101
        yield peer
    finally:
        peer.writer.close()
        with contextlib.suppress(OSError):
            await peer.writer.wait_closed()
