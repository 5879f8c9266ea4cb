"""The real servers, each a process on a free port, ended by its own id."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from bench.tools import BUILT, FASTAPI, PEERS, ROOT, begun, ended

TICK: Final = os.sysconf("SC_CLK_TCK")
PATIENCE: Final = 30.0  # seconds
IDLE: Final = 2.0  # seconds after which a server may have closed our connection
COMPILED: Final = ROOT / ".cache/compiled"
SCRATCH: Final = BUILT / "scratch"
SBIN: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


class CountWrong(Exception):
    """Something was lost, or came twice: the one thing that a benchmark fails for."""


class System(NamedTuple):
    """A program that does the work."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    is_peer: bool
    """It knows a broker, but has no endpoint and no filters with property terms."""

    def arguments(self, http_port: int, mqtt_port: int, broker: int | None, qos: int) -> list[str]:
        """Its command line; *broker* is the port of the one to subscribe to."""
        if self.is_peer:
            return [*self.command, str(http_port), str(broker or 0)]
        told = ["--port", str(http_port), "--set", "observability.log_level=warning"]
        if broker is None:
            told += ["--set", "endpoint.enabled=true", "--set", f"endpoint.port={mqtt_port}"]
        else:
            told += ["--set", f"mqtt.url=mqtt://127.0.0.1:{broker}", "--set", f"mqtt.qos={qos}"]
        return [*self.command, *told]


def egizcore(name: str, source: Path) -> System:
    """EgizCore from *source*: as Python, or compiled."""
    command = (sys.executable, "-m", "egizcore", "serve")
    return System(name, command, {"PYTHONPATH": str(source)}, is_peer=False)


def systems(names: set[str]) -> list[System]:
    """Those of *names* that can be run here; all that can without any."""
    found = [egizcore("egizcore", ROOT / "src")]
    if COMPILED.is_dir():
        if _newest(COMPILED, "*.so") > _newest(ROOT / "src", "*.py"):
            found.append(egizcore("compiled", COMPILED))
        else:
            sys.stderr.write("compiled is left out, it is older than the source: make compile\n")
    if (BUILT / "go-peer").exists():
        # Its garbage collector less often: what its own authors would set on such a machine.
        found.append(System("go", (str(BUILT / "go-peer"),), {"GOGC": "400"}, is_peer=True))
    if FASTAPI.exists():
        command = (str(FASTAPI), str(PEERS / "fastapi/main.py"))
        found.append(System("fastapi", command, {"PYTHONPATH": ""}, is_peer=True))
    return [one for one in found if not names or one.name in names]


def _newest(folder: Path, pattern: str) -> float:
    return max((file.stat().st_mtime for file in folder.rglob(pattern)), default=0.0)


class Usage(NamedTuple):
    """What a process holds."""

    rss: float
    """MB."""
    files: int
    threads: int


@final
class Process:
    """A server that runs."""

    def __init__(
        self, command: list[str], environment: dict[str, str], *, is_quiet: bool = False
    ) -> None:
        self._process = begun(
            subprocess.Popen(
                command,
                env=os.environ | environment,
                cwd=BUILT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if is_quiet else None,
                text=True,
            )
        )

    def cpu(self) -> float:
        """Seconds of all its threads so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss(self) -> float:
        """Resident memory now, MB."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
        return int(kilobytes) / 1024

    def usage(self) -> Usage:
        """Its memory, descriptors and threads now."""
        at = Path(f"/proc/{self._process.pid}")
        counts = [sum(1 for _ in (at / what).iterdir()) for what in ("fd", "task")]
        return Usage(self.rss(), *counts)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        ended(self._process)

    def check(self) -> None:
        """Raise where it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.returncode}")


@final
class World:
    """One system with what it needs, ready, and how the load and the questions reach it."""

    def __init__(
        self, system: System, process: Process, http_port: int, door: int, ready_after: float
    ) -> None:
        self.system = system
        self.process = process
        self.http_port = http_port
        self.door = door
        """The port that devices publish to."""
        self.ready_after = ready_after
        """Seconds after its start."""
        self._http = http.client.HTTPConnection("127.0.0.1", http_port, timeout=PATIENCE)
        self._asked = 0.0

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """One request."""
        now = time.monotonic()
        if now - self._asked > IDLE:
            self._http.close()  # it opens again by itself
        self._asked = now
        text = None if body is None else json.dumps(body)
        self._http.request(method, path, text, {"Content-Type": "application/json"})
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def create(self, things: list[dict[str, Any]]) -> None:
        """Register *things*."""
        for at in range(0, len(things), 1000):
            status, text = self.ask("POST", "/api/v1/things/bulk", things[at : at + 1000])
            if status != 200 or any(item["status"] >= 300 for item in json.loads(text)["items"]):
                raise RuntimeError(f"{self.system.name} did not take the Things")

    def version(self, device: int) -> int:
        """Of the device's Thing; 0 without one."""
        status, text = self.ask("GET", f"/api/v1/things/factory:oven-{device:05}")
        return int(json.loads(text)["version"]) if status == 200 else 0

    def await_version(self, device: int, version: int) -> None:
        """Until all is applied, for messages of one connection are applied in order."""
        self._await(lambda: self.version(device), version, f"version of device {device}")

    def await_applied(self, count: int) -> None:
        """Until its counter says exactly *count*."""
        self._await(self.applied, count, "messages applied")
        if (seen := self.applied()) != count:
            raise CountWrong(f"{self.system.name}: {count} messages to apply, {seen} applied")

    def _await(self, look: Callable[[], int], wanted: int, name: str) -> None:
        """However long it takes, while there is progress."""
        seen, limit = -1, 0.0
        while (now := look()) < wanted:
            if now > seen:
                seen, limit = now, time.monotonic() + PATIENCE
            elif time.monotonic() > limit:
                raise CountWrong(f"{self.system.name}: {name}: {now} of {wanted}")
            time.sleep(0.02)

    def metric(self, series: str) -> float:
        """The value of one series, labels and all."""
        _, text = self.ask("GET", "/metrics")
        for line in text.decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        raise CountWrong(f"{self.system.name}: there is no {series}")

    def applied(self) -> int:
        """Messages that changed the state, by the system's own counter."""
        _, text = self.ask("GET", "/metrics")
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in text.decode().splitlines()
            if line.startswith("egizcore_mqtt_messages_total{") and 'outcome="applied"' in line
        )


@contextmanager
def world(system: System, door: str, qos: int = 0) -> Iterator[World]:
    """*door*: ``endpoint``, ``nats`` or ``mosquitto``."""
    http_port, mqtt_port = free_port(), free_port()
    broker = None if door == "endpoint" else BROKERS[door](mqtt_port)
    process = None
    try:
        if broker is not None:
            _await_port(mqtt_port, broker)
        told = None if broker is None else mqtt_port
        began = time.perf_counter()
        process = Process(system.arguments(http_port, mqtt_port, told, qos), system.environment)
        await_ready(http_port, process)
        yield World(system, process, http_port, mqtt_port, time.perf_counter() - began)
        process.check()
    finally:
        for one in (process, broker):
            if one is not None:
                one.stop()


def mosquitto(port: int) -> Process:
    """Without its bound of 1,000 waiting messages, past which it drops in silence.

    Nor that of 20 unacknowledged ones, which would make a measure of round trips of QoS 1.
    """
    file = SCRATCH / f"mosquitto-{port}.conf"
    file.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence false\n"
        "max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 0\nlog_type error\n"
    )
    return Process([_found("mosquitto"), "-c", str(file)], {}, is_quiet=True)


def nats(port: int) -> Process:
    """With room for a consumer that is behind, which it would cut off at 64 MB."""
    file = SCRATCH / f"nats-{port}.conf"
    store = SCRATCH / f"nats-{port}"
    file.write_text(
        f'server_name: bench\nlisten: "127.0.0.1:{free_port()}"\nmax_pending: 2GB\n'
        f'write_deadline: "60s"\nlogfile: "{file}.log"\n'
        f'jetstream {{ store_dir: "{store}" }}\nmqtt {{ listen: "127.0.0.1:{port}" }}\n'
    )
    return Process([_found("nats-server"), "-c", str(file)], {}, is_quiet=True)


BROKERS: Final = {"mosquitto": mosquitto, "nats": nats}


def await_ready(port: int, process: Process) -> None:
    """Until ``/health/ready`` is 200 and, behind a broker, the link is up."""
    _await_port(port, process)
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        http_ = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        http_.request("GET", "/health/ready")
        answer = http_.getresponse()
        answer.read()
        is_ready = answer.status == 200 and _is_up(port)
        http_.close()
        if is_ready:
            return
        process.check()
        time.sleep(0.01)
    raise RuntimeError("a server did not become ready")


def _is_up(port: int) -> bool:
    http_ = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    http_.request("GET", "/health")
    health = json.loads(http_.getresponse().read())
    http_.close()
    return bool(health["status"] == "ok")


def _await_port(port: int, process: Process) -> None:
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        process.check()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"nobody listens on port {port}")


def _found(program: str) -> str:
    path = shutil.which(program, path=SBIN)
    if path is None:
        raise SystemExit(f"make bench needs {program}: apt-get install {program}")
    return path


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
