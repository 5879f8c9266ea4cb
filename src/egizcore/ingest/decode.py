"""Payload → what it reports: feature → properties (contract.md, section 4, Payloads and Clocks)."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from egizcore.errors import BadJson, LimitExceeded
from egizcore.ingest.route import Route
from egizcore.thing import NESTING, Int64, is_name, is_word, parse_rfc3339, read_json

JsonObject: TypeAlias = dict[str, Any]

BAD_JSON: Final = "bad_json"
BAD_PAYLOAD: Final = "bad_payload"
LIMIT_EXCEEDED: Final = "limit_exceeded"
BAD_CLOCK: Final = "bad-clock"

LOOSE: Final = "telemetry"
"""The feature of properties that a payload names outside any feature."""

_2020: Final = 1_577_836_800_000
_AHEAD: Final = 5 * 60_000
_MILLISECONDS_FROM: Final = 1e11

# Flat: what ``Store.report`` merges without a look at the values. No null that would delete, no
# object below the second level, only scalars in arrays: the decoder checks it for nothing.
_Scalar: TypeAlias = bool | Int64 | float | str
_Flat: TypeAlias = _Scalar | list[_Scalar | None]
_Properties: TypeAlias = dict[str, _Flat | dict[str, _Flat]]
decode_features: Final = msgspec.json.Decoder(dict[str, _Properties]).decode
decode_properties: Final = msgspec.json.Decoder(_Properties).decode
decode_loose: Final = msgspec.json.Decoder(dict[str, _Flat]).decode


class Refused(Exception):
    """The message says nothing that can be applied; *reason* is an outcome of section 4."""

    def __init__(self, reason: str, message: str, device: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.device = device


class Sample(NamedTuple):
    """When the device took the reading. None: it has no clock, or not one that can be right."""

    at: int | None = None
    quality: str | None = None


def read_payload(payload: bytes) -> JsonObject:
    """The JSON object that *payload* is; of a key that stands twice, the last counts.

    Raises:
        Refused: no JSON, no object, or nested too deep.
    """
    try:
        value = read_json(payload, unique_keys=False)
    except BadJson as error:
        raise Refused(BAD_JSON, error.detail) from None
    except LimitExceeded as error:
        raise Refused(LIMIT_EXCEEDED, error.detail) from None
    if not isinstance(value, dict):
        raise Refused(BAD_PAYLOAD, "the payload is no JSON object")
    return value


def take(payload: JsonObject, path: tuple[str, ...]) -> object:
    """Remove the member at *path* and give it; None where there is none.

    What is left empty on the way goes too: it held only the device's id or clock.
    """
    *parents, last = path
    holders = [payload]
    for name in parents:
        below = holders[-1].get(name)
        if not isinstance(below, dict):
            return None
        holders.append(below)
    value: object = holders[-1].pop(last, None)
    for holder, name in zip(reversed(holders[:-1]), reversed(parents), strict=True):
        if not holder[name]:
            del holder[name]
    return value


def device_of(value: object) -> str:
    """The device id that a payload names.

    Raises:
        Refused: it is no text and no whole number.
    """
    if isinstance(value, str) and is_name(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Refused(BAD_PAYLOAD, "the payload does not name its device by text or a whole number")


def features_of(
    payload: JsonObject, route: Route, feature: str | None, nesting: int = NESTING
) -> dict[str, JsonObject]:
    """Feature → patch of its properties, names and nesting checked; empty ones are left out.

    Raises:
        Refused: a name is not legal, or a value is nested too deep.
    """
    if route.fields is not None:
        found = _by_fields(payload, route.fields)
    elif feature is not None:
        found = {feature: _without_nulls(_unwrapped(payload))}
    else:
        found = _by_feature(payload)
    for name, patch in found.items():
        if not is_word(name):
            raise Refused(BAD_PAYLOAD, f"{name[:128]!r} is no name of a feature")
        _check(patch, nesting + 1)
    return {name: patch for name, patch in found.items() if patch}


def sample_of(value: object, now: int) -> Sample:
    """The device's clock as it stands in the payload, read at *now* (ms since 1970).

    Epoch seconds, epoch milliseconds from 1e11, or RFC 3339. One before 2020 or more than five
    minutes ahead is no clock.
    """
    at = _moment(value)
    if at is None or at < _2020 or at > now + _AHEAD:
        return Sample(None, BAD_CLOCK)
    return Sample(at)


def is_flat(features: Mapping[str, JsonObject]) -> bool:
    """Whether ``Store.report`` may merge it: what the flat decoders would have taken."""
    for patch in features.values():
        for value in patch.values():
            inner = value.values() if isinstance(value, dict) else (value,)
            if any(one is None or isinstance(one, dict) or _holds_object(one) for one in inner):
                return False
    return True


def _holds_object(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict | list) for one in value)


def _moment(value: object) -> int | None:
    if isinstance(value, str):
        try:
            return parse_rfc3339(value)
        except (ValueError, OverflowError):
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) > 1e15:
        return None
    return int(value) if value >= _MILLISECONDS_FROM else round(value * 1000)


def _by_feature(payload: JsonObject) -> dict[str, JsonObject]:
    """In the order given; loose members stand where the first of them does."""
    found: dict[str, JsonObject] = {}
    for name, member in payload.items():
        if member is None or name == "desiredState":
            continue
        if isinstance(member, dict):
            properties = _unwrapped(member)
        else:
            name, properties = LOOSE, {name: member}  # noqa: PLW2901 - it is no feature of its own
        found[name] = {**found[name], **properties} if name in found else properties
    return found


def _unwrapped(member: JsonObject) -> JsonObject:
    """A feature's properties, which ``properties`` may wrap, alone or beside ``desiredState``."""
    if "desiredState" in member:
        member = {name: value for name, value in member.items() if name != "desiredState"}
    wrapped = member.get("properties")
    return wrapped if len(member) == 1 and isinstance(wrapped, dict) else member


def _without_nulls(properties: JsonObject) -> JsonObject:
    """Top-level nulls are what ArduinoJson makes of NaN: no reading, and no deletion."""
    return {name: value for name, value in properties.items() if value is not None}


def _by_fields(payload: JsonObject, fields: Mapping[str, tuple[str, ...]]) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for member, (feature, *path, last) in fields.items():
        value = payload.get(member)
        if value is None:
            continue
        holder = found.setdefault(feature, {})
        for name in path:
            below = holder.setdefault(name, {})
            if not isinstance(below, dict):
                break
            holder = below
        else:
            holder[last] = value
    return found


def _check(value: object, left: int) -> None:
    """Names at every level, and *left* levels of containers, this one included."""
    if not isinstance(value, dict | list):
        return
    if left == 0:
        raise Refused(LIMIT_EXCEEDED, "a property is nested deeper than limits.nesting allows")
    if isinstance(value, list):
        for item in value:
            _check(item, left - 1)
        return
    for name, member in value.items():
        if not is_name(name):
            raise Refused(
                BAD_PAYLOAD,
                f"{name[:128]!r}: a name has 1 to 128 characters and no control characters",
            )
        _check(member, left - 1)
