"""Our link against NATS's MQTT listener, which speaks 3.1.1 only."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.live.links import linked, running, sender
from tests.live.servers import nats
from tests.mqtt.peers import Inbox, until

pytestmark = pytest.mark.live


async def test_it_falls_back_to_3_1_1_and_messages_arrive(tmp_path: Path) -> None:
    inbox = Inbox()
    async with nats(tmp_path) as server:
        link, source = linked(server, inbox), sender(server, client_id="oven-001")
        with capture_logs() as lines:
            async with running(link, source):
                await until(lambda: link.connected and source.connected)
                for number in range(100):
                    assert source.publish("sensors/a/telemetry", b"%d" % number, number % 2)
                await inbox.until(100)
                assert (link.message, link.errors) == ("", 0)
    assert sorted(map(int, inbox.payloads)) == list(range(100))
    assert {line["mqtt"] for line in lines if line["event"] == "link up"} == {"3.1.1"}


async def test_it_is_found_again_after_it_was_killed(tmp_path: Path) -> None:
    inbox = Inbox()
    async with nats(tmp_path) as server:
        link, source = linked(server, inbox), sender(server)
        async with running(link, source):
            await until(lambda: link.connected and source.connected)
            await server.kill()
            await until(lambda: not link.connected and not source.connected)
            await server.start()
            await until(lambda: link.connected and source.connected)
            assert source.publish("sensors/a/telemetry", b"x", 1)
            await inbox.until(1)
            assert link.reconnects == 1
