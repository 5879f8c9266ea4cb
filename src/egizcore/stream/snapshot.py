"""The present state as messages of at most 16 KiB, or of one Thing (contract.md, section 3)."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from egizcore.stream.frame import text_frame
from egizcore.thing import Still, Thing

MAX_BYTES: Final = 16 * 1024
_encode: Final = msgspec.json.Encoder().encode


def snapshot(
    things: Iterable[Still],
    features: frozenset[str] | None,
    *,
    subscription: str,
    epoch: str,
    seq: int,
) -> Iterator[bytes]:
    """The frames, each made when it is asked for; *things* are the state at *seq*."""
    head = _encode({"event": "Snapshot", "subscription": subscription, "epoch": epoch, "seq": seq})[
        :-1
    ]
    head += b',"things":['
    room = MAX_BYTES - len(head) - len(b'],"last":false}')
    held: list[bytes] = []
    size = 0
    for still in things:
        document = _encode(_selected(still.thing, features))
        if held and size + len(document) > room:
            yield text_frame(head + b",".join(held) + b'],"last":false}')
            held = []
            size = 0
        held.append(document)
        size += len(document) + 1
    yield text_frame(head + b",".join(held) + b'],"last":true}')


def _selected(thing: Thing, features: frozenset[str] | None) -> dict[str, Any]:
    document = thing.document()
    if features is not None:
        document["features"] = {
            name: feature for name, feature in document["features"].items() if name in features
        }
    return document
