"""The reader: no more is read than is asked for."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.history.stores import NOW, Clock, everything, pack_all, sample, small

from egizcore.errors import HistoryTimeout, LimitExceeded
from egizcore.history import Place, Point, split, sqlite_reader, sqlite_writer
from egizcore.history.block import unpack
from egizcore.history.columns import Column, Columns
from egizcore.history.sqlite_head import Samples, decoded
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


@pytest.mark.parametrize("size", [1, 8, 256])
def test_items_are_made_in_parts(size: int) -> None:
    samples = size + 2
    column: Column = [1.0] * samples
    piece = Columns(list(range(samples)), {"a": column})
    for descending in (False, True):
        parts = [part.at for part in sqlite_reader._parts(piece, size, descending=descending)]
        assert max(map(len, parts)) == size
        assert [at for part in (parts[::-1] if descending else parts) for at in part] == piece.at


def wide(at: int, places: int) -> Point:
    return sample(NOW + at)._replace(properties={"z": [0.5] * places, "n": at, "t": "x" * 10})


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("path", ["", "z.99", "t"])
def test_wide_samples_are_told_as_narrow_ones_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    descending: bool,  # noqa: FBT001
    packed: bool,  # noqa: FBT001
    path: str,
) -> None:
    store = Store(small(tmp_path), Clock())
    store.write([wide(at, 100 if at % 3 else 50) for at in range(20)])
    if packed:
        pack_all(store)
    reader = store.reader()
    query = everything(descending=descending, properties=(split(path),) if path else ())
    narrow = reader.page(query, Patience(60))
    monkeypatch.setattr(sqlite_reader, "PART_VALUES", 100)
    assert reader.page(query, Patience(60)) == narrow
    assert len(narrow) == (13 if path == "z.99" else 20)
    reader.close()
    store.close()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"properties": (("z", "9999"),)},
        {"every": 1, "aggregate": "last"},
        {"every": 1, "aggregate": "last", "properties": (("z", "9999"),)},
    ],
)
def test_a_page_of_too_much_is_refused_before_it_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    packed: bool,  # noqa: FBT001
    options: dict[str, Any],
) -> None:
    monkeypatch.setattr(sqlite_reader, "VALUES", 25_000)
    store = Store(small(tmp_path), Clock())
    store.write([wide(at, 10_000) for at in range(40)])
    if packed:
        pack_all(store)
    reader = store.reader()
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded):
            reader.page(everything(**options), Patience(60))
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
        assert len(reader.page(everything(**options)._replace(limit=2), Patience(60))) == 2
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
        reader.close()
        store.close()


def test_of_the_head_too_only_what_is_asked_for_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(some: Samples, pause: Any) -> Columns:
        seen.append(len(some.at))
        return decoded(some, pause)

    monkeypatch.setattr(sqlite_reader, "decoded", watched)
    store = Store(small(tmp_path), Clock())
    store.write([sample(NOW + at) for at in range(5000)])
    reader = store.reader()
    for descending in (False, True):
        reader.page(everything(descending=descending)._replace(limit=3), Patience(60))
    assert seen == [500, 500]
    reader.close()
    store.close()


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
