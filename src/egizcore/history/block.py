"""A block: the samples of one series over some time, packed.

zlib over the JSON of its columns: times as the first and the steps from each to the next, and
each leaf's values in a row. Numbers stand as the shortest text that gives them back to the last
bit, which for what sensors send packs better than eight bytes of binary. What was measured stands
in docs/decisions/0024-history-in-blocks.md.
"""

import zlib
from collections.abc import Callable, Iterable
from itertools import accumulate, islice
from operator import sub
from typing import Final

import msgspec

from egizcore.history.columns import Column, Columns

LEVEL: Final = 6
"""A fifth smaller than 1; higher ones give nothing for their time."""


VALUES: Final = 4096
"""Encoded in one go: some 0.2 ms."""


class _Block(msgspec.Struct):
    at: list[int]
    leaves: dict[str, msgspec.Raw]


class _Packed(msgspec.Struct):
    at: list[int]
    leaves: msgspec.Raw


class _Whole(msgspec.Struct):
    at: list[int]
    # Without an integer in the union every number is a float.
    leaves: dict[str, Column]


class Damaged(Exception):
    """The bytes are no block."""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Block).decode
_decode_whole: Final = msgspec.json.Decoder(_Whole).decode
_decode_column: Final = msgspec.json.Decoder(Column).decode


def pack(columns: Columns, pause: Callable[[], object] = bool) -> bytes:
    """*columns*, which are settled and not empty, as bytes; *pause* is called in between."""
    at = columns.at
    steps = [at[0], *map(sub, at[1:], at)]
    texts: list[bytes] = []
    items = iter(columns.leaves.items())
    while some := dict(islice(items, max(1, VALUES // len(at)))):
        texts.append(_encode(some)[1:-1])
        pause()
    leaves = msgspec.Raw(b"{%b}" % b",".join(texts))
    return zlib.compress(_encode(_Packed(steps, leaves)), LEVEL)


def unpack(data: bytes, picks: Callable[[Iterable[str]], list[str]] | None = None) -> Columns:
    """The columns that *data* holds, those whose keys *picks* takes; all without it.

    Raises:
        Damaged: *data* is not what ``pack`` made.
    """
    try:
        block: _Block | _Whole
        leaves: dict[str, Column]
        if picks is None:
            block = _decode_whole(zlib.decompress(data))
            leaves = block.leaves
        else:
            block = _decode(zlib.decompress(data))
            leaves = {key: _decode_column(block.leaves[key]) for key in picks(block.leaves)}
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from error
    at = list(accumulate(block.at))
    if set(map(len, leaves.values())) - {len(at)}:
        raise Damaged("its columns are of different lengths")
    return Columns(at, leaves)
