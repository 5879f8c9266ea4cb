"""A store with all that it needs, and a listener that knows only what events tell."""

import copy
import json
from typing import Any, Final, final

import msgspec

from egizcore.bus import Bus
from egizcore.ingest import DEFAULT_ROUTES, Intake, Routes, RouteSettings
from egizcore.mqtt import Topics
from egizcore.state import LimitSettings, Registry, Store
from egizcore.thing.draft import read_feature, read_thing
from egizcore.thing.event import Event, ThingCreated, ThingDeleted
from egizcore.thing.model import Thing

TIME: Final = 1_769_509_800_000  # 2026-01-27T10:30:00Z
LIMITS: Final = LimitSettings()

_encode = msgspec.json.Encoder().encode


def json_copy(value: Any) -> Any:
    """What a client would have of *value*."""
    return msgspec.json.decode(_encode(value))


def compact(value: Any) -> bytes:
    """*value* as a device may write it; ``1e+15`` is shorter here than as we write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def rfc7396(target: Any, patch: Any) -> Any:
    """MergePatch, word for word as RFC 7396, section 2, writes it."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        for name, value in patch.items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = rfc7396(target.get(name), value)
        return target
    return copy.deepcopy(patch)


@final
class Mirror:
    """A client: it merges each event into its copy and never looks at the store.

    It also keeps what it was handed beside a deep copy, so that ``assert_untouched`` can tell
    whether anybody changed an event after its publication.
    """

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}  # newest by Thing, deletions included
        self.seq = 0
        self.events: list[Event] = []
        self._handed: list[tuple[Event, Event]] = []

    def hear(self, event: Event, before: Thing | None, after: Thing | None) -> None:
        """A listener of the bus."""
        self.events.append(event)
        self._handed.append((event, copy.deepcopy(event)))
        self.follow(json_copy(event))
        assert event.seq == self.seq
        assert (before is None) is isinstance(event, ThingCreated)
        assert (after is None) is isinstance(event, ThingDeleted)
        if after is not None:
            assert exact(self.things[after.id]) == exact(after.document())
            assert after.frozen().thing.document() == after.document()

    def follow(self, message: dict[str, Any]) -> None:
        """Merge one event as it stands on the wire."""
        thing_id, version = message["thingId"], message["version"]
        assert message["seq"] == self.seq + 1, "seq has no gap"
        self.seq = message["seq"]
        kind = message["event"]
        if kind == "ThingCreated":
            assert thing_id not in self.things
            assert version > self.versions.get(thing_id, 0), "a version never goes back"
            self.things[thing_id] = message["thing"]
        else:
            assert version == self.versions[thing_id] + 1, "each change is one version"
            self._change(kind, thing_id, message)
        self.versions[thing_id] = version
        if kind != "ThingDeleted":
            assert self.things[thing_id]["id"] == thing_id
            self.things[thing_id]["version"] = version

    def _change(self, kind: str, thing_id: str, message: dict[str, Any]) -> None:
        if kind == "ThingDeleted":
            del self.things[thing_id]
            return
        thing = self.things[thing_id]
        if kind == "ThingUpdated":
            assert set(message["changed"]) <= {"type", "metadata", "relationships"}
            rfc7396(thing, message["changed"])
        elif kind == "FeatureDeleted":
            del thing["features"][message["feature"]]
        else:
            part = "properties" if kind == "StateChanged" else "desiredState"
            empty: dict[str, Any] = {"properties": {}, "desiredState": {}}
            feature = thing["features"].setdefault(message["feature"], empty)
            rfc7396(feature, {part: message[part]})

    def assert_untouched(self) -> None:
        for event, twin in self._handed:
            assert event == twin


def content(thing: dict[str, Any]) -> dict[str, Any]:
    """A Thing's document without what no patch tells: the times of its parts."""
    features = {
        name: {part: feature[part] for part in ("properties", "desiredState")}
        for name, feature in thing["features"].items()
    }
    return {
        **{name: thing[name] for name in ("id", "type", "metadata", "relationships", "version")},
        "features": features,
    }


def exact(thing: dict[str, Any]) -> str:
    """*thing*'s content as text, which tells ``true`` from 1 and 190 from 190.0."""
    return json.dumps(content(json_copy(thing)), sort_keys=True)


@final
class Source:
    source = "endpoint"
    client_id = "device"
    username: str | None = None

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        raise AssertionError("nobody sends", topic, payload, retain)


@final
class Plant:
    """Store, registry and intake over one bus; *now* is the time that all of them read."""

    def __init__(
        self,
        *routes: RouteSettings,
        limits: LimitSettings = LIMITS,
        devices: dict[str, str] | None = None,
        skip: bool = False,
        create: bool = True,
    ) -> None:
        self.now = TIME
        self.bus = Bus("epoch1")
        self.store = Store(self.bus, limits)
        self.registry = Registry(self.store, lambda: self.now, skip_unchanged=skip)
        self.routes = Routes(routes or DEFAULT_ROUTES, devices or {})
        self.intake = Intake(
            self.store,
            self.routes,
            lambda: self.now,
            create_unknown=create,
            skip_unchanged=skip,
        )
        self.intake.add_source("endpoint")
        self.topics = Topics(self.routes.resolve)  # as connections do, it asks once a topic
        self.events: list[Event] = []
        self.bus.attach(lambda event, _before, _after: self.events.append(event))

    def create(self, document: dict[str, Any]) -> Thing:
        return self.registry.create(read_thing(document, versioned=False))

    def put(self, document: dict[str, Any]) -> Thing:
        return self.registry.put(document["id"], read_thing(document))[0]

    def merge(self, thing_id: str, document: dict[str, Any]) -> Thing:
        return self.registry.merge(thing_id, read_thing(document))

    def merge_feature(self, thing_id: str, name: str, document: dict[str, Any]) -> Thing:
        return self.registry.merge_feature(thing_id, name, read_feature(document))

    def publish(self, topic: str, payload: Any, *, retained: bool = False) -> str:
        """The outcome of one message; *payload* is bytes, or what to write as JSON."""
        body = payload if isinstance(payload, bytes) else compact(payload)
        before = dict(self.intake.counts["endpoint"])
        self.intake.take([(self.topics[topic.encode()], body, retained)], Source())
        (outcome,) = [
            name for name, n in self.intake.counts["endpoint"].items() if n != before[name]
        ]
        assert self.intake.counts["endpoint"][outcome] == before[outcome] + 1
        return outcome

    def document(self, thing_id: str) -> Any:
        return json_copy(self.store.things[thing_id].document())

    def properties(self, thing_id: str, feature: str) -> Any:
        return self.document(thing_id)["features"][feature]["properties"]

    def told(self) -> list[Any]:
        """The events since the last call, as on the wire."""
        told, self.events = [json_copy(event) for event in self.events], []
        return told
