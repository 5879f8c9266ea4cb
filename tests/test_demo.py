"""``egizcore demo`` as a newcomer starts it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.live.servers import free_port


@contextmanager
def demo(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "egizcore", "demo", *arguments],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=15)
    assert process.returncode == 0


def told(process: subprocess.Popen[str]) -> dict[str, str]:
    """The places that the demo prints, by name."""
    places = {}
    assert process.stderr is not None
    for line in process.stderr:
        words = line.split()
        if line.startswith("  "):
            places[" ".join(words[:-1] if words[0] != "MQTT" else words[:1])] = next(
                word for word in words if "://" in word
            )
        if line.startswith("Stop with"):
            break
    return places


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_the_demo_is_a_living_bakery_of_forty_things(tmp_path: Path) -> None:
    ports = ("--port", str(free_port()), "--set", f"endpoint.port={free_port()}")
    with demo(tmp_path, *ports) as process:
        rest = told(process)["REST"]
        first = get(f"{rest}?limit=100")
        assert first["total"] == 40
        kinds = {thing["type"] for thing in first["items"]}
        assert {"oven", "mixer", "proofer", "conveyor"} <= kinds
        deadline = time.monotonic() + 15
        silent = {thing["id"] for thing in first["items"]}
        while silent and time.monotonic() < deadline:
            items = get(f"{rest}?limit=100")["items"]
            silent -= {thing["id"] for thing in items if thing["version"] > 3}
            time.sleep(0.2)
        assert silent == set()


def test_a_port_that_is_taken_gives_way_to_the_next_free_one(tmp_path: Path) -> None:
    """As on a machine with a Mosquitto: unless the port was set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "demo.py"
        file.write_text(
            f"from egizcore import demo, settings\nprint(demo._free('127.0.0.1', {port}))\n"
        )
        found = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
        assert int(found.stdout) > port
        assert f"Port {port} is taken" in found.stderr
        failed = subprocess.run(
            [sys.executable, "-m", "egizcore", "demo", "--port", str(port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert failed.returncode == 1
    assert "taken" in failed.stderr


@pytest.mark.parametrize("lan", [True, False])
def test_only_lan_lets_other_machines_in(tmp_path: Path, *, lan: bool) -> None:
    ports = ("--port", str(free_port()), "--set", f"endpoint.port={free_port()}")
    with demo(tmp_path, *ports, *(["--lan"] if lan else [])) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Stop with"):
                break
        text = "".join(lines)
        assert ("ESP32" in text) is lan
        assert ("No password" in text) is lan
