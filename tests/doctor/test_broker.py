import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.deploy.programs import program, until
from tests.live.servers import Server, free_port, mosquitto
from tests.running import running

from egizcore.doctor import CHECK_SECONDS, broker
from egizcore.doctor.broker import links
from egizcore.doctor.finding import Finding, examine
from egizcore.settings import Settings


def settings(**mqtt: Any) -> Settings:
    return msgspec.convert({"mqtt": mqtt}, Settings)


async def look(given: Settings) -> list[Finding]:
    """Away from the loop: looking blocks."""
    return await asyncio.to_thread(lambda: list(examine(links(given), 10.0)))


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Server]:
    """A broker that knows one user, who may read one topic."""
    users = str(tmp_path / "users")
    (tmp_path / "users").write_text("plant:secret\n")
    made = await asyncio.create_subprocess_exec(program("mosquitto_passwd"), "-U", users)
    assert await made.wait() == 0
    (tmp_path / "rules").write_text("user plant\ntopic read sensors/#\n")
    lines = (
        "allow_anonymous false",
        f"password_file {users}",
        f"acl_file {tmp_path / 'rules'}",
    )
    async with mosquitto(tmp_path, *lines) as server:
        yield server


@pytest.mark.live
async def test_a_broker_that_lets_us_in_is_well(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server:
        (found,) = await look(settings(url=f"mqtt://127.0.0.1:{server.port}"))
    assert found.level == "ok", found
    assert found.what.startswith(f"127.0.0.1:{server.port} let us in")


async def test_a_silent_broker_gets_its_own_words_within_the_time_of_a_check() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        checks = links(settings(url=f"mqtt://127.0.0.1:{port}"))
        (found,) = await asyncio.to_thread(lambda: list(examine(checks, CHECK_SECONDS)))
    assert f"127.0.0.1:{port}: no answer within" in found.what
    assert found.mend


@pytest.mark.live
async def test_wrong_credentials_are_told_with_the_settings_to_correct(strict: Server) -> None:
    (found,) = await look(settings(url=f"mqtt://plant:wrong@127.0.0.1:{strict.port}"))
    assert found.level == "FAIL"
    assert "not authorized" in found.what
    assert "mqtt.password_file" in found.mend
    assert "wrong" not in str(found)


@pytest.mark.live
async def test_right_credentials_are_well(strict: Server) -> None:
    (found,) = await look(settings(url=f"mqtt://plant:secret@127.0.0.1:{strict.port}"))
    assert found.level == "ok", found


@pytest.mark.live
async def test_the_broker_that_runs_keeps_the_engines_connection(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server:
        url = f"mqtt://127.0.0.1:{server.port}"
        given = {"url": url, "client_id": "engine", "share": "group"}
        async with running(mqtt=given) as engine:
            (link,) = engine.engine.links

            async def linked() -> bool:
                return link.connected

            await until(linked)
            (found,) = await look(settings(**given))
            assert found.level == "ok", found
            assert (link.connected, link.reconnects) == (True, 0)


async def test_a_refused_connection_says_what_to_start() -> None:
    port = free_port()
    (found,) = await look(settings(connections={"east": {"url": f"mqtt://127.0.0.1:{port}"}}))
    assert found == Finding(
        "FAIL",
        "mqtt east",
        f"127.0.0.1:{port}: connection refused",
        "Start the broker, or correct the port in mqtt.connections.east.url.",
    )


async def test_a_silent_broker_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (found,) = await look(settings(url=f"mqtt://127.0.0.1:{port}"))
    assert found.level == "FAIL"
    assert f"127.0.0.1:{port}: no answer within" in found.what


async def test_a_password_file_that_is_not_there_is_a_failure_with_its_mend() -> None:
    (found,) = await look(settings(url="mqtt://u@127.0.0.1", password_file="missing"))
    assert found.level == "FAIL"
    assert "cannot read missing" in found.what


@pytest.mark.parametrize(
    ("what", "mend"),
    [
        ("'a/+' was refused: not authorized", "access rules"),
        ("h:1: refused: bad user name or password", "k.username"),
        ("h:1: certificate verify failed: self-signed", "k.tls.ca_file"),
        ("h:1: tls failed: wrong version number", "mqtts://"),
        ("h:1: name or service not known", "k.url"),
        ("h:1: no connack within 4 s", "firewall"),
        ("h:1: something new", "k.url"),
    ],
)
def test_each_trouble_has_its_mend(what: str, mend: str) -> None:
    assert mend in broker._mend(what, "k")


async def test_without_a_broker_and_an_endpoint_nothing_comes() -> None:
    (found,) = await look(Settings())
    assert found.level == "warn"
    assert "endpoint.enabled" in found.mend
    assert links(msgspec.convert({"endpoint": {"enabled": True}}, Settings)) == []
