"""The files of deploy/, and the real programs that check them."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.live.servers import PATIENCE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def program(name: str) -> str:
    """Where *name* is; skips the test where it is not."""
    path = shutil.which(name, path=_PLACES)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(name: str, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run *name* to its end, with what it said on stdout and stderr together."""
    return subprocess.run(
        [program(name), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
        **options,
    )


def document(path: str) -> Any:
    """A YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / path).read_text())


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what another program has no event for."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)
