"""A client's copy of the Things, kept exact by the WebSocket's messages (contract.md, section 3).

The browser's ``page/mirror.js`` follows the same rules. No socket and no clock here.
"""

from collections.abc import Mapping
from typing import Any, Final, final

CHANGES: Final = frozenset(
    {
        "ThingCreated",
        "ThingUpdated",
        "ThingDeleted",
        "StateChanged",
        "DesiredStateChanged",
        "FeatureDeleted",
    }
)


def merge(target: object, patch: object) -> Any:
    """RFC 7396, into new containers."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


@final
class Mirror:
    """Every Thing that the subscription selects, by id."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self._incoming: dict[str, dict[str, Any]] = {}

    def take(self, message: Mapping[str, Any]) -> str | None:
        """Take one message in; the id of the Thing that it changed, if it did."""
        match message["event"]:
            case "Subscribed":
                self._incoming = {}
            case "Snapshot":
                self._incoming |= {thing["id"]: thing for thing in message["things"]}
                if message["last"]:  # until then the old picture is better than half of the new
                    self.things, self._incoming = self._incoming, {}
            case event if event in CHANGES:
                return self._change(event, message)
        return None

    def _change(self, event: str, message: Mapping[str, Any]) -> str | None:
        thing_id: str = message["thingId"]
        old = self.things.get(thing_id)
        if old is not None and message["version"] <= old["version"]:
            return None  # an older subscription told it already
        if event == "ThingDeleted":
            self.things.pop(thing_id, None)
        elif event == "ThingCreated":
            self.things[thing_id] = dict(message["thing"])
        else:
            self.things[thing_id] = _changed(old or {"id": thing_id, "type": "?"}, event, message)
        return thing_id


def _changed(old: dict[str, Any], event: str, message: Mapping[str, Any]) -> dict[str, Any]:
    stamps = {"version": message["version"], "lastUpdated": message["timestamp"]}
    if event == "ThingUpdated":
        merged: dict[str, Any] = merge(old, message["changed"])
        return merged | stamps
    features = dict(old.get("features", {}))
    name = message["feature"]
    if event == "FeatureDeleted":
        features.pop(name, None)
    else:
        part = "properties" if event == "StateChanged" else "desiredState"
        feature = dict(features.get(name, {}))
        # A conflated event carries the whole part, so it replaces what is here.
        before = {} if message.get("conflated") else feature.get(part, {})
        feature[part] = merge(before, message[part])
        features[name] = feature
    return old | stamps | {"features": features}
