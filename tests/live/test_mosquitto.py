"""Our link against a real Mosquitto: what it sends, and what becomes of it when it dies."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from tests.live.links import linked, publish_all, running, sender
from tests.live.servers import Server, mosquitto
from tests.mqtt.peers import Inbox, until

from egizcore.mqtt import link as link_module

pytestmark = pytest.mark.live


async def mosquitto_pub(server: Server, *told: str) -> None:
    process = await asyncio.create_subprocess_exec("mosquitto_pub", "-p", str(server.port), *told)
    assert await process.wait() == 0


async def test_live_and_retained_messages_arrive_as_such(tmp_path: Path) -> None:
    inbox = Inbox()
    async with mosquitto(tmp_path) as server:
        await mosquitto_pub(server, "-t", "sensors/a", "-m", "old", "-r", "-q", "1")
        link = linked(server, inbox)
        async with running(link):
            await inbox.until(1)
            await mosquitto_pub(server, "-t", "sensors/b", "-m", "new", "-r", "-q", "1")
            await mosquitto_pub(server, "-t", "elsewhere", "-m", "no")
            await mosquitto_pub(server, "-V", "mqttv5", "-t", "sensors/c", "-m", "5")
            await inbox.until(3)
            assert (link.connected, link.message) == (True, "")
    assert inbox.messages == [
        ("sensors/a", b"old", True),
        ("sensors/b", b"new", False),
        ("sensors/c", b"5", False),
    ]


async def test_a_stream_of_qos_1_arrives_whole_and_in_order(tmp_path: Path) -> None:
    inbox = Inbox()
    count = 3_000
    async with mosquitto(tmp_path, "allow_anonymous true", "max_queued_messages 0") as server:
        link, source = linked(server, inbox), sender(server)
        async with running(link, source):
            await until(lambda: link.connected and source.connected)
            await publish_all(source, count)
            await inbox.until(count)
    assert inbox.payloads == [b"%d" % number for number in range(count)]


async def test_a_broker_that_is_absent_at_start_is_found_when_it_comes(tmp_path: Path) -> None:
    inbox = Inbox()
    async with mosquitto(tmp_path, started=False) as server:
        link = linked(server, inbox)
        async with running(link):
            await until(lambda: "connection refused" in link.message)
            await server.start()
            await until(lambda: link.connected)
            await mosquitto_pub(server, "-t", "sensors/a", "-m", "x")
            await inbox.until(1)


async def test_a_broker_killed_in_mid_stream_is_found_again_each_time(tmp_path: Path) -> None:
    inbox = Inbox()
    async with mosquitto(tmp_path) as server:
        link, source = linked(server, inbox), sender(server)

        async def pour() -> None:
            while True:
                source.publish("sensors/a", b"x", 1)
                await asyncio.sleep(0.001)

        async with running(link, source):
            pouring = asyncio.create_task(pour(), name="pour")
            await inbox.until(50)
            for round_ in range(1, 4):
                await server.kill()
                await until(lambda: not link.connected)
                before = len(inbox.messages)
                await server.start()
                await inbox.until(before + 50)
                assert link.reconnects == round_
            pouring.cancel()
            with suppress(asyncio.CancelledError):
                await pouring
    assert link.errors == 0


async def test_a_stopped_broker_is_found_out_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "KEEP_ALIVE", 1)
    monkeypatch.setattr(link_module, "ANSWER_TIMEOUT", 0.5)
    inbox = Inbox()
    async with mosquitto(tmp_path) as server:
        link = linked(server, inbox)
        async with running(link):
            await until(lambda: link.connected)
            server.signal(signal.SIGSTOP)
            try:
                await until(lambda: "no PINGRESP" in link.message)
            finally:
                server.signal(signal.SIGCONT)
            await until(lambda: link.connected)
            await mosquitto_pub(server, "-t", "sensors/a", "-m", "x")
            await inbox.until(1)


async def test_bad_credentials_are_told_and_good_ones_pass(tmp_path: Path) -> None:
    inbox = Inbox()
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    await asyncio.to_thread(secret.write_text, "s3cret\n")
    made = await asyncio.create_subprocess_exec(
        "mosquitto_passwd", "-c", "-b", str(passwords), "plant", "s3cret"
    )
    assert await made.wait() == 0
    lines = ("allow_anonymous false", f"password_file {passwords}")
    async with mosquitto(tmp_path, *lines) as server:
        bad = linked(server, inbox)
        good = await asyncio.to_thread(
            lambda: linked(server, inbox, username="plant", password_file=str(secret))
        )
        async with running(bad, good):
            await until(lambda: good.connected)
            await until(lambda: "refused: not authorized; next try in" in bad.message)
            assert not bad.connected


async def test_a_shared_group_gets_each_message_once(tmp_path: Path) -> None:
    one, other = Inbox(), Inbox()
    async with mosquitto(tmp_path) as server:
        links = [linked(server, inbox, share="plant") for inbox in (one, other)]
        source = sender(server)
        async with running(*links, source):
            await until(lambda: source.connected and all(link.connected for link in links))
            await publish_all(source, 200)
            await until(lambda: len(one.messages) + len(other.messages) >= 200)
    assert sorted(map(int, one.payloads + other.payloads)) == list(range(200))
    assert one.messages
    assert other.messages
