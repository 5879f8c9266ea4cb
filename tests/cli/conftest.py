import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.running import Running, running

from egizcore import cli


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EGIZCORE_URL", raising=False)
    monkeypatch.setattr("egizcore.observability.configure", lambda *_: None)


class Call:
    """Stands in for a room's function: keeps what it was called with."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.arguments: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, *arguments: Any, **options: Any) -> int:
        self.arguments, self.options = arguments, options
        return self.code


Patch = Callable[[object, str], Call]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Patch:
    def patch(room: object, name: str) -> Call:
        call = Call()
        monkeypatch.setattr(room, name, call)
        return call

    return patch


class Told(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


class Terminal:
    """Types commands to a running engine, in a thread, for they wait for its answers."""

    def __init__(self, engine: Running, capsys: pytest.CaptureFixture[str]) -> None:
        self.engine = engine
        self._capsys = capsys

    async def type(self, *arguments: str) -> Told:
        self._capsys.readouterr()
        url = f"http://{self.engine.address}"
        code = await asyncio.to_thread(cli.run, [*arguments, "--url", url])
        return Told(code, *self._capsys.readouterr())


OVEN: dict[str, Any] = {
    "type": "oven",
    "metadata": {"name": "One", "tags": ["a", "b"]},
    "features": {
        "thermal": {
            "properties": {"setpoint": 190.0, "zones": [185.0, 186.5]},
            "desiredState": {"setpoint": 190.0},
        },
        "status": {"properties": {"state": "running"}},
    },
}


@pytest.fixture
async def terminal(capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Terminal]:
    """An engine with the ovens ``f:1`` to ``f:3``, whose setpoints rise, and a mixer."""
    async with running() as engine:
        for number in (1, 2, 3):
            oven = {**OVEN, "id": f"f:{number}"}
            (await engine.http.post("/api/v1/things", json=oven)).raise_for_status()
            path = f"/api/v1/things/f:{number}/features/thermal"
            await engine.http.put(path, json={"properties": {"setpoint": 190.0 + number}})
        mixer = {"id": "f:mixer", "type": "mixer"}
        (await engine.http.post("/api/v1/things", json=mixer)).raise_for_status()
        yield Terminal(engine, capsys)
