"""What could not be used, kept for whoever asks why a device does not show up."""

import codecs
from collections import deque
from typing import Any, Final, NamedTuple, final

from egizcore.thing import MAX_ID, rfc3339

KEPT: Final = 200
CLIP: Final = 1024
"""Bytes of a payload, characters of a topic that are kept."""


class Rejected(NamedTuple):
    """One message that was refused; *topic* and *payload* are clipped."""

    at: int
    source: str
    topic: str
    reason: str
    message: str
    payload: bytes
    truncated: bool


@final
class RejectedList:
    """The newest 200 rejects; older ones go, and the counters still have them."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: deque[Rejected] = deque(maxlen=KEPT)

    def add(
        self, at: int, source: str, topic: str, payload: bytes, *, reason: str, message: str
    ) -> None:
        """Keep one, clipped."""
        clipped = payload[:CLIP]
        truncated = len(clipped) < len(payload)
        self._items.append(Rejected(at, source, topic[:CLIP], reason, message, clipped, truncated))

    def items(self) -> list[dict[str, Any]]:
        """As ``GET /api/v1/ingest/rejected`` gives them, newest first."""
        return [
            {
                "time": rfc3339(one.at),
                "source": one.source,
                "topic": one.topic,
                "reason": one.reason,
                "message": one.message,
                "payload": _text(one),
                "truncated": one.truncated,
            }
            for one in reversed(self._items)
        ]


def _text(one: Rejected) -> str:
    """The payload for a person; the character that clipping has cut is left out."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    return decoder.decode(one.payload, final=not one.truncated)


@final
class _Sight:
    __slots__ = ("count", "first", "last", "topic")

    def __init__(self, at: int) -> None:
        self.count = 0
        self.first = at
        self.last = at
        self.topic = ""  # of the last message


@final
class UnknownList:
    """Devices that no table and no template gives a Thing: the newest 1,000."""

    __slots__ = ("_sights",)

    MAX: Final = 1000

    def __init__(self) -> None:
        self._sights: dict[str, _Sight] = {}  # oldest sight first

    def add(self, at: int, device: str, topic: str) -> None:
        """One more message of *device*; a longer name than any id stands for all that begin so."""
        device = device[:MAX_ID]
        sight = self._sights.pop(device, None) or _Sight(at)
        sight.count += 1
        sight.last = at
        sight.topic = topic[:CLIP]
        self._sights[device] = sight
        if len(self._sights) > self.MAX:
            del self._sights[next(iter(self._sights))]

    def items(self) -> list[dict[str, Any]]:
        """As ``GET /api/v1/ingest/unknown`` gives them, newest first."""
        return [
            {
                "device": device,
                "count": sight.count,
                "firstSeen": rfc3339(sight.first),
                "lastSeen": rfc3339(sight.last),
                "topic": sight.topic,
            }
            for device, sight in reversed(self._sights.items())
        ]
