"""Which Things match, in which order, one page at a time (FR-1.2; contract.md, section 2, Paging).

A cursor names the last item of a page by what it was sorted by and by its id, so the next page
begins after it whatever was inserted or deleted meanwhile, itself included. It is base64url of
JSON, ``[checksum, sort values, id]``; the checksum covers filter, sort and the cursor itself.

Order of a sort key: null, false, true, numbers, text, the rest (arrays and objects, all equal);
missing last, also under ``-``, which reverses all else. Ties go by id. Texts are ordered by
their first 256 characters, which keeps a cursor small.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from egizcore.errors import BadCursor, ValidationFailed
from egizcore.state.index import Index
from egizcore.thing import MISSING, Filter, Path, Read, Thing, parse_path, pointer, reader

Rank: TypeAlias = tuple[int, Any]

MAX_SORT_KEYS = 8
MAX_CURSOR = 32_768  # eight texts of 256 characters fit, also written as \u0000
_TEXT = 256
_EVERYTHING: Final = "{}"
_NULL: Final[Rank] = (0, 0)
_FALSE: Final[Rank] = (1, 0)
_TRUE: Final[Rank] = (2, 0)
_NUMBER, _STRING = 3, 4
_REST: Final[Rank] = (5, 0)
_MISSING: Final[Rank] = (6, 0)
_MISSING_REVERSED: Final[Rank] = (-1, 0)
_decoder = msgspec.json.Decoder(tuple[str, list[tuple[int, int | float | str]], str])


class SortKey(NamedTuple):
    """One thing to sort by; ``text`` is the same for all spellings."""

    read: Read
    descending: bool
    text: str


class Page(NamedTuple):
    """Things that match, in order. ``total`` counts all that match, when it was asked for."""

    things: list[Thing]
    next_cursor: str | None
    total: int | None


class _Place(NamedTuple):
    """Where an item stands in the order."""

    ranks: list[Rank]
    id: str


def parse_sort(texts: Sequence[str]) -> tuple[SortKey, ...]:
    """Sort keys from paths, the first the most important; ``-`` before one reverses it.

    Raises:
        ValidationFailed: there are more than 8 (pointer ``/sort``), or one is no path
            (``/sort/<i>``).
    """
    if len(texts) > MAX_SORT_KEYS:
        raise ValidationFailed.at("/sort", f"has at most {MAX_SORT_KEYS} keys")
    return tuple(_sort_key(text, place) for place, text in enumerate(texts))


def _sort_key(text: str, place: int) -> SortKey:
    descending = text.startswith("-")
    try:
        path: Path = parse_path(text.removeprefix("-"))
    except ValueError as error:
        raise ValidationFailed.at(f"/sort/{place}", str(error)) from None
    return SortKey(reader(path), descending, "-" * descending + pointer(*path))


def select(
    things: dict[str, Thing],
    index: Index,
    *,
    where: Filter | None = None,
    sort: Sequence[SortKey] = (),
    limit: int,
    cursor: str | None = None,
    count: bool = False,
) -> Page:
    """At most *limit* (1 or more) Things that match *where*, after *cursor*.

    Things are the live ones. A page may be cut anywhere: ``cursor_after`` the last one kept
    leads on, when it is taken before anything changes.

    Raises:
        BadCursor: the cursor is not ours, or of another filter or sort.
    """
    after = None if cursor is None else _read_cursor(cursor, where, sort)
    kind = None if where is None else where.kind
    ids = index.ids if kind is None else index.by_type.get(kind, [])
    if sort:
        matching = _matching(things, ids, where)
        total = len(matching)
        found = _sorted_from(matching, sort, after)
    else:
        start = 0 if after is None else bisect_right(ids, after.id)
        found = _matching(things, islice(ids, start, None), where, limit + 1)
        total = _count(things, ids, where) if count else 0
    page = found[:limit]
    more = len(found) > limit
    return Page(
        page,
        cursor_after(page[-1], where=where, sort=sort) if more else None,
        total if count else None,
    )


def cursor_after(thing: Thing, *, where: Filter | None, sort: Sequence[SortKey]) -> str:
    """The cursor of a page that ends with *thing*."""
    return _write_cursor(_Place(_ranks(thing, sort), thing.id), where, sort)


def _matching(
    things: dict[str, Thing], ids: Iterable[str], where: Filter | None, most: int | None = None
) -> list[Thing]:
    """The Things of *ids* that match, in that order, the first *most* of them."""
    found = (things[thing_id] for thing_id in ids)
    return list(islice(found if where is None else filter(where.matches, found), most))


def _count(things: dict[str, Thing], ids: list[str], where: Filter | None) -> int:
    return len(ids) if where is None else len(_matching(things, ids, where))


def _sorted_from(found: list[Thing], sort: Sequence[SortKey], after: _Place | None) -> list[Thing]:
    """*found*, which comes in the order of ids, sorted; what stands after *after*.

    Each key sorts what the less important ones have sorted: a stable sort keeps the order of
    equals, reversed or not.
    """
    rows: list[tuple[Any, ...]] = [(*_ranks(thing, sort), thing) for thing in found]
    for column in reversed(range(len(sort))):
        rows.sort(key=itemgetter(column), reverse=sort[column].descending)
    start = 0
    if after is not None:
        start = bisect_left(rows, True, key=lambda row: _is_after(row, after, sort))  # noqa: FBT003
    return [row[-1] for row in rows[start:]]


def _is_after(row: tuple[Any, ...], place: _Place, sort: Sequence[SortKey]) -> bool:
    for rank, other, key in zip(row, place.ranks, sort, strict=False):  # a Thing ends the row
        if rank != other:
            return bool(rank > other) is not key.descending
    thing: Thing = row[-1]
    return thing.id > place.id


def _ranks(thing: Thing, sort: Sequence[SortKey]) -> list[Rank]:
    return [_rank(key.read(thing), key.descending) for key in sort]


def _rank(value: Any, descending: bool) -> Rank:  # noqa: FBT001 - the direction of one key
    """What stands for *value* in the order: its kind's place, then itself."""
    kind = type(value)
    if kind is str:
        return (_STRING, value[:_TEXT])
    if kind is float or kind is int:
        return (_NUMBER, value)
    if value is MISSING:
        return _MISSING_REVERSED if descending else _MISSING
    if value is None:
        return _NULL
    if kind is bool:
        return _TRUE if value else _FALSE
    return _REST


def _write_cursor(place: _Place, where: Filter | None, sort: Sequence[SortKey]) -> str:
    canonical = _EVERYTHING if where is None else where.canonical
    covered = (canonical, [key.text for key in sort], place.ranks, place.id)
    checksum = blake2b(msgspec.json.encode(covered), digest_size=9).hexdigest()
    text = msgspec.json.encode((checksum, place.ranks, place.id))
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def _read_cursor(cursor: str, where: Filter | None, sort: Sequence[SortKey]) -> _Place:
    """The place that *cursor* names.

    Raises:
        BadCursor: we would not write this cursor for this filter and sort.
    """
    try:
        place = _decode_cursor(cursor)
        ours = _write_cursor(place, where, sort) == cursor
    except (ValueError, OverflowError, msgspec.MsgspecError):
        ours = False
    if not ours or len(place.ranks) != len(sort):
        raise BadCursor("The cursor is not one of this filter and sort.")
    return place


def _decode_cursor(cursor: str) -> _Place:
    if len(cursor) > MAX_CURSOR:
        raise ValueError("longer than any of ours")
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    _, ranks, thing_id = _decoder.decode(text)
    # The checksum is no secret: a forged one must not compare a number with a text.
    if any((rank == _STRING) is not isinstance(value, str) for rank, value in ranks):
        raise ValueError("a rank that is not its value's")
    return _Place(ranks, thing_id)
