"""What can be set about the WebSocket stream."""

from msgspec import Struct

from egizcore.quantity import Size


class StreamSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``stream``."""

    client_buffer: Size = Size(256 * 1024)
    """Bytes that may wait for one client; past it, what is new to it is conflated."""
