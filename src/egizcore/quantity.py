"""What settings are made of: Duration, Size, Secret; and how an address is shown (`masked`).

Each is read from the text that a person types (``parse``) and prints itself in that form.
``from_setting`` is msgspec's ``dec_hook``: Structs name these types and
``msgspec.convert(raw, Struct, dec_hook=quantity.from_setting)`` fills them.

Errors are `ValueError` with one sentence that says what was expected.
"""

import math
import re
from typing import Any, Self, final

_MEASURE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)", re.ASCII)
_CREDENTIALS = re.compile(r"//.*@", re.DOTALL)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_LONGEST = 100 * 365 * 86_400.0  # a century: more is a slip, and would overflow timers
_LARGEST = (1 << 63) - 1


@final
class Duration(float):
    """Seconds, written with a unit: ``500ms``, ``10s``, ``1m``, ``2h``, ``7d``, ``1w``.

    A bare number is refused, since it does not say seconds or milliseconds; ``0`` is the same
    in both.
    """

    @classmethod
    def parse(cls, raw: object) -> Self:
        """*raw* as it came from a file or a variable: text, or the number 0."""
        if raw == 0 and not isinstance(raw, bool):
            return cls(0)
        form = "a number and a unit (ms, s, m, h, d, w), such as 500ms, 10s or 7d"
        if isinstance(raw, str):
            if raw.strip() == "0":
                return cls(0)
            found = _MEASURE.fullmatch(raw.strip())
            if found and found[2] in _SECONDS:
                return cls._within(float(found[1]) * _SECONDS[found[2]], raw)
        raise ValueError(f"{_quoted(raw)} is no duration: write {form}")

    @classmethod
    def _within(cls, seconds: float, raw: str) -> Self:
        if seconds > _LONGEST:
            raise ValueError(f"{_quoted(raw)} is longer than a century")
        return cls(seconds)

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "m", "s"):
            count = self / _SECONDS[unit]
            if count >= 1 and count == math.floor(count):
                return f"{count:.0f}{unit}"
        return f"{round(self * 1000, 6):.15g}ms" if self else "0s"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


@final
class Size(int):
    """Bytes: a plain integer, or text with a unit: ``512B``, ``256KiB``, ``1MiB``, ``2GiB``."""

    @classmethod
    def parse(cls, raw: object) -> Self:
        """*raw* as it came from a file or a variable: text or a whole number."""
        if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= _LARGEST:
            return cls(raw)
        if isinstance(raw, str):
            text = raw.strip()
            found = _MEASURE.fullmatch(text if text[-1:].isalpha() else f"{text}B")
            if found and found[2] in _BYTES:
                whole = float(found[1]) * _BYTES[found[2]]
                if whole <= _LARGEST and whole == math.floor(whole):
                    return cls(int(whole))
        form = "a number of bytes, or one with B, KiB, MiB or GiB, such as 256KiB"
        raise ValueError(f"{_quoted(raw)} is no size: write {form}")

    def __str__(self) -> str:
        for unit in ("GiB", "MiB", "KiB"):
            if self and self % _BYTES[unit] == 0:
                return f"{self // _BYTES[unit]}{unit}"
        return f"{int(self)}B"

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


@final
class Secret:
    """Text that no log, message or ``repr`` shows: only `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def parse(cls, raw: object) -> Self:
        """*raw* must be text; the error does not show it."""
        if not isinstance(raw, str):
            raise ValueError("a secret is text: put it in quotes")  # noqa: TRY004 - one kind of error
        return cls(raw)

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not to be copied out of the process")


def masked(address: str) -> str:
    """*address* without the credentials in it, to be shown: ``mqtt://***@host``.

    All up to the last ``@`` is hidden, for a password may hold a slash.
    """
    return _CREDENTIALS.sub("//***@", address)


def from_setting(kind: type, raw: object) -> Any:
    """The ``dec_hook`` of msgspec for settings: *raw* as a Duration, a Size or a Secret."""
    if kind is Duration or kind is Size or kind is Secret:
        return kind.parse(raw)
    raise NotImplementedError(f"no setting is a {kind.__name__}")


def _quoted(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 40 else f"{text[:36]}…'"
