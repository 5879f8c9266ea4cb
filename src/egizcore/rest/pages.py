"""Static pages: those that the engine mounts, and our own under /docs.

All are held in memory. Nothing on them asks anything of another host.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Final, NamedTuple, final

from egizcore.errors import CommandFailed
from egizcore.rest.answer import Answer, json_bytes
from egizcore.rest.call import Call, Route, route
from egizcore.rest.etag import is_unchanged
from egizcore.rest.openapi import document_bytes
from egizcore.rest.parts import Page
from egizcore.rest.problem import CODES, Headers

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY: Final = (  # Swagger UI sets styles in place and draws its icons from data: URLs
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
_SERVED: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js", "icon.svg")

FILTERS: Final = """\
<p>A filter is an object whose keys are paths, <code>metadata.location</code> or
<code>/metadata/location</code>, and whose values are what must stand there:
<code>{"type": "oven", "features.thermal.properties.setpoint": {"$gt": 180}}</code>.
Operators are <code>$eq $ne $gt $gte $lt $lte $in $nin $exists $like</code>; filters combine with
<code>$and $or $not</code>. <code>$like</code> takes <code>*</code> and <code>?</code>;
<code>null</code> means missing. At most 16 levels, 64 terms, 24 segments a path and 1,000 values in
<code>$in</code>.</p>"""


@final
class File(NamedTuple):
    """A page of ours."""

    body: bytes
    etag: str
    headers: Mapping[str, str]


def routes(pages: Mapping[str, Page]) -> Iterable[Route]:
    """A route for each page, and the API's document."""
    for path, page in pages.items():
        yield route("GET", path, _Static(page).get, media="")
    yield route("GET", "/openapi.json", openapi)


async def openapi(call: Call) -> Answer:  # noqa: ARG001 - nothing is asked
    """The API's own description."""
    return json_bytes(document_bytes())


@final
class _Static:
    """One page, its fields made once."""

    def __init__(self, page: Page) -> None:
        self._body = page.body
        self._tag = page.etag.encode()
        self._fields: Headers = [
            (name.encode(), value.encode()) for name, value in page.headers.items()
        ]
        self._length = (b"content-length", b"%d" % len(page.body))

    async def get(self, call: Call) -> Answer:
        if is_unchanged(call.header(b"if-none-match"), self._tag):
            return Answer(304, self._fields)
        return Answer(200, [*self._fields, self._length], self._body)


@cache
def docs() -> Mapping[str, File]:
    """Our own pages by path, read once."""
    folder = resources.files("egizcore.rest") / "static"
    served = {f"/docs/{name}": _file(name, (folder / name).read_bytes()) for name in _SERVED}
    served["/docs"] = _file("docs.html", (folder / "docs.html").read_bytes())
    served["/docs/errors"] = _file("errors.html", errors_page((folder / "errors.html").read_text()))
    return served


def errors_page(frame: str) -> bytes:
    """The page behind ``type`` of every problem: one section a code, the code its anchor.

    The codes that only the WebSocket gives follow those of HTTP.
    """
    sections = [
        _section(code, str(row.status), f"{row.title}.", row.hint) for code, row in CODES.items()
    ]
    sections += [
        _section(error.code, "WebSocket", error.__doc__ or "", error.hint)
        for error in CommandFailed.__subclasses__()
    ]
    return frame.replace("<!-- codes -->", "\n".join(sections)).encode()


def _section(code: str, where: str, about: str, hint: str) -> str:
    more = FILTERS if code == "bad_filter" else ""
    return (
        f'<section id="{code}"><h2><code>{code}</code> ({where})</h2>'
        f"<p>{escape(about)}</p><p>{escape(hint)}</p>{more}</section>"
    )


def _file(name: str, body: bytes) -> File:
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {
        "content-type": _TYPES[name.rpartition(".")[2]],
        "etag": etag,
        "cache-control": "no-cache",
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return File(body, etag, headers)
