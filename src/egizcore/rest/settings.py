"""What can be set about HTTP."""

import re
from typing import Annotated

from msgspec import Meta, Struct

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+")

Port = Annotated[int, Meta(ge=0, le=65535)]


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``http``."""

    host: str = "127.0.0.1"
    """Address to listen on, for REST and WebSocket alike."""
    port: Port = 8080
    """Port to listen on; 0 takes any free one."""
    allowed_hosts: list[str] = []
    """While bound to loopback: names, with or without port, that a ``Host`` may bear besides it."""
    allowed_origins: list[str] = []
    """Origins of pages that browsers may let talk to us, such as ``https://plant.example``."""

    def __post_init__(self) -> None:
        """Refuse what a browser never sends, ``*`` and ``null`` among it: it would allow nobody."""
        for origin in self.allowed_origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"allowed_origins: {origin!r} is no origin such as https://plant.example"
                )
