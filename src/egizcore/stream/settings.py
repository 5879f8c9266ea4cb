"""What can be set about the WebSocket stream."""

from msgspec import Struct

from egizcore.quantity import Size

SMALLEST = Size(16 * 1024)


class StreamSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``stream``."""

    client_buffer: Size = Size(256 * 1024)
    """Bytes that may wait for one client; past it, what is new to it is conflated."""

    def __post_init__(self) -> None:
        """Refuse a buffer that a single message would fill."""
        if self.client_buffer < SMALLEST:
            raise ValueError(f"`client_buffer` is at least {SMALLEST}")
