"""What asking a filter costs: once for each event and subscription with property terms."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from egizcore.state.index import Index
from egizcore.state.query import parse_sort, select
from egizcore.thing.filter import compile_filter
from egizcore.thing.model import Feature, Thing

THINGS = 10_000


def machine(number: int) -> Thing:
    thing = Thing(f"factory:{number:05}", ("oven", "mixer")[number % 2], 1, 0)
    thing.metadata = {"location": f"line-{number % 7}"}
    thermal = Feature(0)
    thermal.properties = {"setpoint": float(number % 200), "voltage": {"a": 220.5}}
    thing.features["thermal"] = thermal
    return thing


@pytest.mark.parametrize(
    "document",
    [
        {"type": "oven"},
        {"metadata.location": "line-0"},
        {"features.thermal.properties.setpoint": {"$lt": 190}},
        {"features.thermal.properties.voltage.a": {"$gt": 220}},
        {"type": "oven", "features.thermal.properties.setpoint": {"$lt": 190}},
    ],
    ids=str,
)
def test_asking_a_filter(benchmark: BenchmarkFixture, document: Any) -> None:
    assert benchmark(compile_filter(document).matches, machine(0)) is True


@pytest.fixture(scope="module")
def plant() -> tuple[dict[str, Thing], Index]:
    things: dict[str, Thing] = {}
    index = Index()
    for thing in map(machine, range(THINGS)):
        things[thing.id] = thing
        index.add(thing)
    return things, index


@pytest.mark.parametrize("keys", [[], ["-metadata.location"]], ids=str)
def test_a_query_over_ten_thousand_things(
    benchmark: BenchmarkFixture, plant: tuple[dict[str, Thing], Index], keys: list[str]
) -> None:
    where = compile_filter({"type": "oven", "features.thermal.properties.setpoint": {"$gt": 50}})
    sort = parse_sort(keys)
    page = benchmark(select, *plant, where=where, sort=sort, limit=50, count=True)
    assert page.total == sum(1 for thing in plant[0].values() if where.matches(thing)) > 0
    assert len(page.things) == 50
