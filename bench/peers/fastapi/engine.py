# ruff: noqa: INP001 - a program with an environment of its own, no package
# mypy: ignore-errors
"""Things, and what a message does to them."""

from bisect import insort
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from hub import Audience, Hub, framed

OPTIONS: Final = orjson.OPT_UTC_Z

Json = dict[str, Any]


class Thing:
    __slots__ = (
        "audience", "features", "generation", "id", "metadata", "type", "updated", "version",
    )  # fmt: skip

    def __init__(self, id: str, type: str) -> None:
        self.id = id
        self.type = type
        self.metadata: Json = {}
        self.features: dict[str, Json] = {}
        self.version = 1
        self.updated = datetime.now(UTC)
        self.audience: Audience = []
        self.generation = -1
        """Of the hub when *audience* was looked up."""

    def shown(self) -> Json:
        return {
            "id": self.id,
            "type": self.type,
            "metadata": self.metadata,
            "features": self.features,
            "version": self.version,
            "lastUpdated": self.updated,
        }


class Engine:
    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.ids: dict[str, list[str]] = {}
        """By type, sorted."""
        self.hub = Hub()
        self.applied = 0
        self.is_ready = False
        self._by_topic: dict[str, Thing] = {}

    def begin(self, *_told: object) -> None:
        """The broker has answered the subscription."""
        self.is_ready = True

    def receive(
        self, _client: object, topic: str, payload: bytes, _qos: int, _properties: object
    ) -> None:
        """Merge a message into its Thing, and queue an event for each of its features."""
        try:
            reading = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return
        thing = self._by_topic.get(topic) or self._adopt(topic)
        hub = self.hub
        now = datetime.now(UTC)
        for name, patch in reading.items():
            feature = thing.features.get(name)
            if feature is None:
                feature = thing.features[name] = {"properties": {}}
            merge(feature["properties"], patch)
            thing.version += 1
            if thing.generation != hub.generation:
                thing.audience = hub.audience(thing.id, thing.type)
                thing.generation = hub.generation
            if thing.audience:
                event = {
                    "event": "StateChanged",
                    "thingId": thing.id,
                    "feature": name,
                    "properties": patch,
                    "version": thing.version,
                    "timestamp": now,
                }
                hub.publish(framed(orjson.dumps(event, option=OPTIONS)), thing.audience)
        thing.updated = now
        self.applied += 1

    def put(self, thing: Thing) -> None:
        """Take *thing* in, in the place of the one that had its id."""
        old = self.things.get(thing.id)
        if old is not None:
            self.ids[old.type].remove(old.id)
            self._by_topic.clear()
        insort(self.ids.setdefault(thing.type, []), thing.id)
        self.things[thing.id] = thing

    def _adopt(self, topic: str) -> Thing:
        name = f"factory:{topic.split('/')[1]}"
        thing = self.things.get(name)
        if thing is None:
            thing = Thing(name, "device")
            self.put(thing)
        self._by_topic[topic] = thing
        return thing


def merge(target: Json, patch: Json) -> None:
    """Change *target* in place; nobody else holds it."""
    for name, value in patch.items():
        if type(value) is dict:
            below = target.get(name)
            if type(below) is not dict:
                below = target[name] = {}
            merge(below, value)
        elif value is None:
            target.pop(name, None)
        else:
            target[name] = value
