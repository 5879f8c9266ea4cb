"""Topic names and filters (MQTT 5, section 4.7; the same in 3.1.1).

A filter selects by levels: ``+`` is one level, a last ``#`` is its parent and all below. A name
that begins with ``$`` is not selected by a filter that begins with a wildcard (4.7.2).
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar, final

from egizcore.mqtt.reason import ProtocolError, Reason, malformed, violation
from egizcore.mqtt.wire import MAX_BYTES, decode_text

T = TypeVar("T")

MAX_KEPT: Final = 131_072  # names that `Topics` keeps
MAX_KEPT_NAME: Final = 256  # bytes of a name that it keeps


@final
class TopicInvalid(ProtocolError):
    """A topic name (0x90) or filter (0x8F) that section 4.7 does not allow."""


def check_name(topic: str) -> None:
    """Raise `ProtocolError` unless *topic* is a legal name: not empty, no wildcard, no NUL."""
    if not topic:
        raise violation("the topic name is empty")
    if "+" in topic or "#" in topic:
        raise TopicInvalid(Reason.TOPIC_NAME_INVALID, "the topic name contains a wildcard")
    _check_text(topic)


def check_filter(filter: str) -> None:
    """Raise `ProtocolError` unless each wildcard stands alone on its level and ``#`` is last."""
    if not filter:
        raise violation("the topic filter is empty")
    _check_text(filter)
    levels = filter.split("/")
    last = len(levels) - 1
    for index, level in enumerate(levels):
        if "#" in level and (level != "#" or index != last):
            raise TopicInvalid(Reason.TOPIC_FILTER_INVALID, "'#' must be the whole last level")
        if "+" in level and level != "+":
            raise TopicInvalid(Reason.TOPIC_FILTER_INVALID, "'+' must be a whole level")


def _check_text(topic: str) -> None:
    if "\0" in topic:
        raise malformed("the topic contains U+0000")
    if len(topic) * 4 > MAX_BYTES and len(topic.encode(errors="surrogatepass")) > MAX_BYTES:
        raise malformed("the topic is longer than 65,535 bytes")


def matches(filter: str, topic: str) -> bool:
    """Does the legal filter select the legal name?"""
    return covers(filter, topic)


def covers(wide: str, narrow: str) -> bool:
    """Does *wide* select every name that *narrow* selects? A name is a filter of itself."""
    wides, narrows = wide.split("/"), narrow.split("/")
    if narrow.startswith("$") and wides[0] in {"+", "#"}:
        return False
    for index, level in enumerate(wides):
        if level == "#":
            return True
        if index == len(narrows):
            return False
        if narrows[index] == "#":
            # '#' is also the level above it, unless that is the empty name, which there is not.
            return wides[index:] == ["+", "#"] and narrows[:index] in ([], [""])
        if level not in ("+", narrows[index]):
            return False
    return len(wides) == len(narrows)


def overlap(a: str, b: str) -> bool:
    """Is there a name that both filters select?"""
    if (a.startswith("$") and b[0] in "+#") or (b.startswith("$") and a[0] in "+#"):
        return False
    ones, others = a.split("/"), b.split("/")
    for one, other in zip(ones, others, strict=False):
        if "#" in (one, other):
            return True
        if one != other and "+" not in (one, other):
            return False
    shorter, longer = sorted((ones, others), key=len)
    rest = longer[len(shorter) :]
    # A last '#' is also the level above it, unless that is the empty name.
    return not rest or (rest == ["#"] and longer != ["", "#"])


def outermost(filters: Iterable[str]) -> list[str]:
    """The filters that no other of them covers, in the order given."""
    kept: list[str] = []
    for one in filters:
        if any(covers(other, one) for other in kept):
            continue
        kept = [other for other in kept if not covers(one, other)]
        kept.append(one)
    return kept


@final
class Topics(dict[bytes, T], Generic[T]):
    """A topic name as it stands on the wire → what the owner made of it.

    A look-up of a new name checks it by the standard (raises `ProtocolError`: 0x81, 0x82, 0x90),
    calls *resolve* with it and keeps the answer. At 131,072 names all are dropped, for they are
    cheap to make again; names over 256 bytes are never kept.
    """

    __slots__ = ("_resolve", "dropped")

    def __init__(self, resolve: Callable[[str], T]) -> None:
        super().__init__()
        self._resolve = resolve
        self.dropped = 0  # names forgotten at the bound

    def __missing__(self, raw: bytes) -> T:
        topic = decode_text(raw)
        check_name(topic)
        target = self._resolve(topic)
        if len(raw) <= MAX_KEPT_NAME:
            if len(self) >= MAX_KEPT:
                self.dropped += len(self)
                self.clear()
            self[raw] = target
        return target
