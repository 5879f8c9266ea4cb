"""A change is of one part of a Thing; a step is the parts of one request or message, in order.

The parts are planned against the Thing as it is, without touching it, so that the limits can be
checked before the first one is applied: a step happens wholly or not at all.
"""

from typing import Any, NamedTuple, TypeAlias

from msgspec import UNSET, UnsetType

from egizcore.thing.draft import FeatureDraft, ThingDraft
from egizcore.thing.model import Feature, Relationship, Thing
from egizcore.thing.patch import merge, replacement, without_nulls

JsonObject: TypeAlias = dict[str, Any]


class Members(NamedTuple):
    """The Thing's own members as they will be; *changed* is the merge patch of them."""

    type: str
    metadata: JsonObject
    relationships: tuple[Relationship, ...]
    changed: JsonObject


class Reported(NamedTuple):
    """A feature's properties as they will be, and the patch that says so."""

    feature: str
    properties: JsonObject
    patch: JsonObject


class Desired(NamedTuple):
    """A feature's desired state as it will be, and the patch that says so."""

    feature: str
    desired_state: JsonObject
    patch: JsonObject


class Dropped(NamedTuple):
    """A feature goes."""

    feature: str


Part: TypeAlias = Members | Reported | Desired | Dropped

_NOTHING: JsonObject = {}


def merging(thing: Thing, draft: ThingDraft) -> list[Part]:
    """The parts of a merge patch (``PATCH``); what it does not name stays, empty says nothing."""
    parts: list[Part] = []
    members = _merged_members(thing, draft)
    if members is not None:
        parts.append(members)
    if draft.features is None:
        return parts + [Dropped(name) for name in sorted(thing.features)]
    if isinstance(draft.features, UnsetType):
        return parts
    for name, feature in draft.features.items():
        if feature is not None:
            parts += merging_feature(thing, name, feature)
        elif name in thing.features:
            parts.append(Dropped(name))
    return parts


def merging_feature(thing: Thing, name: str, draft: FeatureDraft) -> list[Part]:
    """The parts of a partial update of one feature; a feature that is new is one at least."""
    feature = thing.features.get(name)
    old = _NOTHING if feature is None else feature.properties
    desired = _NOTHING if feature is None else feature.desired_state
    parts: list[Part] = []
    patch = _patch(draft.properties, old)
    if patch:
        parts.append(Reported(name, merge(old, patch), patch))
    wish = _patch(draft.desired_state, desired)
    if wish:
        parts.append(Desired(name, merge(desired, wish), wish))
    if feature is None and not parts:
        parts.append(Reported(name, {}, {}))
    return parts


def replacing(thing: Thing, draft: ThingDraft) -> list[Part]:
    """The parts of a whole replacement (``PUT``).

    Own members first, then each feature as it is named, then the features that went, by name.
    """
    parts: list[Part] = [_replaced_members(thing, draft)]
    named = draft.features if isinstance(draft.features, dict) else {}
    for name, feature in named.items():
        if feature is not None:
            parts += _replacing_feature(thing, name, feature)
    kept = {name for name, feature in named.items() if feature is not None}
    return parts + [Dropped(name) for name in sorted(thing.features.keys() - kept)]


def created(draft: ThingDraft, thing: Thing) -> None:
    """Fill the new *thing* from *draft*: a creation is one version whatever it contains."""
    thing.metadata = without_nulls(_value(draft.metadata))
    if isinstance(draft.relationships, tuple):
        thing.relationships = draft.relationships
    if not isinstance(draft.features, dict):
        return
    for name, wanted in draft.features.items():
        if wanted is not None:
            feature = Feature(thing.created_at)
            feature.properties = without_nulls(_value(wanted.properties))
            feature.desired_state = without_nulls(_value(wanted.desired_state))
            if feature.desired_state:
                feature.desired_at = thing.created_at
            thing.features[name] = feature


def _merged_members(thing: Thing, draft: ThingDraft) -> Members | None:
    changed: JsonObject = {}
    metadata, relationships = thing.metadata, thing.relationships
    if draft.type is not None:
        changed["type"] = draft.type
    patch = _patch(draft.metadata, metadata)
    if patch:
        changed["metadata"] = patch
        metadata = merge(metadata, patch)
    if not isinstance(draft.relationships, UnsetType):
        relationships = draft.relationships or ()
        changed["relationships"] = _documents(relationships)
    if not changed:
        return None
    return Members(draft.type or thing.type, metadata, relationships, changed)


def _replaced_members(thing: Thing, draft: ThingDraft) -> Members:
    metadata = without_nulls(_value(draft.metadata))
    relationships = draft.relationships if isinstance(draft.relationships, tuple) else ()
    kind = draft.type or thing.type
    changed = {
        "type": kind,
        "metadata": replacement(thing.metadata, metadata),
        "relationships": _documents(relationships),
    }
    return Members(kind, metadata, relationships, changed)


def _replacing_feature(thing: Thing, name: str, draft: FeatureDraft) -> list[Part]:
    """Each part that is named, and each that is not but has something to lose."""
    feature = thing.features.get(name)
    old = _NOTHING if feature is None else feature.properties
    desired = _NOTHING if feature is None else feature.desired_state
    parts: list[Part] = []
    if not isinstance(draft.properties, UnsetType) or old:
        properties = without_nulls(_value(draft.properties))
        parts.append(Reported(name, properties, replacement(old, properties)))
    if not isinstance(draft.desired_state, UnsetType) or desired:
        wish = without_nulls(_value(draft.desired_state))
        parts.append(Desired(name, wish, replacement(desired, wish)))
    if not parts and feature is None:
        parts.append(Reported(name, {}, {}))
    return parts


def _patch(value: JsonObject | UnsetType | None, old: JsonObject) -> JsonObject:
    """The patch that *value* stands for: ``null`` empties."""
    if value is None:
        return dict.fromkeys(old)
    return _NOTHING if value is UNSET else _value(value)


def _value(value: JsonObject | UnsetType | None) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _documents(relationships: tuple[Relationship, ...]) -> list[JsonObject]:
    return [{"type": link.type, "targetId": link.target_id} for link in relationships]
