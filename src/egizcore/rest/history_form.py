"""What history looks like on the wire: an item as JSON, as a line of NDJSON, as rows of CSV.

CSV is RFC 4180, its values just as they were reported: text is not changed even where a
spreadsheet would take it for a formula, since a model would learn from what we made of it.
"""

import csv
from collections.abc import Callable, Iterable
from io import StringIO
from typing import Final, NamedTuple, TypeAlias

from egizcore.history import Item, Leaf, flatten, split
from egizcore.rest.answer import JSON
from egizcore.rest.call import NDJSON
from egizcore.thing import rfc3339, write_json

CSV: Final = "text/csv"
MEDIAS: Final = (JSON, CSV, NDJSON)
"""Which of them a client gets that likes them all the same: the first."""

_Rows: TypeAlias = Callable[[Item], Iterable[tuple[str, ...]]]

_FIXED: Final = ("timestamp", "thing_id", "feature")


class Form(NamedTuple):
    """How a stream of items is written: its media type, what comes first, and each item."""

    media: str
    head: bytes
    encode: Callable[[Item], bytes]


def write_item(item: Item) -> bytes:
    """An item as JSON: what a live event says of it, under the same names."""
    return write_json(
        {
            "timestamp": rfc3339(item.at),
            "feature": item.feature,
            "properties": item.properties,
        }
    )


NDJSON_FORM: Final = Form(NDJSON, b"", lambda item: write_item(item) + b"\n")


def long_csv(thing_id: str, *, counts: bool) -> Form:
    """A row for each leaf, the property as the key that a store has for it."""
    cell = _count if counts else _cell

    def rows(item: Item) -> Iterable[tuple[str, ...]]:
        start = (rfc3339(item.at), thing_id, item.feature)
        return [(*start, key, cell(leaf)) for key, leaf in flatten(item.properties).items()]

    return _csv((*_FIXED, "property", "value"), rows)


def wide_csv(thing_id: str, keys: Iterable[str], *, counts: bool) -> Form:
    """A row for each time and feature, a column for each of *keys*; absent ones are empty.

    What came under a new key since *keys* were read has no column, and is left out.
    """
    cell = _count if counts else _cell
    columns = sorted(keys, key=_order)

    def rows(item: Item) -> Iterable[tuple[str, ...]]:
        leaves = flatten(item.properties)
        cells = [cell(leaves[key]) if key in leaves else "" for key in columns]
        return ((rfc3339(item.at), thing_id, item.feature, *cells),)

    # A property of the name of a column of ours gets a needless backslash, and is still a key.
    names = [f"\\{key}" if key in _FIXED else key for key in columns]
    return _csv((*_FIXED, *names), rows)


def _order(key: str) -> list[tuple[bool, str | int]]:
    """Arrays stay in the order of their places, 2 before 10."""
    return [(isinstance(part, str), part) for part in split(key)]


def _cell(leaf: Leaf) -> str:
    if isinstance(leaf, str):
        return leaf
    if isinstance(leaf, bool):
        return "true" if leaf else "false"
    return repr(leaf)


def _count(leaf: Leaf) -> str:
    return str(int(leaf))


def _csv(columns: tuple[str, ...], rows: _Rows) -> Form:
    text = StringIO(newline="")
    writer = csv.writer(text)

    def written() -> bytes:
        told = text.getvalue().encode()
        text.seek(0)
        text.truncate()
        return told

    def encode(item: Item) -> bytes:
        writer.writerows(rows(item))
        return written()

    writer.writerow(columns)
    return Form(f"{CSV}; charset=utf-8; header=present", written(), encode)
