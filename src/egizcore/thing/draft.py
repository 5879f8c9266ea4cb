"""Documents from outside, checked: what a person or a program may write of a Thing.

A draft keeps apart what was not named (``UNSET``), what was ``null`` (None) and what has a value.
All faults of a document are told at once, each with an RFC 6901 pointer.
"""

from typing import Any, Final, TypeAlias, final

from msgspec import UNSET, UnsetType

from egizcore.errors import Fault, LimitExceeded, ValidationFailed
from egizcore.thing.model import Relationship, is_name, is_thing_id, is_word
from egizcore.thing.path import pointer

JsonObject: TypeAlias = dict[str, Any]

NESTING: Final = 16
"""Levels of nesting below a metadata member or a property, unless ``limits.nesting`` differs."""

_THING: Final = frozenset({"id", "type", "metadata", "features", "relationships", "version"})
_FEATURE: Final = frozenset({"properties", "desiredState"})
_SERVER_ONLY: Final = frozenset({"createdAt", "lastUpdated", "stale", "quality"})
_INT64: Final = 1 << 63

MAX_FAULTS: Final = 100
"""Enough for any person to mend at once."""


@final
class FeatureDraft:
    """What a document says of one feature; *version* only in a feature's own document."""

    __slots__ = ("desired_state", "properties", "version")

    def __init__(self) -> None:
        self.properties: JsonObject | UnsetType | None = UNSET
        self.desired_state: JsonObject | UnsetType | None = UNSET
        self.version: int | None = None


@final
class ThingDraft:
    """What a document says of a Thing. A feature that is None is to go."""

    __slots__ = ("features", "id", "metadata", "relationships", "type", "version")

    def __init__(self) -> None:
        self.id: str | None = None
        self.type: str | None = None
        self.metadata: JsonObject | UnsetType | None = UNSET
        self.features: dict[str, FeatureDraft | None] | UnsetType | None = UNSET
        self.relationships: tuple[Relationship, ...] | UnsetType | None = UNSET
        self.version: int | None = None


def read_thing(document: object, *, versioned: bool = True, nesting: int = NESTING) -> ThingDraft:
    """A Thing's document; *versioned* is False where its ``version`` is ignored (creation).

    Raises:
        ValidationFailed: with a pointer to each fault.
        LimitExceeded: a value is nested too deep.
    """
    reader = _Reader(nesting)
    draft = reader.thing(document, versioned=versioned)
    reader.end()
    return draft


def read_feature(document: object, *, nesting: int = NESTING) -> FeatureDraft:
    """A feature's own document, as ``PUT …/features/{feature}`` takes it; errors as above."""
    reader = _Reader(nesting)
    draft = reader.feature(document, "", _FEATURE | {"version"})
    reader.end()
    return draft


@final
class _Reader:
    """Collects the faults of one document."""

    def __init__(self, nesting: int) -> None:
        self.nesting = nesting
        self.faults: list[Fault] = []
        self.deep: list[Fault] = []

    def end(self) -> None:
        if self.faults:
            first = self.faults[0]
            raise ValidationFailed(
                f"{first.pointer or 'the document'}: {first.message}", faults=tuple(self.faults)
            )
        if self.deep:
            first = self.deep[0]
            raise LimitExceeded(f"{first.pointer}: {first.message}", faults=tuple(self.deep))

    def fault(self, where: str, message: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(where, message))

    def members_of(self, value: object, where: str) -> JsonObject:
        if isinstance(value, dict):
            return value
        self.fault(where, "must be an object")
        return {}

    def thing(self, document: object, *, versioned: bool) -> ThingDraft:
        draft = ThingDraft()
        members = self.members_of(document, "")
        self.unknown(members, _THING | _SERVER_ONLY, "")
        if "id" in members:
            draft.id = self.thing_id(members["id"], "/id")
        if "type" in members:
            draft.type = self.word(members["type"], "/type")
        if "metadata" in members:
            draft.metadata = self.names(members["metadata"], "/metadata")
        if "relationships" in members:
            draft.relationships = self.relationships(members["relationships"])
        if "features" in members:
            draft.features = self.features(members["features"])
        if versioned and "version" in members:
            draft.version = self.version(members["version"])
        return draft

    def features(self, value: object) -> dict[str, FeatureDraft | None] | None:
        if value is None:
            return None
        drafts: dict[str, FeatureDraft | None] = {}
        for name, document in self.members_of(value, "/features").items():
            where = pointer("features", name)
            if not is_word(name):
                self.fault(where, "a feature's name has 1 to 64 of A-Z a-z 0-9 _ -")
            elif document is None:
                drafts[name] = None
            else:
                drafts[name] = self.feature(document, where, _FEATURE)
        return drafts

    def feature(self, document: object, where: str, members: frozenset[str]) -> FeatureDraft:
        draft = FeatureDraft()
        value = self.members_of(document, where)
        self.unknown(value, members | _SERVER_ONLY | {"id"}, where)
        if "properties" in value:
            draft.properties = self.names(value["properties"], where + "/properties")
        if "desiredState" in value:
            draft.desired_state = self.names(value["desiredState"], where + "/desiredState")
        if "version" in members and "version" in value:
            draft.version = self.version(value["version"])
        return draft

    def relationships(self, value: object) -> tuple[Relationship, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list):
            self.fault("/relationships", "must be an array")
            return ()
        return tuple(self.relationship(item, index) for index, item in enumerate(value))

    def relationship(self, value: object, index: int) -> Relationship:
        where = f"/relationships/{index}"
        members = self.members_of(value, where)
        self.unknown(members, frozenset({"type", "targetId"}), where)
        return Relationship(
            self.word(members.get("type"), where + "/type"),
            self.thing_id(members.get("targetId"), where + "/targetId"),
        )

    def names(self, value: object, where: str) -> JsonObject | None:
        """The members of metadata, properties or a desired state."""
        if value is None:
            return None
        members = self.members_of(value, where)
        for name, member in members.items():
            inside = where + pointer(name)
            if not is_name(name):
                self.fault(inside, "a name has 1 to 128 characters and no control characters")
            self.depth(member, inside, self.nesting)
        return members

    def depth(self, value: object, where: str, left: int) -> None:
        """*left* levels of containers may stand here; names are checked at every level."""
        if not isinstance(value, dict | list):
            return
        if left == 0:
            if len(self.deep) < MAX_FAULTS:
                self.deep.append(Fault(where, f"is nested deeper than {self.nesting} levels"))
            return
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict | list):
                    self.depth(item, f"{where}/{index}", left - 1)
            return
        for name, member in value.items():
            if not is_name(name):
                self.fault(
                    where + pointer(name),
                    "a name has 1 to 128 characters and no control characters",
                )
            if isinstance(member, dict | list):
                self.depth(member, where + pointer(name), left - 1)

    def thing_id(self, value: object, where: str) -> str:
        if isinstance(value, str) and is_thing_id(value):
            return value
        self.fault(where, "must be namespace:name of A-Z a-z 0-9 _ . -, at most 256 characters")
        return ""

    def word(self, value: object, where: str) -> str:
        if isinstance(value, str) and is_word(value):
            return value
        self.fault(where, "must be text of 1 to 64 of A-Z a-z 0-9 _ -")
        return ""

    def version(self, value: object) -> int | None:
        if type(value) is int and 0 <= value < _INT64:
            return value
        self.fault("/version", "must be an integer of at least 0")
        return None

    def unknown(self, members: JsonObject, known: frozenset[str], where: str) -> None:
        for name in members:
            if name not in known:
                self.fault(where + pointer(name), "is not known here")
