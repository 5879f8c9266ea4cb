"""The filter language: one parser and one tree for queries, subscriptions and rules.

A filter is a JSON object (contract.md, section 2). Its keys are paths or ``$and``, ``$or``,
``$not``, which may stand beside each other; all must hold. What a path is compared with is an
object of operators, ``{"$gt": 1, "$lt": 9}``, or any other value, which means ``$eq``: an object
with no member that begins with ``$`` is compared whole. ``$not`` takes one filter. ``$and``,
``$or`` and ``$not`` combine filters only; they are no operators on a value.

Each node of the tree is itself a ``Filter``: closures that are built once and read the live
Thing. Levels count ``$and``, ``$or`` and ``$not`` around a term; terms count one for each
operator, and one for each empty filter.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, final

from egizcore.errors import BadFilter
from egizcore.thing.comparison import canonical_text, comparison, plain
from egizcore.thing.model import Thing
from egizcore.thing.moment import parse_rfc3339, rfc3339
from egizcore.thing.path import Path, parse_path, pointer, reader

Matches: TypeAlias = Callable[[Thing], bool]

MAX_LEVELS = 16
MAX_TERMS = 64
_STATIC_ROOTS: Final = frozenset(("id", "type", "metadata", "relationships", "createdAt"))
_NOTHING: Final[frozenset[str]] = frozenset()


@final
class Filter:
    """A compiled filter; ``matches`` asks it of a Thing as it is now.

    ``canonical`` is a filter too, as JSON text; filters that say the same in another order or
    spelling (members, pointers or dots, ``$eq`` or bare, 5 or 5.0) have the same text.
    ``kind`` is the type that every match has, or ``None`` when the filter leaves it open.
    ``static``: only what the registry changes is read (id, type, metadata, relationships,
    createdAt). ``reads`` names the features whose change can change the answer: empty when
    static, ``None`` when any change can (``version``, ``lastUpdated``, ``features`` whole).
    """

    __slots__ = ("canonical", "kind", "matches", "reads", "static")

    def __init__(
        self, matches: Matches, canonical: str, kind: str | None, reads: frozenset[str] | None
    ) -> None:
        self.matches = matches
        self.canonical = canonical
        self.kind = kind
        self.reads = reads
        self.static = reads is not None and not reads


def compile_filter(document: object, at: str = "") -> Filter:
    """The filter that a JSON *document*, as the strict reader gives it, describes.

    Raises:
        BadFilter: with an RFC 6901 pointer to the first fault; it begins with *at*, where the
            filter stands in the message around it.
    """
    return _all(_Parser().conjuncts(document, at, 0))


@final
class _Parser:
    """Counts the terms of one filter while it is read."""

    __slots__ = ("_terms",)

    def __init__(self) -> None:
        self._terms = 0

    def conjuncts(self, document: Any, at: str, level: int) -> list[Filter]:
        """What must all hold; *at* points to *document*, inside *level* combinators."""
        if type(document) is not dict:
            raise BadFilter.at(at, "a filter is an object")
        if level > MAX_LEVELS:
            raise BadFilter.at(at, f"a filter has at most {MAX_LEVELS} levels")
        if not document:
            self._count(at)
        parts: list[Filter] = []
        for key, operand in document.items():
            parts += self._member(key, operand, at + pointer(key), level)
        return parts

    def _member(self, key: str, operand: object, at: str, level: int) -> list[Filter]:
        if not key.startswith("$"):
            return self._terms_of(key, operand, at)
        if key == "$not":
            return [_not(_all(self.conjuncts(operand, at, level + 1)))]
        if key not in ("$and", "$or"):
            raise BadFilter.at(at, "the operators on filters are $and, $or, $not")
        if type(operand) is not list or not operand:
            raise BadFilter.at(at, "takes an array of at least one filter")
        filters = [
            self.conjuncts(part, f"{at}/{place}", level + 1) for place, part in enumerate(operand)
        ]
        if key == "$or":
            return _any(filters)
        return [part for parts in filters for part in parts]

    def _terms_of(self, key: str, operand: Any, at: str) -> list[Filter]:
        try:
            path = parse_path(key)
        except ValueError as error:
            raise BadFilter.at(at, str(error)) from None
        if not _is_operators(operand, at):
            return [self._term(path, "$eq", operand, at)]
        return [
            self._term(path, operator, value, at + pointer(operator))
            for operator, value in operand.items()
        ]

    def _term(self, path: Path, operator: str, operand: object, at: str) -> Filter:
        self._count(at)
        try:
            return _term(path, operator, operand)
        except ValueError as error:
            raise BadFilter.at(at, str(error)) from None

    def _count(self, at: str) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise BadFilter.at(at, f"a filter has at most {MAX_TERMS} terms")


def _is_operators(operand: Any, at: str) -> bool:
    """Whether *operand* is an object of operators; a mixture is an error."""
    if type(operand) is not dict:
        return False
    names = [name for name in operand if not name.startswith("$")]
    if names and len(names) < len(operand):
        raise BadFilter.at(at + pointer(names[0]), "operators and names do not mix; use $eq")
    return bool(operand) and not names


def _term(path: Path, operator: str, operand: object) -> Filter:
    """One comparison.

    Raises:
        ValueError: the operator does not exist or does not take the operand.
    """
    value = plain(operand)
    if _is_time(path) and operator != "$like":
        value = [_as_stored(item) for item in value] if type(value) is list else _as_stored(value)
    test = comparison(operator, value)
    if type(value) is list and operator in ("$in", "$nin"):
        text = f"[{','.join(sorted({canonical_text(item) for item in value}))}]"
    else:
        text = canonical_text(value)
    canonical = f"{{{canonical_text(pointer(*path))}:{{{canonical_text(operator)}:{text}}}}}"
    if path == ("type",) and operator == "$eq" and type(value) is str:
        return Filter(_of_type(value), canonical, value, _NOTHING)
    read = reader(path)
    return Filter(lambda thing: test(read(thing)), canonical, None, _reads(path))


def _of_type(kind: str) -> Matches:
    return lambda thing: thing.type == kind


def _reads(path: Path) -> frozenset[str] | None:
    if path[0] in _STATIC_ROOTS:
        return _NOTHING
    return frozenset(path[1:2]) if len(path) > 1 and path[0] == "features" else None


def _is_time(path: Path) -> bool:
    if path[0] == "features":
        return len(path) == 3 and path[2] == "lastUpdated"
    return path in (("createdAt",), ("lastUpdated",))


def _as_stored(operand: object) -> object:
    """A time as the state writes it, whatever its offset and precision; else as it is."""
    if type(operand) is not str:
        return operand
    try:
        return rfc3339(parse_rfc3339(operand))
    except (ValueError, OverflowError):
        return operand


def _all(parts: Iterable[Filter]) -> Filter:
    """Every one of *parts*, which have no ``$and`` at their top; no part: everything."""
    by_text = {part.canonical: part for part in parts}
    unique = [by_text[text] for text in sorted(by_text)]
    if len(unique) == 1:
        return unique[0]
    if not unique:
        return Filter(lambda _: True, "{}", None, _NOTHING)
    kinds = [part.kind for part in unique if part.kind is not None]
    canonical = f'{{"$and":[{",".join(part.canonical for part in unique)}]}}'
    cheap_first = sorted(unique, key=lambda part: not part.static)
    matches = _every(tuple(part.matches for part in cheap_first))
    return Filter(matches, canonical, kinds[0] if kinds else None, _union(unique))


def _any(choices: list[list[Filter]]) -> list[Filter]:
    """At least one of *choices*, each of which are conjuncts; a single one needs no ``$or``."""
    by_text = {choice.canonical: choice for choice in map(_all, choices)}
    if len(by_text) == 1:
        return choices[0]
    unique = [by_text[text] for text in sorted(by_text)]
    kinds = {part.kind for part in unique}
    canonical = f'{{"$or":[{",".join(part.canonical for part in unique)}]}}'
    cheap_first = sorted(unique, key=lambda part: not part.static)
    matches = _some(tuple(part.matches for part in cheap_first))
    return [Filter(matches, canonical, kinds.pop() if len(kinds) == 1 else None, _union(unique))]


def _not(part: Filter) -> Filter:
    matches = part.matches
    canonical = f'{{"$not":{part.canonical}}}'
    return Filter(lambda thing: not matches(thing), canonical, None, part.reads)


def _union(parts: list[Filter]) -> frozenset[str] | None:
    names: set[str] = set()
    for part in parts:
        if part.reads is None:
            return None
        names |= part.reads
    return frozenset(names)


def _every(tests: tuple[Matches, ...]) -> Matches:
    if len(tests) == 2:  # type and one property: no loop (bench/test_filter.py)
        first, second = tests
        return lambda thing: first(thing) and second(thing)

    def every(thing: Thing) -> bool:
        for matches in tests:  # noqa: SIM110 - a generator for each Thing costs more
            if not matches(thing):
                return False
        return True

    return every


def _some(tests: tuple[Matches, ...]) -> Matches:
    def some(thing: Thing) -> bool:
        for matches in tests:  # noqa: SIM110 - as above
            if matches(thing):
                return True
        return False

    return some
