"""One connection of a link, on a transport that only counts."""

import asyncio

import pytest
from tests.mqtt import samples
from tests.mqtt.peers import Inbox, until
from tests.mqtt.test_link import linked

from egizcore.mqtt import Link
from egizcore.mqtt import channel as channel_module
from egizcore.mqtt import packet as p
from egizcore.mqtt.channel import Channel
from egizcore.mqtt.encode import encode


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


class Transport(asyncio.Transport):
    """Counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = self.resumed = 0
        self.written = b""

    def pause_reading(self) -> None:
        self.paused += 1

    def resume_reading(self) -> None:
        self.resumed += 1

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data
        self.written += data

    def is_closing(self) -> bool:
        return False


def open_channel(inbox: Inbox) -> tuple[Channel[str], Transport]:
    """A channel whose broker has accepted it, on a transport that only counts."""
    link = linked(1, inbox)
    channel, transport = link._open(), Transport()
    channel.connection_made(transport)
    channel.session.receive(encode(p.ConnAck(), p.V5), 0.0)
    return channel, transport


async def test_a_few_readings_never_wait_and_a_flood_of_short_reads_naps(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 100.0
    monkeypatch.setattr(channel_module, "monotonic", lambda: clock)
    channel, transport = open_channel(inbox)
    reading = encode(p.Publish("a/b", b"x"), p.V5)
    for later in (0.0, 0.01, *[0.000_02] * 14, 0.01, *[0.000_02] * 15):
        clock += later
        channel.data_received(reading)
    assert (transport.paused, len(inbox.messages)) == (0, 32)
    channel.data_received(reading * 2_000)  # long: there is nothing to gather
    assert transport.paused == 0
    channel.data_received(reading)
    assert transport.paused == 1
    await until(lambda: transport.resumed == 1)
    channel.data_received(reading * 500)  # the nap gathered much: the flood goes on
    assert transport.paused == 2
    await until(lambda: transport.resumed == 2)
    channel.data_received(reading)  # the nap gathered little: the flood is over
    assert transport.paused == 2


async def test_a_nap_does_not_end_the_pause_for_a_broker_that_does_not_read(inbox: Inbox) -> None:
    channel, transport = open_channel(inbox)
    for _ in range(20):
        channel.data_received(encode(p.Publish("a/b", b"x"), p.V5))
    channel.pause_writing()
    channel._wake()
    assert transport.resumed == 0
    channel.resume_writing()
    assert transport.resumed == 1


async def test_commands_for_a_broker_that_does_not_read_wait_until_it_does(inbox: Inbox) -> None:
    channel, transport = open_channel(inbox)
    link = channel._link
    assert isinstance(link, Link)
    link._channel = channel
    channel.flush()
    transport.written = b""
    channel.pause_writing()
    for number in range(1, 4):
        assert channel.send("devices/a/desired", b"%d" % number)
    assert transport.written == b""
    channel.resume_writing()
    assert [
        one.payload for one in samples.read(transport.written, p.V5) if isinstance(one, p.Publish)
    ] == [b"1", b"2", b"3"]
