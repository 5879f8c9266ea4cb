"""Events out: delivered rates, fan-out, latency, clients with Things of their own, stuck ones."""

from functools import partial
from typing import Any, Final

from bench.scenario import DEVICES, Bench, Scenario, fan, flood, highest, warm
from bench.servers import World
from bench.tools import Listener

SHARES: Final = {"all": 1.0, "tenth": 0.1}
OWN: Final = 10_000  # Things, ten for each of 1,000 clients


def delivered(clients: int, kind: str, door: str, start: float, bench: Bench) -> None:
    """The highest rate at which every event arrives as it was; p99 at half of it."""
    scenario = f"{clients:,} client{'s' * (clients > 1)} on {NAMES[kind]} by {door}"
    share = clients * SHARES[kind]
    with bench.each(door) as worlds:
        for world in worlds:
            _typed(world)
            warm(world)

            def trial(rate: float, world: World = world) -> bool:
                listener = Listener(world.http_port, clients, kind)
                return fan(world, rate, 1.0, listener, share=share).is_kept

            best = highest(trial, start)
            listener = Listener(world.http_port, clients, kind)
            half = fan(world, best / 2, 3.0, listener, share=share)
            name = world.system.name
            bench.results.add(scenario, "delivered", "events/s", name, best * share)
            bench.results.add(scenario, "p99 at half of it", "ms", name, half.p99)
            bench.results.add(scenario, "the publisher's lag then, p99", "ms", name, half.lag)
            cost = half.cpu / half.events * 1e6
            bench.results.add(scenario, "CPU an event at half of it", "µs", name, cost)


def flooded(bench: Bench) -> None:
    """100 clients on a tenth each while the endpoint is flooded: merged, yet it adds up."""
    count = 500_000
    scenario = "100 clients on a tenth, flood by endpoint"
    with bench.each("endpoint") as worlds:
        for world in worlds:
            _typed(world)
            warm(world)
            listener = Listener(world.http_port, 100, "tenth")
            took = flood(world, count, "timed")
            heard = listener.result(count * 10)
            if heard["changes"] != count * 10 or heard["broken"]:
                bench.results.wrong.append(f"{world.system.name}: {scenario}: {heard}")
            name = world.system.name
            bench.results.add(scenario, "messages", "/s", name, took.rate)
            bench.results.add(scenario, "changes told", "/s", name, took.rate * 10)
            share = heard["merged"] / heard["events"] * 100
            bench.results.add(scenario, "events that stand for several", "%", name, share)


def latency(bench: Bench) -> None:
    """5,000 messages/s, 100 clients on a tenth each."""
    _steady(bench, "endpoint", 5_000, 100, "tenth")
    _steady(bench, "nats", 5_000, 100, "tenth")


def own(bench: Bench) -> None:
    """1,000 clients, each on ten Things of its own, 10,000 Things at 1 Hz."""
    scenario = "1,000 clients on 10 own Things, 10,000 at 1 Hz by nats"
    with bench.each("nats") as worlds:
        for world in worlds:
            warm(world, OWN, rounds=2)
            listener = Listener(world.http_port, 1000, "own", devices=OWN)
            told = fan(world, OWN, 5.0, listener, share=1, devices=OWN)
            name = world.system.name
            bench.results.add(scenario, "CPU of a core", "%", name, told.cpu / told.seconds * 100)
            _latencies(bench, scenario, name, told)


def stuck(bench: Bench) -> None:
    """1,000 clients on their own Things beside 100 on everything, of which none or all stick."""
    for many in (0, 100):
        scenario = f"1,000 clients beside {many} stuck of 100, 2,000/s by nats"
        with bench.each("nats") as worlds:
            for world in worlds:
                warm(world, OWN, rounds=2)
                greedy = Listener(world.http_port, 100, "all", stuck=many)
                listener = Listener(world.http_port, 1000, "own", devices=OWN)
                told = fan(world, 2_000, 5.0, listener, share=1, devices=OWN)
                name = world.system.name
                _latencies(bench, scenario, name, told)
                heard = greedy.result(100 * OWN)
                if heard["changes"] != 100 * OWN:
                    bench.results.wrong.append(f"{name}: {scenario}: {heard}")


def _steady(bench: Bench, door: str, rate: int, clients: int, kind: str) -> None:
    scenario = f"{clients} clients on {NAMES[kind]}, {rate:,}/s by {door}"
    with bench.each(door) as worlds:
        for world in worlds:
            _typed(world)
            warm(world)
            listener = Listener(world.http_port, clients, kind)
            told = fan(world, rate, 4.0, listener, share=clients * SHARES[kind])
            _latencies(bench, scenario, world.system.name, told)


def _latencies(bench: Bench, scenario: str, name: str, told: Any) -> None:
    bench.results.add(scenario, "p50", "ms", name, told.p50)
    bench.results.add(scenario, "p99", "ms", name, told.p99)
    bench.results.add(scenario, "the publisher's own lag, p99", "ms", name, told.lag)


def _typed(world: World) -> None:
    """A thousand Things of ten types."""
    world.create([{"id": f"factory:oven-{i:05}", "type": f"oven{i % 10}"} for i in range(DEVICES)])


NAMES: Final = {"all": "everything", "tenth": "a tenth"}
SCENARIOS: Final[dict[str, Scenario]] = {
    "one": partial(delivered, 1, "all", "nats", 40_000),
    "hundred": partial(delivered, 100, "tenth", "nats", 20_000),
    "fanout": partial(delivered, 1000, "all", "nats", 1_000),
    "tenth": flooded,
    "latency": latency,
    "own": own,
    "stuck": stuck,
}
