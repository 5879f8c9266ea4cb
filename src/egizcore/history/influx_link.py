"""Requests to an InfluxDB 2 through its official client (FR-6.4). Loads only where one is set.

Every failure comes out as one of history's errors, with what an operator needs to know.
"""

import json
import os
import re
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final, NamedTuple, final

import aiohttp
from influxdb_client.client.flux_csv_parser import FluxCsvParserException, FluxQueryException
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException

from egizcore.errors import HistoryTimeout, HistoryUnavailable
from egizcore.history.flux import Flux, milliseconds
from egizcore.history.point import Leaf
from egizcore.observability import outgoing

MAX_COMPLAINT: Final = 16 * 1024
"""Bytes of an answer that says what went wrong; more is not read."""
CONNECTIONS: Final = 8
"""At once; whoever finds none free waits, within the bounds of its own call."""
SHOWN: Final = 300
"""Characters of InfluxDB's own words that are told."""

_DROPPED: Final = re.compile(r"dropped=([0-9]+)")


class Row(NamedTuple):
    """One record of an answer. *table* tells series apart."""

    table: int
    measurement: str
    field: str
    at: int
    value: Leaf


class Refused(Exception):
    """A batch that InfluxDB did not take whole, and never will."""

    def __init__(self, dropped: int | None) -> None:
        super().__init__(dropped)
        self.dropped = dropped  # points that are lost, the others are written; None: nothing is


class _Complaint(aiohttp.ClientResponse):
    """An answer of which the client reads only the beginning where it is an error."""

    async def read(self) -> bytes:
        """The first of it; whatever is left goes with the connection."""
        beginning = b""
        while len(beginning) < MAX_COMPLAINT:
            more = await self.content.read(MAX_COMPLAINT - len(beginning))
            if not more:
                return beginning  # the connection is free for the next request
            beginning += more
        self.close()
        return beginning


def _session(*, trace_configs: object, **options: Any) -> aiohttp.ClientSession:  # noqa: ARG001
    """Each request belongs to the trace of the query that makes it, if there is one."""

    async def pass_on(
        _session: aiohttp.ClientSession, _context: object, params: aiohttp.TraceRequestStartParams
    ) -> None:
        params.headers.update(outgoing())

    config = aiohttp.TraceConfig()
    config.on_request_start.append(pass_on)
    return aiohttp.ClientSession(trace_configs=[config], response_class=_Complaint, **options)


@final
class InfluxLink:
    """Belongs to the running loop."""

    def __init__(self, *, url: str, org: str, bucket: str, token: str) -> None:
        secure = url.startswith("https:")
        self._bucket = bucket
        self._client = InfluxDBClientAsync(
            url=url.rstrip("/"),
            token=token,
            org=org,
            # Ours are shorter; this one only makes sure that there is one.
            timeout=30_000,
            connection_pool_maxsize=CONNECTIONS,
            allow_redirects=False,  # a token is for one address
            # Reading the system's authorities takes a while that plain HTTP need not wait for.
            ssl_context=(
                ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            ),
            client_session_type=_session,
        )
        self._queries = self._client.query_api()
        self._writes = self._client.write_api()

    async def close(self) -> None:
        """End every request."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def rows(self, question: Flux) -> AsyncGenerator[Row]:
        """What InfluxDB answers, while it comes.

        Raises:
            HistoryUnavailable: it refuses, breaks off, or says what no InfluxDB says.
            HistoryTimeout: the client lost its patience.
        """
        try:
            records = await self._queries.query_stream(question.text, params=dict(question.params))
            async with aclosing(records) as stream:
                async for record in stream:
                    yield _row(record)
        except Exception as error:  # whatever the client trips over is no answer
            raise trouble(error) from error

    async def write(self, lines: bytes) -> None:
        """Send line protocol with times in milliseconds.

        Raises:
            Refused: never to be sent again as it is.
            HistoryUnavailable, HistoryTimeout: perhaps later.
        """
        try:
            await self._writes.write(
                bucket=self._bucket,
                record=lines,
                # Its constants are plain texts.
                write_precision="ms",  # type: ignore[arg-type]
            )
        except ApiException as error:
            said = _message(error)
            if error.status in (400, 422) and "partial write" in said:
                found = _DROPPED.search(said)
                raise Refused(int(found[1]) if found else None) from error
            if error.status == 413 or (error.status == 400 and "unable to parse" in said):
                raise Refused(None) from error
            raise trouble(error) from error
        except Exception as error:
            raise trouble(error) from error


def _row(record: Any) -> Row:
    values = record.values
    value = values["_value"]
    if isinstance(value, str):
        # Go's CSV writes each end of a line as CR and LF.
        value = value.replace("\r\n", "\n")
    elif value is None:
        value = ""  # an empty text; a series has no row without a value
    elif not isinstance(value, bool):
        value = float(value)
    measurement, field = values["_measurement"], values["_field"]
    if not isinstance(measurement, str) or not isinstance(field, str):
        raise FluxCsvParserException("a name is no text")
    return Row(record.table, measurement, field, milliseconds(values["_time"]), value)


def trouble(error: Exception) -> HistoryUnavailable | HistoryTimeout:
    """What *error* means to whoever looks after the plant."""
    if isinstance(error, HistoryUnavailable | HistoryTimeout):
        return error
    if isinstance(error, TimeoutError):
        return HistoryTimeout("InfluxDB does not answer in time")
    if isinstance(error, ApiException):
        return _refusal(error)
    if isinstance(error, FluxQueryException):
        return HistoryUnavailable(f"InfluxDB gave the query up: {_clipped(error.message)}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = _clipped(str(error.certificate_error))
        return HistoryUnavailable(f"InfluxDB's certificate is not trusted: {reason}")
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        reason = _clipped(str(error.os_error.strerror))
        return HistoryUnavailable(f"InfluxDB speaks no TLS that we know: {reason}")
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        # asyncio puts words of its own in place of the system's.
        known = cause.errno is not None and cause.errno > 0
        reason = os.strerror(cause.errno or 0) if known else str(cause.strerror)
        return HistoryUnavailable(f"InfluxDB cannot be reached: {_clipped(reason)}")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | OSError):
        return HistoryUnavailable("InfluxDB broke off in mid-answer")
    name = type(error).__name__
    return HistoryUnavailable(f"InfluxDB's answer cannot be read ({name}): is it an InfluxDB 2?")


_MEND: Final = {
    401: "InfluxDB does not know the token (401): see influxdb.token_file",
    403: "InfluxDB's token may not do that here (403): it needs read, and to record write, "
    "access to influxdb.bucket",
    404: "InfluxDB has no such thing (404): see influxdb.url, influxdb.org and influxdb.bucket",
    429: "InfluxDB asks for fewer requests (429)",
}


def _refusal(error: ApiException) -> HistoryUnavailable:
    status = error.status or 0
    said = _clipped(_message(error))
    detail = _MEND.get(status, f"InfluxDB answers with status {status}")
    return HistoryUnavailable(
        f"{detail}: {said}" if said else detail, retry_after=_retry_after(error)
    )


def _message(error: ApiException) -> str:
    """InfluxDB's own words: the ``message`` of its JSON, else the body's beginning."""
    body = error.body or b""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    try:
        told = json.loads(text)
    except ValueError:
        return text
    message = told.get("message") if isinstance(told, dict) else None
    return message if isinstance(message, str) else text


def _retry_after(error: ApiException) -> float | None:
    """Seconds that the answer asks to wait; dates are not read."""
    headers: Mapping[str, str] = error.headers or {}
    given = headers.get("Retry-After", "")
    return min(float(given), 3600.0) if given.isascii() and given.isdigit() else None


def _clipped(text: str) -> str:
    """*text* on one line, for a log."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
