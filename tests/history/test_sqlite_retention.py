"""What goes, and that the file keeps its size."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from tests.history.stores import (
    NOW,
    Clock,
    everything,
    pack_all,
    sample,
    settings_for,
    small,
    tidy_all,
)

from egizcore.history import block, sqlite_writer
from egizcore.history.point import Point
from egizcore.history.sqlite import SqliteArchive
from egizcore.history.sqlite_store import Store
from egizcore.quantity import Size

HOUR = 3600_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def archive(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteArchive]:
    archive = SqliteArchive(small(tmp_path, keep=3600.0), clock)
    await archive.open()
    yield archive
    await archive.close()


def counted(store: Store, table: str) -> int:
    (count,) = store._file.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


async def test_what_is_past_its_age_is_never_told(archive: SqliteArchive, clock: Clock) -> None:
    await archive.write([sample(NOW), sample(NOW + 1000)])
    clock.now += HOUR + 500
    assert [item.at for item in await archive.page(everything())] == [NOW + 1000]
    assert await archive.knows("f:1")
    clock.now += 1000
    assert await archive.page(everything()) == []
    assert not await archive.knows("f:1")


@pytest.mark.parametrize("packed", [True, False])
async def test_what_is_past_its_age_goes_from_the_file(
    archive: SqliteArchive,
    clock: Clock,
    packed: bool,  # noqa: FBT001
) -> None:
    await archive.write([sample(NOW + at, thing=f"f:{at % 300}") for at in range(3000)])
    if packed:
        await archive._write("upkeep", pack_all)
        assert await archive._write("upkeep", lambda store: counted(store, "block")) == 300
    clock.now += 2 * HOUR
    await archive.write([sample(clock.now, thing="f:new")])
    await archive._write("upkeep", pack_all)
    await archive._write("upkeep", tidy_all)
    await archive._write("upkeep", tidy_all)
    tables = {
        table: await archive._write("upkeep", lambda store, name=table: counted(store, name))  # type: ignore[misc]
        for table in ("block", "head", "series", "generation")
    }
    assert tables == {"block": 1, "head": 0, "series": 1, "generation": 1}
    assert await archive.knows("f:new")


async def test_a_series_that_comes_back_after_it_went_is_a_new_one(
    archive: SqliteArchive, clock: Clock
) -> None:
    await archive.write([sample(NOW)])
    await archive._write("upkeep", pack_all)
    clock.now += 2 * HOUR
    await archive._write("upkeep", tidy_all)
    await archive.write([sample(clock.now)])
    await archive._write("upkeep", pack_all)
    assert [item.at for item in await archive.page(everything())] == [clock.now]


async def test_samples_of_the_future_stay_until_their_time(
    archive: SqliteArchive, clock: Clock
) -> None:
    await archive.write([sample(NOW + 10 * HOUR)])
    await archive._write("upkeep", pack_all)
    clock.now += 5 * HOUR
    await archive._write("upkeep", tidy_all)
    assert await archive.knows("f:1")
    clock.now += 7 * HOUR
    await archive._write("upkeep", tidy_all)
    assert not await archive.knows("f:1")


def noise(batch: int) -> list[Point]:
    """200 points of 3 KB that pack badly, half a second apart."""
    rng = Random(batch)
    return [
        sample(NOW + batch * 200 + at, thing=f"f:{at % 10}")._replace(
            properties={"text": rng.randbytes(1500).hex()}
        )
        for at in range(200)
    ]


@pytest.fixture
def fast_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "LEVEL", 1)


@pytest.mark.usefixtures("fast_packing")
async def test_the_file_keeps_its_size_and_the_oldest_go(tmp_path: Path) -> None:
    most = 16 << 20
    archive = SqliteArchive(small(tmp_path, max_size=most), Clock())
    await archive.open()
    path = tmp_path / "history.db"
    for batch in range(100):
        await archive.write(noise(batch))
        assert path.stat().st_size <= most
    assert archive.message == ""
    items = await archive.page(everything("f:3"))
    assert items[-1].at == NOW + 100 * 200 - 10 + 3
    assert items[0].at > NOW + 10 * 200
    assert len(items) > 300
    await archive.close()


@pytest.mark.usefixtures("fast_packing")
async def test_a_smaller_size_is_kept_to_from_the_next_start(tmp_path: Path) -> None:
    archive = SqliteArchive(small(tmp_path, max_size=64 << 20), Clock())
    await archive.open()
    for batch in range(90):
        await archive.write(noise(batch))
    await archive._write("upkeep", pack_all)
    await archive.close()
    path = tmp_path / "history.db"
    assert path.stat().st_size > 18 << 20
    again = SqliteArchive(small(tmp_path, max_size=16 << 20), Clock())
    await again.open()
    await again._write("upkeep", tidy_all)
    assert await again.knows("f:3")
    await again.close()
    assert path.stat().st_size <= 16 << 20


async def test_series_whose_ids_are_forgotten_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "CACHE", 5)
    archive = SqliteArchive(settings_for(tmp_path, max_size=Size(16 << 20)), Clock())
    await archive.open()
    for life in range(3):
        await archive.write([sample(NOW + life, thing=f"f:{n}") for n in range(20)])
    await archive.write([sample(NOW + 3, thing="f:0")])
    assert archive._store is not None
    assert archive._store._writer._series == {("f:0", "x"): 1}
    assert await archive._write("upkeep", lambda store: counted(store, "series")) == 20
    assert len(await archive.page(everything("f:7"))) == 3
    await archive.close()
