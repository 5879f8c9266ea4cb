"""Routes: which topic says what about which Thing (contract.md, section 4, Mapping)."""

from typing import Literal

from msgspec import Struct, field

from egizcore.mqtt import LinkSettings


class RouteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``mqtt.routes``; the first whose topic matches decides."""

    topic: str
    """``{name}`` is one level, captured; ``+`` and a last ``#`` match uncaptured."""
    thing: str | None = None
    """Template of the Thing's id, for devices that the devices table does not name."""
    feature: str | None = None
    """Template of the feature that the payload's members are properties of."""
    type: str = "device"
    """Of Things created from telemetry."""
    device: str | None = None
    """``payload.<path>``: the device id is in the payload."""
    fields: dict[str, str] | None = None
    """Flat payloads: member → ``feature.property``."""
    time: str | None = None
    """``payload.<path>``: the device's clock, in epoch s, epoch ms (from 1e11) or RFC 3339."""
    unchanged: Literal["apply", "skip"] | None = None
    """As ``state.unchanged``, for this route."""


DEFAULT_ROUTES = (RouteSettings(topic="sensors/{device}/telemetry", thing="factory:{device}"),)


class MqttSettings(LinkSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``mqtt``: the link of that name, more links, and what their topics mean."""

    routes: tuple[RouteSettings, ...] = DEFAULT_ROUTES
    devices: dict[str, str] = field(default_factory=dict)
    devices_file: str | None = None
    """A YAML file with more entries of ``devices``."""
    unknown: Literal["create", "reject"] = "create"
    """What to do with telemetry of a Thing that does not exist."""
    connections: dict[str, LinkSettings] = field(default_factory=dict)
    """More links, by name."""
