from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import egizcore
from egizcore import __version__, cli


def test_version_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["version"]) == 0
    assert cli.run(["--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"egizcore {__version__} (")
    assert second == f"egizcore {__version__}"


def test_version_tells_which_modules_are_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(egizcore, "__file__", str(tmp_path / "__init__.py"))
    cli.run(["version"])
    for name in ("bus", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "state" / f"store{EXTENSION_SUFFIXES[0]}").touch()
    (tmp_path / "bus" / f"bus{EXTENSION_SUFFIXES[0]}").touch()
    cli.run(["version"])
    pure, compiled = capsys.readouterr().out.splitlines()
    assert pure == f"egizcore {__version__} (pure Python)"
    assert compiled == f"egizcore {__version__} (compiled: bus.bus, state.store)"
