r"""Paths into a Thing: how filters, sort keys and partial answers name a value.

Two spellings of one thing (contract.md, section 2): dotted, ``features.thermal.properties.a\.b``,
where a backslash makes a dot or a backslash part of a name; and RFC 6901 pointers,
``/features/thermal/properties/a.b``. Both become a tuple of segments. Only the root is checked:
what lies below is the user's, and a name that is not there is missing, not wrong.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final, TypeAlias, final

from egizcore.thing.model import Thing
from egizcore.thing.moment import rfc3339

Path: TypeAlias = tuple[str, ...]
Read: TypeAlias = Callable[[Thing], object]

MAX_SEGMENTS = 24
ROOTS: Final[tuple[str, ...]] = (  # in the order of a Thing's document
    "id",
    "type",
    "metadata",
    "features",
    "relationships",
    "version",
    "createdAt",
    "lastUpdated",
)
_INDEX_DIGITS = 9  # no array is longer; int() of thousands of digits is slow


@final
class Missing:
    """The type of ``MISSING``; ``None`` is taken: arrays hold JSON nulls."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


def parse_path(text: str) -> Path:
    """The segments of *text*, dotted or an RFC 6901 pointer.

    Raises:
        ValueError: it is ill-formed, has more than 24 segments, or its root is no member of a
            Thing; the message is for the one who wrote it.
    """
    path = _pointer_segments(text) if text.startswith("/") else _dotted_segments(text)
    if path[0] not in ROOTS:
        raise ValueError(f"a path begins with one of {', '.join(ROOTS)}")
    if len(path) > MAX_SEGMENTS:
        raise ValueError(f"a path has at most {MAX_SEGMENTS} segments")
    return path


def pointer(*segments: str) -> str:
    """The RFC 6901 pointer that *segments* make."""
    return "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in segments)


def array_index(segment: str) -> int:
    """The place in an array that *segment* names (RFC 6901, section 4), or -1: none."""
    digits = segment.isascii() and segment.isdigit() and len(segment) <= _INDEX_DIGITS
    return int(segment) if digits and (segment[0] != "0" or segment == "0") else -1


def _pointer_segments(text: str) -> Path:
    """RFC 6901, section 3: ``~0`` is a tilde, ``~1`` a slash, any other ``~`` an error."""
    if text.count("~") != text.count("~0") + text.count("~1"):
        raise ValueError("in a pointer '~' stands as '~0' and '/' as '~1'")
    segments = text.split("/", MAX_SEGMENTS + 1)[1:]
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in segments)


def _dotted_segments(text: str) -> Path:
    segments: list[str] = []
    name = ""
    rest = iter(text)
    for character in rest:
        if character == "\\":
            character = next(rest, "")  # noqa: PLW2901 - the escaped one stands for itself
            if character not in (".", "\\"):
                raise ValueError("in a path a backslash stands before '.' or a backslash only")
            name += character
        elif character == ".":
            segments.append(name)
            name = ""
        else:
            name += character
    segments.append(name)
    if "" in segments:
        raise ValueError("a path has no empty segment")
    return tuple(segments)


def reader(path: Path) -> Read:
    """A function that gives what *path* names in a Thing, as JSON has it, or ``MISSING``.

    It reads the live objects; a whole ``features``, feature or ``relationships`` is built as a
    document. What it gives is never to be changed.
    """
    root, below = path[0], path[1:]
    if root == "features":
        return _features_reader(below)
    whole = _WHOLE[root]
    return _below(whole, below) if below else whole


def _last_updated(thing: Thing) -> object:
    return rfc3339(thing.updated_at)


def _created_at(thing: Thing) -> object:
    return rfc3339(thing.created_at)


def _relationships(thing: Thing) -> object:
    return [{"type": link.type, "targetId": link.target_id} for link in thing.relationships]


def _features(thing: Thing) -> object:
    return {name: feature.document() for name, feature in thing.features.items()}


_WHOLE: Final[dict[str, Read]] = {
    "id": attrgetter("id"),
    "type": attrgetter("type"),
    "metadata": attrgetter("metadata"),
    "features": _features,
    "relationships": _relationships,
    "version": attrgetter("version"),
    "createdAt": _created_at,
    "lastUpdated": _last_updated,
}


def _descend(value: object, steps: tuple[tuple[str, int], ...]) -> object:
    for name, index in steps:
        if type(value) is dict:
            value = value.get(name, MISSING)
        elif type(value) is list and 0 <= index < len(value):
            value = value[index]
        else:
            return MISSING
    return value


def _steps(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple((segment, array_index(segment)) for segment in path)


def _below(whole: Read, path: Path) -> Read:
    steps = _steps(path)

    def read(thing: Thing) -> object:
        return _descend(whole(thing), steps)

    return read


def _features_reader(path: Path) -> Read:
    """*path* lies below ``features``: name, member, names."""
    if not path:
        return _features
    if len(path) == 1:
        return _feature_reader(path[0])
    name, member, below = path[0], path[1], path[2:]
    if member == "properties":
        return _property_reader(name, below) if below else _properties_reader(name)
    if member == "desiredState":
        return _desired_reader(name, below)
    return _below(_feature_reader(name), path[1:])


def _feature_reader(name: str) -> Read:
    def read(thing: Thing) -> object:
        feature = thing.features.get(name)
        return MISSING if feature is None else feature.document()

    return read


def _properties_reader(name: str) -> Read:
    def read(thing: Thing) -> object:
        feature = thing.features.get(name)
        return MISSING if feature is None else feature.properties

    return read


def _desired_reader(name: str, path: Path) -> Read:
    steps = _steps(path)

    def read(thing: Thing) -> object:
        feature = thing.features.get(name)
        return MISSING if feature is None else _descend(feature.desired_state, steps)

    return read


def _property_reader(name: str, path: Path) -> Read:
    """The common case of filters that are asked for each event (bench/test_filter.py)."""
    first, steps = path[0], _steps(path[1:])

    def read(thing: Thing) -> object:
        feature = thing.features.get(name)
        return MISSING if feature is None else feature.properties.get(first, MISSING)

    def read_below(thing: Thing) -> object:
        feature = thing.features.get(name)
        if feature is None:
            return MISSING
        return _descend(feature.properties.get(first, MISSING), steps)

    return read_below if steps else read
