"""Options that several commands share, and how what was typed becomes a value."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from egizcore.cli.output import FORMS

if TYPE_CHECKING:
    from egizcore.client.api import Api

Command = TypeVar("Command", bound=Callable[..., Any])

URL: Final = "http://127.0.0.1:8080"


def url_option(command: Command) -> Command:
    """Give *command* the option ``--url``."""
    return click.option(
        "--url",
        default=URL,
        envvar="EGIZCORE_URL",
        show_default=True,
        show_envvar=True,
        help="The EgizCore.",
    )(command)


@contextmanager
def asked_of(url: str) -> Iterator["Api"]:
    """The engine at *url*. A signal cuts its answer short, which is a failure."""
    from egizcore.client import connect

    with connect(url) as api:
        try:
            yield api
        except SystemExit:
            raise SystemExit(1) from None


def output_option(command: Command) -> Command:
    """Give *command* the option ``-o``, as ``form``."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS),
        help="Without it a table on a terminal, JSON in a pipe.",
    )(command)


def setting_options(command: Command) -> Command:
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


def flags(host: str | None, port: str | None, settings: tuple[str, ...]) -> dict[str, str]:
    """What was typed of `setting_options`, as setting → text."""
    typed = {}
    for one in settings:
        key, equals, value = one.partition("=")
        if not equals or "." not in key.strip("."):
            raise click.BadParameter(f"'{key}': write SECTION.KEY=VALUE", param_hint="'--set'")
        typed[key] = value
    if host is not None:
        typed["http.host"] = host
    if port is not None:
        typed["http.port"] = port
    return typed


def read_filter(text: str, where: str) -> dict[str, object]:
    """A filter; *where* is the option or argument that it stood in."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise click.BadParameter('write a JSON object, such as {"type": "oven"}', param_hint=where)
    return found


def log_quietly() -> None:
    """For commands that show their own progress: the log is for what goes wrong."""
    from egizcore.observability import configure

    configure("warning", "console")
