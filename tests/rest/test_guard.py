"""The guard over real sockets: the malformed, the large and the slow get one answer, and go."""

import asyncio
import json
import socket

import pytest
from tests.rest.served import World, code_of, peer, serving, until

from egizcore.rest.guard import Bounds

GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = b"POST /api/v1/things HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
OVEN = b'{"id":"f:a","type":"oven"}'
QUICK = Bounds(header_seconds=0.5, body_seconds=0.5, unread_seconds=0.5, linger_seconds=0.5)

MALFORMED = {
    "both lengths": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, turned round": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "two other lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}",
    "a hexadecimal length": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a bad chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk without its end": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
    "a chunk size with a blank": POST + b"Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a coding before chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "a folded line": GET + b"X: a\r\n b\r\n\r\n",
    "a NUL": GET + b"X: a\x00b\r\n\r\n",
    "a bare CR": GET + b"X: a\rb\r\n\r\n",
    "a bare LF": GET + b"X: a\nY: b\r\n\r\n",
    "a name with a blank": GET + b"X y: a\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "no Host": b"GET /health HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: 127.0.0.1\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: 127.0.0.1\r\n\r\n",
    "a version 2.0": b"GET / HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a blank in the target": b"GET /a b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "raw bytes in the target": b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a proxy's method": b"CONNECT a:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


async def test_malformed_http_gets_one_400_and_the_connection_ends() -> None:
    answers = {}
    async with serving(World()) as server:
        for name, request in MALFORMED.items():
            async with peer(server) as client:
                await client.send(request + GET + b"\r\n")
                answers[name] = [
                    (status, code_of(body), headers["content-type"], headers["connection"])
                    for status, headers, body in await client.answers()
                ]
    one = [(400, "bad_request", "application/problem+json", "close")]
    assert answers == dict.fromkeys(MALFORMED, one)


async def test_malformed_http_is_the_same_in_any_pieces() -> None:
    async with serving(World()) as server:
        for name in ("both lengths", "a folded line", "a bad chunk size"):
            async with peer(server) as client:
                for byte in MALFORMED[name]:
                    client.writer.write(bytes([byte]))
                    await asyncio.sleep(0)
                ((status, _, body),) = await client.answers()
                assert (status, code_of(body)) == (400, "bad_request"), name


async def test_answers_before_a_malformed_request_come_first() -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send((GET + b"\r\n") * 3 + MALFORMED["a folded line"])
        answers = await client.answers()
    assert [status for status, _, _ in answers] == [200, 200, 200, 400]


async def test_many_requests_at_once_are_answered_in_order() -> None:
    world = World()
    async with serving(world) as server, peer(server) as client:
        paths = [f"/api/v1/things/f:{n}" for n in range(1500)]
        await client.send(
            b"".join(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % p.encode() for p in paths)
        )
        for path in paths:
            status, _, body = await client.one()
            assert status == 404
            assert json.loads(body)["detail"] == f"There is no Thing '{path[15:]}'."


async def test_a_body_ends_where_its_length_says() -> None:
    world = World()
    async with serving(world) as server, peer(server) as client:
        await client.send(POST + b"Content-Length: %d\r\n\r\n" % len(OVEN) + OVEN + GET + b"\r\n")
        assert (await client.one())[0] == 201
        assert (await client.one())[0] == 200


async def test_chunks_make_a_body_and_trailers_are_no_header_fields() -> None:
    async with serving(World()) as server, peer(server) as client:
        chunks = b"".join(b"1\r\n%b\r\n" % OVEN[n : n + 1] for n in range(len(OVEN)))
        await client.send(
            POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nHost: evil\r\n\r\n"
        )
        assert (await client.one())[0] == 201


# Sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (GET + b"X: " + b"a" * 40_000 + b"\r\n\r\n", "headers_too_large"),
        (GET + b"X: " + b"a" * 60_000, "headers_too_large"),
        (GET + b"".join(b"X-%d: a\r\n" % n for n in range(4000)) + b"\r\n", "headers_too_large"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "uri_too_long"),
        (b"GET /" + b"a" * 2_000_000, "uri_too_long"),
        (POST + b"Content-Length: 1048577\r\n\r\n", "payload_too_large"),
        (POST + b"Content-Length: 52428800\r\n\r\n" + b"x" * 3_000_000, "payload_too_large"),
        (
            POST
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + (b"2000\r\n" + b"x" * 8192 + b"\r\n") * 200,
            "payload_too_large",
        ),
        (
            POST + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"x" * 3_000_000,
            "payload_too_large",
        ),
    ],
)
async def test_what_is_too_large_is_refused_by_one_answer(request_bytes: bytes, code: str) -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send(request_bytes)
        ((_, headers, body),) = await client.answers()
    assert code_of(body) == code
    assert headers["connection"] == "close"


async def test_a_header_of_almost_32_kib_passes() -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send(GET + b"X: " + b"a" * 32_000 + b"\r\n\r\n")
        assert (await client.one())[0] == 200


async def test_a_body_of_1_mib_passes_and_bulk_takes_32() -> None:
    async with serving(World()) as server, peer(server) as client:
        blanks = OVEN + b" " * (1024 * 1024 - len(OVEN))
        await client.send(POST + b"Content-Length: %d\r\n\r\n" % len(blanks) + blanks)
        assert (await client.one())[0] == 201
        head = POST.replace(b"/things ", b"/things/bulk ")
        blanks = b"[%b]" % OVEN + b" " * 5_000_000
        await client.send(head + b"Content-Length: %d\r\n\r\n" % len(blanks) + blanks)
        assert (await client.one())[0] == 200
        await client.send(head + b"Content-Length: 33554433\r\n\r\n")
        ((status, _, _),) = await client.answers()
        assert status == 413


# Time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning",
    [b"", b"\r\n", b"GET", GET, GET + b"X: a", POST + b"Content-Length: 9\r\n\r\n{"],
)
async def test_half_a_request_is_a_408(beginning: bytes) -> None:
    async with serving(World(), QUICK) as server, peer(server) as client:
        await client.send(beginning)
        ((status, headers, body),) = await client.answers()
    assert status == 408
    assert code_of(body) == "request_timeout"
    assert headers["connection"] == "close"


async def test_a_client_that_dribbles_does_not_win_time() -> None:
    async with serving(World(), QUICK) as server, peer(server) as client:
        ended = asyncio.create_task(client.answers())
        while not ended.done():
            client.writer.write(b"\r\n")
            await asyncio.sleep(0.05)
        ((status, _, _),) = await ended
    assert status == 408


async def test_half_a_request_after_a_whole_one_is_a_408_too() -> None:
    async with serving(World(), QUICK) as server, peer(server) as client:
        await client.send(GET + b"\r\n" + GET)
        answers = await client.answers()
    assert [status for status, _, _ in answers] == [200, 408]


async def test_an_answer_that_nobody_reads_is_dropped() -> None:
    world = World()
    big = "x" * 250_000
    async with world.client() as client:
        for n in range(40):
            thing = {"id": f"f:{n}", "type": "oven", "metadata": {"text": big}}
            await client.post("/api/v1/things", json=thing)
    async with serving(world, QUICK) as server:
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.settimeout(0)
        await asyncio.get_running_loop().sock_connect(stuck, ("127.0.0.1", server.port))
        await asyncio.get_running_loop().sock_sendall(
            stuck, b"GET /api/v1/things HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        await until(lambda: bool(server.server_state.connections))
        await until(lambda: not server.server_state.connections)
        stuck.close()


async def test_500_slow_clients_leave_the_others_alone() -> None:
    async with serving(World(), Bounds(header_seconds=1)) as server:
        slow = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(500)]
        for _, writer in slow:
            writer.write(GET[:20])
        async with peer(server) as client:
            await client.send(GET + b"\r\n")
            assert (await client.one(seconds=0.5))[0] == 200
        async with asyncio.timeout(10):
            for reader, writer in slow:
                assert (await reader.read(-1)).startswith(b"HTTP/1.1 408 ")
                writer.close()


# Upgrades ---------------------------------------------------------------------------------------

UPGRADE = (
    GET.replace(b"/health", b"/api/v1/ws") + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)


async def test_bytes_read_with_the_upgrade_reach_the_websocket() -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send(UPGRADE + b"frame")
        head = await client.reader.readuntil(b"\r\n\r\n>")
        assert head.startswith(b"<GET /api/v1/ws HTTP/1.1\r\n")
        assert await client.reader.readexactly(7) == b"<frame>"
        await client.send(b"more")
        assert await client.reader.readexactly(6) == b"<more>"


async def test_an_upgrade_after_an_answered_request_works() -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send(GET + b"\r\n")
        assert (await client.one())[0] == 200
        await client.send(UPGRADE)
        assert (await client.reader.readuntil(b"\r\n\r\n>")).startswith(b"<GET /api/v1/ws")


async def test_an_upgrade_does_not_overtake_an_answer() -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send(GET + b"\r\n" + UPGRADE)
        answers = await client.answers()
    assert [status for status, _, _ in answers] == [200, 400]


async def test_another_upgrade_is_not_taken_and_the_request_is_answered() -> None:
    async with serving(World()) as server, peer(server) as client:
        await client.send(GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
        ((status, headers, _),) = await client.answers()
    assert status == 200
    assert headers["connection"] == "close"


async def test_an_upgraded_connection_is_no_longer_timed() -> None:
    async with serving(World(), QUICK) as server, peer(server) as client:
        await client.send(UPGRADE)
        await client.reader.readuntil(b"\r\n\r\n>")
        await asyncio.sleep(1.2)  # more than a sweep past every bound
        await client.send(b"still here")
        assert await client.reader.readexactly(12) == b"<still here>"
