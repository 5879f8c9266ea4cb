"""Messages in: the ceiling, floods through each door, ten thousand devices of their own."""

import time
from functools import partial
from typing import Final

from bench.scenario import Bench, Scenario, flood, warm
from bench.servers import BROKERS, CountWrong, World, free_port
from bench.tools import Drain, Publisher, publish
from bench.yardstick import yardstick

COUNTS: Final = {"endpoint": 1_000_000, "nats": 1_000_000, "mosquitto": 300_000}
NAPS: Final = {"nats": 0, "mosquitto": 1000}  # µs: Mosquitto sends faster to a reader that naps


def through(door: str, bench: Bench) -> None:
    """A flood, no client. Behind a broker, first what a subscriber gets that only drains it."""
    scenario = f"flood by {door}"
    if door in BROKERS:
        for _ in range(bench.runs):
            bench.results.add(scenario, "messages", "/s", "ceiling", _ceiling(door))
    bench.each(door, partial(_flooded, bench, scenario, COUNTS[door], at_qos1=False))


def at_qos1(bench: Bench) -> None:
    """The same at QoS 1, from device to state; every PUBACK is counted, in order."""
    for door in ("endpoint", "mosquitto"):
        measure = partial(
            _flooded, bench, f"flood by {door} at QoS 1", COUNTS["mosquitto"], at_qos1=True
        )
        bench.each(door, measure, peers=False, qos=1)


def _flooded(bench: Bench, scenario: str, count: int, world: World, *, at_qos1: bool) -> None:
    warm(world)
    took = flood(world, count, at_qos1=at_qos1)
    name = world.system.name
    bench.results.add(scenario, "messages", "/s", name, took.rate)
    bench.results.add(scenario, "CPU a message", "µs", name, took.cost)
    bench.results.add(scenario, "CPU a message", "µs", "D", yardstick())


def _ceiling(door: str) -> float:
    port, count = free_port(), COUNTS[door]
    broker = BROKERS[door](port)
    try:
        time.sleep(0.5)
        drain = Drain(port, count, nap=NAPS[door])
        publish(port, count)
        told = drain.result()
    finally:
        broker.stop()
    if told["count"] != count:
        raise CountWrong(f"{door} lost {count - told['count']} messages by itself")
    return float(count / (told["ended"] - told["began"]) * 1e6)


def devices(bench: Bench) -> None:
    """10,000 devices at the endpoint, each with a connection of its own, 1 message/s."""
    many, seconds = 10_000, 10
    scenario = "10,000 devices at 1 Hz"

    def measure(world: World) -> None:
        warm(world, many, rounds=2)
        applied = world.applied()
        load = Publisher(world.door, many * seconds, devices=many, rate=many, connections=many)
        time.sleep(3)  # they connect; then their ten seconds
        used = world.process.cpu()
        time.sleep(4)
        used = world.process.cpu() - used
        rss = world.process.rss()
        load.result()
        world.await_applied(applied + many * seconds)
        name = world.system.name
        bench.results.add(scenario, "CPU of a core", "%", name, used / 4 * 100)
        bench.results.add(scenario, "RSS", "MB", name, rss)

    bench.each("endpoint", measure)


SCENARIOS: Final[dict[str, Scenario]] = {
    "flood": partial(through, "endpoint"),
    "nats": partial(through, "nats"),
    "mosquitto": partial(through, "mosquitto"),
    "qos1": at_qos1,
    "devices": devices,
}
