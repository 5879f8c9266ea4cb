"""``$like``: whether a text fits a pattern of ``*`` (any run) and ``?`` (any one character).

In time that grows with the text alone, whatever the pattern: a filter comes from anyone. The
pattern is cut at its stars. The first piece must begin the text and the last end it; those
between are each taken where they first occur, which is right because a star after them takes
any rest. Pieces without ``?`` are found by ``str.find``, the others by Shift-And (Baeza-Yates
and Gonnet 1992): one step a character with the whole piece as bits of an integer.
"""

from collections.abc import Callable
from typing import TypeAlias

MAX_PATTERN = 256
_Find: TypeAlias = Callable[[str, int, int], int]


def like(pattern: str) -> Callable[[str], bool]:
    """A matcher for *pattern*, of at most 256 characters; every other character is literal.

    Raises:
        ValueError: the pattern is longer.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    head, *rest = pattern.split("*")
    return _starred(head, rest[:-1], rest[-1]) if rest else _fixed(head)


def _fixed(piece: str) -> Callable[[str], bool]:
    at = _placed(piece)
    length = len(piece)

    def fits(text: str) -> bool:
        return len(text) == length and at(text, 0)

    return fits


def _starred(head: str, between: list[str], tail: str) -> Callable[[str], bool]:
    begins, ends = _placed(head), _placed(tail)
    start, tail_length = len(head), len(tail)
    finders = [(_finder(piece), len(piece)) for piece in between if piece]

    def fits(text: str) -> bool:
        end = len(text) - tail_length
        if end < start or not begins(text, 0) or not ends(text, end):
            return False
        position = start
        for find, length in finders:
            found = find(text, position, end)
            if found < 0:
                return False
            position = found + length
        return True

    return fits


def _placed(piece: str) -> Callable[[str, int], bool]:
    """Whether *piece* stands at a given place of a text."""
    literals: list[tuple[int, str]] = []
    offset = 0
    for literal in piece.split("?"):
        if literal:
            literals.append((offset, literal))
        offset += len(literal) + 1

    def at(text: str, position: int) -> bool:
        for offset, literal in literals:  # noqa: SIM110 - a generator for each text costs more
            if not text.startswith(literal, position + offset):
                return False
        return True

    return at


def _finder(piece: str) -> _Find:
    """Where between two places *piece* first stands; -1: nowhere."""
    if "?" not in piece:
        return lambda text, start, end: text.find(piece, start, end)
    if not piece.strip("?"):
        length = len(piece)
        return lambda _, start, end: start if start + length <= end else -1
    return _shift_and(piece)


def _shift_and(piece: str) -> _Find:
    """Bit *i* of the state: the characters just read end a fit of the first *i* + 1 of *piece*."""
    anything = sum(1 << place for place, character in enumerate(piece) if character == "?")
    masks = {
        character: anything | sum(1 << at for at, other in enumerate(piece) if other == character)
        for character in set(piece) - {"?"}
    }
    whole = 1 << (len(piece) - 1)
    literals = [literal for literal in piece.split("?") if literal]

    def find(text: str, start: int, end: int) -> int:
        for literal in literals:
            if text.find(literal, start, end) < 0:
                return -1
        state = 0
        for place, character in enumerate(text[start:end], start):
            state = (state << 1 | 1) & masks.get(character, anything)
            if state & whole:
                return place - len(piece) + 1
        return -1

    return find
