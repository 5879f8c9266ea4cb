"""From Things, features and properties to InfluxDB's tags, measurements and fields, and back.

Our own layout and, by the settings ``influxdb.mapping``, what Telegraf and others wrote. Where a
foreign name can be read in several ways (``voltage_a``: a property, or ``a`` in ``voltage``), the
live Thing's own names decide; what it does not have is split at each separator.
"""

import re
from collections.abc import Collection, Mapping
from itertools import product
from typing import Final, NamedTuple, final

from egizcore.history.flux import Selection
from egizcore.history.line import restored, stored
from egizcore.history.point import MAX_PLACE, Key, escaped, flatten, spellings, split
from egizcore.history.query import Query
from egizcore.history.settings import MappingSettings
from egizcore.thing import Thing, is_word

FLAT: Final = "telemetry"
"""The feature of a name that tells none, as in ingest."""
SURE_PLACE: Final = 1023
"""Digits of a foreign name up to this are a place in an array; larger ones, that may be anything,
where the live Thing has that array."""
MAX_TERMS: Final = 100
"""Of a question; where it would have more, all fields are asked for and the rest dropped here."""


class Field(NamedTuple):
    """What one field of one measurement means."""

    feature: str
    key: str


class _Template(NamedTuple):
    """Text around one place."""

    before: str
    after: str

    def write(self, text: str) -> str:
        return f"{self.before}{text}{self.after}"

    def read(self, text: str) -> str | None:
        end = len(text) - len(self.after)
        if not text.startswith(self.before) or not text.endswith(self.after):
            return None
        return text[len(self.before) : end] if len(self.before) < end else None


class _Known(NamedTuple):
    """What the live Thing has in a feature."""

    keys: Mapping[str, str]
    """By the names that they have in InfluxDB."""
    arrays: Collection[str]
    """Keys of its arrays."""


_NOTHING: Final = _Known({}, ())
_BRACKET: Final = re.compile(r"(?<!\\)\[[0-9]+\]")


@final
class Layout:
    """The mapping as it is configured, by default our own. *devices*: device → Thing id."""

    def __init__(self, given: MappingSettings | None, devices: Mapping[str, str]) -> None:
        self._settings = settings = given or MappingSettings()
        self._own = settings.separator == "."
        # Our own layout tags with Thing ids: the devices table has nothing to say to it.
        self._devices = {} if given is None else devices
        self._value = _template(settings.value, "device")
        self._thing = _template(settings.thing, "device")
        self._measurement = (
            _template(settings.measurement, "feature")
            if "{feature}" in settings.measurement
            else None
        )
        before, found, field = settings.field.partition("{feature}")
        self._before = before if found else ""
        self._field = _template(field if found else settings.field, "property")
        self._joint = bool(found)  # the field names the feature too

    def selection(self, query: Query) -> Selection:
        """The series that can hold what *query* asks for, and perhaps a few more."""
        measurements: list[str] = []
        if self._measurement is not None:
            measurements = [self._measurement.write(one) for one in query.features]
        else:
            measurements = [self._settings.measurement]
        fields, below = self._terms(query)
        if len(fields) + len(below) > MAX_TERMS:
            fields, below = [], []
        if len(measurements) > MAX_TERMS:
            measurements = []
        return Selection(
            self._settings.tag, self.tag_values(query.thing_id), measurements, fields, below
        )

    def tag_values(self, thing_id: str) -> list[str]:
        """What the tag of that Thing's samples can be; empty where no device can be its."""
        devices = [one for one, target in self._devices.items() if target == thing_id]
        device = self._thing.read(thing_id)
        if device is not None and device not in self._devices:
            devices.append(device)
        return [self._value.write(device) for device in devices]

    def _terms(self, query: Query) -> tuple[list[str], list[str]]:
        """Whole names of fields, and beginnings."""
        # A name without a feature is of the one that has no name: it can be any.
        if self._joint and (not query.features or FLAT in query.features):
            return [], []
        heads = [""]
        if self._joint:
            heads = [f"{self._before}{one}{self._field.before}" for one in query.features]
            if not query.properties:
                return [], heads
        else:
            heads = [self._field.before]
        whole, begun = [], []
        for head, path in product(heads, query.properties):
            if self._own:
                keys = spellings(path)
                whole += [f"{head}{stored(key)}{self._field.after}" for key in keys]
                begun += [f"{head}{key}{mark}" for key in keys for mark in ".["]
            else:
                separator = self._settings.separator
                names = dict.fromkeys(_joined(split(key), separator) for key in spellings(path))
                whole += [f"{head}{name}{self._field.after}" for name in names]
                begun += [f"{head}{name}{separator}" for name in names]
        return whole, begun

    def field(self, feature: str, key: str) -> tuple[str, str]:
        """Measurement and field of a leaf."""
        name = stored(key) if self._own else _joined(split(key), self._settings.separator)
        head = f"{self._before}{feature}" if self._joint else ""
        return (
            self._settings.measurement
            if self._measurement is None
            else self._measurement.write(feature)
        ), head + self._field.write(name)

    def names(self, thing: Thing | None) -> "Names":
        """How to read the fields of that Thing."""
        return Names(self, {} if thing is None else self._known(thing))

    def _known(self, thing: Thing) -> dict[str, _Known]:
        """The names of the Thing's properties as this layout joins them, by feature."""
        known: dict[str, _Known] = {}
        for name, feature in thing.features.items():
            keys = () if self._own else flatten(feature.properties)
            known[name] = _Known(
                {_joined(split(key), self._settings.separator): key for key in keys},
                {key[: found.start()] for key in keys for found in _BRACKET.finditer(key)},
            )
        return known

    def read(self, measurement: str, field: str, known: Mapping[str, _Known]) -> Field | None:
        """What *field* means; None: it is not of this layout."""
        feature: str | None = FLAT
        if self._measurement is not None:
            feature = self._measurement.read(measurement)
        elif measurement != self._settings.measurement:
            return None
        if self._joint:
            feature, field = self._apart(field, known)
        name = self._field.read(field)
        if feature is None or name is None or not is_word(feature):
            return None
        if self._own:
            return Field(feature, restored(name))
        has = known.get(feature, _NOTHING)
        key = has.keys.get(name)
        if key is None:
            key = _guessed(name, self._settings.separator, has.arrays)
        return Field(feature, key)

    def _apart(self, field: str, known: Mapping[str, _Known]) -> tuple[str | None, str]:
        """Feature, and what follows it in the name of a field; the longest known one wins.

        A name that tells none is of ``FLAT``.
        """
        if not field.startswith(self._before):
            return None, field
        rest = field[len(self._before) :]
        mark = self._field.before
        fit = [one for one in known if rest.startswith(one + mark)]
        if fit:
            feature = max(fit, key=len)
            return feature, rest[len(feature) :]
        if mark not in rest or self._field.read(mark + rest) in known.get(FLAT, _NOTHING).keys:
            return FLAT, mark + rest
        feature = rest.partition(mark)[0]
        return feature, rest[len(feature) :]


@final
class Names:
    """Reads the fields of one Thing; each name once."""

    def __init__(self, layout: Layout, known: Mapping[str, _Known]) -> None:
        self._layout = layout
        self._known = known
        self._read: dict[tuple[str, str], Field | None] = {}  # as many as the answer has fields

    def leaf(self, measurement: str, field: str) -> Field | None:
        """What it means; None: it is not of this layout."""
        name = (measurement, field)
        if name not in self._read:
            self._read[name] = self._layout.read(measurement, field, self._known)
        return self._read[name]


def _template(text: str, place: str) -> _Template:
    before, _, after = text.partition(f"{{{place}}}")
    return _Template(before, after)


def _joined(path: Key, separator: str) -> str:
    return separator.join(map(str, path))


_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,6}")


def _guessed(name: str, separator: str, arrays: Collection[str]) -> str:
    """The key of a name that the live Thing does not have: digits are places in an array."""
    parts = name.split(separator)
    if not all(parts):
        return escaped(name)
    key = escaped(parts[0])
    for part in parts[1:]:
        is_place = _DIGITS.fullmatch(part) is not None and (
            int(part) <= SURE_PLACE or (int(part) <= MAX_PLACE and key in arrays)
        )
        key += f"[{part}]" if is_place else f".{escaped(part)}"
    return key
