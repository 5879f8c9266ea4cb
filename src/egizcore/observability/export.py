"""Metrics and spans on their way to an OpenTelemetry collector (OTLP over HTTP).

A collector that is down costs one log line, and the spans that do not fit: metrics are totals, so
the next export has all.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final, NoReturn, final
from urllib.parse import urlsplit

import structlog

from egizcore.backoff import HELD, Backoff
from egizcore.errors import SettingsInvalid
from egizcore.observability.prometheus import Series
from egizcore.observability.tracing import BATCH, Span, Tracer

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
        self._where = _where(self._endpoint)
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
        return await self._send(self._otlp.METRICS_PATH, request) or await self._export_spans()

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
            wait = await self._send(self._otlp.TRACES_PATH, request)
        except asyncio.CancelledError:
            self.tracer.give_back(spans)
            raise
        if wait > 0:
            self.tracer.give_back(spans)
        elif not self._works[self._otlp.TRACES_PATH]:  # it will never take them
            self.tracer.dropped += len(spans)
        return wait

    async def _send(self, path: str, request: "Message") -> float:
        """One request: 0, or the seconds after which it may be sent again."""
        try:
            async with asyncio.timeout(TIMEOUT):
                status, asked, body = await self._post(path, request.SerializeToString())
        except self._failures as error:
            self._became(path, f"{type(error).__name__} {error}".rstrip())
            return self._backoff.next()
        if status in _AGAIN:
            self._became(path, f"it answers {status}")
            wait = self._backoff.next()
            return min(max(wait, float(asked)), LONGEST_ASKED) if asked.isdecimal() else wait
        self._backoff.held(HELD)
        if not 200 <= status < 300:
            self._became(path, f"it answers {status}")
        else:
            self._became(path, self._otlp.refused(path, body))
        return 0.0

    async def _post(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, ``Retry-After`` and the start of the body."""
        headers = {"content-type": "application/x-protobuf"}
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


def _where(endpoint: str) -> str:
    """*endpoint* fit for a log."""
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
