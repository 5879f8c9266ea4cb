"""What systemd hears, over a real datagram socket."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.running import running

from egizcore.observability import ServiceManager


def listen(address: str) -> socket.socket:
    """Where systemd would listen; *address* as ``NOTIFY_SOCKET`` has it."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.bind("\0" + address[1:] if address[0] == "@" else address)
    one.settimeout(15)
    return one


def after_watchdog(heard: socket.socket) -> bytes:
    """The next word that is not of the watchdog."""
    while (told := heard.recv(4096)) == b"WATCHDOG=1":
        pass
    return told


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@egizcore-{os.getpid()}"


@pytest.fixture
def heard(address: str) -> Iterator[socket.socket]:
    with listen(address) as one:
        yield one


def test_ready_and_stopping_bear_a_status(address: str, heard: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": address})
    manager.ready("http=127.0.0.1:8080")
    manager.stopping("Flushing")
    assert heard.recv(4096) == b"READY=1\nSTATUS=http=127.0.0.1:8080"
    assert heard.recv(4096) == b"STOPPING=1\nSTATUS=Flushing"
    assert manager.watchdog == 0


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_that_we_know_nothing_is_sent(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("a socket was made"))
    ServiceManager(environ).ready("up")


def test_a_listener_that_has_gone_or_does_not_read_costs_nothing(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    manager = ServiceManager({"NOTIFY_SOCKET": address})
    manager.ready("nobody")
    with listen(address) as one:
        for _ in range(2000):  # far more than the queue takes
            manager.stopping("again")
        assert one.recv(4096).startswith(b"STOPPING=1")


@pytest.mark.parametrize(
    ("process", "span", "watchdog"),
    [
        ("", "3000000", 3.0),
        ("us", "500000", 0.5),
        ("1", "3000000", 0.0),
        ("", "", 0.0),
        ("", "soon", 0.0),
    ],
)
def test_the_watchdog_is_ours_only_if_it_names_us(process: str, span: str, watchdog: float) -> None:
    process = process.replace("us", str(os.getpid()))
    environ = {"WATCHDOG_USEC": span, "WATCHDOG_PID": process}
    assert ServiceManager(environ).watchdog == watchdog


async def test_the_watchdog_hears_us_in_half_of_its_time_while_the_loop_lives(
    address: str, heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    loop = asyncio.get_running_loop()
    heard.settimeout(0)
    async with asyncio.timeout(10), running():
        first = await loop.sock_recv(heard, 4096)
        assert first.startswith(b"READY=1\nSTATUS=endpoint=127.0.0.1:")
        assert await loop.sock_recv(heard, 4096) == b"WATCHDOG=1"
        began = loop.time()
        assert await loop.sock_recv(heard, 4096) == b"WATCHDOG=1"
        assert loop.time() - began < 0.4
        time.sleep(0.5)  # noqa: ASYNC251 - a loop that hangs is what is tested
        with pytest.raises(BlockingIOError):
            heard.recv(4096)
    assert after_watchdog(heard).startswith(b"STOPPING=1")


async def test_a_word_to_the_watchdog_that_fails_is_not_the_last(
    address: str, heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    monkeypatch.setattr("egizcore.engine.RESTART_AFTER", 0.0)
    tell, failures = ServiceManager._tell, [RuntimeError("odd")]

    def fail_once(self: ServiceManager, *assignments: str) -> None:
        if assignments == ("WATCHDOG=1",) and failures:
            raise failures.pop()
        tell(self, *assignments)

    monkeypatch.setattr(ServiceManager, "_tell", fail_once)
    heard.settimeout(0)
    loop = asyncio.get_running_loop()
    with capture_logs() as logs:
        async with asyncio.timeout(10), running():
            assert (await loop.sock_recv(heard, 4096)).startswith(b"READY=1")
            assert await loop.sock_recv(heard, 4096) == b"WATCHDOG=1"
    assert [one["component"] for one in logs if one["log_level"] == "error"] == ["watchdog"]


def test_serve_tells_systemd_of_its_life(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listen(address) as heard:
        process = subprocess.Popen(
            [sys.executable, "-m", "egizcore", "serve", "--port=0", "--set=endpoint.port=0"],
            cwd=tmp_path,
            env=os.environ | {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert heard.recv(4096).startswith(b"READY=1\nSTATUS=http=127.0.0.1:")
            assert heard.recv(4096) == b"WATCHDOG=1"
            process.send_signal(signal.SIGTERM)
            assert after_watchdog(heard) == b"STOPPING=1\nSTATUS=Flushing to clients and history"
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
            process.wait()
