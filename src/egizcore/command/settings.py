"""What can be set of commands (contract.md, section 7)."""

from msgspec import Struct

from egizcore.command.address import Address


class CommandSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``commands``."""

    topic: str = "devices/{device}/desired"
    """Where a device hears what is desired; ``{device}`` is one whole level of it."""
    retain: bool = False
    """Whether a broker keeps the newest for each device."""

    def __post_init__(self) -> None:
        """Refuse a topic that names no device, or that cannot be published to."""
        Address(self.topic)
