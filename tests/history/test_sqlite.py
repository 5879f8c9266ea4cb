"""The embedded store: the contract, in each of the places where samples can lie."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.history.contract import ArchiveContract
from tests.history.stores import (
    NOW,
    Clock,
    Packed,
    everything,
    names,
    pack_all,
    sample,
    settings_for,
    small,
)

from egizcore.errors import HistoryTimeout, LimitExceeded
from egizcore.history import Archive, sqlite, sqlite_reader, sqlite_writer
from egizcore.history.sqlite import SqliteArchive


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[SqliteArchive]:
    archive = SqliteArchive(small(tmp_path), Clock())
    await archive.open()
    yield archive
    await archive.close()


class TestWhatWasJustWritten(ArchiveContract):
    @pytest.fixture
    async def archive(self, tmp_path: Path) -> AsyncIterator[Archive]:
        archive = SqliteArchive(settings_for(tmp_path))
        await archive.open()
        yield archive
        await archive.close()


class TestWhatIsInBlocks(ArchiveContract):
    @pytest.fixture
    async def archive(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Archive]:
        monkeypatch.setattr(sqlite_writer, "BLOCK_SAMPLES", 7)
        archive = Packed(SqliteArchive(settings_for(tmp_path)))
        await archive.open()
        yield archive
        await archive.close()


class TestWhatIsBeingMadeIntoBlocks(ArchiveContract):
    """Generations of a handful of points: blocks come to be while questions are asked."""

    @pytest.fixture
    async def archive(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Archive]:
        monkeypatch.setattr(sqlite_writer, "GENERATION", 5)
        monkeypatch.setattr(sqlite_writer, "FEWEST", 1)
        monkeypatch.setattr(sqlite_writer, "BLOCK_SAMPLES", 3)
        archive = SqliteArchive(settings_for(tmp_path))
        await archive.open()
        yield archive
        await archive.close()


async def test_a_question_sees_each_sample_once_while_blocks_are_made(
    archive: SqliteArchive,
) -> None:
    await archive.write([sample(NOW + at, thing=f"f:{at % 40}") for at in range(4000)])
    packing = asyncio.create_task(archive._write("upkeep", pack_all))
    seen = 0
    while not packing.done() or not seen:
        for thing in ("f:0", "f:17", "f:39"):
            assert len(await archive.page(everything(thing))) == 100
            seen += 1
    await packing


async def test_what_lies_in_head_and_blocks_is_one_answer(archive: SqliteArchive) -> None:
    await archive.write([sample(NOW + at, 1.0) for at in range(0, 100, 2)])
    await archive._write("upkeep", pack_all)
    await archive.write([sample(NOW + at, 2.0) for at in range(0, 100, 5)])
    items = await archive.page(everything())
    assert [item.at - NOW for item in items] == sorted({*range(0, 100, 2), *range(0, 100, 5)})
    assert [item.properties["value"] for item in items] == [
        2.0 if (item.at - NOW) % 5 == 0 else 1.0 for item in items
    ]
    back = await archive.page(everything(descending=True))
    assert back == items[::-1]


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    for life in range(4):
        archive = SqliteArchive(small(tmp_path), Clock())
        await archive.open()
        assert len(await archive.page(everything())) == life * 10
        await archive.write([sample(NOW + life * 10 + at) for at in range(10)])
        if life == 1:
            await archive._write("upkeep", pack_all)
        await archive.close()
    assert names(tmp_path) == ["history.db", "history.db-lock"]


async def test_a_start_that_finds_blocks_half_made_goes_on_with_them(tmp_path: Path) -> None:
    archive = SqliteArchive(small(tmp_path), Clock())
    await archive.open()
    points = [sample(NOW + at, thing=f"f:{at % 40}") for at in range(400)]
    await archive.write(points)

    def begin(store: Any) -> None:
        store._writer.seal()
        store._writer.step(0)

    await archive._write("upkeep", begin)
    await archive.close()
    again = SqliteArchive(small(tmp_path), Clock())
    await again.open()
    assert again._store is not None
    for _ in range(2):
        for thing in ("f:0", "f:20", "f:39"):
            assert len(await again.page(everything(thing))) == 10
        await again._write("upkeep", pack_all)
    await again.close()


async def test_its_threads_end_with_it(tmp_path: Path) -> None:
    archive = SqliteArchive(small(tmp_path), Clock())
    await archive.open()
    await archive.write([sample(NOW)])
    await archive.page(everything())
    assert [one for one in threading.enumerate() if one.name.startswith("history-")]
    await archive.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("history-")]


async def test_a_question_that_takes_too_long_is_ended(
    archive: SqliteArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.write([sample(NOW)])
    monkeypatch.setattr(sqlite, "ANSWER", -1.0)
    with pytest.raises(HistoryTimeout):
        await archive.page(everything())
    assert archive.message == ""
    monkeypatch.undo()
    assert len(await archive.page(everything())) == 1


async def test_an_answer_that_is_too_large_is_refused(
    archive: SqliteArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.write([sample(NOW + at) for at in range(11)])
    await archive.write([sample(NOW, feature="y")._replace(properties={"text": "x" * 100})])
    for bound, at_most, feature in (("VALUES", 10, "x"), ("TEXT", 99, "y")):
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_reader, bound, at_most)
            with pytest.raises(LimitExceeded, match="too large"):
                await archive.page(everything(features=(feature,)))
    assert archive.message == ""
    monkeypatch.setattr(sqlite_reader, "VALUES", 10)
    await archive._write("upkeep", pack_all)
    (mean,) = await archive.page(everything(every=1000, aggregate="mean", features=("x",)))
    assert mean.properties == {"value": 1.0}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("packed", [False, True])
async def test_a_small_page_of_very_much_is_no_large_answer(
    archive: SqliteArchive,
    monkeypatch: pytest.MonkeyPatch,
    descending: bool,  # noqa: FBT001
    packed: bool,  # noqa: FBT001
) -> None:
    wide = {"bins": [0.5] * 20, "text": "x" * 50}
    points = [
        sample(NOW + at, feature=feature)._replace(properties=wide)
        for at in range(100)
        for feature in "xy"
    ]
    await archive.write(points)
    if packed:
        await archive._write("upkeep", pack_all)
    monkeypatch.setattr(sqlite_reader, "VALUES", 21 * 14)
    monkeypatch.setattr(sqlite_reader, "TEXT", 50 * 14)
    monkeypatch.setattr(sqlite_reader, "PART", 3)
    assert await archive.knows("f:1")
    query = everything(descending=descending)
    for limit in (1, 2, 9):
        items = await archive.page(query._replace(limit=limit))
        wanted = sorted(points, key=lambda one: (one.at, one.feature), reverse=descending)
        assert [(item.at, item.feature) for item in items] == [
            (one.at, one.feature) for one in wanted[:limit]
        ]
        assert all(item.properties == wide for item in items)
    with pytest.raises(LimitExceeded):
        await archive.page(query)


async def test_whoever_goes_away_leaves_no_thread_at_work(archive: SqliteArchive) -> None:
    await archive.write([sample(NOW + at) for at in range(3000)])
    asking = asyncio.create_task(archive.page(everything()))
    await asyncio.sleep(0)
    (patience,) = archive._asked
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(HistoryTimeout):
        patience.check()
    assert not archive._asked
    assert len(await archive.page(everything())) == 3000


async def test_times_are_kept_apart_however_far(archive: SqliteArchive) -> None:
    times = [NOW - 3600_000, NOW, NOW + 10 * 365 * 86_400_000]
    await archive.write([sample(at) for at in times])
    await archive._write("upkeep", pack_all)
    assert [item.at for item in await archive.page(everything())] == times


async def test_a_sample_of_a_thousand_properties_is_kept(archive: SqliteArchive) -> None:
    wide = {f"p{name}": float(name) for name in range(1024)}
    await archive.write([sample(NOW + at)._replace(properties=wide) for at in range(40)])
    await archive._write("upkeep", pack_all)
    items = await archive.page(everything())
    assert [item.properties for item in items] == [wide] * 40
