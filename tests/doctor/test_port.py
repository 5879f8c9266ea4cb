import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest
from tests.live.servers import free_port
from tests.running import running

from egizcore.doctor.finding import Finding, examine
from egizcore.doctor.port import doors, pulse
from egizcore.rest import HttpSettings
from egizcore.settings import Settings


def look(**sections: Any) -> list[Finding]:
    return list(examine(doors(msgspec.convert(sections, Settings)), 5.0))


def test_free_ports_are_well() -> None:
    http, endpoint = free_port(), free_port()
    found = look(http={"port": http}, endpoint={"enabled": True, "port": endpoint})
    assert [one.level for one in found] == ["ok", "ok"]
    assert f":{http} is free" in found[0].what
    assert f":{endpoint} is free" in found[1].what
    assert look(http={"port": 0})[0].what == "any free one"


def test_a_look_leaves_the_port_free() -> None:
    port = free_port()
    for _ in range(2):
        assert look(http={"port": port})[0].level == "ok"


def test_a_port_of_another_program_fails_under_its_own_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = look(endpoint={"enabled": True, "port": port}, http={"port": free_port()})
    assert found[1].level == "FAIL"
    assert f"Port {port}" in found[1].what
    assert "endpoint.port" in found[1].mend


def test_an_address_that_is_not_ours_fails() -> None:
    (found,) = look(http={"host": "192.0.2.1"}, auth={"allow_insecure": True})
    assert found.level == "FAIL"
    assert "no address of this machine" in found.what


class Stranger(BaseHTTPRequestHandler):
    answer = b"{}"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[b"{}", b"[]", b"hello", b'{"status": "ok"}', b"[" * 50_000])
def stranger(request: pytest.FixtureRequest) -> Iterator[int]:
    """Another program that speaks HTTP."""
    handler = type("Handler", (Stranger,), {"answer": request.param})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_another_web_server_is_not_taken_for_egizcore(stranger: int) -> None:
    (found,) = look(http={"port": stranger})
    assert found.level == "FAIL"
    assert "taken by another program" in found.what
    assert pulse(HttpSettings(port=stranger)).level == "FAIL"


async def test_ports_of_an_egizcore_that_runs_are_well() -> None:
    async with running() as engine:
        http = {"port": engine.engine.server.port}
        endpoint = {"enabled": True, "port": engine.mqtt_port}
        found = await asyncio.to_thread(look, http=http, endpoint=endpoint)
    assert [one.level for one in found] == ["ok", "ok"]
    assert "EgizCore" in found[0].what


async def test_an_engine_that_is_degraded_lives_and_says_why() -> None:
    async with running(mqtt={"url": f"mqtt://127.0.0.1:{free_port()}"}) as engine:
        http = HttpSettings(port=engine.engine.server.port)
        found = await asyncio.to_thread(pulse, http)
        (port, *_) = await asyncio.to_thread(look, http={"port": http.port})
    assert found.level == "ok"
    assert "degraded: mqtt: " in found.what
    assert port.level == "warn"


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "localhost"])
async def test_the_pulse_is_felt_whatever_the_address(host: str) -> None:
    async with running(http={"host": host}, auth={"allow_insecure": True}) as engine:
        found = await asyncio.to_thread(
            pulse, HttpSettings(host=host, port=engine.engine.server.port)
        )
    assert found.level == "ok", found


def test_no_pulse_where_nobody_is() -> None:
    assert pulse(HttpSettings(port=free_port())).level == "FAIL"
