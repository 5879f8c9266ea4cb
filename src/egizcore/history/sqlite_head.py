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
"""… samples that are decoded at once: some 0.1 ms; …"""
SIZE: Final = 64 << 10
"""… fewer where they have more bytes than this; but …"""
FEW: Final = 4
"""… so many of the widest: what a column costs is paid once for all of them."""
FOLD: Final = 256 << 10
"""Bytes of samples, decoded, that are put together: those of one time become one."""

_decode_rows: Final = msgspec.json.Decoder(list[tuple[int, int, msgspec.Raw]]).decode
_decode_samples: Final = msgspec.json.Decoder(list[dict[str, Any]]).decode


_EVER: Final = -1 << 62


@final
class Samples:
    """What rows hold of one series; of those of one time the later word is last. Still JSON."""

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

    def slices(
        self, samples: int, size: int, start: int = _EVER, end: int = -_EVER
    ) -> Iterator["Samples"]:
        """Those from *start* up to *end*, in order of time, at most so many and bytes at once.

        A few go together whatever they weigh, and those of one time, however many they are.
        """
        at, raws = self.at, self.raws
        some = Samples()
        for place in sorted(range(len(at)), key=at.__getitem__):  # stable: the later stays later
            time = at[place]
            if not start <= time < end:
                continue
            count = len(some.at)
            is_full = count >= samples or (count >= FEW and some.size + len(raws[place]) > size)
            if is_full and some.at[-1] != time:
                yield some
                some = Samples()
            some.add(time, raws[place])
        if some.at:
            yield some


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
    held = 0
    for start, end in _turns(samples.raws):
        some = samples.raws[start:end]
        properties = _sound(_decode_samples, b"[%b]" % b",".join(some))
        parts.append(Columns.gathered(samples.at[start:end], properties).settled())
        held += sum(map(len, some))
        if held > FOLD:
            parts, held = [Columns.joined(parts)], 0
        pause()
    return Columns.joined(parts)


def _turns(raws: Sequence[msgspec.Raw]) -> Iterator[tuple[int, int]]:
    """The places from which and up to which samples are decoded at once."""
    start = size = 0
    for place, raw in enumerate(raws):
        size += len(raw)
        count = place - start
        if count >= SAMPLES or (count >= FEW and size > SIZE):
            yield start, place
            start, size = place, len(raw)
    yield start, len(raws)
