"""The two ways to start a simulation: in a loop of somebody's, and as a program of its own."""

import asyncio
import resource
import signal
import sys

import uvloop

from egizcore.errors import StartupFailed
from egizcore.simulator.fleet import Fleet
from egizcore.simulator.progress import Progress

SPARE_FILES = 64  # descriptors that are not connections


async def run(broker: str, *, things: int = 40, rate: float = 1.0, seed: int = 0) -> None:
    """Simulate until cancelled, in silence. Raises `SettingsInvalid` for what cannot be."""
    await Fleet(broker, things=things, rate=rate, seed=seed).run()


def simulate(broker: str, *, things: int = 40, rate: float = 1.0) -> int:
    """``egizcore simulate``: until SIGINT or SIGTERM, with progress on stderr; the exit code.

    A broker that is down is tried for ever, and the progress says so. Raises `StartupFailed`
    where this machine may not open so many connections, `SettingsInvalid` for wrong arguments.
    """
    fleet = Fleet(broker, things=things, rate=rate)
    _allow_files(things + SPARE_FILES)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signal(fleet))
    return 0


async def _until_signal(fleet: Fleet) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = (
            group.create_task(fleet.run(), name="fleet"),
            group.create_task(Progress(fleet, sys.stderr).run(), name="progress"),
        )
        await stop.wait()
        for task in tasks:
            task.cancel()


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files to *wanted* if it is below."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise StartupFailed(
            f"{wanted - SPARE_FILES} connections need {wanted} open files, and {hard} are allowed.",
            hint=f"Raise the limit (ulimit -n {wanted}) or simulate fewer Things.",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
