"""A YAML file as maps, lists and texts: what was typed, with no meaning added.

YAML 1.1's surprises (``no`` is false, ``12:30`` is 750, ``0123`` is 83) cannot happen, since
every scalar stays text until a setting's type reads it. What has two meanings or none
(duplicate keys, tags) and what blows up (aliases, endless nesting) is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import yaml

from egizcore.errors import SettingsInvalid
from egizcore.quantity import Size

MAX_FILE = 16 << 20  # the devices of the largest plants; 100,000 have some 6 MiB
MAX_DEPTH = 32

# libyaml's parser reads a table of 10,000 devices ten times as fast; both give the same events.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TAGS = {None, *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))}


def read_yaml(path: Path) -> Any:
    """The one document in *path*, nothing (``~``, ``null``, or no value) as None.

    Raises `SettingsInvalid` with the file and, where there is one, the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE:
        raise SettingsInvalid(f"{path}: larger than {Size(MAX_FILE)}")
    try:
        return _Document(path, yaml.parse(content, Loader=_Loader)).read()
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{path}{_fault(error)}") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{path}: is no UTF-8 text") from None


@final
class _Document:
    """Builds the value from the parser's events, so nothing is made of what is refused."""

    def __init__(self, path: Path, events: Iterator[yaml.Event]) -> None:
        self._path = path
        self._events = events

    def read(self) -> Any:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), 0)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refused(after, "one document only, remove the '---'")
        return value

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise self._refused(event, "aliases are not taken: write the value again")
        tag = getattr(event, "tag", None)  # the stubs do not know which events have one
        if tag not in _TAGS:
            raise self._refused(event, f"tags are not taken: remove '{tag}'")
        if depth > MAX_DEPTH:
            raise self._refused(event, "nested too deeply")
        if isinstance(event, yaml.ScalarEvent):
            plain = not event.style
            return None if plain and event.value in ("", "~", "null") else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return self._map(depth)

    def _map(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key in self._until(yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise self._refused(key, "a key must be text")
            if key.value in members:
                raise self._refused(key, f"'{key.value}' stands here twice")
            members[key.value] = self._value(next(self._events), depth + 1)
        return members

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _refused(self, event: yaml.Event, why: str) -> SettingsInvalid:
        line = event.start_mark.line + 1 if event.start_mark else 0
        return SettingsInvalid(f"{self._path}, line {line}: {why}")


def _fault(error: yaml.YAMLError) -> str:
    """The line and the parser's own words, without the text that it shows."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f", line {error.problem_mark.line + 1}: {error.problem or 'is no YAML'}"
    return ": is no YAML text"
