"""Where settings come from, laid over each other in rising priority."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from egizcore import quantity
from egizcore.errors import SettingsInvalid
from egizcore.settings.check import check, is_map, item_of, member, sentence, step
from egizcore.settings.file import read_yaml
from egizcore.settings.sections import Settings, refuse_contradictions

FILE = "egizcore.yaml"
PREFIX = "EGIZCORE_"


class Loaded(NamedTuple):
    """The settings, and for each key that somebody set (``http.port``) who set it last."""

    settings: Settings
    sources: dict[str, str]


class _Given(NamedTuple):
    """One value as a source gave it; *typed*: as one text, where a list or map is JSON."""

    source: str
    path: tuple[str, ...]
    value: Any
    typed: bool = True


def load(
    *,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Loaded:
    """Read all sources. *flags* and *defaults* map ``section.key`` to text.

    *defaults* are below the file: what another command than ``serve`` begins with. Raises
    `SettingsInvalid`.
    """
    given = [_Given("the defaults", tuple(k.split(".")), v) for k, v in (defaults or {}).items()]
    preset = len(given)
    given += _from_file(config, environ)
    given += [
        _Given(name, tuple(name[len(PREFIX) :].lower().split("__")), text)
        for name, text in sorted(environ.items())
        if name.startswith(PREFIX) and "__" in name[len(PREFIX) :]
    ]
    given += [_Given("the command line", tuple(k.split(".")), v) for k, v in (flags or {}).items()]
    raw: dict[str, Any] = {}
    for one in given:
        _put(raw, one)
    sources = {".".join(one.path): one.source for one in given[preset:]}
    _add_devices_file(raw, sources)
    try:
        settings = msgspec.convert(raw, Settings, strict=False, dec_hook=quantity.from_setting)
    except msgspec.ValidationError as error:
        raise _incomplete(error, sources) from None
    refuse_contradictions(settings)
    return Loaded(settings, sources)


def _from_file(config: Path | None, environ: Mapping[str, str]) -> Iterator[_Given]:
    named = config or (Path(environ["EGIZCORE_CONFIG"]) if environ.get("EGIZCORE_CONFIG") else None)
    path = named or Path(FILE)
    if named is None and not path.exists():
        return
    document = read_yaml(path)
    if document is None:
        return
    if not isinstance(document, dict):
        raise SettingsInvalid(f"{path}: write sections, such as 'http:', each with its settings")
    for section, members in document.items():
        if isinstance(members, dict) and members:
            for key, value in members.items():
                yield _Given(str(path), (section, key), value, typed=False)
        elif members or step(Settings, section) is None:
            yield _Given(str(path), (section,), members, typed=False)


def _put(raw: dict[str, Any], given: _Given) -> None:
    """Check one value by its setting's type, then lay it over what is there."""
    kind: Any = Settings
    for index, name in enumerate(given.path):
        kind = member(kind, name, given.path[: index + 1], given.source)
    value = given.value
    if given.typed and value and (is_map(kind) or item_of(kind) is not None):
        value = _json(given)
    check(value, kind, ".".join(given.path), given.source)
    for name in given.path[:-1]:
        if not isinstance(raw.get(name), dict):
            raw[name] = {}
        raw = raw[name]
    raw[given.path[-1]] = value if value != "" else None


def _json(given: _Given) -> Any:
    try:
        return msgspec.json.decode(given.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        where = ".".join(given.path)
        raise SettingsInvalid(
            f"{given.source}: {where}: lists and maps are written as JSON here"
        ) from None


def _add_devices_file(raw: dict[str, Any], sources: dict[str, str]) -> None:
    """The devices of ``mqtt.devices_file``; those of ``mqtt.devices`` stand above them."""
    mqtt = raw.get("mqtt", {})
    if not mqtt.get("devices_file"):
        return
    path = Path(mqtt["devices_file"])
    devices = read_yaml(path) or {}
    check(devices, dict[str, str], "mqtt.devices", str(path))
    mqtt["devices"] = {**devices, **(mqtt.get("devices") or {})}
    sources.setdefault("mqtt.devices", str(path))


def _incomplete(error: msgspec.ValidationError, sources: Mapping[str, str]) -> SettingsInvalid:
    """What only the whole shows: a member that must be there, two that do not go together."""
    found = re.search(r" - at `(?:key in )?\$\.?(.*)`$", str(error))
    where = found[1] if found else ""
    section = where.partition(".")[0].partition("[")[0]
    # Several may have set what does not go together.
    by = dict.fromkeys(source for key, source in sources.items() if key.startswith(f"{section}."))
    return SettingsInvalid(f"{', '.join(by) or 'settings'}: {where}: {sentence(error)}")
