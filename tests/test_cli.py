import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import click
import pytest

from egizcore import __version__, cli, console, engine, simulator
from egizcore import demo as bakery
from egizcore.errors import EgizError, SettingsInvalid, StartupFailed, ThingNotFound
from egizcore.settings import Settings


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("egizcore.observability.logs.configure", lambda *_: None)


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


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(_settings: Settings) -> int:
        raise error

    monkeypatch.setattr(engine, "serve", fail)
    return cli.run(["serve"])


def test_version_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["version"]) == 0
    assert cli.run(["--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"egizcore {__version__} (")
    assert second == f"egizcore {__version__}"


def test_version_tells_which_modules_are_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "cli.py"))
    cli.run(["version"])
    for name in ("bus", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "state" / f"store{EXTENSION_SUFFIXES[0]}").touch()
    (tmp_path / "bus" / f"bus{EXTENSION_SUFFIXES[0]}").touch()
    cli.run(["version"])
    pure, compiled = capsys.readouterr().out.splitlines()
    assert pure == f"egizcore {__version__} (pure Python)"
    assert compiled == f"egizcore {__version__} (compiled: bus.bus, state.store)"


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["serve", "--bogus"], ["simulate"], ["serve", "--set", "port=1"],
     ["serve", "--set", "http.port"], ["simulate", "--broker", "mqtt://a", "--things", "0"],
     ["simulate", "--broker", "mqtt://a", "--rate", "0"],
     ["watch", "--type", "oven", "--filter", "{}"]],
)  # fmt: skip
def test_wrong_usage_is_told_on_stderr_with_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Error: " in told.err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    told = capsys.readouterr().out
    for command in ("serve", "demo", "simulate", "watch", "check-config", "version"):
        assert f"  {command} " in told
    assert not [line for line in told.splitlines()[1:] if line.endswith("...")]  # cut short


def test_serve_hands_the_settings_to_the_engine(stand_in: Patch) -> None:
    serve = stand_in(engine, "serve")
    Path("my.yaml").write_text("limits: {features: 9}", "utf-8")
    arguments = ["--config", "my.yaml", "--host", "localhost", "--port", "9000"]
    assert cli.run(["serve", *arguments, "--set", "limits.properties=8"]) == 0
    (settings,) = serve.arguments
    assert (settings.http.host, settings.http.port) == ("localhost", 9000)
    assert (settings.limits.features, settings.limits.properties) == (9, 8)
    assert not settings.endpoint.enabled


def test_the_exit_code_is_the_engines(stand_in: Patch) -> None:
    stand_in(engine, "serve").code = 1
    assert cli.run(["serve"]) == 1


def test_demo_has_the_endpoint_and_knows_what_was_chosen(stand_in: Patch) -> None:
    demo = stand_in(bakery, "demo")
    assert cli.run(["demo", "--port", "9000"]) == 0
    (settings,) = demo.arguments
    assert settings.endpoint.enabled
    assert settings.http.host == "127.0.0.1"
    assert demo.options == {"chosen": frozenset({"http.port"}), "lan": False}


def test_lan_opens_both_doors(stand_in: Patch) -> None:
    demo = stand_in(bakery, "demo")
    assert cli.run(["demo", "--lan"]) == 0
    (settings,) = demo.arguments
    assert (settings.http.host, settings.endpoint.host) == ("0.0.0.0", "0.0.0.0")
    assert demo.options["lan"]


def test_simulate_hands_on_what_was_typed(stand_in: Patch) -> None:
    simulate = stand_in(simulator, "simulate")
    assert cli.run(["simulate", "--broker", "mqtt://a", "--things", "3", "--rate", "2.5"]) == 0
    assert simulate.arguments == ("mqtt://a",)
    assert simulate.options == {"things": 3, "rate": 2.5}


def test_watch_hands_on_what_was_typed(stand_in: Patch) -> None:
    watch = stand_in(console, "watch")
    assert cli.run(["watch", "--filter", '{"type": "oven"}']) == 0
    assert watch.arguments == ("http://127.0.0.1:8080",)
    assert watch.options == {"kind": None, "filter": {"type": "oven"}}
    assert cli.run(["watch", "--type", "oven", "--url", "http://a"]) == 0
    assert watch.options == {"kind": "oven", "filter": None}


@pytest.mark.parametrize("text", ["{", "[]", "5", "[" * 100_000])
def test_a_filter_that_is_no_json_object_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["watch", "--filter", text]) == 2
    assert "'--filter': write a JSON object, such as" in capsys.readouterr().err


def test_check_config_says_ok_and_what_the_settings_come_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["check-config", "--port", "9000"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ok\n  http: host 127.0.0.1, port 9000")
    assert told.err == ""


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('mqtt.routes=[{"topic": "{device}", "thing": "f:{x}"}]',
         "mqtt.routes[0].thing: nothing captures {x}"),
        ('mqtt.devices={"esp": "no id"}', "mqtt.devices.esp: 'no id' is no Thing id"),
        ("mqtt.password_file=missing", "mqtt.password_file: cannot read missing"),
        ('mqtt.connections={"b": {"url": "mqtt://u@h", "password_file": "missing"}}',
         "mqtt.password_file: cannot read missing"),
    ],
)  # fmt: skip
def test_check_config_says_ok_to_nothing_that_serve_would_refuse(
    setting: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = ["--set", "mqtt.url=mqtt://localhost", "--set", "mqtt.username=plant"]
    assert cli.run(["check-config", *broker, "--set", setting]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: {told}")
    assert said.err.count("\n") == 1


def test_check_config_warns_where_routes_overlap_in_part(
    capsys: pytest.CaptureFixture[str],
) -> None:
    routes = '[{"topic": "{device}/+/c"}, {"topic": "a/{device}/+"}]'
    assert cli.run(["check-config", "--set", f"mqtt.routes={routes}"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ok\n")
    assert told.err.startswith("warning: ")


def test_a_wrong_setting_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check-config", "--set", "http.prot=1"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "error: the command line: unknown setting 'http.prot': did you mean 'http.port'?\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StartupFailed("Port 80 is taken", hint="Set http.port."), 1,
         "error: Port 80 is taken. Set http.port."),
        (StartupFailed("Port 80 is taken"), 1, "error: Port 80 is taken"),
        (SettingsInvalid("a: b"), 2, "error: a: b"),
        (ThingNotFound("a:b"), 1, f"error: There is no Thing 'a:b'. {ThingNotFound.hint}"),
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
    assert not {"litestar", "uvicorn", "rich", "yaml", "structlog", "asyncio"} & set(loaded)
