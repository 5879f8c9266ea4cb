"""A demo as a reader of the README has it, on free ports."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from tests.live.servers import free_port
from websockets.sync.client import connect

PATIENCE = 20.0  # seconds
STAND_INS = Path(__file__).parent / "stand_ins"


class Demo(NamedTuple):
    http: int
    mqtt: int
    folder: Path

    def adapt(self, text: str) -> str:
        """An example as typed, but for the ports and where the programs of `.venv` are."""
        real = {
            "localhost:8080": f"localhost:{self.http}",
            "localhost:1883": f"localhost:{self.mqtt}",
            "-p 1883": f"-p {self.mqtt}",
            ".venv/bin/egizcore": f"{sys.executable} -m egizcore",
            ".venv/bin/python": sys.executable,
        }
        return re.sub("|".join(map(re.escape, real)), lambda typed: real[typed[0]], text)

    @property
    def environment(self) -> dict[str, str]:
        """As beside an engine with the default ports. pandas, if it is missing, is stood in for."""
        ours = {name: value for name, value in os.environ.items() if "EGIZCORE" not in name}
        path = {} if find_spec("pandas") else {"PYTHONPATH": str(STAND_INS)}
        address = {
            "EGIZCORE_URL": f"http://localhost:{self.http}",
            "EGIZCORE_HTTP__PORT": str(self.http),
        }
        return ours | address | path

    def run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A command to its end, in the demo's own folder or in *folder*."""
        return subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def first_reading(demo: Demo) -> None:
    """Until an oven has reported, a query has nothing to find, and nor has its history."""
    wanted = {"action": "subscribe", "thingId": "factory:oven-001", "features": ["thermal"]}
    with connect(demo.adapt("ws://localhost:8080/api/v1/ws")) as client:
        client.send(json.dumps(wanted))
        while json.loads(client.recv(timeout=10))["event"] != "StateChanged":
            pass
    history = demo.adapt("http://localhost:8080/api/v1/things/factory:oven-001/history")
    deadline = time.monotonic() + 10
    while not httpx.get(history).raise_for_status().json()["items"]:
        assert time.monotonic() < deadline, "no sample within ten seconds"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    ports = Demo(free_port(), free_port(), tmp_path_factory.mktemp("demo"))
    options = ("--port", str(ports.http), "--set", f"endpoint.port={ports.mqtt}")
    with subprocess.Popen(
        [sys.executable, "-m", "egizcore", "demo", *options],
        cwd=ports.folder,
        env={name: value for name, value in os.environ.items() if "EGIZCORE" not in name},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = []
        for line in process.stderr:
            told.append(line)
            if line.startswith("Stop with"):
                break
        else:
            pytest.fail(f"the demo did not start: {''.join(told)}")
        try:
            first_reading(ports)
            yield ports
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            assert process.wait(timeout=10) == 0
