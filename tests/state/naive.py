"""The store as plain nested dictionaries: what contract.md, sections 1 and 4, say, and no more."""

import copy
from typing import Any, Final, final

import msgspec
from tests.state.plant import rfc7396

PART_NAMES: Final = ("properties", "desiredState")


class Rejected(Exception):
    """The step is refused with *code*."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def pruned(value: Any) -> Any:
    """What a patch makes of nothing."""
    return rfc7396({}, value)


def equal(left: Any, right: Any) -> bool:
    """190 is 190.0, ``true`` is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def reading_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Payload → feature → patch."""
    found: dict[str, Any] = {}
    for name, member in payload.items():
        if member is None or name == "desiredState":
            continue
        if not isinstance(member, dict):
            found.setdefault("telemetry", {})[name] = member
            continue
        inside = {key: value for key, value in member.items() if key != "desiredState"}
        if list(inside) == ["properties"] and isinstance(inside["properties"], dict):
            inside = inside["properties"]
        found.setdefault(name, {}).update(inside)
    return {name: patch for name, patch in found.items() if patch}


@final
class Feature:
    def __init__(self) -> None:
        self.parts: dict[str, Any] = {"properties": {}, "desiredState": {}}
        self.times: dict[str, int] = {}
        self.sampled = -1


@final
class Thing:
    def __init__(self, thing_id: str, kind: str, at: int) -> None:
        self.id = thing_id
        self.own: dict[str, Any] = {"type": kind, "metadata": {}, "relationships": []}
        self.features: dict[str, Feature] = {}
        self.version = 1
        self.created = self.changed = at

    def updated(self) -> int:
        return max([self.changed, *(t for f in self.features.values() for t in f.times.values())])


@final
class Naive:
    """*told* has, for each event of the last step: its kind, its feature, its time."""

    def __init__(self, *, size: int, features: int, properties: int, skip: bool) -> None:
        self.things: dict[str, Thing] = {}
        self.last: dict[str, int] = {}
        self.told: list[tuple[str, str | None, int]] = []
        self._size, self._features, self._properties = size, features, properties
        self._skip = skip

    # Steps: each works on a copy that replaces the Thing if no limit speaks against it ----------

    def create(self, document: dict[str, Any], at: int) -> None:
        if document["id"] in self.things:
            raise Rejected("already_exists")
        thing = Thing(document["id"], document["type"], at)
        thing.own["metadata"] = pruned(document.get("metadata") or {})
        thing.own["relationships"] = document.get("relationships") or []
        for name, wanted in (document.get("features") or {}).items():
            if wanted is not None:
                feature = thing.features[name] = Feature()
                feature.times["properties"] = at
                for part in PART_NAMES:
                    feature.parts[part] = pruned(wanted.get(part) or {})
                if feature.parts["desiredState"]:
                    feature.times["desiredState"] = at
        thing.version = self.last.get(thing.id, 0) + 1
        self._accept(thing, [("ThingCreated", None, at)], version=0)

    def delete(self, thing_id: str, at: int) -> None:
        thing = self.find(thing_id)
        self.last[thing_id] = thing.version + 1
        del self.things[thing_id]
        self.told = [("ThingDeleted", None, at)]

    def put(self, document: dict[str, Any], version: int | None, at: int) -> None:
        old = self.things.get(document["id"])
        if version is not None and version != (None if old is None else old.version):
            raise Rejected("version_conflict")
        if old is None:
            self.create(document, at)
            return
        thing = copy.deepcopy(old)
        told = self._own(thing, at)
        thing.own = {
            "type": document["type"],
            "metadata": pruned(document.get("metadata") or {}),
            "relationships": document.get("relationships") or [],
        }
        wanted = {n: f for n, f in (document.get("features") or {}).items() if f is not None}
        for name, parts in wanted.items():
            feature = thing.features.setdefault(name, Feature())
            changed = [part for part in PART_NAMES if part in parts or feature.parts[part]]
            if name not in old.features and not changed:
                changed = ["properties"]
            for part in changed:
                after = pruned(parts.get(part) or {})
                told += self._set(feature, name, part, after, at, new=name not in old.features)
        for name in sorted(old.features.keys() - wanted.keys()):
            told.append(self._drop(thing, name, at))
        self._accept(thing, told)

    def merge(self, document: dict[str, Any], version: int | None, at: int) -> None:
        thing = copy.deepcopy(self.find(document["id"]))
        if version is not None and version != thing.version:
            raise Rejected("version_conflict")
        told: list[Any] = []
        own = {name: document[name] for name in thing.own if name in document}
        if own.get("metadata", ...) in ({}, None) and not (
            own["metadata"] is None and thing.own["metadata"]
        ):
            del own["metadata"]
        if own:
            if "relationships" in own:
                own["relationships"] = own["relationships"] or []
            if own.get("metadata", ...) is None:
                thing.own["metadata"] = {}
                del own["metadata"]
            rfc7396(thing.own, own)
            told = self._own(thing, at)
        if document.get("features", ...) is None:
            told += [self._drop(thing, name, at) for name in sorted(thing.features)]
        for name, wanted in (document.get("features") or {}).items():
            if wanted is not None:
                told += self._merged(thing, name, wanted, at)
            elif name in thing.features:
                told.append(self._drop(thing, name, at))
        self._accept(thing, told)

    def merge_feature(
        self, thing_id: str, name: str, parts: dict[str, Any], version: int | None, at: int
    ) -> None:
        thing = copy.deepcopy(self.find(thing_id))
        if version is not None and version != thing.version:
            raise Rejected("version_conflict")
        self._accept(thing, self._merged(thing, name, parts, at))

    def delete_feature(self, thing_id: str, name: str, at: int) -> None:
        thing = copy.deepcopy(self.find(thing_id))
        if name not in thing.features:
            raise Rejected("feature_not_found")
        self._accept(thing, [self._drop(thing, name, at)])

    def report(
        self,
        thing_id: str,
        reading: dict[str, Any],
        at: int,
        *,
        sample: int | None,
        skip: bool,
        retained: bool,
    ) -> str:
        """The outcome of one message."""
        old = self.things.get(thing_id)
        thing = Thing(thing_id, "device", at) if old is None else copy.deepcopy(old)
        now = at if sample is None else sample
        late = [
            name
            for name, feature in thing.features.items()
            if name in reading and sample is not None and sample < feature.sampled
        ]
        timely = {name: patch for name, patch in reading.items() if name not in late}
        same = [
            name
            for name, patch in timely.items()
            if name in thing.features
            and equal(
                rfc7396(copy.deepcopy(thing.features[name].parts["properties"]), patch),
                thing.features[name].parts["properties"],
            )
        ]
        if not (skip or (retained and len(same) == len(timely))):
            same = []
        told = []
        for name, patch in timely.items():
            if name not in same:
                feature = thing.features.setdefault(name, Feature())
                rfc7396(feature.parts["properties"], patch)
                told.append(self._part(feature, name, "properties", now))
            if sample is not None:
                thing.features[name].sampled = sample
        if told and old is None:
            thing.version = self.last.get(thing_id, 0) + 1
            self._accept(thing, told, version=0)
            thing.version += len(told)
            self.told = [("ThingCreated", None, at), *told]
        elif old is not None:
            self._accept(thing, told)
        return "applied" if told else "late" if late else "unchanged"

    # What steps are made of -------------------------------------------------------------------

    def find(self, thing_id: str) -> Thing:
        if thing_id not in self.things:
            raise Rejected("thing_not_found")
        return self.things[thing_id]

    def _merged(self, thing: Thing, name: str, parts: dict[str, Any], at: int) -> list[Any]:
        is_new = name not in thing.features
        feature = thing.features.setdefault(name, Feature())
        told = []
        for part in PART_NAMES:
            patch = parts.get(part, {})
            if patch or (patch is None and feature.parts[part]):
                after = rfc7396(copy.deepcopy(feature.parts[part]), patch) if patch else {}
                told += self._set(feature, name, part, after, at, new=is_new)
        if is_new and not told:
            told.append(self._part(feature, name, "properties", at))
        return told

    def _part(self, feature: Feature, name: str, part: str, at: int) -> tuple[str, str, int]:
        feature.times[part] = at
        return ("StateChanged" if part == "properties" else "DesiredStateChanged", name, at)

    def _set(
        self, feature: Feature, name: str, part: str, after: Any, at: int, *, new: bool
    ) -> list[Any]:
        if self._skip and not new and equal(feature.parts[part], after):
            return []
        feature.parts[part] = after
        return [self._part(feature, name, part, at)]

    def _own(self, thing: Thing, at: int) -> list[Any]:
        thing.changed = max(thing.changed, at)
        return [("ThingUpdated", None, at)]

    def _drop(self, thing: Thing, name: str, at: int) -> tuple[str, str, int]:
        del thing.features[name]
        thing.changed = max(thing.changed, at)
        return ("FeatureDeleted", name, at)

    def _accept(self, thing: Thing, told: list[Any], *, version: int | None = None) -> None:
        """Take *thing* for what is there. Its size counts the version that it had before."""
        over = len(thing.features) > self._features or any(
            len(feature.parts[part]) > self._properties
            for feature in thing.features.values()
            for part in PART_NAMES
        )
        size = len(
            msgspec.json.encode(document(thing, thing.version if version is None else version))
        )
        if told and (over or size > self._size):
            raise Rejected("limit_exceeded")
        if version is None:
            thing.version += len(told)
        self.things[thing.id] = thing
        self.told = told


def document(thing: Thing, version: int) -> dict[str, Any]:
    """As REST gives it; times have the length of any time."""
    some_time = "2026-01-27T10:30:00.000Z"
    return {
        "id": thing.id,
        **thing.own,
        "features": {
            name: {**feature.parts, "lastUpdated": some_time}
            for name, feature in thing.features.items()
        },
        "version": version,
        "createdAt": some_time,
        "lastUpdated": some_time,
    }
