"""Query parameters, read strictly: an unknown, empty or repeated one is an error (contract, 2).

A fault's pointer is ``?`` and the parameter's name, since RFC 6901 has none for it.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from egizcore.errors import Fault, ValidationFailed

Parameters: TypeAlias = Mapping[str, list[str]]

MAX_SHOWN = 64
_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_WHOLE = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_NONE: Parameters = {}


def read_parameters(
    query: bytes, known: frozenset[str], repeatable: frozenset[str] = frozenset()
) -> Parameters:
    """Each parameter's values.

    Raises:
        ValidationFailed: one is not *known*, empty, repeated without being *repeatable*, or no
            percent-encoded UTF-8.
    """
    if not query:
        return _NONE
    values: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        try:
            key, text = _decoded(name), _decoded(value)
        except ValueError:
            faults.append(Fault("?", "is no percent-encoded UTF-8"))
            continue
        values.setdefault(key, []).append(text)
    faults += _faults(values, known, repeatable)
    if faults:
        first = faults[0]
        raise ValidationFailed(f"{first.pointer}: {first.message}", faults=tuple(faults[:100]))
    return values


def at(name: str, message: str) -> ValidationFailed:
    """The error of one parameter."""
    return ValidationFailed.at(f"?{name}", message)


def whole_number(parameters: Parameters, name: str, default: int, most: int) -> int:
    """A whole number from 1 to *most*."""
    if name not in parameters:
        return default
    text = parameters[name][0]
    if not _WHOLE.fullmatch(text) or int(text) > most:
        raise at(name, f"must be a whole number from 1 to {most}")
    return int(text)


def choice(parameters: Parameters, name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of *choices*."""
    text = parameters.get(name, [default])[0]
    if text not in choices:
        raise at(name, f"must be one of {', '.join(choices)}")
    return text


def _decoded(text: bytes) -> str:
    if _ESCAPE.search(text):
        raise ValueError
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def _faults(values: Parameters, known: frozenset[str], repeatable: frozenset[str]) -> list[Fault]:
    faults = []
    for name, texts in values.items():
        where = f"?{name[:MAX_SHOWN]}"
        if name not in known:
            faults.append(Fault(where, "is not known here"))
        elif "" in texts:
            faults.append(Fault(where, "is empty"))
        elif len(texts) > 1 and name not in repeatable:
            faults.append(Fault(where, "stands more than once"))
    return faults
