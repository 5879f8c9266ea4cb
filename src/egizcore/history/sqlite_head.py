"""The head as it lies in the file: how its rows are found again, read and made columns."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar, final

import msgspec

from egizcore.history.block import Damaged
from egizcore.history.columns import Columns
from egizcore.history.head import Generation, Head

T = TypeVar("T")

ROWS: Final = 16
"""Rows that are read at once, and …"""
SAMPLES: Final = 100
"""… samples that are decoded at once: some 0.1 ms."""

_decode_rows: Final = msgspec.json.Decoder(list[tuple[int, int, msgspec.Raw]]).decode
_decode_samples: Final = msgspec.json.Decoder(list[dict[str, Any]]).decode


@final
class Samples:
    """What rows hold of one series, in the order it was written; still JSON."""

    __slots__ = ("at", "raws", "size")

    def __init__(self) -> None:
        self.at: list[int] = []
        self.raws: list[msgspec.Raw] = []
        self.size = 0  # bytes

    def add(self, at: int, raw: msgspec.Raw) -> None:
        """One more sample."""
        self.at.append(at)
        self.raws.append(raw)
        self.size += len(raw)


def _sound(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(f"its newest samples make no sense: {error}") from error


def load_head(connection: sqlite3.Connection, begin: Callable[[], Generation]) -> Head:
    """The head that a former process left, sealed; *begin* makes the present generation."""
    left = {
        number: (Generation(number), done)
        for number, done in connection.execute("SELECT id, done FROM generation ORDER BY id")
    }
    rows = connection.execute(
        "SELECT generation, grp, min(oldest), max(newest), max(id), json_group_array(id) "
        "FROM head GROUP BY generation, grp"
    )
    for number, group, oldest, newest, last, ids in rows:
        generation, done = left[number]
        generation.last = max(generation.last, last)
        if group > done:
            generation.put(group, sorted(msgspec.json.decode(ids)), oldest, newest)
    return Head(begin(), [generation for generation, _ in left.values()])


def read_samples(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> Iterator[list[tuple[int, int, msgspec.Raw]]]:
    """The samples (series, time, properties) of these rows, some rows at a time.

    Raises:
        Damaged: the rows do not hold what was written; of ``decoded`` too.
    """
    for start in range(0, len(ids), ROWS):
        some = msgspec.json.encode(ids[start : start + ROWS])
        # One step of SQLite for all the rows: it goes by id, in the order of writing.
        (text,) = connection.execute(
            "SELECT CAST(group_concat(CAST(data AS TEXT)) AS BLOB) FROM (SELECT data FROM head "
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id)",
            (some.decode(),),
        ).fetchone()
        if text:
            yield _sound(_decode_rows, b"[%b]" % text)


def decoded(samples: Samples, pause: Callable[[], object]) -> Columns:
    """The columns of *samples*, settled; *pause* is called between slices of the work."""
    parts: list[Columns] = []
    for start in range(0, len(samples.raws), SAMPLES):
        some = b"[%b]" % b",".join(samples.raws[start : start + SAMPLES])
        properties = _sound(_decode_samples, some)
        parts.append(Columns.gathered(samples.at[start : start + SAMPLES], properties).settled())
        pause()
    return Columns.joined(parts)
