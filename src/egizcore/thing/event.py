"""What happened, in the form that clients receive (contract.md, section 3).

The member names are the wire's: an event is encoded as it stands, with the class name as
``event``. ``properties``, ``desiredState`` and ``changed`` are RFC 7396 patches that nobody
changes after publication; ``timestamp`` is RFC 3339 UTC with milliseconds.
"""

from typing import Any, TypeAlias

from msgspec import Struct

JsonObject: TypeAlias = dict[str, Any]


class StateChanged(Struct, tag_field="event", omit_defaults=True, gc=False):
    """A feature's properties changed; *properties* is the patch as it was applied (FR-5.4)."""

    thingId: str
    feature: str
    properties: JsonObject
    version: int
    timestamp: str
    seq: int
    quality: str | None = None
    conflated: int = 0


class DesiredStateChanged(Struct, tag_field="event", omit_defaults=True, gc=False):
    """A feature's desired state changed; *desiredState* is the patch as it was applied."""

    thingId: str
    feature: str
    desiredState: JsonObject
    version: int
    timestamp: str
    seq: int
    conflated: int = 0


class FeatureDeleted(Struct, tag_field="event", omit_defaults=True, gc=False):
    """A feature went, with its properties and its desired state."""

    thingId: str
    feature: str
    version: int
    timestamp: str
    seq: int
    conflated: int = 0


class ThingCreated(Struct, tag_field="event", omit_defaults=True, gc=False):
    """A Thing came to be; *thing* is the whole document (``thing/document.py``)."""

    thingId: str
    thing: JsonObject
    version: int
    timestamp: str
    seq: int
    conflated: int = 0


class ThingUpdated(Struct, tag_field="event", omit_defaults=True, gc=False):
    """Type, metadata or relationships changed; *changed* is the merge patch of these."""

    thingId: str
    changed: JsonObject
    version: int
    timestamp: str
    seq: int
    conflated: int = 0


class ThingDeleted(Struct, tag_field="event", omit_defaults=True, gc=False):
    """The Thing went; its version counts on should it come back."""

    thingId: str
    version: int
    timestamp: str
    seq: int
    conflated: int = 0


Event: TypeAlias = (
    StateChanged | DesiredStateChanged | FeatureDeleted | ThingCreated | ThingUpdated | ThingDeleted
)
EVENTS: tuple[type[Event], ...] = (
    StateChanged,
    DesiredStateChanged,
    FeatureDeleted,
    ThingCreated,
    ThingUpdated,
    ThingDeleted,
)
