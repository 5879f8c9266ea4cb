"""Partial answers: a Thing cut down to the paths that were asked for (contract.md, section 2).

The answer has the shape of the Thing: a path reads the same value in both. So an element of an
array keeps its place, with nulls before it where those were not asked for. Paths that are not
there leave nothing behind, not even the objects around them. Where one path lies inside another
the wider wins.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, final

from egizcore.errors import ValidationFailed
from egizcore.thing import MISSING, ROOTS, Path, Read, Thing, array_index, parse_path, reader

JsonObject: TypeAlias = dict[str, Any]
_Below: TypeAlias = "dict[str, _Below] | None"
"""What is asked for below each name; None: all of it."""

MAX_FIELDS = 64


@final
class Projection:
    """The paths of one request, ready to cut many Things."""

    __slots__ = ("_features", "_members")

    def __init__(self, paths: Sequence[Path]) -> None:
        tree: dict[str, _Below] = {"id": None}
        for path in paths:
            _plant(tree, path)
        features = tree.get("features")
        if features is not None:  # only those that are asked for are built
            del tree["features"]
        self._features = [
            (name, reader(("features", name)), below) for name, below in (features or {}).items()
        ]
        self._members = [(root, reader((root,)), tree[root]) for root in ROOTS if root in tree]

    def apply(self, thing: Thing) -> JsonObject:
        """What was asked of *thing*, and its id; never to be changed."""
        answer = _answers(thing, self._members)
        features = _answers(thing, self._features)
        if features:
            answer["features"] = features
        return answer


def parse_fields(texts: Sequence[str]) -> Projection:
    """The projection on paths as filters write them; of none it gives the id alone.

    Raises:
        ValidationFailed: there are more than 64 (pointer ``/fields``), or one is no path
            (``/fields/<i>``).
    """
    if len(texts) > MAX_FIELDS:
        raise ValidationFailed.at("/fields", f"has at most {MAX_FIELDS} paths")
    return Projection([_field(text, place) for place, text in enumerate(texts)])


def _field(text: str, place: int) -> Path:
    try:
        return parse_path(text)
    except ValueError as error:
        raise ValidationFailed.at(f"/fields/{place}", str(error)) from None


def _plant(tree: dict[str, _Below], path: Path) -> None:
    for name in path[:-1]:
        below = tree.setdefault(name, {})
        if below is None:
            return
        tree = below
    tree[path[-1]] = None


def _answers(thing: Thing, asked: list[tuple[str, Read, _Below]]) -> JsonObject:
    answer: JsonObject = {}
    for name, read, below in asked:
        kept = _cut(read(thing), below)
        if kept is not MISSING:
            answer[name] = kept
    return answer


def _cut(value: object, below: _Below) -> object:
    if below is None:
        return value
    if type(value) is list:
        return _cut_array(value, below)
    if type(value) is not dict:
        return MISSING
    kept: JsonObject = {}
    for name, deeper in below.items():
        part = _cut(value.get(name, MISSING), deeper)
        if part is not MISSING:
            kept[name] = part
    return kept or MISSING


def _cut_array(array: list[object], below: dict[str, _Below]) -> object:
    kept: dict[int, object] = {}
    for name, deeper in below.items():
        index = array_index(name)
        part = _cut(array[index], deeper) if 0 <= index < len(array) else MISSING
        if part is not MISSING:
            kept[index] = part
    return [kept.get(index) for index in range(max(kept) + 1)] if kept else MISSING
