"""Entity tags and what requests demand of them (RFC 9110, sections 8.8.3 and 13).

A Thing's tag is ``"rev:<epoch>-<version>"``: the epoch names the process's life, so a tag from
before a restart never matches.
"""

import re
from typing import NamedTuple, final

_TAG = rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ONE = re.compile(_TAG)
_LIST = re.compile(rb"[ \t,]*" + _TAG + rb"(?:[ \t]*,[ \t,]*" + _TAG + rb")*[ \t,]*")


class Tags(NamedTuple):
    """What an If-Match or If-None-Match names; *any* is ``*``."""

    any: bool
    strong: frozenset[bytes]
    weak: frozenset[bytes]
    """Without their ``W/``."""


def tag_of(epoch: str, version: int) -> bytes:
    """The entity tag of a Thing at *version*, and of its features."""
    return b'"rev:%b-%d"' % (epoch.encode(), version)


def parse_tags(value: bytes) -> Tags:
    """The tags of a field's value; an ill-formed or empty one names nothing, so matches nothing."""
    if value.strip(b" \t") == b"*":
        return Tags(any=True, strong=frozenset(), weak=frozenset())
    tags = _ONE.findall(value) if _LIST.fullmatch(value) else []
    return Tags(
        any=False,
        strong=frozenset(tag for tag in tags if not tag.startswith(b"W/")),
        weak=frozenset(tag[2:] for tag in tags if tag.startswith(b"W/")),
    )


def is_unchanged(if_none_match: bytes | None, tag: bytes) -> bool:
    """Whether a reader has what *tag* names already: 304 (weak comparison)."""
    if if_none_match is None:
        return False
    tags = parse_tags(if_none_match)
    return tags.any or tag in tags.strong or tag in tags.weak


@final
class Condition:
    """What a write demands of the Thing before it: both header fields must hold."""

    __slots__ = ("_epoch", "_match", "_none_match")

    def __init__(self, epoch: str, match: Tags | None, none_match: Tags | None) -> None:
        self._epoch = epoch
        self._match = match
        self._none_match = none_match

    def holds(self, version: int | None) -> bool:
        """Of a Thing at *version*; None: there is no Thing."""
        tag = None if version is None else tag_of(self._epoch, version)
        wanted, unwanted = self._match, self._none_match
        if wanted is not None and (tag is None or not (wanted.any or tag in wanted.strong)):
            return False  # strong comparison: a weak tag matches nothing
        if unwanted is None or tag is None:
            return True
        return not (unwanted.any or tag in unwanted.strong or tag in unwanted.weak)
