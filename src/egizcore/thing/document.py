"""The one strict JSON reader, and how values are written as JSON.

msgspec reads; what it lets pass is caught here: duplicate keys, integers beyond int64, lone
surrogates, nesting without end (RFC 8259, RFC 7493 I-JSON).
"""

import json
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from egizcore.errors import BadJson, LimitExceeded

JsonObject: TypeAlias = dict[str, Any]

Int64: TypeAlias = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]

_INT64: Final = 1 << 63
_MAX_DEPTH: Final = 128
"""Deeper than any document that we take; what is too deep for its place is told there."""


_decoder: Final[msgspec.json.Decoder[object]] = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()


def read_json(body: bytes, *, unique_keys: bool = True) -> object:
    """The value of one JSON document; of a key that may stand twice, the last counts.

    Raises:
        BadJson: not UTF-8, not JSON, NaN or infinite, an integer beyond int64, a lone surrogate,
            or a key twice in one object.
        LimitExceeded: nested deeper than any place for it.
    """
    try:
        value = _decoder.decode(body)
    except UnicodeDecodeError:
        raise BadJson("The text is not UTF-8.") from None
    except msgspec.ValidationError:
        raise BadJson("A number is out of range.") from None
    except msgspec.DecodeError as error:
        raise BadJson(f"{error}.") from None
    except RecursionError:
        raise _too_deep() from None
    _check(value)
    if unique_keys:
        json.loads(body.decode(), object_pairs_hook=_no_duplicates)
    return value


def write_json(value: object) -> bytes:
    """*value* as compact JSON."""
    return _encoder.encode(value)


def _check(value: object) -> None:
    """Nesting and integers, level by level: no recursion for a hostile document to use up."""
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif type(item) is int and not -_INT64 <= item < _INT64:
                raise BadJson("An integer is beyond 64 bits.")
        if not below:
            return
        level = below
    raise _too_deep()


def _too_deep() -> LimitExceeded:
    return LimitExceeded(f"The document is nested deeper than {_MAX_DEPTH} levels.")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise BadJson(f"The key {name[:128]!r} stands twice in one object.")
            seen.add(name)
    return members
