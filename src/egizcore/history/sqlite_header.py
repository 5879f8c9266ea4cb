"""Whose a database is: what its first bytes tell, without opening it (sqlite.org/fileformat2.html).

Loads no SQLite: ``doctor`` asks before any store is there.
"""

from pathlib import Path
from typing import Final

APPLICATION: Final = 0x45_67_69_7A
"""``Egiz``, where a database says whose it is."""
VERSION: Final = 1
"""Of the schema."""

_MAGIC: Final = b"SQLite format 3\0"
_VERSION_AT: Final = 60
_APPLICATION_AT: Final = 68
_KIND_AT: Final = 100
"""Of the first page of the schema's table; a leaf without cells: there is no table yet."""
_CELLS_AT: Final = 103
_END: Final = 105
_LEAF: Final = 0x0D


def refusal(path: str, *, application: int, version: int, is_empty: bool) -> str:
    """Why the database at *path* is not to be used, and what to do; empty: it is ours, or new."""
    if application != (0 if is_empty else APPLICATION):
        return f"{path} is a database of another application: set history.path"
    if not is_empty and version != VERSION:
        return (
            f"{path} has version {version} of the schema, this EgizCore knows {VERSION}: "
            "use the EgizCore that wrote it, or set another history.path"
        )
    return ""


def refusal_of(path: Path) -> str | None:
    """`refusal` of the file at *path*, which nobody opens; None: it is no database.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_END)
    if not head:
        return ""
    if len(head) < _END or not head.startswith(_MAGIC):
        return None
    # A write-ahead log may know better, but not whose it is: tables and owner come as one.
    return refusal(
        str(path),
        application=_number(head, _APPLICATION_AT, 4),
        version=_number(head, _VERSION_AT, 4),
        is_empty=head[_KIND_AT] == _LEAF and _number(head, _CELLS_AT, 2) == 0,
    )


def _number(head: bytes, at: int, size: int) -> int:
    return int.from_bytes(head[at : at + size], "big", signed=size == 4)
