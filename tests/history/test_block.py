"""Blocks: what is packed comes back, to the last bit."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.history.test_columns import SAMPLES, of, rows

from egizcore.history.block import Damaged, pack, unpack
from egizcore.history.columns import Columns


@given(SAMPLES.map(of).map(Columns.settled).filter(len))
def test_what_is_packed_comes_back(columns: Columns) -> None:
    again = unpack(pack(columns))
    assert unpack(pack(columns), list).leaves == again.leaves
    assert rows(again) == rows(columns)
    assert repr(again.leaves) == repr(columns.leaves)


@given(st.lists(st.integers(-(2**60), 2**60), unique=True, min_size=1).map(sorted))
def test_any_times_come_back(times: list[int]) -> None:
    columns = Columns(times, {"a": [1.0] * len(times)})
    assert unpack(pack(columns)).at == times


def test_only_what_is_asked_for_is_decoded() -> None:
    columns = Columns([1, 2], {"a": [1.0, 2.0], "b": ["x", None], "a.b": [None, True]})
    some = unpack(pack(columns), lambda keys: [key for key in keys if key != "a"])
    assert some.leaves == {"b": ["x", None], "a.b": [None, True]}
    assert some.at == [1, 2]


def test_a_whole_number_comes_back_as_a_float() -> None:
    data = zlib.compress(b'{"at":[5],"leaves":{"a":[190]}}')
    (value,) = unpack(data).leaves["a"]
    assert type(value) is float


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing",
        zlib.compress(b"nothing"),
        zlib.compress(b'{"at":[1]}'),
        zlib.compress(b'{"at":[1],"leaves":{"a":[1,2]}}'),
        zlib.compress(b'{"at":[1],"leaves":{"a":[{}]}}'),
        zlib.compress(b'{"at":[1],"leaves":{"a":["\xff"]}}'),
        zlib.compress(b'{"at":[1],"leaves":{"a":[1]}}')[:-1],
    ],
)
def test_what_is_no_block_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        unpack(data)
