"""A server that speaks InfluxDB 2's HTTP API, as far as the official client uses it here.

It keeps series as InfluxDB does (a field has one type, a time one value), runs the Flux that it
is sent with the parameters as the client sends them (``extern``), and answers annotated CSV as
Go writes it. It can also be made to fail in each way that a server fails.
"""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from aiohttp import web
from tests.history.flux_engine import FluxError, Table, Value, run
from tests.history.line_parser import BadLine, lines_in

TOKEN: Final = "test-token"
ORG: Final = "plant"
BUCKET: Final = "telemetry"
SCALE: Final = {"ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000}
UNITS: Final = {"ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000}
TYPES: Final = {"float": "double", "int": "long", "uint": "unsignedLong", "bool": "boolean"}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...], str]
Fault: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Influxd:
    """One server with one bucket."""

    def __init__(self) -> None:
        self.series: dict[Series, dict[int, Any]] = {}
        self.kinds: dict[tuple[str, str], str] = {}
        self.fault: Fault | None = None  # answers instead of us, on /api/v2/…
        self.queries: list[dict[str, Any]] = []
        self.writes: list[bytes] = []
        self.traceparent = ""  # of the last request
        self.largest_body = 50_000_000
        self.compresses = False
        self.url = ""

    # What comes in --------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path in ("/health", "/ping"):
            return web.json_response({"status": "pass", "version": "v2.7.12"})
        self.traceparent = request.headers.get("traceparent", "")
        if self.fault is not None:
            return await self.fault(request)
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return told(401, "unauthorized", "unauthorized access")
        if request.query.get("org") != ORG:
            return told(
                404, "not found", f'organization name "{request.query.get("org")}" not found'
            )
        if (request.method, request.path) == ("POST", "/api/v2/write"):
            return await self.write(request)
        if (request.method, request.path) == ("POST", "/api/v2/query"):
            return await self.query(request)
        if (request.method, request.path) == ("POST", "/api/v2/delete"):
            return await self.delete(request)
        return told(404, "not found", "path not found")

    async def write(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.writes.append(body)
        if request.query.get("bucket") != BUCKET:
            return told(404, "not found", f'bucket "{request.query.get("bucket")}" not found')
        if len(body) > self.largest_body:
            return told(413, "request too large", "unable to read data: points batch is too large")
        try:
            lines = lines_in(body)
        except BadLine as error:
            return told(400, "invalid", f"unable to parse 'a line': {error}")
        scale = SCALE[request.query.get("precision", "ns")]
        dropped, reason = 0, ""
        for line in lines:
            refused = self.keep(line.measurement, line.tags, line.fields, (line.at or 0) * scale)
            dropped, reason = dropped + bool(refused), reason or refused
        if dropped:
            words = "failure writing points to database: partial write:"
            return told(422, "unprocessable entity", f"{words} {reason} dropped={dropped}")
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Series of one tag or measurement, whole."""
        name, value = re.fullmatch(r'(\w+)="([^"]*)"', (await request.json())["predicate"]).groups()  # type: ignore[union-attr]
        for series in list(self.series):
            if {"_measurement": series[0], **dict(series[1])}.get(name) == value:
                del self.series[series]
        return web.Response(status=204)

    def keep(
        self, measurement: str, tags: dict[str, str], fields: dict[str, Value], at: int
    ) -> str:
        """Take one point whole, or say why not."""
        fields = {name: value for name, value in fields.items() if name != "time"}
        if not fields:
            return (
                f'invalid field name: input field "time" on measurement "{measurement}" is invalid'
            )
        for name, value in fields.items():
            have = self.kinds.setdefault((measurement, name), value.kind)
            if have != value.kind:
                return (
                    f'field type conflict: input field "{name}" on measurement "{measurement}" '
                    f"is type {value.kind}, already exists as type {have}"
                )
        for name, value in fields.items():
            series = (measurement, tuple(sorted(tags.items())), name)
            self.series.setdefault(series, {})[at] = value.value
        return ""

    async def query(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.queries.append(asked)
        assert asked["dialect"]["annotations"] == ["datatype", "group", "default"]
        try:
            tables = run(asked["query"], extern_of(asked), self.tables)
        except LookupError as error:
            message = f"failed to initialize execute state: could not find bucket {error}"
            return told(404, "not found", message)
        except FluxError as error:
            return told(400, "invalid", str(error))
        return await self.answer(request, "".join(csv_of(tables)))

    def tables(self, bucket: str) -> Iterator[Table]:
        if bucket != BUCKET:
            raise LookupError(f'"{bucket}"')
        for (measurement, tags, field), samples in sorted(self.series.items()):
            key = {"_field": ("string", field), "_measurement": ("string", measurement)}
            key |= {name: ("string", value) for name, value in tags}
            rows = [{"_time": at, "_value": value} for at, value in sorted(samples.items())]
            yield Table(key, self.kinds[measurement, field], rows)

    async def answer(self, request: web.Request, text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/csv; charset=utf-8"})
        response.enable_chunked_encoding()
        if self.compresses:
            response.enable_compression()
        await response.prepare(request)
        data = text.encode()
        for begin in range(0, len(data), 1000):  # a chunk ends anywhere, in a character too
            await response.write(data[begin : begin + 1000])
        await response.write_eof()
        return response

    # What goes wrong ------------------------------------------------------------------------

    def refuse(self, status: int, message: str = "", **headers: str) -> None:
        async def fault(_: web.Request) -> web.StreamResponse:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.json_response(
                {"code": "x", "message": message}, status=status, headers=names
            )

        self.fault = fault

    def say(self, body: bytes, *, status: int = 200, die: bool = False, pause: float = 0) -> None:
        """Answer *body* as it is; *die*: reset the connection behind it."""

        async def fault(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=status)
            response.enable_chunked_encoding()
            await response.prepare(request)
            await response.write(body)
            await asyncio.sleep(pause)
            if die:
                assert request.transport is not None
                request.transport.abort()
            return response

        self.fault = fault

    def pour(self, piece: bytes, *, status: int = 200) -> list[int]:
        """Answer *piece* again and again, a gigabyte of it; gives the bytes that were taken."""
        taken = [0]

        async def fault(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=status)
            response.enable_chunked_encoding()
            await response.prepare(request)
            with suppress(ConnectionError):
                while taken[0] < 1 << 30:
                    await response.write(piece)
                    taken[0] += len(piece)
            return response

        self.fault = fault
        return taken

    def be_silent(self) -> None:
        async def fault(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(60)
            raise AssertionError

        self.fault = fault


def told(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status)


def extern_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The options of the syntax tree that the client sends for ``params``."""
    assert "params" not in asked, "InfluxDB OSS does not read them"
    given = {}
    for statement in asked["extern"]["body"]:
        assert statement["type"] == "OptionStatement"
        assignment = statement["assignment"]
        given[assignment["id"]["name"]] = literal(assignment["init"])
    return given


def literal(node: dict[str, Any]) -> Any:
    match node["type"]:
        case "StringLiteral" | "BooleanLiteral" | "FloatLiteral":
            return node["value"]
        case "IntegerLiteral":
            return int(node["value"])
        case "DateTimeLiteral":
            whole, fraction = re.fullmatch(r"(.*)\.(\d{9})Z", node["value"]).groups()  # type: ignore[union-attr]
            seconds = (datetime.fromisoformat(f"{whole}+00:00") - EPOCH) // timedelta(seconds=1)
            return seconds * 1_000_000_000 + int(fraction)
        case "DurationLiteral":
            return sum(one["magnitude"] * UNITS[one["unit"]] for one in node["values"])
    raise AssertionError(node)


def csv_of(tables: list[Table]) -> Iterator[str]:
    """Annotated CSV: tables of the same columns stand in one block, with their number."""
    before: Any = None
    for number, table in enumerate(tables):
        columns = [(name, kind, "true") for name, (kind, _) in table.key.items()]
        columns += [("_time", "time", "false"), ("_value", table.kind, "false")]
        if columns != before:
            yield from () if before is None else ("\r\n",)
            types = ",".join(datatype(kind) for _, kind, _ in columns)
            yield f"#datatype,string,long,{types}\r\n"
            yield f"#group,false,false,{','.join(group for _, _, group in columns)}\r\n"
            yield f"#default,_result,,{',' * (len(columns) - 1)}\r\n"
            yield f",result,table,{','.join(cell(name) for name, _, _ in columns)}\r\n"
            before = columns
        same = [shown(value, kind) for kind, value in table.key.values()]
        for row in table.rows:
            cells = [*same, shown(row["_time"], "time"), shown(row["_value"], table.kind)]
            yield f",,{number},{','.join(cells)}\r\n"
    yield "\r\n"


def datatype(kind: str) -> str:
    return "dateTime:RFC3339" if kind == "time" else TYPES.get(kind, kind)


def shown(value: Any, kind: str) -> str:
    if kind == "time":
        seconds, fraction = divmod(value, 1_000_000_000)
        text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"
    if kind == "bool":
        return "true" if value else "false"
    return cell(value) if kind == "string" else repr(value)


def cell(text: str) -> str:
    """As Go's ``csv.Writer`` with ``UseCRLF`` writes it: a lone CR is lost, LF becomes CR LF."""
    if not re.search(r'[,"\r\n]|^\s|^\\\.$', text):
        return text
    quoted = text.replace('"', '""').replace("\r", "").replace("\n", "\r\n")
    return f'"{quoted}"'


@asynccontextmanager
async def influxd() -> AsyncIterator[Influxd]:
    """A running one on a free port of loopback."""
    server = Influxd()
    app = web.Application(client_max_size=100_000_000)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
