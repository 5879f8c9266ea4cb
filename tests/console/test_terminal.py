"""``egizcore watch``, against a scripted engine."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from errno import ECONNREFUSED, ENOSPC
from http import HTTPStatus
from socket import gaierror
from typing import Any, TypeAlias

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from egizcore.console.terminal import Lines, socket_url
from egizcore.console.terminal import _words as told
from egizcore.errors import SettingsInvalid, StartupFailed

Handler: TypeAlias = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]
EVENT = {"event": "StateChanged", "thingId": "f:o", "version": 2, "timestamp": "t", "seq": 1}
PROGRAM = """
import sys
from egizcore.console import watch
from egizcore.errors import StartupFailed
try:
    sys.exit(watch(sys.argv[1], kind="oven"))
except StartupFailed as error:
    sys.exit(f"refused: {error} {error.mend}")
"""


@asynccontextmanager
async def engine(handler: Handler) -> AsyncIterator[str]:
    """Calls *handler* with each connection and the command that it sent."""

    async def serve_one(connection: ServerConnection) -> None:
        await handler(connection, json.loads(await connection.recv()))

    async with serve(serve_one, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, url, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(20):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def lines(process: Process, count: int) -> list[dict[str, Any]]:
    assert process.stdout is not None
    return [json.loads(await process.stdout.readline()) for _ in range(count)]


async def test_a_pipe_gets_one_json_line_an_event_and_nothing_else() -> None:
    commands = []

    async def handler(connection: ServerConnection, command: dict[str, Any]) -> None:
        commands.append(command)
        await connection.send(json.dumps({"event": "Subscribed", "epoch": "e", "seq": 0}))
        await connection.send(json.dumps({"event": "Heartbeat", "seq": 0}))
        await connection.send(json.dumps(EVENT))
        await connection.wait_closed()

    async with engine(handler) as url, watching(url) as process:
        assert await lines(process, 1) == [EVENT]
        process.send_signal(signal.SIGINT)
        stdout, stderr = await process.communicate()
        assert (process.returncode, stdout, stderr) == (0, b"", b"live\n")
    assert commands[0]["filter"] == {"type": "oven"}


async def test_it_comes_back_when_the_engine_does() -> None:
    served = 0

    async def handler(connection: ServerConnection, _: dict[str, Any]) -> None:
        nonlocal served
        served += 1
        await connection.send(json.dumps(EVENT | {"seq": served}))
        if served == 1:
            await connection.close(4000, "shutting down")
        else:
            await connection.wait_closed()

    async with engine(handler) as url, watching(url) as process:
        assert [event["seq"] for event in await lines(process, 2)] == [1, 2]
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_refused_filter_ends_it_with_the_engines_words() -> None:
    async def handler(connection: ServerConnection, _: dict[str, Any]) -> None:
        error = {"event": "Error", "code": "bad_filter", "message": "No good.", "hint": "Mend it."}
        await connection.send(json.dumps(error))
        await connection.wait_closed()

    async with engine(handler) as url, watching(url) as process:
        _, stderr = await process.communicate()
        assert process.returncode == 1
        assert stderr == b"refused: No good. Mend it.\n"


@pytest.mark.parametrize("code", [4100, 4101])
async def test_an_engine_that_does_not_want_us_is_not_asked_again(code: int) -> None:
    async def handler(connection: ServerConnection, _: dict[str, Any]) -> None:
        await connection.close(code)

    async with engine(handler) as url, watching(url) as process:
        _, stderr = await process.communicate()
        assert process.returncode == 1
        assert b"does not let us in" in stderr


async def test_something_else_at_the_address_is_told() -> None:
    def answer(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.NOT_FOUND, "nothing here")

    async def handler(_: ServerConnection) -> None:
        raise AssertionError

    async with serve(handler, "127.0.0.1", 0, process_request=answer) as server:
        url = f"http://me:hunter2@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with watching(url) as process:
            _, stderr = await process.communicate()
            assert process.returncode == 1
            assert b"404" in stderr
            assert b"hunter2" not in stderr


async def test_an_engine_that_speaks_no_tls_is_told_as_such() -> None:
    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with watching(f"https://127.0.0.1:{port}") as process:
            assert process.stderr is not None
            assert (await process.stderr.readline()).startswith(b"offline: TLS: ")
            process.terminate()
            assert await process.wait() == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (gaierror(-2, "Name or service not known"), "name or service not known"),
        (ConnectionRefusedError(ECONNREFUSED, "[Errno 111] Connect call failed"),
         "connection refused"),
        (ConnectionResetError(), "the connection was lost"),
        (TimeoutError("timed out during opening handshake"), "timed out during opening handshake"),
    ],
)  # fmt: skip
def test_why_there_is_no_connection_is_told_in_words(error: Exception, words: str) -> None:
    assert told(error) == words


async def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    async def handler(connection: ServerConnection, _: dict[str, Any]) -> None:
        for _turn in range(2000):
            await connection.send(json.dumps(EVENT))
            await asyncio.sleep(0.001)

    async with engine(handler) as url:
        shell = f"{sys.executable} -c '{PROGRAM}' {url} | head -n 2"
        process = await asyncio.create_subprocess_shell(
            f"set -o pipefail; {shell}", stdout=PIPE, stderr=PIPE, executable="/bin/bash"
        )
        async with asyncio.timeout(20):
            stdout, stderr = await process.communicate()
        assert process.returncode == 0
        assert len(stdout.splitlines()) == 2
        assert stderr == b""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/api/v1/ws"),
        ("https://plant.example/", "wss://plant.example/api/v1/ws"),
        ("http://[::1]:81", "ws://[::1]:81/api/v1/ws"),
    ],
)
def test_the_socket_is_where_the_engine_is(url: str, expected: str) -> None:
    assert socket_url(url) == expected


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://x", "http://", "", "http://[::1", "http://a:b"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsInvalid):
        socket_url(url)


class FullDisk:
    def write(self, text: str) -> None:
        raise OSError(ENOSPC, "No space left on device")


def test_a_full_disk_is_told_as_such_and_is_no_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout", FullDisk())
    with pytest.raises(StartupFailed, match="No space left"):
        Lines().take({"event": "ThingDeleted"}, "{}")
