"""The command line (contract.md, section 7): reads what was typed, calls a room, tells errors.

Data goes to stdout, talk to stderr. Exit codes: 0, 1 failure, 2 usage (a wrong setting too). A
command's module loads when it is called, so ``egizcore version`` answers at once.
"""

import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn, final

import click

from egizcore import __version__
from egizcore.errors import EgizError, SettingsInvalid, StartupFailed

FAILURE: Final = 1
USAGE: Final = 2

COMMANDS: Final = {
    "serve": "process:serve",
    "demo": "process:demo",
    "simulate": "process:simulate",
    "watch": "live:watch",
    "top": "live:top",
    "get": "things:get",
    "set": "change:set_values",
    "query": "things:query",
    "history": "history:history",
    "config": "settings:config",
    "check-config": "settings:check_config",
    "doctor": "doctor:doctor",
    "completion": "completion:completion",
    "version": "version:version",
}
"""Each command, and where it stands in this room; help lists them in this order."""


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Not every terminal writes UTF-8. An escape stands for what it cannot, as on stderr.
        sys.stdout.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until a command takes the signals over there is nothing to flush or close.
        signal.signal(number, _leave)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Do what *arguments* say and give the exit code; an error is told in one line."""
    try:
        code = cli.main(list(arguments), prog_name="egizcore", standalone_mode=False)
        sys.stdout.flush()
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


@final
class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="egizcore %(version)s")
def cli() -> None:
    """EgizCore, the digital-twin engine: live state of every machine, over MQTT and HTTP."""


def _tell(detail: str, mend: str = "") -> None:
    """One line on stderr: what is wrong, and how to mend it."""
    mark = "error:" if os.environ.get("NO_COLOR") else click.style("error:", fg="red", bold=True)
    end = "" if detail.endswith((".", "?", "!")) or not mend else "."
    line = "".join(char if char.isprintable() else " " for char in f"{detail}{end} {mend}")
    click.echo(f"{mark} {line.rstrip()}", err=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
