"""Which media types a client takes (RFC 9110, section 12.5.1), and which a body has."""

import re
from functools import lru_cache
from typing import Final

_RANGE = re.compile(r"([\w!#$%&'*+.^`|~-]+)/([\w!#$%&'*+.^`|~-]+)", re.ASCII)
_NOTHING: Final = -1


@lru_cache(maxsize=256)
def accepts(accept: bytes, media: str) -> bool:
    """Whether a client that sends *accept* takes *media*; what is no media range is passed over."""
    return _liking(accept, media) > 0


@lru_cache(maxsize=256)
def preferred(accept: bytes, medias: tuple[str, ...]) -> str | None:
    """Which of *medias* a client that sends *accept* likes best, of equals the first."""
    best = max(medias, key=lambda media: _liking(accept, media))
    return best if _liking(accept, best) > 0 else None


def _liking(accept: bytes, media: str) -> float:
    """The quality that *accept* gives *media*; 0: it is not taken."""
    wanted_type, wanted_subtype = media.split("/")
    best, quality = _NOTHING, 0.0
    understood = False
    for part in accept.decode("latin-1").split(","):
        text, *parameters = part.split(";")
        found = _RANGE.fullmatch(text.strip().lower())
        if found is None:
            continue
        understood = True
        exact = _exactness(found[1], found[2], wanted_type, wanted_subtype)
        if exact > best or (exact == best != _NOTHING and _quality(parameters) > quality):
            best, quality = exact, _quality(parameters)
    return quality if understood else 1.0


def _exactness(kind: str, subtype: str, wanted: str, wanted_subtype: str) -> int:
    """The more exact range rules, whatever its place."""
    if (kind, subtype) == (wanted, wanted_subtype):
        return 2
    if (kind, subtype) == (wanted, "*"):
        return 1
    return 0 if (kind, subtype) == ("*", "*") else _NOTHING


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


@lru_cache(maxsize=256)
def media_type(content_type: bytes) -> str:
    """The media type of a body that is UTF-8 text, lower case; empty: it is no such thing."""
    text, *parameters = content_type.decode("latin-1").split(";")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            return ""
    return text.strip().lower()
