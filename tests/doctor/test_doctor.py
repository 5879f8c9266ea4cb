import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import pytest
from tests.live.servers import free_port
from tests.running import running

from egizcore.doctor import doctor
from egizcore.settings import Settings


@pytest.fixture(autouse=True)
def quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egizcore.observability.configure", lambda *_: None)


def settings(**sections: Any) -> Settings:
    return msgspec.convert({"http": {"port": free_port()}} | sections, Settings)


def test_a_machine_that_is_well_is_0_and_a_line_for_each_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = settings(endpoint={"enabled": True, "port": free_port()})
    assert doctor(given, quick=False) == 0
    lines = capsys.readouterr().out.splitlines()
    subjects = [line[6:].partition(":")[0] for line in lines]
    assert subjects == ["settings", "http port", "endpoint port", "file descriptors", "clock"]
    assert all(line.startswith(("ok    ", "warn  ")) for line in lines)


def test_one_failure_is_1_and_the_others_are_told_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"mqtt://127.0.0.1:{free_port()}"
    assert doctor(settings(mqtt={"url": url}), quick=False) == 1
    told = capsys.readouterr().out
    assert "FAIL  mqtt: " in told
    assert "ok    http port: " in told


def test_open_doors_and_overlapping_routes_are_warnings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    routes = [{"topic": "{device}/+/c"}, {"topic": "a/{device}/+"}]
    given = settings(
        auth={"allow_insecure": True},
        mqtt={"routes": routes},
        endpoint={"enabled": True, "port": free_port()},
    )
    assert doctor(given, quick=False) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "  settings: " in line]
    assert len(lines) == 2
    assert all(line.startswith("warn  ") for line in lines)


async def test_quick_feels_the_pulse_of_the_engine_that_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running() as engine:
        given = settings(http={"port": engine.engine.server.port})
        assert await asyncio.to_thread(doctor, given, quick=True) == 0
    assert "ok    engine: EgizCore" in capsys.readouterr().out
    assert await asyncio.to_thread(doctor, given, quick=True) == 1
    assert capsys.readouterr().out.startswith("FAIL  engine: ")


def test_quick_does_not_wait_for_an_engine_that_hangs(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stuck:
        begun = monotonic()
        assert doctor(settings(http={"port": stuck.getsockname()[1]}), quick=True) == 1
        assert monotonic() - begun < 2.5
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_container_can_ask_without_loading_the_engine(tmp_path: Path) -> None:
    program = (
        "import sys; from egizcore import cli;"
        f"code = cli.run(['doctor', '--quick', '--port', '{free_port()}']);"
        "print(code, *sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    line, modules = told.stdout.splitlines()
    assert line.startswith("FAIL  engine: ")
    assert modules.startswith("1 ")
    assert not {"litestar", "uvicorn", "httpx", "influxdb_client"} & set(modules.split())
