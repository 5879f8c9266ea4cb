"""Metrics and spans on their way to an OpenTelemetry collector (OTLP over HTTP).

A collector that is down costs one log line, and the spans that do not fit: metrics are totals, so
the next export has all.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, final

import structlog

from egizcore.backoff import HELD, Backoff
from egizcore.errors import SettingsInvalid
from egizcore.observability.prometheus import Series
from egizcore.observability.tracing import BATCH, Span, Tracer
from egizcore.quantity import masked

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from httpx import Response

EVERY: Final = 10.0
"""Seconds between two exports of the metrics. Spans go sooner, once a batch waits."""
TIMEOUT: Final = 10.0
"""Seconds for one request, as the specification's default."""
LONGEST_ASKED: Final = 300.0
"""Seconds that we wait at most when the collector asks for it."""
LAST_WORDS: Final = 1.0
"""Seconds that the shutdown gives to the last export."""
ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; an honest one has some hundred."""
_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Statuses after which the same spans may be sent again (OTLP, "Failures")."""

_log = structlog.get_logger("egizcore.observability")


class Sent(NamedTuple):
    """What came of a request: either it may be sent again, or some of its items are lost."""

    wait: float = 0.0
    """Seconds after which it may; 0: it is done with."""
    lost: int = 0
    """How many the collector will never take."""


@final
class Exporter:
    """Sends *series* and what its ``tracer`` keeps to *endpoint*; build it before the loop serves.

    Raises:
        SettingsInvalid: the packages of ``egizcore[otlp]`` are not installed.
    """

    def __init__(
        self, endpoint: str, series: Sequence[Series], identity: Mapping[str, str]
    ) -> None:
        try:
            import httpx

            from egizcore.observability import otlp
        except ImportError as error:
            raise SettingsInvalid(
                f"observability.otlp_endpoint needs a package that is not here: {error.name}",
                hint="Install it with: pip install 'egizcore[otlp]'",
            ) from None
        self.tracer = Tracer()
        self._endpoint = endpoint.rstrip("/")
        self._where = masked(self._endpoint)
        self._series = series
        self._identity = identity
        self._started = time.time_ns()
        self._otlp = otlp
        self._failures = (httpx.HTTPError, httpx.InvalidURL, TimeoutError)
        self._client = httpx.AsyncClient(timeout=TIMEOUT)
        self._backoff = Backoff(Random())  # noqa: S311 - no key
        self._works: dict[str, bool] = {}  # by path: a store of metrics may take no spans

    async def run(self) -> NoReturn:
        """Export for ever; what there is when this is cancelled is sent for the last time."""
        try:
            while True:
                await self._period()
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self.export()
            await self._client.aclose()
            raise

    async def _period(self) -> None:
        """One export of everything, and of spans as they come until the next is due."""
        loop = asyncio.get_running_loop()
        due = loop.time() + EVERY
        wait = await self.export()
        while wait == 0 and loop.time() < due:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self.tracer.many.wait()
                wait = await self._export_spans()
        await asyncio.sleep(wait)

    async def export(self) -> float:
        """Send all that there is now; the seconds to wait before more is sent."""
        now = time.time_ns()
        request = self._otlp.metrics_request(self._identity, self._series, self._started, now)
        sent = await self._send(self._otlp.METRICS_PATH, request, len(self._series))
        return sent.wait or await self._export_spans()

    async def _export_spans(self) -> float:
        tracer = self.tracer
        tracer.many.clear()
        for _ in range(0, tracer.waiting, BATCH):  # not those that come meanwhile
            wait = await self._send_spans(tracer.take())
            if wait > 0:
                return wait
        return 0.0

    async def _send_spans(self, spans: list[Span]) -> float:
        request = self._otlp.trace_request(self._identity, spans)
        try:
            sent = await self._send(self._otlp.TRACES_PATH, request, len(spans))
        except asyncio.CancelledError:
            self.tracer.give_back(spans)
            raise
        if sent.wait > 0:
            self.tracer.give_back(spans)
        self.tracer.dropped += min(sent.lost, len(spans))
        return sent.wait

    async def _send(self, path: str, request: "Message", count: int) -> Sent:
        """One *request* with *count* items."""
        try:
            async with asyncio.timeout(TIMEOUT):
                status, asked, body = await self._post(path, request.SerializeToString())
        except self._failures as error:
            self._became(path, f"{type(error).__name__} {error}".rstrip())
            return Sent(self._backoff.next())
        if status in _AGAIN:
            self._became(path, f"it answers {status}")
            wait = self._backoff.next()
            return Sent(min(max(wait, float(asked)), LONGEST_ASKED) if asked.isdecimal() else wait)
        self._backoff.held(HELD)
        if not 200 <= status < 300:
            self._became(path, f"it answers {status}")
            return Sent(lost=count)
        lost, why = self._otlp.refused(path, body, count)
        self._became(path, why)
        return Sent(lost=lost)

    async def _post(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, ``Retry-After`` and the start of the body."""
        # The body is read as it comes: nobody unpacks it, so a short one cannot become a long one.
        headers = {"content-type": "application/x-protobuf", "accept-encoding": "identity"}
        async with self._client.stream(
            "POST", self._endpoint + path, content=body, headers=headers
        ) as answer:
            asked = answer.headers.get("retry-after", "")
            return answer.status_code, asked, await _start_of(answer)

    def _became(self, path: str, wrong: str) -> None:
        """Tell of *path* when it begins to work, or ceases to; empty *wrong*: it works."""
        works = not wrong
        if self._works.get(path) == works:
            return
        self._works[path] = works
        if works:
            lost = self.tracer.dropped
            _log.info("collector takes what we send", to=self._where + path, spans_dropped=lost)
        else:
            _log.warning("collector does not take all", to=self._where + path, reason=wrong)


async def _start_of(answer: "Response") -> bytes:
    """The body; only its start, if it is too long to be honest."""
    body = b""
    async for part in answer.aiter_raw():
        body += part
        if len(body) > ANSWER:
            break
    return body
