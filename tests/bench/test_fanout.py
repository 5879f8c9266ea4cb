"""What telling everyone costs: events gathered for audiences, one write a client a flush."""

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.stream.plant import Json, Plant

from egizcore.stream.client import Client
from egizcore.stream.command import read_command
from egizcore.thing.document import write_json

THINGS = 100
EVENTS = 1000
ELECTRICAL: Json = {
    "voltage": {"a": 221.5, "b": 220.25, "c": 222.0},
    "current": {"a": 3.1, "b": 3.2, "c": 3.3},
    "power": 2100.5,
}


def no_turn() -> None:
    """Nobody catches up here."""


class Fan:
    """Clients that note how many bytes they are told."""

    def __init__(self, selectors: list[Json], clients: int) -> None:
        self.plant = Plant(THINGS)
        for number in range(THINGS):
            self.plant.report(f"f:{number:05}", "electrical", **ELECTRICAL)
        self.taken = [0] * clients
        for number in range(clients):
            client = Client(self.plant.hub, self.plant.tally, self._writer(number), no_turn)
            command = {"action": "subscribe", **selectors[number % len(selectors)]}
            client.receive(read_command(write_json(command)))
        self.plant.loop.run()
        self.store = self.plant.store
        self.things = list(self.store.things.values())

    def _writer(self, number: int) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            self.taken[number] += len(data)

        return write

    def flood(self) -> int:
        """One reading of each Thing in turn, and a flush at the end; events told."""
        before = self.plant.tally.sent
        report, things, reading = self.store.report, self.things, {"electrical": ELECTRICAL}
        for number in range(EVENTS):
            report(things[number % THINGS], reading, 0, 0, "2026-01-27T10:30:00.123Z")
        self.plant.hub.flush()
        self.plant.loop.calls.clear()
        return self.plant.tally.sent - before


def test_publishing_to_nobody(benchmark: BenchmarkFixture) -> None:
    fan = Fan([{"thingId": "f:other"}], 1)
    assert benchmark(fan.flood) == 0


def test_one_client_on_everything(benchmark: BenchmarkFixture) -> None:
    fan = Fan([{"filter": {}}], 1)
    assert benchmark(fan.flood) == EVENTS


def test_a_hundred_audiences_of_ten_clients_on_a_tenth_each(benchmark: BenchmarkFixture) -> None:
    selectors: list[Json] = [
        {"filter": {"$or": [{"id": {"$like": f"*{number % 10}"}}, {"type": f"no{number}"}]}}
        for number in range(100)
    ]
    fan = Fan(selectors, 1000)
    assert len(fan.plant.hub._audiences) == 100
    assert benchmark(fan.flood) == EVENTS * 100


def test_a_thousand_clients_on_everything(benchmark: BenchmarkFixture) -> None:
    fan = Fan([{"filter": {}}], 1000)
    assert benchmark(fan.flood) == EVENTS * 1000
    assert len(set(fan.taken)) == 1


@pytest.mark.parametrize("filters", [1, 10, 100])
def test_filters_with_property_terms(benchmark: BenchmarkFixture, filters: int) -> None:
    selectors: list[Json] = [
        {"filter": {"features.electrical.properties.power": {"$gt": 2000 + number}}}
        for number in range(filters)
    ]
    fan = Fan(selectors, filters)
    assert benchmark(fan.flood) == EVENTS * filters


def test_a_hundred_stuck_clients(benchmark: BenchmarkFixture) -> None:
    fan = Fan([{"filter": {}}], 100)
    (audience,) = fan.plant.hub._audiences.values()
    for client in audience.clients:
        assert isinstance(client, Client)
        client.paused()
    assert benchmark(fan.flood) == 0
