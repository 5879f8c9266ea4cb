"""A block: the samples of one series over some time, packed.

zlib over the JSON of its columns: times as the first and the steps from each to the next, and
each leaf's values in a row. Numbers stand as the shortest text that gives them back to the last
bit, which for what sensors send packs better than eight bytes of binary. What was measured stands
in docs/decisions/0024-history-in-blocks.md.
"""

import zlib
from collections.abc import Callable
from itertools import accumulate
from operator import sub
from typing import Final

import msgspec

from egizcore.history.columns import Column, Columns

LEVEL: Final = 6
"""A fifth smaller than 1; higher ones give nothing for their time."""


class _Block(msgspec.Struct):
    at: list[int]
    leaves: dict[str, msgspec.Raw]


class Damaged(Exception):
    """The bytes are no block."""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Block).decode
# Without an integer in the union every number is a float.
_decode_column: Final = msgspec.json.Decoder(list[float | str | bool | None]).decode


def pack(columns: Columns, pause: Callable[[], object] = bool) -> bytes:
    """*columns*, which are settled and not empty, as bytes; *pause* is called between columns."""
    at = columns.at
    steps = [at[0], *map(sub, at[1:], at)]
    leaves: dict[str, msgspec.Raw] = {}
    for key, column in columns.leaves.items():
        leaves[key] = msgspec.Raw(_encode(column))
        pause()
    return zlib.compress(_encode(_Block(steps, leaves)), LEVEL)


def unpack(data: bytes, selects: Callable[[str], bool]) -> Columns:
    """The columns that *data* holds, those whose keys *selects* takes.

    Raises:
        Damaged: *data* is not what ``pack`` made.
    """
    try:
        block = _decode(zlib.decompress(data))
        leaves: dict[str, Column] = {
            key: _decode_column(raw) for key, raw in block.leaves.items() if selects(key)
        }
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from error
    at = list(accumulate(block.at))
    if any(len(column) != len(at) for column in leaves.values()):
        raise Damaged("its columns are of different lengths")
    return Columns(at, leaves)
