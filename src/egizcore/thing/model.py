"""The Thing: the live state of one physical asset (PRD, Thing Model; contract.md, section 1).

These are the objects that the state engine changes in place. The dictionaries inside
``properties``, ``desired_state`` and ``metadata`` are never changed once they are stored here:
merging makes new ones along the changed path, so whoever holds one holds a value for good.
Times are integers, milliseconds since 1970 UTC.
"""

import re
from typing import Any, NamedTuple, final

from egizcore.thing.moment import rfc3339

THING_ID = re.compile(r"[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)+")
WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MAX_ID = 256
MAX_NAME = 128
NEVER = -1
"""The time of what has not happened; before every time that is told."""
FAR = 1 << 60
"""A time that does not come."""


def is_thing_id(text: str) -> bool:
    """``namespace:name``, at most 256 characters."""
    return len(text) <= MAX_ID and THING_ID.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """The form of a type and of a feature's name."""
    return WORD.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """The form of a property's or a metadata member's name, at any depth."""
    return 0 < len(text) <= MAX_NAME and CONTROL.search(text) is None


class Relationship(NamedTuple):
    """A link to another Thing, which need not exist."""

    type: str
    target_id: str


@final
class Feature:
    """One aspect of a Thing: what it reports and what it is asked to be.

    Each part has the time of its own last change, so that a device's clock is not hidden behind
    the moment at which we first heard of the feature.
    """

    __slots__ = ("desired_at", "desired_state", "due", "properties", "reported_at", "sampled_at")

    def __init__(self, reported_at: int = NEVER, desired_at: int = NEVER) -> None:
        self.properties: dict[str, Any] = {}
        self.desired_state: dict[str, Any] = {}
        self.reported_at = reported_at
        self.desired_at = desired_at
        self.sampled_at = NEVER  # newest sample that was taken from a device's clock
        self.due = FAR  # history wants what is reported from this time on; not of a copy

    @property
    def updated_at(self) -> int:
        """The newer of its two parts."""
        return max(self.reported_at, self.desired_at)

    def document(self) -> dict[str, Any]:
        """As it stands inside its Thing."""
        return {
            "properties": self.properties,
            "desiredState": self.desired_state,
            "lastUpdated": rfc3339(self.updated_at),
        }

    def copy(self) -> "Feature":
        """A feature that later changes of this one do not reach."""
        twin = Feature(self.reported_at, self.desired_at)
        twin.properties = self.properties
        twin.desired_state = self.desired_state
        twin.sampled_at = self.sampled_at
        return twin


@final
class Thing:
    """One asset with all its parts. *changed_at* is the time of its own members' last change."""

    __slots__ = (
        "changed_at",
        "created_at",
        "features",
        "id",
        "last",
        "last_name",
        "metadata",
        "relationships",
        "reporter",
        "room",
        "still",
        "type",
        "version",
    )

    def __init__(self, thing_id: str, kind: str, version: int, at: int) -> None:
        self.id = thing_id
        self.type = kind
        self.metadata: dict[str, Any] = {}
        self.features: dict[str, Feature] = {}
        self.relationships: tuple[Relationship, ...] = ()
        self.version = version
        self.created_at = at
        self.changed_at = at
        # The feature that reported last, and its name: likely the next to report. Among many Things
        # each look-up in cold memory costs (`make bench SCENARIOS=scale`).
        self.last: Feature | None = None
        self.last_name = ""
        self.room = 0  # bytes that telemetry may still bring before the size is measured anew
        self.still: Still | None = None  # what frozen() gave, until the next change
        self.reporter: str | None = None  # the device that last reported for it

    @property
    def updated_at(self) -> int:
        """The newest of its parts."""
        newest = self.changed_at
        for feature in self.features.values():
            newest = max(newest, feature.reported_at, feature.desired_at)
        return newest

    def document(self) -> dict[str, Any]:
        """The Thing as clients see it; later changes do not reach it."""
        return {
            "id": self.id,
            "type": self.type,
            "metadata": self.metadata,
            "features": {name: feature.document() for name, feature in self.features.items()},
            "relationships": [
                {"type": link.type, "targetId": link.target_id} for link in self.relationships
            ],
            "version": self.version,
            "createdAt": rfc3339(self.created_at),
            "lastUpdated": rfc3339(self.updated_at),
        }

    def copy(self) -> "Thing":
        """A Thing that later changes of this one do not reach."""
        twin = Thing(self.id, self.type, self.version, self.created_at)
        twin.metadata = self.metadata
        twin.features = {name: feature.copy() for name, feature in self.features.items()}
        twin.relationships = self.relationships
        twin.changed_at = self.changed_at
        twin.room = self.room
        return twin

    def frozen(self) -> "Still":
        """The Thing as it is now, shared by all who ask until its next change.

        Costs a reference: the copy is made at that change, if there is one.
        """
        if self.still is None:
            self.still = Still(self)
        return self.still

    def keep_still(self) -> None:
        """To be called before each change: whoever holds a ``Still`` keeps what is now."""
        if self.still is not None:
            self.still.thing = self.copy()
            self.still = None

    def retire(self) -> None:
        """It is no longer registered: who still has it finds nothing to report to or to hold."""
        self.keep_still()
        self.last = None
        self.last_name = ""
        self.features = {}
        self.metadata = {}
        self.relationships = ()


@final
class Still:
    """A Thing as it was when ``frozen`` was asked: the Thing itself while it stays so."""

    __slots__ = ("thing",)

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
