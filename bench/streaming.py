"""Events out: delivered rates, fan-out, latency, clients with Things of their own, stuck ones."""

import time
from functools import partial
from typing import Final

from bench.scenario import DEVICES, Bench, Fanned, Scenario, fan, flood, highest, warm
from bench.servers import SCRATCH, CountWrong, Usage, World
from bench.tools import Listener, Numbers, Publisher

SHARES: Final = {"all": 1.0, "tenth": 0.1}
OWN: Final = 10_000  # Things, ten for each of 1,000 clients


def delivered(clients: int, kind: str, door: str, start: float, bench: Bench) -> None:
    """The highest rate at which every event arrives as it was; p99 at half of it."""
    scenario = f"{clients:,} client{'s' * (clients > 1)} on {NAMES[kind]} by {door}"
    share = clients * SHARES[kind]

    def measure(world: World) -> None:
        best = _highest(world, clients, kind, start)
        name = world.system.name
        bench.results.add(scenario, "delivered", "events/s", name, best * share)
        if not best:
            return
        listener = Listener(world.http_port, clients, kind)
        half = fan(world, best / 2, 3.0, listener, share=share)
        bench.results.add(scenario, "half of it in messages", "/s", name, best / 2)
        bench.results.add(scenario, "p99 at half of it", "ms", name, half.p99)
        bench.results.add(scenario, "the publisher's lag then, p99", "ms", name, half.lag)
        cost = half.cpu / half.events * 1e6
        bench.results.add(scenario, "CPU an event at half of it", "µs", name, cost)

    bench.each(door, measure)


def _highest(world: World, clients: int, kind: str, start: float) -> float:
    _typed(world)
    warm(world, payload="timed")

    def trial(rate: float) -> bool:
        listener = Listener(world.http_port, clients, kind)
        return fan(world, rate, 1.0, listener, share=clients * SHARES[kind]).is_kept

    return highest(trial, start)


def soak(bench: Bench) -> None:
    """Half of the own maximum with 100 clients on a tenth each, for minutes, once.

    Memory counts from one minute on (from a tenth of a shorter soak): till then caches fill.
    """
    minutes = bench.minutes
    scenario = f"{minutes:g} minutes at half of the maximum, 100 clients on a tenth by nats"

    def measure(world: World) -> None:
        best = _highest(world, 100, "tenth", 20_000)
        if not best:
            raise CountWrong(f"{world.system.name}: no rate at which all is delivered")
        seen: list[tuple[float, Usage]] = []
        listener = Listener(world.http_port, 100, "tenth")
        before = world.process.usage()

        def watch(load: Publisher) -> None:
            began = time.monotonic()
            while load.is_running():
                seen.append((time.monotonic() - began, world.process.usage()))
                time.sleep(0.5)

        told = fan(world, best / 2, minutes * 60, listener, share=10, watch=watch)
        settled = next(one for at, one in seen if at >= min(60, minutes * 6))
        last = seen[-1][1]
        name = world.system.name
        for measured, unit, value in (
            ("messages", "/s", best / 2),
            ("CPU of a core", "%", told.cpu / told.seconds * 100),
            ("p99", "ms", told.p99),
            ("events that stand for several", "%", told.merged / told.events * 100),
            ("RSS at the start", "MB", before.rss),
            ("RSS when settled", "MB", settled.rss),
            ("RSS at the end", "MB", last.rss),
            ("drift", "%", (last.rss / settled.rss - 1) * 100),
            ("file descriptors more than at the start", "", last.files - before.files),
            ("threads more than at the start", "", last.threads - before.threads),
        ):
            bench.results.add(scenario, measured, unit, name, value)

    bench.each("nats", measure, runs=1)


def flooded(bench: Bench) -> None:
    """100 clients on a tenth each while the endpoint is flooded: merged, yet it adds up."""
    count = 500_000
    scenario = "100 clients on a tenth, flood by endpoint"

    def measure(world: World) -> None:
        _typed(world)
        warm(world, payload="timed")
        listener = Listener(world.http_port, 100, "tenth")
        took = flood(world, count, payload="timed")
        heard = listener.result(count * 10)
        _check(world, heard, count * 10)
        name = world.system.name
        bench.results.add(scenario, "messages", "/s", name, took.rate)
        bench.results.add(scenario, "changes told", "/s", name, took.rate * 10)
        share = heard["merged"] / heard["events"] * 100
        bench.results.add(scenario, "events that stand for several", "%", name, share)

    bench.each("endpoint", measure)


def _check(world: World, heard: Numbers, expected: int) -> None:
    if heard["changes"] != expected or heard["broken"]:
        raise CountWrong(f"{world.system.name}: {expected} changes expected, told {heard}")


def latency(bench: Bench) -> None:
    """5,000 to 100,000 messages/s, 100 clients on a tenth each."""
    _steady(bench, "endpoint", 5_000, 100, "tenth")
    for rate in (5_000, 50_000, 100_000):
        _steady(bench, "nats", rate, 100, "tenth")


def own(bench: Bench) -> None:
    """1,000 clients, each on ten Things of its own, 10,000 Things at 1 Hz."""
    scenario = "1,000 clients on 10 own Things, 10,000 at 1 Hz by nats"

    def measure(world: World) -> None:
        warm(world, OWN, rounds=2, payload="timed")
        listener = Listener(world.http_port, 1000, "own", devices=OWN)
        told = fan(world, OWN, 5.0, listener, share=1, devices=OWN)
        name = world.system.name
        bench.results.add(scenario, "CPU of a core", "%", name, told.cpu / told.seconds * 100)
        _latencies(bench, scenario, name, told)

    bench.each("nats", measure)


def recorded(bench: Bench) -> None:
    """10,000 Things at 1 Hz into the endpoint, 1,000 clients beside: without history, and with.

    Everything that is reported once a second is kept: 10,000 samples a second.
    """
    plain = bench.systems
    for store in ("none", "sqlite"):
        file = SCRATCH / f"history-{store}.db"
        asked = {"EGIZCORE_HISTORY__BACKEND": store, "EGIZCORE_HISTORY__PATH": str(file)}
        bench.systems = [
            one._replace(environment=one.environment | asked) for one in plain if not one.is_peer
        ]
        scenario = f"10,000 Things at 1 Hz by endpoint, history {store}"
        bench.each("endpoint", partial(_recorded, bench, scenario, store))
    bench.systems = plain


def _recorded(bench: Bench, scenario: str, store: str, world: World) -> None:
    warm(world, OWN, rounds=2, payload="timed")
    listener = Listener(world.http_port, 1000, "own", devices=OWN)
    before = world.metric('egizcore_history_points_total{outcome="written"}')
    told = fan(world, OWN, 8.0, listener, share=1, devices=OWN)
    name = world.system.name
    bench.results.add(scenario, "CPU of a core", "%", name, told.cpu / told.seconds * 100)
    _latencies(bench, scenario, name, told)
    if store != "none":
        time.sleep(2)  # the last state of each is kept within a second
        written = world.metric('egizcore_history_points_total{outcome="written"}') - before
        dropped = world.metric('egizcore_history_points_total{outcome="dropped"}')
        bench.results.add(scenario, "samples written", "/s", name, written / told.seconds)
        if dropped or written < 0.9 * told.events:
            raise CountWrong(f"{name}: {told.events} samples, {written} written, {dropped} dropped")


def stuck(bench: Bench) -> None:
    """1,000 clients on their own Things beside 100 on everything, of which none or all stick."""
    for many in (0, 100):
        scenario = f"1,000 clients beside {many} stuck of 100, 2,000/s by nats"
        bench.each("nats", partial(_beside, bench, scenario, many))


def _beside(bench: Bench, scenario: str, stuck: int, world: World) -> None:
    warm(world, OWN, rounds=2, payload="timed")
    greedy = Listener(world.http_port, 100, "all", stuck=stuck)
    listener = Listener(world.http_port, 1000, "own", devices=OWN)
    told = fan(world, 2_000, 5.0, listener, share=1, devices=OWN)
    _latencies(bench, scenario, world.system.name, told)
    _check(world, greedy.result(100 * OWN), 100 * OWN)


def _steady(bench: Bench, door: str, rate: int, clients: int, kind: str) -> None:
    scenario = f"{clients} clients on {NAMES[kind]}, {rate:,}/s by {door}"

    def measure(world: World) -> None:
        _typed(world)
        warm(world, payload="timed")
        listener = Listener(world.http_port, clients, kind)
        told = fan(world, rate, 4.0, listener, share=clients * SHARES[kind])
        _latencies(bench, scenario, world.system.name, told)

    bench.each(door, measure)


def _latencies(bench: Bench, scenario: str, name: str, told: Fanned) -> None:
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
    "record": recorded,
    "soak": soak,
}
