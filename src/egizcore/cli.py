"""The command line (contract.md, section 7): reads what was typed, calls a room, tells errors.

Data goes to stdout, talk to stderr. Exit codes: 0, 1 failure, 2 usage (a wrong setting too). A
heavy room is imported by the command that needs it, so ``egizcore version`` answers at once.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import click

from egizcore import __version__
from egizcore.errors import EgizError, SettingsInvalid, StartupFailed

FAILURE = 1
USAGE = 2

Command = TypeVar("Command", bound=Callable[..., Any])


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until a command takes the signals over there is nothing to flush or close.
        signal.signal(number, _leave)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Do what *arguments* say and give the exit code; an error is told in one line."""
    try:
        code = cli.main(list(arguments), prog_name="egizcore", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return FAILURE
    except EgizError as error:
        _tell(error.detail, error.mend if isinstance(error, StartupFailed) else error.hint)
        return USAGE if isinstance(error, SettingsInvalid) else FAILURE
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _tell(f"{error.strerror or error}{where}")
        return FAILURE
    return code if isinstance(code, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="egizcore %(version)s")
def cli() -> None:
    """EgizCore, the digital-twin engine: live state of every machine, over MQTT and HTTP."""


def _setting_options(command: Command) -> Command:
    """Give *command* the options that say where settings come from."""
    options = (
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="Settings file; else $EGIZCORE_CONFIG, else ./egizcore.yaml if it is there.",
        ),
        click.option("--host", help="Address of REST and WebSocket (http.host)."),
        click.option("--port", help="Port of REST and WebSocket (http.port)."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            help="Any other setting, above file and environment; lists and maps as JSON.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _flags(host: str | None, port: str | None, settings: tuple[str, ...]) -> dict[str, str]:
    """What was typed, as setting → text."""
    flags = {}
    for typed in settings:
        key, equals, value = typed.partition("=")
        if not equals or "." not in key.strip("."):
            raise click.BadParameter(f"'{key}': write SECTION.KEY=VALUE", param_hint="'--set'")
        flags[key] = value
    if host is not None:
        flags["http.host"] = host
    if port is not None:
        flags["http.port"] = port
    return flags


@cli.command()
@_setting_options
def serve(
    config: Path | None, host: str | None, port: str | None, settings: tuple[str, ...]
) -> int:
    """Run the engine until SIGINT or SIGTERM."""
    from egizcore import engine
    from egizcore.observability.logs import configure
    from egizcore.settings import load

    loaded = load(config=config, flags=_flags(host, port, settings))
    told = loaded.settings.observability
    configure(told.log_level, told.log_format)
    return engine.serve(loaded.settings)


@cli.command()
@_setting_options
@click.option("--lan", is_flag=True, help="Let other machines in: no password, plain text.")
def demo(
    config: Path | None,
    host: str | None,
    port: str | None,
    settings: tuple[str, ...],
    *,
    lan: bool,
) -> int:
    """Run the engine with a simulated bakery. Nothing else to install."""
    from egizcore.demo import demo as run_demo
    from egizcore.observability.logs import configure
    from egizcore.settings import load

    open_doors = {
        "http.host": "0.0.0.0",  # noqa: S104 - what --lan asks for
        "endpoint.host": "0.0.0.0",  # noqa: S104
        "auth.allow_insecure": "true",
    }
    loaded = load(
        config=config,
        defaults={"endpoint.enabled": "true"},
        flags={**(open_doors if lan else {}), **_flags(host, port, settings)},
    )
    told = loaded.settings.observability
    configure(told.log_level, told.log_format)
    return run_demo(loaded.settings, chosen=frozenset(loaded.sources), lan=lan)


@cli.command()
@click.option("--broker", required=True, metavar="URL", help="Such as mqtt://localhost:1883.")
@click.option("--things", type=click.IntRange(min=1), default=40, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Readings a second of each Thing.",
)
def simulate(broker: str, things: int, rate: float) -> int:
    """Publish the readings of a bakery to any MQTT broker."""
    from egizcore import simulator

    _log_quietly()
    return simulator.simulate(broker, things=things, rate=rate)


@cli.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="The EgizCore.")
@click.option("--type", "kind", help="Only Things of this type.")
@click.option("--filter", "text", metavar="JSON", help="Only Things that match this filter.")
def watch(url: str, kind: str | None, text: str | None) -> int:
    """Show live state. On a terminal a table, in a pipe one JSON line an event."""
    from egizcore import console

    if kind is not None and text is not None:
        raise click.UsageError("Give --type or --filter, not both.")
    _log_quietly()
    return console.watch(url, kind=kind, filter=None if text is None else _filter(text))


@cli.command("check-config")
@_setting_options
def check_config(
    config: Path | None, host: str | None, port: str | None, settings: tuple[str, ...]
) -> None:
    """Read the settings as serve would, and say what they come to."""
    from egizcore.ingest import overlaps
    from egizcore.settings import load, outline, read_passwords

    loaded = load(config=config, flags=_flags(host, port, settings))
    # All that serve would refuse comes before the "ok".
    warnings = overlaps(loaded.settings.mqtt)
    read_passwords(loaded.settings)
    click.echo("ok")
    for line in outline(loaded.settings):
        click.echo(f"  {line}")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


@cli.command()
def version() -> None:
    """Print the version, and which modules are compiled."""
    names = _compiled()
    built = f"compiled: {', '.join(names)}" if names else "pure Python"
    click.echo(f"egizcore {__version__} ({built})")


def _compiled() -> list[str]:
    """The modules of this installation that are machine code, without importing them."""
    here = Path(__file__).parent
    files = sorted(here.rglob(f"*{EXTENSION_SUFFIXES[0]}"))
    return [
        ".".join((*one.parent.relative_to(here).parts, one.name.split(".")[0])) for one in files
    ]


def _filter(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise click.BadParameter(
            'write a JSON object, such as {"type": "oven"}', param_hint="'--filter'"
        )
    return found


def _log_quietly() -> None:
    """These commands show their own progress; the log is for what goes wrong."""
    from egizcore.observability.logs import configure

    configure("warning", "console")


def _tell(detail: str, mend: str = "") -> None:
    """One line on stderr: what is wrong, and how to mend it."""
    mark = "error:" if os.environ.get("NO_COLOR") else click.style("error:", fg="red", bold=True)
    end = "" if detail.endswith((".", "?", "!")) or not mend else "."
    line = "".join(char if char.isprintable() else " " for char in f"{detail}{end} {mend}")
    click.echo(f"{mark} {line.rstrip()}", err=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
