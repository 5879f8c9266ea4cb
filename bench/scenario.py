"""What all scenarios share: the list of them, and loads that are timed and counted."""

import http.client
import subprocess
import time
from collections.abc import Callable
from typing import Final, NamedTuple, final

from bench.result import Results
from bench.servers import CountWrong, System, World, world
from bench.tools import Listener, Publisher, end_all, publish

DEVICES: Final = 1000
DIED: Final = (RuntimeError, OSError, http.client.HTTPException, subprocess.SubprocessError)
"""A system or a tool gave up: no count can add up then."""


@final
class Bench:
    """What a scenario gets: whom to measure, how often, and where to tell it."""

    def __init__(self, systems: list[System], runs: int, minutes: float) -> None:
        self.systems = systems
        self.runs = runs
        self.minutes = minutes
        """Of a soak."""
        self.results = Results()
        self.scenario = ""

    def each(
        self,
        door: str,
        measure: Callable[[World], None],
        *,
        runs: int | None = None,
        peers: bool | None = None,
        qos: int = 0,
    ) -> None:
        """*measure* each system in turn, as often as there are *runs*, each in a fresh world.

        What went wrong with one system is told and does not keep the others from their turn.
        *qos* is that of EgizCore's subscription; peers have 0. They take part where devices come
        through a broker, unless *peers* says otherwise.
        """
        with_peers = door != "endpoint" if peers is None else peers
        for _ in range(self.runs if runs is None else runs):
            for system in self.systems:
                if system.is_peer and not with_peers:
                    continue
                try:
                    with world(system, door, qos) as one:
                        measure(one)
                except CountWrong as error:
                    self.wrong(str(error))
                except DIED as error:
                    self.wrong(f"{system.name}: {error!r}")
                finally:
                    end_all()

    def wrong(self, what: str) -> None:
        """A count of the present scenario does not add up."""
        self.results.wrong.append(f"{self.scenario}: {what}")


Scenario = Callable[[Bench], None]


class Flood(NamedTuple):
    """What a flood came to."""

    rate: float
    """Messages a second, to the moment the last one was applied."""
    cost: float
    """Microseconds of CPU a message, of the whole process."""


def warm(
    world: World, devices: int = DEVICES, rounds: int = 100, *, payload: str = "electrical"
) -> None:
    """Let every device report what it will report: its Thing exists, the code has been there."""
    limit = time.monotonic() + 30
    while world.version(devices - 1) < 2:  # a broker may not know of the subscription yet
        publish(world.door, devices, devices=devices, payload=payload)
        time.sleep(0.2)
        if time.monotonic() > limit:
            raise CountWrong(f"{world.system.name}: nothing arrives")
    before = world.version(devices - 1)
    if rounds:
        publish(world.door, devices * rounds, devices=devices, payload=payload)
        world.await_version(devices - 1, before + rounds)
    seen = -1
    while seen != (seen := world.applied()):  # who has several workers may have one behind
        time.sleep(0.2)


def flood(
    world: World,
    count: int,
    *,
    payload: str = "electrical",
    devices: int = DEVICES,
    at_qos1: bool = False,
) -> Flood:
    """*count* messages as fast as they are taken; every one must be applied, once.

    At QoS 1 every one must be acknowledged too, in order.
    """
    last = world.version(devices - 1)
    applied, used = world.applied(), world.process.cpu()
    told = publish(world.door, count, devices=devices, payload=payload, at_qos1=at_qos1)
    if at_qos1 and (told["acknowledged"] != count or told["disorder"]):
        raise CountWrong(f"{world.system.name}: {count} PUBACKs in order expected, {told}")
    world.await_version(devices - 1, last + count // devices)
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
    watch: Callable[[Publisher], None] = lambda _load: None,
) -> Fanned:
    """Publish at *rate*; each message is wanted by *share* clients. All counts must add up.

    *watch* is called when the load has begun, and may take as long as it lasts.
    """
    count = max(1, round(rate * seconds / devices)) * devices
    applied, used = world.applied(), world.process.cpu()
    load = Publisher(world.door, count, devices=devices, payload="timed", rate=rate)
    watch(load)
    told = load.result(patience=seconds + 60)
    expected = round(count * share)
    heard = listener.result(expected)
    used = world.process.cpu() - used
    name = world.system.name
    if heard["changes"] != expected:
        raise CountWrong(f"{name}: {expected} changes expected, {heard['changes']} told")
    if heard["broken"]:
        raise CountWrong(f"{name}: {heard['broken']} events out of order")
    world.await_applied(applied + count)
    late = (heard["last"] - told["ended"]) / 1e6
    seconds = (heard["last"] - told["began"]) / 1e6
    is_in_time = late < 0.5 and told["ended"] - told["began"] < 1.05e6 * count / rate
    return Fanned(
        heard["events"], heard["merged"], seconds, late, heard["p50"], heard["p99"],
        told["lag_p99"], used, is_in_time and not heard["merged"] and heard["p99"] <= 500,
    )  # fmt: skip


def highest(trial: Callable[[float], bool], low: float, *, steps: int = 4) -> float:
    """The highest rate that *trial* passes: doubling from *low*, then halving the gap; or 0.

    A rate fails only if it does so twice: one hiccup of the machine shall not end the search.
    """

    def passes(rate: float) -> bool:
        return trial(rate) or trial(rate)

    while not passes(low):
        low /= 2
        if low < 1:
            return 0
    high = low * 2
    while passes(high):
        low, high = high, high * 2
    for _ in range(steps):
        middle = (low + high) / 2
        if passes(middle):
            low = middle
        else:
            high = middle
    return low
