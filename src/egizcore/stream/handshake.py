"""Whom we let in: pure decisions on an upgrade request's head (RFC 6455, section 4.2)."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple, TypeAlias, final
from urllib.parse import urlsplit

PATH: Final = b"/api/v1/ws"
VERSION: Final = b"13"
_PORTS: Final = {"http": 80, "https": 443}

Answer: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]


class Rules(NamedTuple):
    """What the engine hands down from the HTTP side, so that both doors agree."""

    is_our_host: Callable[[bytes | None], bool]
    allowed_origins: frozenset[str]
    refusal: Callable[[str, str], Answer]
    """A problem+json answer for an error code and a detail."""


@final
class Porter:
    """Says who may not come in, and writes the answer for them."""

    def __init__(self, rules: Rules) -> None:
        self._is_our_host = rules.is_our_host
        self._refusal = rules.refusal
        self._origins = frozenset(one.lower().rstrip("/") for one in rules.allowed_origins)

    def objection(self, head: bytes) -> tuple[str, str] | None:
        """Why the request must not be upgraded: an error's code and detail."""
        line, _, rest = head.partition(b"\r\n")
        method, target, _ = line.split(b" ", 2)
        if target.partition(b"?")[0] != PATH:
            return "not_found", "There is nothing to upgrade at this path."
        if method != b"GET":
            return "method_not_allowed", "A WebSocket begins with GET."
        host, origin = _values(rest, b"host"), _values(rest, b"origin")
        if len(host) != 1 or not self._is_our_host(host[0]):
            return "bad_host", "The Host header names no host of ours."
        if origin and (len(origin) > 1 or not self._is_friend(origin[0], host[0])):
            return "forbidden", "The Origin header names neither this host nor an allowed origin."
        if any(version != VERSION for version in _values(rest, b"sec-websocket-version")):
            return "upgrade_required", "We speak version 13 of the WebSocket protocol."
        return None

    def refuse(self, code: str, detail: str) -> bytes:
        """The whole HTTP response: a problem, and what mends it."""
        status, headers, body = self._refusal(code, detail)
        lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        lines += [name + b": " + value for name, value in headers]
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            lines.append(b"allow: GET")
        if status == HTTPStatus.UPGRADE_REQUIRED:
            lines += [b"upgrade: websocket", b"sec-websocket-version: " + VERSION]
            lines.append(b"connection: upgrade, close")
        else:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", body])

    def _is_friend(self, origin: bytes, host: bytes) -> bool:
        text = origin.decode("latin-1").lower()
        if text in self._origins:
            return True
        try:
            parts = urlsplit(text)
            own = urlsplit(f"{parts.scheme}://{host.decode('latin-1').lower()}")
            theirs, ours = parts.port, own.port
        except ValueError:
            return False
        default = _PORTS.get(parts.scheme)
        return (
            default is not None
            and parts.hostname == own.hostname
            and (theirs or default) == (ours or default)
        )


def _values(block: bytes, name: bytes) -> list[bytes]:
    """The values of a header in a request's head, as uvicorn rebuilds it."""
    return [
        value.strip()
        for key, _, value in (line.partition(b":") for line in block.split(b"\r\n"))
        if key.strip().lower() == name
    ]
