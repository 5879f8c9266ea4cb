"""A demo as a reader of the README has it, on free ports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.live.servers import free_port
from websockets.sync.client import connect


class Demo(NamedTuple):
    http: int
    mqtt: int

    def adapt(self, text: str) -> str:
        """An example as typed, but for the ports and where the programs of `.venv` are."""
        return (
            text.replace("localhost:8080", f"localhost:{self.http}")
            .replace("-p 1883", f"-p {self.mqtt}")
            .replace("localhost:1883", f"localhost:{self.mqtt}")
            .replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        )


def first_reading(demo: Demo) -> None:
    """Until an oven has reported, a query has nothing to find."""
    wanted = {"action": "subscribe", "thingId": "factory:oven-001", "features": ["thermal"]}
    with connect(demo.adapt("ws://localhost:8080/api/v1/ws")) as client:
        client.send(json.dumps(wanted))
        while json.loads(client.recv(timeout=10))["event"] != "StateChanged":
            pass


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    ports = Demo(free_port(), free_port())
    options = ("--port", str(ports.http), "--set", f"endpoint.port={ports.mqtt}")
    with subprocess.Popen(
        [sys.executable, "-m", "egizcore", "demo", *options],
        cwd=tmp_path_factory.mktemp("demo"),
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
