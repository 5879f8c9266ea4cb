"""The front: what is the same for every request, around the routes.

Host and CORS, HEAD as GET without its body, OPTIONS, the measure of time; and a problem for every
error, whoever raised it.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final, final
from urllib.parse import unquote

import structlog
from litestar.exceptions import HTTPException

from egizcore.errors import EgizError
from egizcore.rest.answer import BREAK_OFF, HEAD, Answer
from egizcore.rest.host import cross_origin, host_check
from egizcore.rest.parts import AsgiApp, Message, Receive, RestParts, Scope, Send
from egizcore.rest.problem import Headers, Refused, refusal, refusal_of
from egizcore.rest.trace import OTHER, Answered, traced

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CORS_FIELDS: Final = b"Content-Type, If-Match, If-None-Match, Last-Event-ID, Cache-Control"
_log: Final = structlog.get_logger("egizcore.rest")


@final
class Front:
    """An ASGI application around another."""

    def __init__(self, app: AsgiApp, parts: RestParts, allow: Callable[[str], list[str]]) -> None:
        self._app = app
        self._allow = allow
        self._ours = host_check(parts.settings)
        self._cross_origin = cross_origin(parts.settings.allowed_origins)
        self._cors = bool(parts.settings.allowed_origins)
        self._answered = parts.answered
        self._failed = parts.failed
        self._tracer = parts.tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if self._tracer is None:
            await self._answer(scope, receive, send)
        else:
            await traced(self._tracer, self._answer, scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Answered:
        started = perf_counter()
        method = scope["method"]
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        wire = _Wire(send, self._cors_fields(headers), head=method == "HEAD")
        inner = {
            **scope,
            "method": "GET" if method == "HEAD" else method,
            "path": _path(scope),
            HEAD: method == "HEAD",
        }
        try:
            await self._respond(inner, headers, receive, wire)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = self.problem(error)
            if wire.status == 0:
                await answer(inner, receive, wire)
            else:
                inner[BREAK_OFF]()  # half an answer must not look like a whole one
        done = Answered(
            method if method in _METHODS else OTHER, inner.get("path_template", OTHER), wire.status
        )
        self._answered(*done, perf_counter() - started)
        return done

    def problem(self, error: Exception) -> Answer:
        """The answer that *error* makes."""
        if isinstance(error, EgizError):
            status, headers, body = refusal_of(error)
        elif isinstance(error, Refused):
            status, headers, body = refusal(error.code, error.detail, error.headers)
        elif isinstance(error, HTTPException) and error.status_code < 500:
            status, headers, body = self._refused_by_router(error)
        else:
            self._failed()
            _log.error("A request failed.", exc_info=error)
            status, headers, body = refusal("internal", "The request could not be answered.")
        return Answer(status, headers, body)

    async def _respond(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        if not self._ours(headers.get(b"host")):
            raise Refused("bad_host", "The Host is none of ours.")
        path = scope["path"]
        if "//" in path or (path.endswith("/") and path != "/"):  # the router would pass over them
            raise Refused("not_found", "There is nothing at this path.")
        if scope["method"] == "OPTIONS":
            await self._options(scope, headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _options(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Answer:
        methods = with_head(self._allow(scope["path"]))
        if not methods:
            raise Refused("not_found", "There is nothing at this path.")
        allow = ", ".join(methods).encode()
        fields: Headers = [(b"allow", allow)]
        if self._is_cross_origin(headers) and b"access-control-request-method" in headers:
            fields += [
                (b"access-control-allow-methods", allow),
                (b"access-control-allow-headers", _CORS_FIELDS),
                (b"access-control-max-age", b"600"),
            ]
        return Answer(204, fields)

    def _cors_fields(self, headers: Mapping[bytes, bytes]) -> Headers:
        if not self._cors:
            return []
        if not self._is_cross_origin(headers):
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", headers[b"origin"]),
            (b"access-control-expose-headers", b"ETag, Location"),
        ]

    def _is_cross_origin(self, headers: Mapping[bytes, bytes]) -> bool:
        return b"origin" in headers and self._cross_origin(headers[b"origin"])

    def _refused_by_router(self, error: HTTPException) -> tuple[int, Headers, bytes]:
        if error.status_code == 404:
            return refusal("not_found", "There is nothing at this path.")
        if error.status_code == 405:
            allow = (error.headers or {}).get("allow", "")
            methods = with_head(allow.split(", "))
            return refusal(
                "method_not_allowed",
                f"This path takes {', '.join(methods)}.",
                [(b"allow", ", ".join(methods).encode())],
            )
        return refusal("bad_request", "The request cannot be understood.")


def with_head(methods: list[str]) -> list[str]:
    """All that a path takes, when its routes are for *methods*."""
    return sorted({*methods, "HEAD"}) if "GET" in methods else sorted(methods)


def _path(scope: Scope) -> str:
    """The decoded path, in which an encoded slash parts nothing: no id has one."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        path: str = scope["path"]
        return path
    return "/".join(
        unquote(part).replace("/", "%2F") for part in raw.partition(b"?")[0].decode().split("/")
    )


@final
class _Wire:
    """The way out: adds fields, and for HEAD takes the body away."""

    __slots__ = ("_fields", "_head", "_send", "status")

    def __init__(self, send: Send, fields: Headers, *, head: bool) -> None:
        self._send = send
        self._fields = fields
        self._head = head
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._fields:
                message = {**message, "headers": [*message["headers"], *self._fields]}
        elif self._head:
            message = {**message, "body": b""}
        await self._send(message)
