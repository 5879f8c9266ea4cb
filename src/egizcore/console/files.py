"""The page as it is served: every file in memory, with all its headers."""

import hashlib
from importlib import resources
from typing import Final, NamedTuple

TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# The page asks nothing of any other host, and nobody may frame it. 'self' covers the WebSocket of
# the same host and port too (CSP 3, section 6.7.2.8).
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)


class File(NamedTuple):
    """One file; *headers* has everything to send with it but the length."""

    content_type: str
    body: bytes
    etag: str
    headers: dict[str, str]


def files() -> dict[str, File]:
    """Every file by the absolute path that it is served at; ``/`` is the page itself.

    Names carry no version, so browsers ask each time (``no-cache``) and mostly get a 304.
    """
    folder = resources.files("egizcore.console") / "page"
    served = {
        f"/console/{item.name}": _file(item.name, item.read_bytes()) for item in folder.iterdir()
    }
    served["/"] = served.pop("/console/index.html")
    served["/favicon.ico"] = served["/console/icon.svg"]
    return served


def _file(name: str, body: bytes) -> File:
    content_type = TYPES[name.rpartition(".")[2]]
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {
        "content-type": content_type,
        "etag": etag,
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return File(content_type, body, etag, headers)
