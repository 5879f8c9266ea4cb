"""What the REST app is built from: the engine hands these down."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from egizcore.history import Reader
from egizcore.observability import Tracer
from egizcore.rest.settings import HttpSettings
from egizcore.state import Registry, Store

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

UpgradeProtocol: TypeAlias = Callable[..., asyncio.Protocol]
"""Who takes over a connection that asks for a WebSocket; uvicorn builds it."""


class IngestView(Protocol):
    """What REST shows of ingestion; the items are as the contract's section 2 has them."""

    def test(self, topic: str, payload: bytes) -> Mapping[str, object]:
        """What would come of a message; changes nothing."""
        ...

    def rejected(self) -> Sequence[object]:
        """Messages that were refused, newest first."""
        ...

    def unknown(self) -> Sequence[object]:
        """Devices that nothing maps to a Thing, newest first."""
        ...


class Page(Protocol):
    """A static file in memory; *headers* has everything to send with it but the length."""

    @property
    def body(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def etag(self) -> str:
        """Its entity tag, quoted."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its header fields, lower case."""
        ...


class RestParts(NamedTuple):
    """Everything that the routes read and change."""

    store: Store
    registry: Registry
    ingest: IngestView
    history: Reader
    settings: HttpSettings
    version: str
    health: Callable[[], Mapping[str, object]]
    """The document of ``GET /health``."""
    ready: Callable[[], bool]
    metrics: Callable[[], bytes]
    """The Prometheus text."""
    answered: Callable[[str, str, int, float], None]
    """Told of each answer: method, route template, status, seconds."""
    failed: Callable[[], None]
    """Told of each 500."""
    pages: Mapping[str, Page]
    """Static pages by absolute path."""
    tracer: Tracer | None = None
    """Who keeps the spans of requests, if anyone wants them."""
