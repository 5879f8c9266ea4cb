"""What the embedded store costs: a write, a day of a property, an hour among ten million points."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from egizcore.history import HistorySettings, Item, Query
from egizcore.history.block import pack
from egizcore.history.columns import Columns
from egizcore.history.point import Point
from egizcore.history.sqlite_reader import FileReader, Patience
from egizcore.history.sqlite_store import Store
from egizcore.history.sqlite_writer import insert

# The engine spaces full collections out (decision 22); here they would be measured.
pytestmark = pytest.mark.benchmark(disable_gc=True)

NOW: Final = 1_764_547_200_000
SECOND: Final = 1_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR
BLOCK: Final = 600
VOLTAGE: Final = (("voltage", "a"),)


def electrical(rng: Random) -> dict[str, object]:
    return {
        "voltage": {phase: round(rng.gauss(229, 1.2), 1) for phase in "abc"},
        "current": {phase: round(rng.gauss(15, 0.3), 2) for phase in "abc"},
        "power_factor": round(rng.gauss(0.92, 0.005), 3),
    }


def day() -> list[Columns]:
    """86,400 samples up to ``NOW``, in pieces of a block."""
    rng = Random(1)
    samples = [electrical(rng) for _ in range(DAY // SECOND)]
    times = list(range(NOW - DAY, NOW, SECOND))
    return [
        Columns.gathered(times[at : at + BLOCK], samples[at : at + BLOCK])
        for at in range(0, len(times), BLOCK)
    ]


def store_of(folder: Path, pieces: list[Columns], series: int) -> Store:
    """A store in which *series* features, three a Thing, have all of *pieces*."""
    store = Store(HistorySettings(path=str(folder / "history.db")), lambda: NOW)
    packed = [(piece.at[0], piece.at[-1], pack(piece)) for piece in pieces]
    with store._writer.transaction() as connection:
        names = [(n + 1, f"factory:oven-{n // 3}", f"feature-{n % 3}") for n in range(series)]
        insert(connection, "series", names)
        for block in packed:
            rows = [(n + 1, *block) for n in range(series)]
            insert(connection, "block (series, oldest, newest, data)", rows)
    return store


@pytest.fixture(scope="module")
def pieces() -> list[Columns]:
    return day()


@pytest.fixture(scope="module")
def one_day(
    pieces: list[Columns], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FileReader]:
    store = store_of(tmp_path_factory.mktemp("day"), pieces, 1)
    reader = store.reader()
    yield reader
    reader.close()
    store.close()


def took(benchmark: BenchmarkFixture) -> float:
    """Seconds at best; 0 where nothing was measured."""
    return 0.0 if benchmark.stats is None else float(benchmark.stats.stats.min)


def read_all(reader: FileReader, query: Query) -> list[Item]:
    """Page by page."""
    items: list[Item] = []
    while page := reader.page(query, Patience(60)):
        items += page
        query = query._replace(after=page[-1].place)
    return items


def test_a_day_of_one_property_as_it_is(
    benchmark: BenchmarkFixture, one_day: FileReader, pieces: list[Columns]
) -> None:
    query = Query("factory:oven-0", NOW - DAY, NOW, properties=VOLTAGE, limit=10_000)
    items = benchmark(read_all, one_day, query)
    assert [item.at for item in items] == list(range(NOW - DAY, NOW, SECOND))
    assert items[-1].properties == {"voltage": {"a": pieces[-1].leaves["voltage.a"][-1]}}
    assert took(benchmark) < 1.0


def test_a_day_of_one_property_as_means_of_a_minute(
    benchmark: BenchmarkFixture, one_day: FileReader, pieces: list[Columns]
) -> None:
    query = Query(
        "factory:oven-0",
        NOW - DAY,
        NOW,
        properties=VOLTAGE,
        every=60 * SECOND,
        aggregate="mean",
        limit=10_000,
    )
    items = benchmark(one_day.page, query, Patience(60))
    assert len(items) == DAY // (60 * SECOND)
    first = [leaf for leaf in pieces[0].leaves["voltage.a"][:60] if isinstance(leaf, float)]
    assert items[0].properties == {"voltage": {"a": pytest.approx(fmean(first))}}
    assert took(benchmark) < 0.1


def test_the_last_hour_of_a_thing_among_ten_million_points(
    benchmark: BenchmarkFixture, pieces: list[Columns], tmp_path: Path
) -> None:
    series = 117 if benchmark.enabled else 3  # of 86,400 points each
    store = store_of(tmp_path, pieces, series)
    reader = store.reader()
    query = Query("factory:oven-0", NOW - HOUR, NOW, limit=10_000)
    items = benchmark(reader.page, query, Patience(60))
    assert len(items) == 10_000
    assert items[-1].at == NOW - HOUR + 9_999 // 3 * SECOND
    assert took(benchmark) < 0.05
    reader.close()
    store.close()


def test_a_write_from_five_thousand_features(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    store = Store(HistorySettings(path=str(tmp_path / "history.db")), lambda: NOW)
    rng = Random(1)
    samples = [electrical(rng) for _ in range(5_000)]
    points = [
        Point(f"factory:oven-{n}", "oven", "electrical", NOW, some)
        for n, some in enumerate(samples)
    ]
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        store.write, args=(points,), rounds=5 if benchmark.enabled else 1
    )
    reader = store.reader()
    (item,) = reader.page(Query("factory:oven-77", 0, NOW + 1), Patience(60))
    assert item == (NOW, "electrical", samples[77])
    assert took(benchmark) < 0.25
    reader.close()
    store.close()
