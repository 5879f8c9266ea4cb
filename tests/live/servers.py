"""Real servers on free ports of this machine, each ended by its own process id."""

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest

PATIENCE = 15.0  # seconds


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A program that can be killed and started again on its port."""

    def __init__(self, program: str, *told: str, port: int) -> None:
        self.port = port
        self._command = (program, *told)
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    def of(cls, program: str, *told: str, port: int) -> Self:
        """Skips the test, in one line, where *program* is missing."""
        path = shutil.which(program, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        if path is None:
            pytest.skip(f"{program} is not installed")
        return cls(path, *told, port=port)

    async def start(self) -> None:
        """Start it and wait until it accepts connections."""
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=quiet, stderr=quiet
        )
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str, started: bool = True) -> AsyncIterator[Server]:
    """A Mosquitto with *lines* in its configuration; anonymous clients pass without any."""
    port = free_port()
    file = folder / "mosquitto.conf"
    given = lines or ("allow_anonymous true",)
    kept = [f"listener {port} 127.0.0.1", "user root", "persistence false", *given, ""]
    await asyncio.to_thread(file.write_text, "\n".join(kept))
    server = Server.of("mosquitto", "-c", str(file), port=port)
    try:
        if started:
            await server.start()
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[Server]:
    """A NATS server with its MQTT listener, which speaks 3.1.1."""
    port = free_port()
    file = folder / "nats.conf"
    text = f"""
        server_name: trial
        listen: 127.0.0.1:{free_port()}
        jetstream {{ store_dir: "{folder / "store"}" }}
        mqtt {{ listen: 127.0.0.1:{port} }}
    """
    await asyncio.to_thread(file.write_text, text)
    server = Server.of("nats-server", "-c", str(file), port=port)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
