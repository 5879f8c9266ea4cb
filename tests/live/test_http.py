"""REST over real sockets: races, greedy neighbours, and a fuzzer that reads the description."""

import asyncio
import json
import sys
from pathlib import Path

import httpx
import pytest
from tests.rest.served import World, peer, serving

from egizcore.rest.server import Server

FUZZER = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 400, 404, 409, 412, 413, 503]
negative_data_rejection.expected-statuses = [400, 404, 406, 409, 412, 413, 414, 415, 503]

# PUT and PATCH of a feature that was deleted create it again: nothing is used after it is gone.
use_after_free.enabled = false

# Without a history store its answer is 503, as the contract has it.
[[operations]]
include-path = "/api/v1/things/{id}/history"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"""


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


async def test_of_10_000_creates_of_one_id_one_wins() -> None:
    world = World()
    body = b'{"id":"f:a","type":"oven"}'
    request = (
        b"POST /api/v1/things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )

    async def creates(server: Server) -> list[int]:
        async with peer(server) as client:
            await client.send(request * 500)
            return [(await client.one(seconds=30))[0] for _ in range(500)]

    async with serving(world) as server:
        rounds = await asyncio.gather(*(creates(server) for _ in range(20)))
    statuses = [status for answers in rounds for status in answers]
    assert (statuses.count(201), statuses.count(409)) == (1, 9_999)
    assert world.store.things["f:a"].version == 1


async def test_of_200_writes_with_one_tag_one_wins_every_round() -> None:
    world = World()
    limits = httpx.Limits(max_connections=20)
    async with (
        serving(world) as server,
        httpx.AsyncClient(base_url=url(server), limits=limits) as http,
    ):
        tag = (await http.put("/api/v1/things/f:a", json={"type": "oven"})).headers["etag"]
        for _ in range(3):
            answers = await asyncio.gather(
                *(
                    http.patch(
                        "/api/v1/things/f:a", json={"metadata": {"n": n}}, headers={"If-Match": tag}
                    )
                    for n in range(200)
                )
            )
            (winner,) = (answer for answer in answers if answer.status_code == 200)
            assert {answer.status_code for answer in answers} == {200, 412}
            assert (await http.get("/api/v1/things/f:a")).json() == winner.json()
            tag = winner.headers["etag"]
    assert world.store.things["f:a"].version == 4


async def test_no_merge_of_many_at_once_is_lost() -> None:
    world = World()
    limits = httpx.Limits(max_connections=20)
    async with (
        serving(world) as server,
        httpx.AsyncClient(base_url=url(server), limits=limits) as http,
    ):
        await http.put("/api/v1/things/f:a", json={"type": "oven"})
        feature = "/api/v1/things/f:a/features/t"
        answers = await asyncio.gather(
            *(http.put(feature, json={"properties": {f"p{n}": n}}) for n in range(300))
        )
        tags = {answer.headers["etag"] for answer in answers}
        properties = (await http.get(feature)).json()["properties"]
    assert properties == {f"p{n}": n for n in range(300)}
    assert len(tags) == 300
    assert world.store.things["f:a"].version == 301


async def test_others_are_served_while_bulk_is_stored() -> None:
    world = World()
    lines = b"\n".join(
        json.dumps(
            {"id": f"f:{n}", "type": "oven", "features": {"t": {"properties": {"text": "x" * 500}}}}
        ).encode()
        for n in range(10_000)
    )
    async with (
        serving(world) as server,
        httpx.AsyncClient(base_url=url(server), timeout=30) as http,
    ):
        headers = {"content-type": "application/x-ndjson"}
        bulk = asyncio.create_task(http.post("/api/v1/things/bulk", content=lines, headers=headers))
        answers = 0
        async with peer(server) as client:
            while not bulk.done():
                await client.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await client.one())[0] == 200
                answers += 1
        results = (await bulk).json()["items"]
    assert [one["status"] for one in results] == [201] * 10_000
    assert answers > 10  # in between, not after; how soon is for the benchmark to say


async def test_a_body_of_50_mib_is_refused_before_it_is_in_memory() -> None:
    world = World()
    async with serving(world) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /api/v1/things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        try:
            while sent < 50 << 20:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
                sent += 65536
        except ConnectionError:
            pass
        assert (await reader.read(13)) == b"HTTP/1.1 413 "
        writer.close()
    assert world.failures == 0


@pytest.mark.timeout(120)
async def test_a_fuzzer_that_knows_the_description_finds_nothing(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "schemathesis.toml").write_text(FUZZER)
    async with serving(world) as server:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("st")),
            "run", f"{url(server)}/openapi.json",
            "--checks", "all", "--max-examples", "10", "--max-time", "30",
            "--seed", "1", "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
    told = output.decode()
    assert process.returncode == 0, told[-8000:]
    assert "Tested: 21" in told
    assert world.failures == 0
