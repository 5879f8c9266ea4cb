"""What all scenarios share: the list of them, and a flood that is timed and counted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, final

from bench.result import Results
from bench.servers import CountWrong, System, World, world
from bench.tools import Listener, publish

DEVICES: Final = 1000


@final
class Bench:
    """What a scenario gets: whom to measure, how often, and where to tell it."""

    def __init__(self, systems: list[System], runs: int) -> None:
        self.systems = systems
        self.runs = runs
        self.results = Results()

    @contextmanager
    def each(self, door: str) -> Iterator[Iterator[World]]:
        """Every system in turn, as often as there are runs, each in a fresh world."""
        yield self._worlds(door)

    def _worlds(self, door: str) -> Iterator[World]:
        for _ in range(self.runs):
            for system in self.systems:
                if door == "endpoint" and not system.has_endpoint:
                    continue
                with world(system, door) as one:
                    yield one


Scenario = Callable[[Bench], None]


class Flood(NamedTuple):
    """What a flood came to."""

    rate: float
    """Messages a second, to the moment the last one was applied."""
    cost: float
    """Microseconds of CPU a message, of the whole process."""


def warm(world: World, devices: int = DEVICES, rounds: int = 100) -> None:
    """Let every device report: its Thing exists, and the code has been where it will go."""
    limit = time.monotonic() + 20
    while world.version(devices - 1) < 2:  # a broker may not know of the subscription yet
        publish(world.door, devices, devices=devices, payload="timed")
        time.sleep(0.2)
        if time.monotonic() > limit:
            raise CountWrong(f"{world.system.name}: nothing arrives")
    before = world.version(devices - 1)
    if rounds:
        publish(world.door, devices * rounds, devices=devices, payload="timed")
        world.await_version(devices - 1, before + rounds, world.system.name)
    seen = -1
    while seen != (seen := world.applied()):  # who has several workers may have one behind
        time.sleep(0.2)


def flood(world: World, count: int, payload: str = "electrical") -> Flood:
    """*count* messages as fast as they are taken; every one must be applied."""
    last = world.version(DEVICES - 1)
    applied, used = world.applied(), world.process.cpu()
    told = publish(world.door, count, payload=payload)
    world.await_version(DEVICES - 1, last + count // DEVICES, world.system.name)
    world.await_applied(applied + count)
    seconds = time.time() - told["began"] / 1e6
    used = world.process.cpu() - used
    return Flood(count / seconds, used / count * 1e6)


class Fanned(NamedTuple):
    """What clients were told of an open loop."""

    events: int
    merged: int
    seconds: float
    """From the first message to the last event."""
    late: float
    """Seconds from the last message to the last event."""
    p50: float
    p99: float
    lag: float
    """p99 of how late the publisher itself was, ms."""
    cpu: float
    """Seconds of the system's CPU."""
    is_kept: bool
    """Every event came as it was, and in time."""


def fan(
    world: World,
    rate: float,
    seconds: float,
    listener: Listener,
    *,
    share: float,
    devices: int = DEVICES,
) -> Fanned:
    """Publish at *rate*; each message is wanted by *share* clients. All counts must add up."""
    count = max(1, round(rate * seconds / devices)) * devices
    used = world.process.cpu()
    told = publish(world.door, count, devices=devices, payload="timed", rate=rate)
    expected = round(count * share)
    heard = listener.result(expected)
    used = world.process.cpu() - used
    name = world.system.name
    if heard["changes"] != expected:
        raise CountWrong(f"{name}: {expected} changes expected, {heard['changes']} told")
    if heard["broken"]:
        raise CountWrong(f"{name}: {heard['broken']} events out of order")
    late = (heard["last"] - told["ended"]) / 1e6
    seconds = (heard["last"] - told["began"]) / 1e6
    is_in_time = late < 0.5 and told["ended"] - told["began"] < 1.1e6 * count / rate
    return Fanned(
        heard["events"], heard["merged"], seconds, late, heard["p50"], heard["p99"],
        told["lag_p99"], used, is_in_time and not heard["merged"] and heard["p99"] <= 500,
    )  # fmt: skip


def highest(trial: Callable[[float], bool], low: float, *, steps: int = 3) -> float:
    """The highest rate that *trial* passes: doubling from *low*, then halving the gap."""
    while not trial(low):
        low /= 2
        if low < 1:
            return 0
    high = low * 2
    while trial(high):
        low, high = high, high * 2
    for _ in range(steps):
        middle = (low + high) / 2
        if trial(middle):
            low = middle
        else:
            high = middle
    return low
