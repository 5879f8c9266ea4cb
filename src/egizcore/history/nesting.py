"""Columns to objects: what ``point.nest`` makes of samples, many at once.

How leaves are nested is found out once for all samples that have the same ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, NamedTuple

from egizcore.history.point import Leaf, nest, split, spread

NARROW: Final = 1024
"""Leaves of a sample; of those that have more only the last few shapes are remembered."""


class _Node(NamedTuple):
    """An object or an array, and what is to be put where."""

    names: tuple[str, ...]
    size: int
    """Of an array; 0: an object."""
    places: tuple[int, ...]
    children: "tuple[int | _Node, ...]"
    """The place of a leaf among all, or a node."""
    run: int
    """Where the leaves of an array stand that lie side by side, in order; -1: they do not."""


class _Shape(NamedTuple):
    root: _Node | None
    """None: the leaves contradict each other."""
    places: int
    """Leaves, and nulls of arrays."""


def places_of(keys: tuple[str, ...]) -> int:
    """Leaves and nulls that ``nest`` makes of a sample with these leaves: what it weighs."""
    return _shape(keys).places


def nested_of(keys: tuple[str, ...], columns: Sequence[list[Leaf]]) -> list[dict[str, Any]]:
    """The samples of these columns, which are of one length."""
    root = _shape(keys).root
    if root is None:
        return [nest(dict(zip(keys, row, strict=True))) for row in zip(*columns, strict=True)]
    return _objects(root, columns)


def nested_row(
    keys: tuple[str, ...], row: Sequence[Leaf | None], weigh: Callable[[int], object]
) -> dict[str, Any]:
    """The one sample that has these leaves; *weigh* is told before what they come to."""
    if None in row:
        keys = tuple(key for key, leaf in zip(keys, row, strict=True) if leaf is not None)
    leaves = [leaf for leaf in row if leaf is not None]
    root, places = _shape(keys)
    weigh(places)
    if root is None:
        return nest(dict(zip(keys, leaves, strict=True)))
    made: dict[str, Any] = _object(root, leaves)
    return made


def _objects(node: _Node, columns: Sequence[list[Leaf]]) -> list[Any]:
    parts: list[Iterable[Any]] = [
        columns[child] if isinstance(child, int) else _objects(child, columns)
        for child in node.children
    ]
    if not node.size:
        names = node.names
        if len(names) == 1:
            (name,) = names
            return [{name: some} for some in parts[0]]
        rows = zip(*parts, strict=True)
        return [dict(zip(names, row)) for row in rows]  # noqa: B905 - a check costs a third more
    if len(parts) < node.size:
        given = dict(zip(node.places, parts, strict=True))
        length = len(columns[0])
        parts = [given.get(place) or repeat(None, length) for place in range(node.size)]
    return list(map(list, zip(*parts, strict=True)))


def _object(node: _Node, row: Sequence[Leaf]) -> Any:
    if node.run >= 0:
        return list(row[node.run : node.run + node.size])
    parts = [
        row[child] if isinstance(child, int) else _object(child, row) for child in node.children
    ]
    if not node.size:
        return dict(zip(node.names, parts, strict=True))
    array: list[Any] = [None] * node.size
    for place, part in zip(node.places, parts, strict=True):
        array[place] = part
    return array


def _shape(keys: tuple[str, ...]) -> _Shape:
    return _narrow(keys) if len(keys) <= NARROW else _wide(keys)


def _shaped(keys: tuple[str, ...]) -> _Shape:
    root = _plan(keys)
    return _Shape(root, spread(keys) if root is None else _places(root))


_narrow = lru_cache(maxsize=256)(_shaped)
_wide = lru_cache(maxsize=2)(_shaped)  # one of 100,000 leaves has 15 MB


def _places(node: _Node) -> int:
    holes = max(node.size - len(node.places), 0)
    return holes + sum(1 if isinstance(one, int) else _places(one) for one in node.children)


def _plan(keys: tuple[str, ...]) -> _Node | None:
    root: dict[str | int, Any] = {}
    for number, key in enumerate(keys):
        parts = split(key)
        if isinstance(parts[0], int):
            return None
        at = root
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if isinstance(at, int):
                return None
        if parts[-1] in at:
            return None
        at[parts[-1]] = number
    return _node(root)


def _node(tree: Mapping[str | int, Any]) -> _Node | None:
    names = tuple(name for name in tree if isinstance(name, str))
    places = tuple(sorted(place for place in tree if isinstance(place, int)))
    if names and places:
        return None
    children: list[int | _Node] = []
    for part in names or places:
        below = tree[part]
        child = below if isinstance(below, int) else _node(below)
        if child is None:
            return None
        children.append(child)
    size = max(places) + 1 if places else 0
    first = children[0] if size else None
    run = first if isinstance(first, int) else -1
    if children != list(range(run, run + size)):
        run = -1
    return _Node(names, size, places, tuple(children), run)
