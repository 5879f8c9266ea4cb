"""The client against a real engine, and against strangers on a socket."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import methodcaller
from typing import Any

import pytest
from tests.mqtt.certificates import Authority, authority
from tests.running import Running, running

from egizcore.client import Refused, Unreachable, connect
from egizcore.client.api import Api
from egizcore.errors import (
    BadFilter,
    EgizError,
    FeatureNotFound,
    SettingsInvalid,
    ThingNotFound,
    VersionConflict,
)

__all__ = ["authority"]  # a fixture


@pytest.fixture
async def engine() -> AsyncIterator[Running]:
    async with running() as engine:
        thing = {"id": "f:a", "type": "oven", "features": {"thermal": {"properties": {"t": 190.0}}}}
        (await engine.http.post("/api/v1/things", json=thing)).raise_for_status()
        yield engine


async def ask(url: str, question: Callable[[Api], Any]) -> Any:
    def asked() -> Any:
        with connect(url) as api:
            return question(api)

    return await asyncio.to_thread(asked)


async def test_a_thing_is_read_changed_and_found(engine: Running) -> None:
    url = f"http://{engine.address}/"
    assert (await ask(url, lambda api: api.get("things", "f:a")))["version"] == 1
    patch = {"metadata": {"name": "Öfen"}}
    assert (await ask(url, lambda api: api.patch("things", "f:a", patch=patch)))["version"] == 2
    query = {"filter": {"metadata.name": "Öfen"}, "fields": ["type"]}
    found = await ask(url, lambda api: api.post("query", document=query))
    assert found["items"] == [{"id": "f:a", "type": "oven"}]


async def test_parameters_and_names_are_escaped(engine: Running) -> None:
    url = f"http://{engine.address}"
    found = await ask(url, lambda api: api.get("things", fields="id,type", limit=5))
    assert found["items"] == [{"id": "f:a", "type": "oven"}]
    for odd in ("a b", "a?b", "a/b", "a%2Fb", "ä", "..%2f", "#"):
        with pytest.raises(EgizError):
            await ask(url, methodcaller("get", "things", odd))


async def test_the_engines_errors_are_raised_as_what_they_were(engine: Running) -> None:
    url = f"http://{engine.address}"
    with pytest.raises(ThingNotFound, match="'f:b'"):
        await ask(url, lambda api: api.get("things", "f:b"))
    with pytest.raises(FeatureNotFound) as gone:
        await ask(url, lambda api: api.get("things", "f:a", "features", "x"))
    assert (gone.value.thing_id, gone.value.feature) == ("f:a", "x")
    with pytest.raises(VersionConflict) as stale:
        await ask(url, lambda api: api.patch("things", "f:a", patch={"version": 9}))
    assert (stale.value.expected, stale.value.actual) == (9, 1)
    with pytest.raises(BadFilter) as wrong:
        await ask(url, lambda api: api.post("query", document={"filter": {"x": 1}}))
    assert [fault.pointer for fault in wrong.value.faults] == ["/filter/x"]
    with pytest.raises(Refused) as nowhere:
        await ask(url, lambda api: api.get("nowhere"))
    assert nowhere.value.reason == "not_found"


async def test_text_and_bytes_come_as_they_are(engine: Running) -> None:
    url = f"http://{engine.address}"
    assert "egizcore_things 1.0" in await ask(url, lambda api: api.text("/metrics"))
    found = await ask(url, lambda api: b"".join(api.stream("things", limit=1)))
    assert found.startswith(b'{"items":[{"id":"f:a"')
    with pytest.raises(ThingNotFound):
        await ask(url, lambda api: list(api.stream("things", "f:b")))
    with pytest.raises(Refused):
        await ask(url, lambda api: api.text("/nowhere"))


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://a", "http://", "http://[::1", "http://a:b", "http://a/?b"]
)
def test_what_is_no_address_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsInvalid):
        connect(url)


@asynccontextmanager
async def stranger(answer: bytes, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Somebody who answers every request with *answer* and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HEAD % (b"404 Not Found", b"text/html", 6, b"<html>"), "HTTP status 404"),
        (HEAD % (b"200 OK", b"text/html", 6, b"<html>"), "HTTP status 200"),
        (HEAD % (b"200 OK", b"application/json", 2, b"[]"), "HTTP status 200"),
        (HEAD % (b"302 Found", b"text/html", 0, b""), "HTTP status 302"),
        (HEAD % (b"500 Oh", b"application/problem+json", 2, b"{}"), "HTTP status 500"),
        (HEAD % (b"500 Oh", b"application/problem+json", 2, b"[]"), "HTTP status 500"),
        (HEAD % (b"200 OK", b"application/json", 99, b"{"), "broke off"),
        (b"SSH-2.0-OpenSSH\r\n", "broke off"),
        (b"", "broke off"),
        (HEAD % (b"200 OK\r\ncontent-encoding: gzip", b"a/b", 2, b"{}"), "broke off"),
        (HEAD % (b"409 No", b"application/problem+json", 42,
                 b'{"code": "version_conflict", "detail": ""}'), "HTTP status 409"),
    ],
)  # fmt: skip
async def test_a_stranger_is_known_for_one(answer: bytes, told: str) -> None:
    async with stranger(answer) as url:
        with pytest.raises(Unreachable, match=told) as error:
            await ask(url, lambda api: api.get("things"))
        assert error.value.mend


async def test_a_stream_that_breaks_off_is_no_whole_answer() -> None:
    async with stranger(HEAD % (b"200 OK", b"text/csv", 99, b"a,b\n")) as url:
        taken: list[bytes] = []
        with pytest.raises(Unreachable, match="broke off"):
            await ask(url, lambda api: taken.extend(api.stream("things")))


async def test_nobody_there_is_told_with_the_mend(unused_tcp_port: int) -> None:
    with pytest.raises(Unreachable, match=r"\(connection refused\)") as error:
        await ask(f"http://me:secret@127.0.0.1:{unused_tcp_port}", lambda api: api.get("things"))
    assert "egizcore demo" in error.value.mend
    assert f"http://***@127.0.0.1:{unused_tcp_port}" in error.value.detail
    assert "secret" not in error.value.detail


async def test_a_name_that_nobody_has_is_told() -> None:
    with pytest.raises(Unreachable, match=r"http://nowhere\.invalid \(.+\)"):
        await ask("http://nowhere.invalid", lambda api: api.get("things"))


async def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egizcore.client.api.PATIENCE", 0.2)
    over = threading.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        over.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unreachable, match="did not answer within"):
            await ask(url, lambda api: api.get("things"))


async def test_a_certificate_must_be_one_that_the_system_trusts(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("localhost", also="127.0.0.1"))
    answer = HEAD % (b"200 OK", b"application/json", 8, b'{"a": 1}')
    async with stranger(answer, tls=context) as url:
        with pytest.raises(Unreachable, match="TLS: certificate verify failed"):
            await ask(url, lambda api: api.get("things"))
        monkeypatch.setenv("SSL_CERT_FILE", authority.ca)
        assert await ask(url, lambda api: api.get("things")) == {"a": 1}


async def test_a_proxy_of_the_environment_is_not_asked(
    engine: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    assert await ask(f"http://{engine.address}", lambda api: api.get("things"))
