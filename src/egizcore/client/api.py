"""REST as a few methods: a path, parameters and a document go out, an answer comes back."""

import json
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, final
from urllib.parse import SplitResult, quote, urlsplit

import httpx

from egizcore.client.problem import Unreachable, error_of
from egizcore.errors import SettingsInvalid
from egizcore.quantity import masked

Parameters: TypeAlias = Mapping[str, str | int | Sequence[str]]

PATIENCE: Final = 15.0
"""Seconds without a byte. The engine itself gives up on a history store after 5."""
_MERGE_PATCH: Final = "application/merge-patch+json"
_PROBLEM: Final = "application/problem+json"
_NOT_OURS: Final = "Give EgizCore's own address with --url."


@final
class Api:
    """The API of one engine. A path is given as its segments: ``get("things", id)``.

    Every method raises the error of `egizcore.errors` that the engine had, `Refused` for one that
    has no class there, and `Unreachable` where no EgizCore answers.
    """

    def __init__(self, url: str) -> None:
        _check_address(url)
        self.url = url.rstrip("/")
        self._shown = masked(self.url)
        # Not httpx's own list of authorities, but the system's, SSL_CERT_FILE included.
        trusted = ssl.create_default_context()
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False, verify=trusted)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def get(self, *path: str, **parameters: str | int | Sequence[str]) -> dict[str, Any]:
        """The document at ``/api/v1/`` and *path*."""
        return self._document("GET", path, parameters=parameters)

    def post(self, *path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """What *document*, sent there, is answered with."""
        return self._document("POST", path, document=document)

    def patch(self, *path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """What is there after the merge patch *patch* (RFC 7396)."""
        return self._document("PATCH", path, document=patch, media=_MERGE_PATCH)

    def text(self, path: str) -> str:
        """What stands at *path*, which begins with ``/``: ``/metrics``."""
        with self._asked(), self._http.stream("GET", f"{self.url}{path}") as answer:
            answer.read()
            self._check(answer, ())
            return answer.text

    def stream(self, *path: str, **parameters: str | int | Sequence[str]) -> Iterator[bytes]:
        """The bytes at *path* as they come. An answer that breaks off is an error, no end."""
        request = self._http.stream("GET", self._place(path), params=dict(parameters))
        with self._asked(), request as answer:
            if answer.status_code >= 400:
                answer.read()
                self._check(answer, path)
            yield from answer.iter_bytes()

    def _document(
        self,
        method: str,
        path: Sequence[str],
        *,
        parameters: Parameters | None = None,
        document: Mapping[str, Any] | None = None,
        media: str = "application/json",
    ) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        headers = {} if document is None else {"content-type": media}
        with self._asked():
            answer = self._http.request(
                method,
                self._place(path),
                params=dict(parameters or {}),
                content=body,
                headers=headers,
            )
        self._check(answer, path)
        found = _json(answer)
        if not isinstance(found, dict):
            raise self._stranger(answer)
        return found

    def _place(self, path: Sequence[str]) -> str:
        return "/".join((self.url, "api/v1", *(quote(one, safe=":") for one in path)))

    def _check(self, answer: httpx.Response, path: Sequence[str]) -> None:
        """See that *answer* is no problem; *path* says what the request was about."""
        if answer.status_code < 300:
            return
        problem = _json(answer)
        ours = answer.headers.get("content-type", "").startswith(_PROBLEM)
        if not ours or not isinstance(problem, dict) or not {"code", "detail"} <= problem.keys():
            raise self._stranger(answer)
        named = (*path[1:2], *path[3:4]) if path[:1] == ("things",) else ()
        try:
            error = error_of(problem, *named)
        except ValueError:
            error = self._stranger(answer)
        raise error

    def _stranger(self, answer: httpx.Response) -> Unreachable:
        what = f"{self._shown} does not answer as EgizCore does: HTTP status {answer.status_code}."
        return Unreachable(what, hint=_NOT_OURS)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectError as error:
            raise Unreachable(
                f"Nothing answers at {self._shown} ({_words(error)}).",
                hint="Start one with 'egizcore demo', or name another with --url.",
            ) from None
        except httpx.TimeoutException:
            raise Unreachable(
                f"{self._shown} did not answer within {PATIENCE:.0f} s.",
                hint="Try again; if it stays so, its log says why.",
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unreachable(
                f"The answer of {self._shown} broke off ({_words(error)}).",
                hint="Try again; its log says whether it stopped.",
            ) from None


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port, httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsInvalid("url: this is no address", hint="Write http://host:8080.")


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _words(error: BaseException) -> str:
    """Why a connection failed, in the system's words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):  # its number is OpenSSL's, not the system's
            return f"TLS: {(cause.reason or 'it failed').replace('_', ' ').lower()}"
        if isinstance(cause, OSError) and cause.errno is not None:
            known = cause.errno > 0  # a name that cannot be resolved has a negative one
            return (os.strerror(cause.errno) if known else str(cause.strerror)).lower()
        cause = cause.__cause__ or cause.__context__
    return str(error).splitlines()[0] if str(error) else type(error).__name__
