"""The parameters of a question to history, and the cursor from one of its pages to the next.

A cursor holds the times that the first page came to, so that ``-1h`` does not slide from page to
page, and the place of the last item. It is base64url of JSON, ``[checksum, start, end, time,
feature]``; the checksum covers it and all parameters that select.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias, cast

import msgspec

from egizcore.errors import BadCursor
from egizcore.history import AGGREGATES, Aggregate, Key, Place, Query, split
from egizcore.quantity import Duration
from egizcore.rest.parameters import Parameters, at, choice, whole_number
from egizcore.thing import is_name, is_word, parse_rfc3339

MAX_LIMIT: Final = 10_000
DEFAULT_LIMIT: Final = 1000
MAX_CHOSEN: Final = 64
"""Features, and properties, that one question may name."""
MAX_PARTS: Final = 24
MAX_SPELLINGS: Final = 511
"""Keys that the properties of a question can mean: those of one path with eight places. Each
place, and each name of digits, doubles them."""
MAX_CURSOR: Final = 512
HOUR: Final = 3_600_000

_SPAN: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d|w)", re.ASCII)
_PLUS_LOST: Final = re.compile(r" (?=\d\d:\d\d$)", re.ASCII)
_FIRST_DAY: Final = parse_rfc3339("0001-01-01T00:00:00Z")
_LAST_DAY: Final = parse_rfc3339("9999-12-31T23:59:59.999Z")
_decoder = msgspec.json.Decoder(tuple[str, int, int, int, str])

_Covered: TypeAlias = tuple[object, ...]


class Asked(NamedTuple):
    """What is asked of a Thing's history; ``covered`` is what a cursor belongs to."""

    query: Query
    covered: _Covered

    def cursor_after(self, place: Place) -> str:
        """The cursor of a page that ends at *place*."""
        return _write_cursor(self.covered, self.query, place)


def read_asked(thing_id: str, parameters: Parameters, now: int) -> Asked:
    """The question of *parameters*; *now* is in milliseconds since 1970 UTC.

    Raises:
        ValidationFailed: a range, a name or a number is wrong.
        BadCursor: the cursor is not ours, or of another question.
    """
    start, end = _range(parameters, now)
    query = Query(
        thing_id,
        start,
        end,
        features=_features(parameters),
        properties=_properties(parameters),
        every=_every(parameters),
        aggregate=_aggregate(parameters),
        limit=whole_number(parameters, "limit", DEFAULT_LIMIT, MAX_LIMIT),
        descending=choice(parameters, "order", "asc", ("asc", "desc")) == "desc",
    )
    covered = (
        thing_id,
        parameters.get("from"),
        parameters.get("to"),
        sorted(query.features),
        sorted(query.properties, key=repr),
        query.every,
        query.aggregate,
        query.descending,
    )
    if "cursor" in parameters:
        query = _read_cursor(parameters["cursor"][0], covered, query)
    return Asked(query, covered)


def _range(parameters: Parameters, now: int) -> tuple[int, int]:
    end = _time(parameters, "to", now, now)
    start = _time(parameters, "from", now, end - HOUR)
    if start >= end:
        raise at("from", "must be before to")
    return start, end


def _time(parameters: Parameters, name: str, now: int, default: int) -> int:
    if name not in parameters:
        return default
    text = parameters[name][0]
    try:
        # In a query '+' means a blank: an offset that was not percent-encoded is understood.
        return now - _span(text[1:]) if text[0] == "-" else parse_rfc3339(_PLUS_LOST.sub("+", text))
    except ValueError:
        raise at(name, "must be an RFC 3339 time, or one before now such as -1h") from None


def _span(text: str) -> int:
    """Milliseconds of a number with its unit, at most a century; raises ValueError."""
    if not _SPAN.fullmatch(text):
        raise ValueError(text)
    return round(Duration.parse(text) * 1000)


def _features(parameters: Parameters) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(parameters.get("feature", ())))
    if len(names) > MAX_CHOSEN:
        raise at("feature", f"stands more than {MAX_CHOSEN} times")
    for name in names:
        if not is_word(name):
            raise at("feature", "must be 1 to 64 of A-Z a-z 0-9 _ -")
    return names


def _properties(parameters: Parameters) -> tuple[Key, ...]:
    paths = tuple(dict.fromkeys(map(_path, parameters.get("property", ()))))
    if len(paths) > MAX_CHOSEN:
        raise at("property", f"stands more than {MAX_CHOSEN} times")
    if sum(map(_spellings, paths)) > MAX_SPELLINGS:
        raise at("property", "has too many places, or names of digits, which may be places")
    return paths


def _path(text: str) -> Key:
    path = split(text)
    if path == (text,) and "." in text:  # with its dots escaped the name would be another text
        raise at("property", r"must be names with '.' between; '\.' is a dot in a name")
    if len(path) > MAX_PARTS:
        raise at("property", f"has more than {MAX_PARTS} parts")
    for part in path:
        if isinstance(part, str) and not is_name(part):
            raise at("property", "a name has 1 to 128 characters and no control characters")
    return path


def _spellings(path: Key) -> int:
    """How many ``history.spellings`` there are."""
    named, others = 1, 0  # those that end with a name as it was typed, and the others
    for part in path[1:]:
        both = named + others
        if isinstance(part, int):
            others = 2 * both
        else:
            named, others = both, both if part.isdigit() else 0
    return named + others


def _every(parameters: Parameters) -> int:
    if ("every" in parameters) != ("aggregate" in parameters):
        raise at("aggregate", "goes together with every")
    if "every" not in parameters:
        return 0
    try:
        every = _span(parameters["every"][0])
    except ValueError:
        every = 0
    if every < 1:
        raise at("every", "must be a number with ms, s, m, h, d or w, such as 1m; at least 1ms")
    return every


def _aggregate(parameters: Parameters) -> Aggregate | None:
    if "aggregate" not in parameters:
        return None
    return cast("Aggregate", choice(parameters, "aggregate", "", AGGREGATES))


def _write_cursor(covered: _Covered, query: Query, place: Place) -> str:
    told = (query.start, query.end, *place)
    checksum = blake2b(msgspec.json.encode((covered, told)), digest_size=9).hexdigest()
    return urlsafe_b64encode(msgspec.json.encode((checksum, *told))).rstrip(b"=").decode()


def _read_cursor(cursor: str, covered: _Covered, query: Query) -> Query:
    """*query* from where *cursor* leads on.

    The checksum is no secret: what a forged one holds must do no harm either.

    Raises:
        BadCursor: we would not write this cursor for this question.
    """
    try:
        start, end, place = _decode_cursor(cursor)
        query = query._replace(start=start, end=end, after=place)
        within = start - query.every <= place.at < end
        ours = within and _write_cursor(covered, query, place) == cursor
    except (ValueError, msgspec.MsgspecError):
        ours = False
    if not ours:
        raise BadCursor("The cursor is not one of this question.")
    return query


def _decode_cursor(cursor: str) -> tuple[int, int, Place]:
    if len(cursor) > MAX_CURSOR:
        raise ValueError("longer than any of ours")
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    _, start, end, last, feature = _decoder.decode(text)
    if not (_FIRST_DAY <= start < end <= _LAST_DAY and is_word(feature)):
        raise ValueError("no range of ours, or no feature")
    return start, end, Place(last, feature)
