"""The reader: no more is read than is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.history.stores import NOW, Clock, everything, pack_all, sample, small

from egizcore.errors import HistoryTimeout
from egizcore.history import Place, sqlite_reader, sqlite_writer
from egizcore.history.block import unpack
from egizcore.history.columns import Column, Columns
from egizcore.history.sqlite_reader import FileReader, Patience
from egizcore.history.sqlite_store import Store


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileReader]:
    """Of ten blocks of ten samples, and two features."""
    monkeypatch.setattr(sqlite_writer, "BLOCK_SAMPLES", 10)
    store = Store(small(tmp_path), Clock())
    store.write([sample(NOW + at, feature=name) for at in range(100) for name in "xy"])
    pack_all(store)
    reader = store.reader()
    yield reader
    reader.close()
    store.close()


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Times of the first sample of each block that was read."""
    times: list[int] = []

    def watched(*given: Any) -> Any:
        columns = unpack(*given)
        times.append(columns.at[0] - NOW)
        return columns

    monkeypatch.setattr(sqlite_reader, "unpack", watched)
    return times


@pytest.mark.parametrize(
    ("options", "blocks"),
    [
        ({"limit": 1, "features": ("x",)}, [0]),
        ({"limit": 11, "features": ("x",)}, [0, 10]),
        ({"limit": 1, "descending": True, "features": ("y",)}, [90]),
        ({"limit": 1}, [0, 0]),
        ({"limit": 1, "after": Place(NOW + 54, "x"), "features": ("x",)}, [50]),
        (
            {"limit": 1, "after": Place(NOW + 54, "x"), "features": ("x",), "descending": True},
            [50],
        ),
        ({"start": NOW + 30, "end": NOW + 50, "features": ("x",)}, [30, 40]),
        ({"every": 20, "aggregate": "mean", "limit": 1, "features": ("x",)}, [0, 10, 20]),
    ],
)
def test_only_the_blocks_that_are_asked_for_are_read(
    reader: FileReader, loaded: list[int], options: dict[str, Any], blocks: list[int]
) -> None:
    assert reader.page(everything()._replace(**options), Patience(60))
    assert loaded == blocks


@pytest.mark.parametrize("packed", [True, False])
def test_a_large_page_leaves_the_event_loop_its_turn(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    packed: bool,  # noqa: FBT001
) -> None:
    turns = 0

    class Counted:
        def __call__(self) -> None:
            nonlocal turns
            turns += 1

    monkeypatch.setattr(sqlite_reader, "Pace", Counted)
    store = Store(small(tmp_path), Clock())
    store.write([sample(NOW + at) for at in range(5000)])
    if packed:
        pack_all(store)
    reader = store.reader()
    assert len(reader.page(everything(), Patience(60))) == 5000
    assert turns >= 5000 // sqlite_reader.PART
    reader.close()
    store.close()


@pytest.mark.parametrize(("leaves", "size"), [(1, 256), (64, 256), (2048, 8), (20_000, 1)])
def test_wide_samples_are_made_items_in_small_parts(leaves: int, size: int) -> None:
    samples = size + 2
    column: Column = [1.0] * samples
    piece = Columns(list(range(samples)), {str(key): column for key in range(leaves)})
    for descending in (False, True):
        parts = [part.at for part in sqlite_reader._parts(piece, descending=descending)]
        assert max(map(len, parts)) == size
        assert [at for part in (parts[::-1] if descending else parts) for at in part] == piece.at


def test_an_impatient_question_stops_between_blocks(
    reader: FileReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(60)
    read = 0

    def ending(*given: Any) -> Any:
        nonlocal read
        read += 1
        if read == 3:
            patience.end()
        return unpack(*given)

    monkeypatch.setattr(sqlite_reader, "unpack", ending)
    query = everything(features=("x",))
    with pytest.raises(HistoryTimeout):
        reader.page(query, patience)
    assert read == 3
    assert len(reader.page(query, Patience(60))) == 100


def test_a_range_that_is_turned_round_is_empty(reader: FileReader) -> None:
    assert reader.page(everything()._replace(start=NOW + 9, end=NOW), Patience(60)) == []
