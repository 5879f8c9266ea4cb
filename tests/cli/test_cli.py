import os
import signal
import socket
import subprocess
import sys
from typing import Any

import click
import pytest

from egizcore import __version__, cli, engine
from egizcore.client import Unreachable
from egizcore.errors import EgizError, SettingsInvalid, StartupFailed, ThingNotFound
from egizcore.settings import Settings


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"Usage: egizcore {command} ")
    assert "\\b" not in told


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(_settings: Settings) -> int:
        raise error

    monkeypatch.setattr(engine, "serve", fail)
    return cli.run(["serve"])


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["serve", "--bogus"], ["simulate"], ["serve", "--set", "port=1"],
     ["serve", "--set", "http.port"], ["simulate", "--broker", "mqtt://a", "--things", "0"],
     ["simulate", "--broker", "mqtt://a", "--rate", "0"],
     ["watch", "--type", "oven", "--filter", "{}"], ["top", "--count", "0"],
     ["get", "f:a", "--type", "oven"], ["get", "f:a", "--all"], ["get", "--limit", "0"],
     ["get", "f:a", "thermal", "--fields", "id"], ["get", "f:a", "a b"], ["get", "f:a", "a..b"],
     ["get", "--fields", "id,,type"], ["query", "[]"], ["query", "--sort", "-"],
     ["query", "--sort", "a b"], ["get", "--url", "nowhere"], ["get", "--url", "http://[::1"],
     ["get", "--url", "http://a:b"], ["get", "--url", "http://a?b"], ["get", "-o", "xml"],
     ["set", "f:a"], ["set", "f:a", "thermal.setpoint"], ["set", "f:a", "version=3"],
     ["set", "f:a", "a b=3"], ["set", "f:a", "a.b={"], ["set", "f:a", "a.b=1", "a.b=2"],
     ["set", "f:a", "a.b=1", "--if-version", "x"],
     ["history", "f:a", "--aggregate", "mean"], ["history", "f:a", "--shape", "wide"],
     ["history", "f:a", "--limit", "10001"], ["config"], ["completion", "tcsh"]],
)  # fmt: skip
def test_wrong_usage_is_told_on_stderr_with_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "rror: " in told.err or "Usage: " in told.err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    told = capsys.readouterr().out
    for command in cli.COMMANDS:
        assert f"  {command} " in told
    assert not [line for line in told.splitlines()[1:] if line.endswith("...")]  # cut short


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StartupFailed("Port 80 is taken", hint="Set http.port."), 1,
         "error: Port 80 is taken. Set http.port."),
        (StartupFailed("Port 80 is taken"), 1, "error: Port 80 is taken"),
        (SettingsInvalid("a: b"), 2, "error: a: b"),
        (ThingNotFound("a:b"), 1, f"error: There is no Thing 'a:b'. {ThingNotFound.hint}"),
        (Unreachable("Nobody.", hint="Start it."), 1, "error: Nobody. Start it."),
        (EgizError("Odd."), 1, f"error: Odd. {EgizError.hint}"),
        (FileNotFoundError(2, "No such file", "a.crt"), 1, "error: No such file: a.crt"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_on_stderr(
    error: Exception,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert failing(monkeypatch, error) == code
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"{line}\n")


def test_an_error_shows_nothing_that_a_terminal_would_obey(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, ThingNotFound("\x1b[2J\nx")) == 1
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert told.count("\n") == 1


def test_an_abort_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(monkeypatch, click.Abort()) == 1
    assert "Traceback" not in capsys.readouterr().err


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "egizcore", *arguments],
        capture_output=True, text=True, timeout=30, check=False, **options,
    )  # fmt: skip


def test_the_process_ends_with_the_commands_exit_code() -> None:
    assert command("--version").stdout == f"egizcore {__version__}\n"
    assert command("check-config", "--port", "x").returncode == 2


def test_a_reader_that_went_away_leaves_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "egizcore", "check-config"],
        stdout=write, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
    )  # fmt: skip
    os.close(write)
    assert process.returncode == 1
    assert process.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_command_runs_ends_with_0(number: int) -> None:
    program = (
        "import os; from egizcore import cli;"
        f"cli.run = lambda _: os.kill(os.getpid(), {int(number)}) or 7; cli.main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (process.returncode, process.stderr) == (0, "")


def test_version_imports_no_heavy_room() -> None:
    program = "import sys; from egizcore import cli; cli.run(['version']); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    ).stdout.split()
    heavy = {"litestar", "uvicorn", "rich", "yaml", "structlog", "asyncio", "httpx", "msgspec"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_cuts_an_answer_short_is_a_failure(number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-m", "egizcore", "get", "--url", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            server.settimeout(20)
            asking, _ = server.accept()
            with asking:
                assert asking.recv(1000).startswith(b"GET /api/v1/things?limit=100 ")
                process.send_signal(number)
                assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 1


def test_a_terminal_that_cannot_write_a_character_gets_its_escape() -> None:
    program = (
        "import sys; from egizcore import cli; cli.run = lambda _: print('▁') or 0; cli.main()"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (told.returncode, told.stdout, told.stderr) == (0, "\\u2581\n", "")
