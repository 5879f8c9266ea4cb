"""Blocks that overlap in any way, against a dictionary."""

from hypothesis import given
from hypothesis import strategies as st
from tests.history.test_columns import rows

from egizcore.history.columns import Columns
from egizcore.history.timeline import Stretch, timeline

BLOCKS = st.lists(
    st.dictionaries(st.integers(0, 30), st.floats(0, 9), min_size=1, max_size=8), max_size=8
)


def stretch(rank: int, samples: dict[int, float], loaded: list[int]) -> Stretch:
    columns = Columns.of_rows([(at, {"n": some}) for at, some in sorted(samples.items())])

    def load() -> Columns:
        loaded.append(rank)
        return columns

    return Stretch(min(samples), max(samples), rank, load)


@given(BLOCKS, st.booleans())
def test_all_samples_come_once_and_in_order(
    blocks: list[dict[int, float]],
    descending: bool,  # noqa: FBT001
) -> None:
    merged: dict[int, float] = {}
    for block in blocks:
        merged |= block
    stretches = [stretch(rank, block, []) for rank, block in enumerate(blocks)]
    pieces = list(timeline(stretches, descending=descending))
    assert all(pieces)
    if descending:
        pieces.reverse()
    got = [row for piece in pieces for row in rows(piece)]
    assert got == [(at, {"n": some}) for at, some in sorted(merged.items())]


def test_a_block_is_loaded_when_its_time_comes() -> None:
    loaded: list[int] = []
    blocks = [{at: 1.0, at + 9: 2.0} for at in range(0, 100, 10)]
    line = timeline([stretch(rank, block, loaded) for rank, block in enumerate(blocks)])
    next(line)
    assert loaded == [0]
    next(line)
    assert loaded == [0, 1]
    loaded.clear()
    next(timeline([stretch(n, b, loaded) for n, b in enumerate(blocks)], descending=True))
    assert loaded == [9]


def test_a_stretch_that_turns_out_empty_is_passed_over() -> None:
    empty = Stretch(0, 99, 5, lambda: Columns([], {}))
    pieces = list(timeline([empty, stretch(1, {3: 1.0}, [])]))
    assert [piece.at for piece in pieces] == [[3]]
