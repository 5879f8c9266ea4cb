"""Each setting's value, fit to be shown, and where it came from."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import fields

from egizcore.quantity import Duration, Secret, Size, masked
from egizcore.settings import Loaded

Path: TypeAlias = tuple[str, ...]

DEFAULT: Final = "default"


class Told(NamedTuple):
    """One setting: its key (``http.port``), its value as JSON has it, who set it last."""

    key: str
    value: Any
    source: str


def effective(loaded: Loaded) -> Iterator[Told]:
    """Every setting of *loaded*, in the order of the sections."""
    for path, value in _settings(loaded.settings, ()):
        yield Told(".".join(path), _shown(value), _source(path, loaded.sources))


def _settings(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    if isinstance(value, Struct):
        for one in fields(value):
            yield from _settings(getattr(value, one.name), (*path, one.encode_name))
    elif isinstance(value, dict) and any(isinstance(inner, Struct) for inner in value.values()):
        for name, inner in value.items():
            yield from _settings(inner, (*path, name))
    else:
        yield path, value


def _shown(value: object) -> Any:
    """*value* in the form in which it would be written, without what only its owner may know."""
    if isinstance(value, Duration | Size | Secret):
        return str(value)
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Struct):
        members = ((one.encode_name, getattr(value, one.name)) for one in fields(value))
        return {name: _shown(inner) for name, inner in members if inner is not None}
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [_shown(inner) for inner in value]
    return value


def _source(path: Path, sources: Mapping[str, str]) -> str:
    """Who set what stands at *path*: itself, a map that it is in, or a part of it."""
    for end in range(len(path), 0, -1):
        if (source := sources.get(".".join(path[:end]))) is not None:
            return source
    below = ".".join((*path, ""))
    parts = dict.fromkeys(source for key, source in sources.items() if key.startswith(below))
    return ", ".join(parts) or DEFAULT
