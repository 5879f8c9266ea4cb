"""The load tools in C: built on first use, each told what to do and read as one line of JSON."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, final

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = ROOT / "bench/load"
PEERS: Final = ROOT / "bench/peers"
BUILT: Final = ROOT / ".cache/bench"
FASTAPI: Final = BUILT / "fastapi/bin/python"
PATIENCE: Final = 120.0  # seconds
FLAGS: Final = ("-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror")

Numbers = dict[str, Any]
Running = subprocess.Popen[str]


def build() -> None:
    """Compile what is older than its source. Raises `SystemExit` where there is no compiler."""
    if shutil.which("gcc") is None:
        raise SystemExit("make bench needs a C compiler: apt-get install gcc libc6-dev")
    BUILT.mkdir(parents=True, exist_ok=True)
    newest = (SOURCES / "wire.h").stat().st_mtime
    for source in sorted(SOURCES.glob("*.c")):
        target = BUILT / source.stem
        since = max(newest, source.stat().st_mtime)
        if not target.exists() or target.stat().st_mtime < since:
            subprocess.run(["gcc", *FLAGS, "-o", target, source], check=True)


def build_peers() -> None:
    """The same for the peers; one whose compiler or libraries are not to be had is left out."""
    peer, target = PEERS / "go", BUILT / "go-peer"
    since = max(source.stat().st_mtime for source in peer.iterdir())
    is_old = not target.exists() or target.stat().st_mtime < since
    if shutil.which("go") is not None and is_old:
        subprocess.run([peer / "build", target], check=True)
    _install(PEERS / "fastapi/requirements.txt")


def _install(requirements: Path) -> None:
    """An environment of its own for the peer in Python; without one it is left out."""
    stamp = FASTAPI.parents[1] / "installed"
    if stamp.exists() and stamp.stat().st_mtime >= requirements.stat().st_mtime:
        return
    install = [FASTAPI, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", FASTAPI.parents[1]], check=True)
        subprocess.run([*map(str, install), "--require-hashes", "-r", requirements], check=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(FASTAPI.parents[1], ignore_errors=True)
        sys.stderr.write("fastapi is left out, its libraries could not be installed\n")
    else:
        stamp.touch()


_running: Final[set[Running]] = set()  # what we started and must end


def begun(process: Running) -> Running:
    """Remember *process*, to end it however we end."""
    _running.add(process)
    return process


def ended(process: Running) -> None:
    """It has ended."""
    _running.discard(process)


def end_all() -> None:
    """End all that an exception left behind, each by its own id."""
    for process in list(_running):
        process.kill()
        process.wait()
        ended(process)


@final
class Publisher:
    """Devices that publish, in a process of their own."""

    def __init__(
        self,
        port: int,
        count: int,
        *,
        devices: int = 1000,
        payload: str = "electrical",
        rate: float | None = None,
        at_qos1: bool = False,
        connections: int = 1,
    ) -> None:
        pace = [rate] if rate is not None else ["qos1"] * at_qos1
        self._process = _start("publish", port, connections, devices, payload, count, *pace)

    def is_running(self) -> bool:
        """Does it still publish?"""
        return self._process.poll() is None

    def result(self, patience: float = PATIENCE) -> Numbers:
        """Wait for its end; *began* and *ended* are microseconds since 1970."""
        return _told(self._process, patience=patience)


def publish(port: int, count: int, **options: Any) -> Numbers:
    """The same, from beginning to end."""
    return Publisher(port, count, **options).result()


@final
class Listener:
    """WebSocket clients that count, all subscribed once this is built."""

    def __init__(
        self, port: int, clients: int, kind: str, *, devices: int = 1000, stuck: int = 0
    ) -> None:
        """*devices*: for ``silent`` and ``terms``, how many subscriptions each client has."""
        self._process = _start("listen", port, clients, kind, devices, stuck)
        _await_ready(self._process)

    def result(self, expected: int) -> Numbers:
        """Wait until *expected* changes were told to all clients together, or no more come."""
        return _told(self._process, f"{expected}\n")


@final
class Drain:
    """A subscriber of a broker that reads and does nothing."""

    def __init__(self, port: int, count: int, *, nap: int) -> None:
        self._process = _start("drain", port, count, nap)
        _await_ready(self._process)

    def result(self) -> Numbers:
        """Wait for the last message."""
        return _told(self._process)


def fetch(port: int, path: str, *, connections: int = 16, seconds: float = 3) -> Numbers:
    """GET *path* over and over."""
    return _told(_start("fetch", port, path, connections, seconds))


def _start(tool: str, *told: object) -> Running:
    return begun(
        subprocess.Popen(
            [BUILT / tool, *map(str, told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
    )


def _await_ready(process: Running) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        process.kill()
        raise RuntimeError(f"{process.args!r} did not become ready")


def _told(process: Running, line: str = "", *, patience: float = PATIENCE) -> Numbers:
    try:
        out, _ = process.communicate(line, timeout=patience)
    finally:
        process.kill()
        process.wait()
        ended(process)
    if process.returncode != 0:
        raise RuntimeError(f"{process.args!r} failed")
    numbers: Numbers = json.loads(out)
    return numbers
