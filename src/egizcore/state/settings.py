"""What can be set about the state."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from egizcore.quantity import Size

Count = Annotated[int, Meta(ge=1)]
SMALLEST = Size(256)


class StateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``state``."""

    unchanged: Literal["apply", "skip"] = "apply"
    """Whether an update that changes no value is a change (FR-2.2) or is let pass in silence."""


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``limits``: how large a Thing may become."""

    thing: Size = Size(256 * 1024)
    """Bytes of one Thing as JSON."""
    features: Count = 256
    """Features of one Thing."""
    properties: Count = 1024
    """Properties of one feature."""
    nesting: Annotated[int, Meta(ge=2, le=64)] = 16
    """Levels below a metadata member or a property."""
    relationships: Count = 1000
    """Relationships of one Thing."""
    mqtt_packet: Size = Size(1024 * 1024)
    """Bytes of one MQTT packet; larger ones close their connection."""

    def __post_init__(self) -> None:
        """Refuse what no Thing and no packet could keep to."""
        if self.thing < SMALLEST:
            raise ValueError(f"`thing` is at least {SMALLEST}")
        if self.mqtt_packet < SMALLEST:
            raise ValueError(f"`mqtt_packet` is at least {SMALLEST}")
