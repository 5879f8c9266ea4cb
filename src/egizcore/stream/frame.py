"""Text frames as a server sends them: unmasked, so one serves all clients (RFC 6455, 5.2)."""

from typing import Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


def text_frame(payload: bytes) -> bytes:
    """*payload*, which is UTF-8, as one text message in one frame."""
    length = len(payload)
    if length < 126:
        return b"\x81" + length.to_bytes(1, "big") + payload
    if length < 65536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


def frame(message: object) -> bytes:
    """*message* as JSON in one text frame."""
    return text_frame(_encode(message))
