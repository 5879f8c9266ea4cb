"""The writer: when a generation is full, what blocks it makes, what it remembers."""

import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.history.stores import NOW, Clock, everything, pack_all, sample, small

from egizcore.history import Point, sqlite_writer
from egizcore.history.sqlite_reader import Patience
from egizcore.history.sqlite_store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(small(tmp_path), Clock())
    yield store
    store.close()


def blocks(store: Store) -> list[tuple[int, int, int]]:
    return store._file.connection.execute(
        "SELECT series, oldest, newest FROM block ORDER BY id"
    ).fetchall()


def seen(store: Store, thing: str = "f:1") -> int:
    reader = store.reader()
    items = reader.page(everything(thing), Patience(60))
    reader.close()
    return len(items)


def test_a_generation_is_full_when_it_gives_good_blocks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "GENERATION", 40)
    monkeypatch.setattr(sqlite_writer, "FEWEST", 3)
    monkeypatch.setattr(sqlite_writer, "MOST", 10)
    assert not store.is_full
    store.write([sample(NOW + at) for at in range(9)])
    assert not store.is_full
    store.write([sample(NOW + 9)])  # MOST of one feature
    assert store.is_full
    store.write([sample(NOW, thing=f"f:{n}") for n in range(2, 22)])  # FEWEST of 21 are more
    assert not store.is_full
    store.write([sample(NOW + at) for at in range(100, 133)])
    assert store.is_full


def test_a_generation_that_is_old_or_large_is_full(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write([sample(NOW)])
    assert not store.is_full
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writer, "OLDEST", 0.0)
        assert store.is_full
    store.write([sample(NOW)._replace(properties={"text": "x" * (2 << 20)})])
    assert store.is_full


def test_points_that_come_faster_than_blocks_are_made_wait_for_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._writer, "_size", 10_000)
    for batch in range(200):
        store.write([sample(NOW + batch * 50 + at) for at in range(50)])
        if not store._writer.head.sealed and store.is_full:
            store._writer.seal()
        assert store._writer.head.current.size < 2 * 10_000 + 3_000
    assert seen(store) == 10_000


def test_blocks_have_a_bounded_number_of_samples_and_bytes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "BLOCK_SAMPLES", 10)
    store.write([sample(NOW + at) for at in range(25)])
    pack_all(store)
    assert blocks(store) == [(1, NOW, NOW + 9), (1, NOW + 10, NOW + 19), (1, NOW + 20, NOW + 24)]
    monkeypatch.setattr(sqlite_writer, "BLOCK_SIZE", 3_000)
    long = {"text": "x" * 1_000}
    store.write([sample(NOW + 100 + at)._replace(properties=long) for at in range(9)])
    pack_all(store)
    assert len(blocks(store)) >= 3 + 3
    assert seen(store) == 25 + 9


def spectrum(at: int, places: int = 10_000) -> Point:
    return sample(NOW + at)._replace(properties={"z": [0.5] * places})


def rows(store: Store) -> list[tuple[int, int]]:
    """Group and bytes of each row of the head."""
    return store._file.connection.execute(
        "SELECT grp, length(data) FROM head ORDER BY id"
    ).fetchall()


def test_rows_of_the_head_have_a_bounded_number_of_bytes(store: Store) -> None:
    store.write([sample(NOW + at) for at in range(3000)])
    narrow = rows(store)
    assert max(size for _, size in narrow) < sqlite_writer.ROW_SIZE
    assert len(narrow) == 2
    store.write([spectrum(at) for at in range(80)])
    assert max(size for _, size in rows(store)) <= sqlite_writer.ROW_SIZE * 1.5
    store.write([spectrum(at, 50_000) for at in range(10_000, 10_003)])
    assert len(rows(store)) == len(narrow) + 27 + 3
    assert seen(store) == 3003


def test_a_batch_that_is_very_large_is_written_in_several_transactions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "COMMIT_SIZE", 100_000)
    asked: list[int] = []
    points = [sample(NOW + at, thing=f"f:{at % 100}") for at in range(100)]
    points += [spectrum(at) for at in range(10)]
    store._writer.write(points, asked.append)
    assert len(asked) >= 4
    assert max(asked) < 300_000
    assert seen(store) == 10
    assert seen(store, "f:99") == 1


def test_what_was_begun_of_a_very_large_batch_may_be_written_once_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "COMMIT_SIZE", 100_000)
    asked: list[int] = []

    def full(size: int) -> None:
        asked.append(size)
        if len(asked) == 3:
            raise sqlite3.OperationalError("database or disk is full")

    points = [spectrum(at) for at in range(10)]
    with pytest.raises(sqlite3.OperationalError):
        store._writer.write(points, full)
    assert 0 < seen(store) < 10
    store.write(points)
    assert seen(store) == 10


def test_a_very_large_batch_leaves_no_large_head(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._writer, "_size", 100_000)
    monkeypatch.setattr(sqlite_writer, "COMMIT_SIZE", 50_000)
    store.write([spectrum(at) for at in range(50)])
    assert store._writer.head.current.size < 400_000
    assert seen(store) == 50


@pytest.mark.parametrize("moment", [False, True])
def test_large_samples_are_made_blocks_a_few_at_a_time(
    store: Store,
    moment: bool,  # noqa: FBT001
) -> None:
    store.write([spectrum(0 if moment else at) for at in range(100)])
    tracemalloc.start()
    try:
        pack_all(store)
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()
    assert seen(store) == (1 if moment else 100)


def test_late_samples_are_in_blocks_in_their_place(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "BLOCK_SAMPLES", 10)
    store.write([sample(NOW + at) for at in (*range(10, 25), *range(10))])
    pack_all(store)
    assert blocks(store) == [(1, NOW, NOW + 9), (1, NOW + 10, NOW + 19), (1, NOW + 20, NOW + 24)]
    assert seen(store) == 25


def test_an_empty_batch_and_empty_samples_leave_nothing(store: Store) -> None:
    store.write([])
    store.write([sample(NOW)._replace(properties={})])
    assert store._writer.head.current.began is None
    assert blocks(store) == []


def test_a_start_remembers_the_series_it_finds(tmp_path: Path) -> None:
    for life in range(3):
        store = Store(small(tmp_path), Clock())
        store.write([sample(NOW + life, thing=f"f:{n}") for n in range(30)])
        assert len(store._writer._series) == 30
        assert seen(store, "f:7") == life + 1
        store.close()
