"""Topic → route, device, Thing and feature: decided once for each topic, then remembered."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, final

from egizcore.errors import SettingsInvalid
from egizcore.ingest.settings import DEFAULT_ROUTES, MqttSettings, RouteSettings
from egizcore.mqtt import Origin, ProtocolError, check_filter, covers, overlap
from egizcore.thing import MAX_ID, MAX_NAME, Thing, is_name, is_thing_id, is_word

_CAPTURE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PAYLOAD: Final = "payload."

NO_ROUTE: Final = "no_route"
BAD_TOPIC: Final = "bad_topic"
UNKNOWN_DEVICE: Final = "unknown_device"


@final
class Target:
    """What a topic stands for; *reason* is why it stands for nothing."""

    __slots__ = (
        "applies",
        "captures",
        "device",
        "feature",
        "loose",
        "message",
        "origin",
        "plain",
        "reason",
        "reporter",
        "route",
        "thing",
        "thing_id",
        "topic",
    )

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.route: Route | None = None
        self.captures: Mapping[str, str] = {}
        self.device: str | None = None
        self.thing_id = ""
        self.thing: Thing | None = None  # that of this id when the last plain report came
        self.feature: str | None = None
        self.reason: str | None = NO_ROUTE
        self.message = "no route has a topic that matches"
        self.plain = False  # topic says all: the payload is features, or properties of one
        self.loose = False  # the last payload named no features: likely the next does neither
        self.applies = False  # the route says that repeated values are changes, whoever skips
        self.origin: Origin | None = None  # where the last report on this topic came from
        self.reporter: str | None = None  # the device that it was then taken for

    def reject(self, reason: str, message: str) -> "Target":
        """Messages on this topic are refused, and why."""
        self.reason = reason
        self.message = message
        self.plain = False
        return self


class Tried(NamedTuple):
    """A route that was looked at, and why it did not apply."""

    route: str
    why: str


@final
class Route:
    """One compiled entry of ``mqtt.routes``."""

    __slots__ = (
        "_levels",
        "device",
        "feature",
        "fields",
        "filter",
        "named",
        "thing",
        "time",
        "topic",
        "type",
        "unchanged",
    )

    def __init__(self, settings: RouteSettings, where: str) -> None:
        self.topic = settings.topic
        self._levels = settings.topic.split("/")
        names = [name for level in self._levels for name in _captured(level, where, self.topic)]
        if len(set(names)) != len(names):
            raise SettingsInvalid(f"{where}.topic: a name is captured twice in {self.topic!r}")
        self.filter = "/".join("+" if _CAPTURE.fullmatch(one) else one for one in self._levels)
        try:
            check_filter(self.filter)
        except ProtocolError as error:
            raise SettingsInvalid(f"{where}.topic: {self.topic!r}: {error}") from None
        self.device = _payload_path(settings.device, f"{where}.device")
        self.time = _payload_path(settings.time, f"{where}.time")
        known = {*names, "device"} if self.device else set(names)
        self.thing = _template(settings.thing, known, f"{where}.thing")
        self.feature = _template(settings.feature, known, f"{where}.feature")
        if not is_word(settings.type):
            raise SettingsInvalid(f"{where}.type: {settings.type!r} is no type (A-Z a-z 0-9 _ -)")
        self.type = settings.type
        if settings.fields is not None and settings.feature is not None:
            raise SettingsInvalid(f"{where}: 'fields' name the features, so 'feature' has no use")
        self.fields = None if settings.fields is None else _fields(settings.fields, where)
        # Bytes of the names that a flat payload does not bring itself; four a character at most.
        self.named = 0 if settings.fields is None else len("".join(settings.fields.values())) * 4
        self.unchanged = settings.unchanged

    def match(self, topic: str) -> dict[str, str] | str:
        """The captures of *topic*, or why it does not match."""
        levels = topic.split("/")
        captures: dict[str, str] = {}
        if topic.startswith("$") and self.filter[0] in "+#":
            return "a topic that begins with $ is not matched by a wildcard"
        for index, mine in enumerate(self._levels):
            if mine == "#":
                return captures
            if index == len(levels):
                return f"the topic ends before level {index + 1}, {mine!r}"
            found = _CAPTURE.fullmatch(mine)
            if found:
                captures[found[1]] = levels[index]
            elif mine not in ("+", levels[index]):
                return f"level {index + 1} is {levels[index]!r}, not {mine!r}"
        if len(levels) > len(self._levels):
            return f"the topic goes on after level {len(self._levels)}"
        return captures


@final
class Routes:
    """The ordered routes and the devices table."""

    __slots__ = ("_devices", "_routes")

    def __init__(self, routes: tuple[RouteSettings, ...], devices: Mapping[str, str]) -> None:
        routes = routes or DEFAULT_ROUTES
        self._routes = [
            Route(settings, f"mqtt.routes[{index}]") for index, settings in enumerate(routes)
        ]
        for device, thing_id in devices.items():
            if not is_thing_id(thing_id):
                raise SettingsInvalid(f"mqtt.devices.{device}: {thing_id!r} is no Thing id")
        self._devices = dict(devices)

    def filters(self) -> list[str]:
        """The MQTT topic filters to subscribe to, one for each route."""
        return [route.filter for route in self._routes]

    def warnings(self) -> list[str]:
        """Routes that share some topics but not all: a message there takes the first."""
        return [
            f"routes {one.topic!r} and {other.topic!r} overlap in part: the first one wins, and "
            "a broker may deliver such a message twice"
            for index, one in enumerate(self._routes)
            for other in self._routes[index + 1 :]
            if overlap(one.filter, other.filter)
            and not covers(one.filter, other.filter)
            and not covers(other.filter, one.filter)
        ]

    def resolve(self, topic: str) -> Target:
        """What *topic* stands for."""
        target = Target(topic)
        for route in self._routes:
            captures = route.match(topic)
            if not isinstance(captures, str):
                return self._fill(target, route, captures)
        return target

    def tried(self, topic: str) -> list[Tried]:
        """The routes that *topic* did not match, up to the one that it did."""
        tried: list[Tried] = []
        for route in self._routes:
            why = route.match(topic)
            if not isinstance(why, str):
                break
            tried.append(Tried(route.topic, why))
        return tried

    def thing_of(self, route: Route, device: str | None, captures: Mapping[str, str]) -> str | None:
        """The id that the devices table or the route's template gives; None without either."""
        if device is not None and device in self._devices:
            return self._devices[device]
        if route.thing is None:
            return None
        return _filled(route.thing, _with_device(captures, device))

    def feature_of(
        self, route: Route, device: str | None, captures: Mapping[str, str]
    ) -> str | None:
        """The feature that the route's template gives; None where the payload names features."""
        if route.feature is None:
            return None
        return _filled(route.feature, _with_device(captures, device))

    def _fill(self, target: Target, route: Route, captures: Mapping[str, str]) -> Target:
        target.route = route
        target.captures = captures
        target.reason = None
        target.message = ""
        if route.device is not None:
            return target
        device = target.device = captures.get("device")
        feature = target.feature = self.feature_of(route, device, captures)
        if feature is not None and not is_word(feature):
            return target.reject(BAD_TOPIC, not_a_feature(feature))
        thing_id = self.thing_of(route, device, captures)
        if thing_id is None:
            return target.reject(UNKNOWN_DEVICE, not_mapped(device))
        if not is_thing_id(thing_id):
            return target.reject(BAD_TOPIC, not_a_thing(thing_id))
        target.thing_id = thing_id
        target.plain = route.fields is None and route.time is None and route.unchanged != "skip"
        target.applies = route.unchanged == "apply"
        return target


def overlaps(settings: MqttSettings) -> list[str]:
    """A warning for each two routes that share some topics, for ``check-config``."""
    return Routes(settings.routes, settings.devices).warnings()


def _captured(level: str, where: str, topic: str) -> list[str]:
    found = _CAPTURE.fullmatch(level)
    if found:
        return [found[1]]
    if "{" in level or "}" in level:
        raise SettingsInvalid(
            f"{where}.topic: {topic!r}: a capture such as {{device}} is a whole level"
        )
    return []


def _payload_path(text: str | None, where: str) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(text.removeprefix(_PAYLOAD).split("."))
    if not text.startswith(_PAYLOAD) or not all(is_name(name) for name in names):
        raise SettingsInvalid(f"{where}: {text!r} must be written payload.<member>")
    return names


def _template(text: str | None, known: set[str], where: str) -> str | None:
    if text is None:
        return None
    for name in _CAPTURE.findall(text):
        if name not in known:
            raise SettingsInvalid(f"{where}: nothing captures {{{name}}}")
    plain = _CAPTURE.sub("x", text)
    if not (is_word(plain) if where.endswith("feature") else is_thing_id(plain)):
        kind = "a feature's name" if where.endswith("feature") else "a Thing id namespace:name"
        raise SettingsInvalid(f"{where}: {text!r} does not make {kind}")
    return text


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _CAPTURE.sub(lambda found: values[found[1]], template)


def _with_device(captures: Mapping[str, str], device: str | None) -> Mapping[str, str]:
    return captures if device is None else {**captures, "device": device}


def not_mapped(device: str | None) -> str:
    """Why a device is unknown."""
    name = None if device is None else device[:MAX_NAME]
    return f"device {name!r} is not in mqtt.devices, and the route names no thing"


def not_a_thing(text: str) -> str:
    """Why a template's result cannot be used."""
    return f"{text[:MAX_ID]!r} is no Thing id"


def not_a_feature(text: str) -> str:
    """Why a template's result cannot be used."""
    return f"{text[:MAX_NAME]!r} is no name of a feature"


def _fields(fields: Mapping[str, str], where: str) -> dict[str, tuple[str, ...]]:
    """Member → path. One value cannot stand inside another; two members may share a place."""
    paths = {name: _field(path, f"{where}.fields.{name}") for name, path in fields.items()}
    for name, path in paths.items():
        for other in paths.values():
            if len(path) < len(other) and other[: len(path)] == path:
                raise SettingsInvalid(
                    f"{where}.fields.{name}: {'.'.join(other)!r} lies inside {'.'.join(path)!r}"
                )
    return paths


def _field(path: str, where: str) -> tuple[str, ...]:
    names = tuple(path.split("."))
    if len(names) < 2 or not is_word(names[0]) or not all(is_name(one) for one in names):
        raise SettingsInvalid(f"{where}: {path!r} must be written feature.property")
    return names
