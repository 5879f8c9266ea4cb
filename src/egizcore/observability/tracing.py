"""Spans of REST requests and history queries, kept until they are exported.

Nothing here is built, let alone called, unless ``observability.otlp_endpoint`` is set.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TypeAlias, final

from egizcore.observability.traceparent import SpanContext, begin, read

WAITING: Final = 4096
"""Spans that wait for the collector. Past it the oldest go, and are counted."""

BATCH: Final = 128
"""Spans of one request to the collector: some 2 ms of the loop."""

Attributes: TypeAlias = dict[str, str | int | float]
Kind: TypeAlias = Literal["server", "client"]
"""Whose work a span is: ours for a caller, or one that we ask of others."""

_current: ContextVar["Span | None"] = ContextVar("egizcore_span", default=None)


@final
class Span:
    """A piece of work that has a beginning and, once it is kept, an end: ns since 1970 UTC."""

    __slots__ = ("attributes", "context", "ended", "failed", "kind", "name", "parent", "started")

    def __init__(
        self, name: str, kind: Kind, context: SpanContext, parent: SpanContext | None
    ) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.parent = parent
        self.attributes: Attributes = {}
        self.failed = ""
        """Why the work failed, as ``error.type``; empty: it did not."""
        self.started = time.time_ns()
        self.ended = 0


@final
class Tracer:
    """Begins spans, and keeps those of a sampled trace when they end."""

    def __init__(self) -> None:
        self._ended: deque[Span] = deque()  # bounded by WAITING, oldest first to go
        self.dropped = 0
        self.many = asyncio.Event()
        """Set when a whole batch waits."""

    @contextmanager
    def request(self, name: str, headers: Mapping[bytes, bytes]) -> Iterator[Span]:
        """The span of a request to us: of its caller's trace, if it says so, else of its own."""
        caller = read(headers.get(b"traceparent", b""), headers.get(b"tracestate", b""))
        context = begin() if caller is None else caller.child()
        with self._within(Span(name, "server", context, caller)) as span:
            yield span

    @contextmanager
    def call(self, name: str) -> Iterator[Span]:
        """The span of a call that we make, below the present one if there is one."""
        current = _current.get()
        parent = None if current is None else current.context
        context = begin() if parent is None else parent.child()
        with self._within(Span(name, "client", context, parent)) as span:
            yield span

    @contextmanager
    def _within(self, span: Span) -> Iterator[Span]:
        before = _current.set(span)
        began = time.perf_counter_ns()  # the wall clock may be set meanwhile
        try:
            yield span
        except BaseException as error:
            span.failed = type(error).__qualname__
            raise
        finally:
            _current.reset(before)
            span.ended = span.started + time.perf_counter_ns() - began
            if span.context.is_sampled:
                self._keep(span)

    def _keep(self, span: Span) -> None:
        if len(self._ended) >= WAITING:
            self._ended.popleft()
            self.dropped += 1
        self._ended.append(span)
        if len(self._ended) >= BATCH:
            self.many.set()

    @property
    def waiting(self) -> int:
        """Spans that no one has taken yet."""
        return len(self._ended)

    def take(self) -> list[Span]:
        """The oldest of those that wait, at most a batch; they wait no longer."""
        return [self._ended.popleft() for _ in range(min(BATCH, len(self._ended)))]

    def give_back(self, spans: list[Span]) -> None:
        """*spans* could not be exported and wait again, as far as there is room."""
        room = max(WAITING - len(self._ended), 0)
        kept = spans[max(len(spans) - room, 0) :]
        self.dropped += len(spans) - len(kept)
        self._ended.extendleft(reversed(kept))


def outgoing() -> dict[str, str]:
    """The header fields that pass the present trace on; none: there is no trace."""
    current = _current.get()
    return {} if current is None else current.context.fields()
