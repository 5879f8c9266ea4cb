"""How the cost of a message grows with what is there: Things, subscriptions, filters."""

from collections.abc import Callable
from functools import partial
from typing import Final

from bench.scenario import DEVICES, Bench, Scenario, flood, warm
from bench.servers import CountWrong, World
from bench.tools import Listener

COUNT: Final = 300_000
THINGS: Final = (100, 1_000, 10_000, 100_000)
SILENT: Final = ((1, 1), (10, 10), (10, 1_000))  # clients, subscriptions of each
TERMS: Final = ((0, 0), (10, 1), (10, 10))  # clients, filters of each


def scale(bench: Bench) -> None:
    """CPU a message through NATS, at each size the same messages; sizes rise in one world."""
    _curve(bench, "CPU a message by Things", _by_things)
    _curve(bench, "CPU a message by silent subscriptions", partial(_by_subscriptions, "silent"))
    _curve(
        bench,
        "CPU a message by filters with a property term",
        partial(_by_subscriptions, "terms"),
        peers=False,  # they know none
    )


Tell = Callable[[int, float], None]


def _curve(
    bench: Bench, scenario: str, sizes: Callable[[World, Tell], None], *, peers: bool | None = None
) -> None:
    def measure(world: World) -> None:
        def tell(size: int, cost: float) -> None:
            bench.results.point(scenario, size, "µs", world.system.name, cost)

        sizes(world, tell)

    bench.each("nats", measure, peers=peers)


def _by_things(world: World, tell: Tell) -> None:
    for many in THINGS:
        warm(world, many, rounds=max(2, 100_000 // many))
        tell(many, flood(world, COUNT, devices=many).cost)


def _by_subscriptions(kind: str, world: World, tell: Tell) -> None:
    warm(world)
    for clients, each in SILENT if kind == "silent" else TERMS:
        listener = Listener(world.http_port, clients, kind, devices=each) if clients else None
        warm(world, rounds=20)
        tell(clients * each, flood(world, COUNT, devices=DEVICES).cost)
        if listener is not None and (heard := listener.result(0))["events"]:
            raise CountWrong(f"{world.system.name}: {heard['events']} events that nobody wanted")


SCENARIOS: Final[dict[str, Scenario]] = {"scale": scale}
