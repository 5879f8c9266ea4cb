"""The load tools in C: built on first use, each told what to do and read as one line of JSON."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, final

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = ROOT / "bench/load"
PEERS: Final = ROOT / "bench/peers"
BUILT: Final = ROOT / ".cache/bench"
FLAGS: Final = ("-O2", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror")

Numbers = dict[str, Any]


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
    peer = PEERS / "go"
    if shutil.which("go") is not None and not (BUILT / "go-peer").exists():
        subprocess.run([peer / "build", BUILT / "go-peer"], check=True)


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
        connections: int = 1,
    ) -> None:
        self._process = _start(
            "publish", port, connections, devices, payload, count, *([] if rate is None else [rate])
        )

    def result(self) -> Numbers:
        """Wait for its end; *began* and *ended* are microseconds since 1970."""
        return _told(self._process)


def publish(port: int, count: int, **options: Any) -> Numbers:
    """The same, from beginning to end."""
    return Publisher(port, count, **options).result()


@final
class Listener:
    """WebSocket clients that count, all subscribed once this is built."""

    def __init__(
        self, port: int, clients: int, kind: str, *, devices: int = 1000, stuck: int = 0
    ) -> None:
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


def _start(tool: str, *told: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BUILT / tool, *map(str, told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def _await_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        process.kill()
        raise RuntimeError(f"{process.args!r} did not become ready")


def _told(process: subprocess.Popen[str], line: str = "") -> Numbers:
    try:
        out, _ = process.communicate(line, timeout=120)
    finally:
        process.kill()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args!r} failed")
    numbers: Numbers = json.loads(out)
    return numbers
