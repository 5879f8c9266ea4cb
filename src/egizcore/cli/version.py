"""``version``."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import click

import egizcore


@click.command()
def version() -> None:
    """Print the version, and which modules are compiled."""
    names = _compiled()
    built = f"compiled: {', '.join(names)}" if names else "pure Python"
    click.echo(f"egizcore {egizcore.__version__} ({built})")


def _compiled() -> list[str]:
    """The modules of this installation that are machine code, without importing them."""
    here = Path(egizcore.__file__).parent
    files = sorted(here.rglob(f"*{EXTENSION_SUFFIXES[0]}"))
    return [
        ".".join((*one.parent.relative_to(here).parts, one.name.split(".")[0])) for one in files
    ]
