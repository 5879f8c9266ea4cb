r"""Paths as they are typed: the full ones of the filter language, and short ones.

A short path begins with a feature, ``thermal.setpoint``. What it means the command says: ``get``
reads what the machine reports (``features.thermal.properties.setpoint``) and takes the bare feature
for all of it, ``set`` writes what is desired (``features.thermal.desiredState.setpoint``).
``properties`` or ``desiredState`` after the feature is that member itself. A path that begins with
a member of a Thing (``metadata.name``, ``type``) or with ``/`` (RFC 6901) is a full one.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeAlias

from egizcore.errors import StartupFailed
from egizcore.thing import MISSING, ROOTS, Path, array_index, is_word, parse_path

Member: TypeAlias = Literal["properties", "desiredState"]

MEMBERS: Final = ("properties", "desiredState")
_NAMES: Final = tuple((name,) for name in MEMBERS)


def read_path(text: str, member: Member) -> Path:
    """The full path that *text* means; a short one leads to *member* of its feature.

    Raises:
        ValueError: it is ill-formed; the message is for the one who typed it.
    """
    if text.startswith("/"):
        return parse_path(text)
    # Below a root, any text is legal: so the dots and backslashes are read by the one reader.
    typed = parse_path(f"features.{text}")[1:]
    if typed[0] in ROOTS:
        return typed
    if not is_word(typed[0]):
        raise ValueError(f"a path begins with a feature's name, or one of {', '.join(ROOTS)}")
    feature, names = typed[0], typed[1:]
    if names[:1] in _NAMES or (not names and member == "properties"):
        return ("features", feature, *names)
    return ("features", feature, member, *names)


def dotted(path: Path) -> str:
    """*path* as the API reads it."""
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in path)


def shown(path: Path) -> str:
    """*path* as ``get`` and ``set`` take it, without what goes without saying."""
    if path[0] != "features" or len(path) == 1 or path[1] in ROOTS:
        return dotted(path)
    if path[2:] and path[2:3] not in _NAMES:
        return dotted(path)
    understood = path[2:3] == ("properties",) and path[3:] and path[3:4] not in _NAMES
    return dotted((path[1], *(path[3:] if understood else path[2:])))


def leaves(
    document: object, above: Path = (), *, arrays: bool = True
) -> Iterator[tuple[Path, Any]]:
    """Each value that has none below, with its path; without *arrays* an array is such a value."""
    if isinstance(document, dict) and document:
        for name, inner in document.items():
            yield from leaves(inner, (*above, name), arrays=arrays)
    elif isinstance(document, list) and document and arrays:
        for place, inner in enumerate(document):
            yield from leaves(inner, (*above, str(place)), arrays=arrays)
    else:
        yield above, document


def find(document: object, path: Path) -> object:
    """What stands at *path* in *document*, or ``MISSING``."""
    for name in path:
        if isinstance(document, dict):
            document = document.get(name, MISSING)
        elif isinstance(document, list) and 0 <= array_index(name) < len(document):
            document = document[array_index(name)]
        else:
            return MISSING
    return document


def must_find(thing: Mapping[str, Any], path: Path) -> object:
    """The same; raises an error that names what is nearest where there is nothing."""
    found = find(thing, path)
    if found is MISSING:
        near = nearest(thing, path)
        raise StartupFailed(
            f"Thing {thing['id']!r} has no '{shown(path)}'.",
            hint=f"Did you mean '{near}'?" if near else f"'egizcore get {thing['id']}' shows all.",
        )
    return found


def nearest(thing: Mapping[str, Any], path: Path) -> str | None:
    """What *thing* has that is written most like *path*, which it lacks."""
    for depth, name in enumerate(path):
        above = find(thing, path[:depth])
        if isinstance(above, dict) and name not in above:
            # Another name there, below which all the rest is as it was typed.
            mended = {other: (*path[:depth], other, *path[depth + 1 :]) for other in above}
            known = [other for other, one in mended.items() if find(thing, one) is not MISSING]
            near = get_close_matches(name, known, n=1)
            return shown(mended[near[0]]) if near else None
    return None
