import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import gmqtt
import paho.mqtt.publish
import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from structlog.testing import capture_logs
from tests.mqtt.peers import PATIENCE, Inbox, Peer, an_endpoint, serving, until

from egizcore.errors import StartupFailed
from egizcore.mqtt import Batch, Endpoint, EndpointSettings, Origin
from egizcore.mqtt import connection as connection_module
from egizcore.mqtt import endpoint as endpoint_module
from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.mqtt.reason import Reason

BOTH = pytest.mark.parametrize("version", [p.V3, p.V5])


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def endpoint(inbox: Inbox) -> AsyncIterator[Endpoint[str]]:
    async with serving(inbox) as one:
        yield one


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at all connections often, and waits for little."""
    monkeypatch.setattr(endpoint_module, "_SWEEP", 0.02)
    monkeypatch.setattr(connection_module, "STALLED", 0.2)


# Foreign clients


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
@pytest.mark.parametrize("qos", ["0", "1", "2"])
async def test_mosquitto_pub_is_served(
    endpoint: Endpoint[str], inbox: Inbox, version: str, qos: str
) -> None:
    port = str(endpoint.port)
    told = ("-p", port, "-V", version, "-q", qos, "-t", "a/b", "-m", "x", "-r", "-i", "m")
    try:
        process = await asyncio.create_subprocess_exec("mosquitto_pub", *told)
    except FileNotFoundError:
        pytest.skip("mosquitto_pub is not installed")
    assert await process.wait() == 0
    await inbox.until(1)
    assert inbox.messages == [("a/b", b"x", False)]
    assert (inbox.origins[0].source, inbox.origins[0].client_id) == ("endpoint", "m")


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5])
async def test_paho_is_served(
    endpoint: Endpoint[str], inbox: Inbox, version: MQTTProtocolVersion
) -> None:
    some = [(f"t/{n}", b"%d" % n, n % 3, bool(n % 4)) for n in range(50)]
    await asyncio.to_thread(
        paho.mqtt.publish.multiple,
        [*some],
        hostname="127.0.0.1",
        port=endpoint.port,
        client_id="paho",
        auth={"username": "plant", "password": "p"},
        will={"topic": "status/paho", "payload": "off", "qos": 1, "retain": True},
        protocol=version,
    )
    await inbox.until(50)
    assert sorted(inbox.messages) == sorted((topic, data, False) for topic, data, _, _ in some)
    assert inbox.origins[0].username == "plant"


@pytest.mark.parametrize("version", [4, 5])
async def test_gmqtt_is_served(endpoint: Endpoint[str], inbox: Inbox, version: int) -> None:
    client = gmqtt.Client("g")
    got: list[bytes] = []

    def arrived(_: object, __: object, payload: bytes, ___: object, ____: object) -> int:
        got.append(payload)
        return 0

    client.on_message = arrived
    await client.connect("127.0.0.1", endpoint.port, version=version, keepalive=10)
    for qos in range(3):
        client.publish(f"t/{qos}", b"x", qos=qos)
    await inbox.until(3)
    client.subscribe("devices/g/desired", qos=2)
    await until(lambda: endpoint.send("g", "devices/g/desired", b"on"))
    await until(lambda: got)
    await client.disconnect()
    assert sorted(inbox.messages) == [(f"t/{qos}", b"x", False) for qos in range(3)]
    assert got == [b"on"]


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
async def test_mosquitto_sub_has_its_command_topic_no_other_and_a_will(
    endpoint: Endpoint[str], inbox: Inbox, version: str
) -> None:
    told = ["-p", str(endpoint.port), "-V", version, "-q", "2", "-i", "m", "-v"]
    will = ["--will-topic", "status/m", "--will-payload", "gone", "--will-qos", "2"]
    try:
        process = await asyncio.create_subprocess_exec(
            "mosquitto_sub", *told, *will, "-t", "devices/m/desired", "-t", "#",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("mosquitto_sub is not installed")
    assert process.stdout is not None
    await until(lambda: endpoint.send("m", "devices/m/desired", b"on"))
    assert not endpoint.send("m", "elsewhere", b"no")
    assert await process.stdout.readline() == b"devices/m/desired on\n"
    process.kill()
    await process.wait()
    await inbox.until(1)
    assert inbox.messages == [("status/m", b"gone", False)]


# Delivery


@BOTH
async def test_a_message_is_acknowledged_only_after_it_is_delivered(version: int) -> None:
    order: list[object] = []
    async with serving(lambda batch, _: order.append(len(batch))) as endpoint:
        device = await Peer.device(endpoint.port, version=version)
        device.send(p.Publish("t", b"x", 1, id=7), p.Publish("t", b"y", 1, id=8))
        order += [await device.read(), await device.read()]
        device.close()
    assert order == [2, p.PubAck(7), p.PubAck(8)]


async def test_one_read_is_one_batch_and_its_origin_stays_the_same(
    endpoint: Endpoint[str], inbox: Inbox
) -> None:
    device = await Peer.device(endpoint.port)
    for count in (100, 3):
        before = len(inbox.messages)
        device.raw(encode(p.Publish("t", b"x"), p.V5) * count)
        await inbox.until(before + count)
    assert len(inbox.batches) < 10
    assert len({id(origin) for origin in inbox.origins}) == len({*inbox.origins}) == 1
    device.close()


async def test_what_cannot_be_applied_is_not_acknowledged_and_comes_again() -> None:
    taken: list[bytes] = []

    def deliver(batch: Batch[str], origin: Origin) -> None:
        if origin.client_id == "bad":
            raise RuntimeError("our own fault")
        taken.extend(payload for _, payload, _ in batch)

    async with serving(deliver) as endpoint:
        bad, good = [await Peer.device(endpoint.port, name) for name in ("bad", "good")]
        with capture_logs() as lines:
            bad.send(p.Publish("t", b"x", 1, id=1))
            assert await bad.rest() == []
        good.send(p.Publish("t", b"y", 1, id=1))
        assert await good.read() == p.PubAck(1)
        await until(lambda: endpoint.errors == 1)
        assert (taken, endpoint.devices) == ([b"y"], 1)
        assert "a batch of messages could not be applied" in [line["event"] for line in lines]
        good.close()
        bad.close()


async def test_what_waits_is_counted_in_kernel_and_session(
    endpoint: Endpoint[str], inbox: Inbox
) -> None:
    device = await Peer.device(endpoint.port)
    assert endpoint.waiting() == 0
    device.raw(b"\x30\x7f\0\x01t")
    await until(lambda: endpoint.waiting() == 5)
    raw = device.writer.get_extra_info("socket")
    with socket.socket(fileno=socket.dup(raw.fileno())) as blocking:
        blocking.send(b"\0" * 10)  # not read yet: the loop has not turned
        assert endpoint.waiting() == 15
    device.close()


# Faults of one device


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x36\x00", Reason.MALFORMED_PACKET),
        (b"\x30\xff\xff\xff\x7f", Reason.PACKET_TOO_LARGE),
        (b"\x30\x05\0\x01#\0x", Reason.TOPIC_NAME_INVALID),
        (encode(p.Connect("dev"), p.V5), Reason.PROTOCOL_ERROR),
        (b"\x30\x07\0\x01t\x03\x23\0\0", Reason.TOPIC_ALIAS_INVALID),
    ],
)
async def test_a_broken_packet_costs_its_connection_and_no_other(
    endpoint: Endpoint[str], inbox: Inbox, data: bytes, reason: Reason
) -> None:
    bad, good = [await Peer.device(endpoint.port, name) for name in ("bad", "good")]
    bad.raw(encode(p.Publish("t", b"before"), p.V5) + data)
    (last,) = await bad.rest()
    assert isinstance(last, p.Disconnect)
    assert last.reason == reason
    bad.close()
    good.send(p.Publish("t", b"after", 1, id=1))
    assert await good.read() == p.PubAck(1)
    assert inbox.payloads == [b"before", b"after"]
    await until(lambda: (endpoint.errors, endpoint.devices) == (1, 1))
    good.close()


async def test_a_storm_of_garbage_is_counted_but_not_logged_line_by_line(
    endpoint: Endpoint[str],
) -> None:
    with capture_logs() as lines:
        for number in range(1, 21):
            stranger = await Peer.dial(endpoint.port)
            stranger.raw(b"\xff\xff\xff\xff\xff")
            assert await stranger.rest() == []
            stranger.close()
            await until(lambda number=number: endpoint.errors == number)  # type: ignore[misc]
    assert 1 <= len(lines) <= 5


async def test_a_reason_reaches_a_device_that_is_still_sending(endpoint: Endpoint[str]) -> None:
    device = await Peer.device(endpoint.port)
    device.raw(b"\x30\xff\xff\xff\x7f" + bytes(3_000_000))
    last = await device.read()
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.PACKET_TOO_LARGE
    device.reset()


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x30\x03\0\x01t", b"\x00"])
async def test_a_stranger_is_hung_up_on_without_a_word(
    endpoint: Endpoint[str], first: bytes
) -> None:
    stranger = await Peer.dial(endpoint.port)
    stranger.raw(first if len(first) > 1 else b"\x00\x00")
    assert await stranger.rest() == []
    stranger.close()
    assert endpoint.devices == 0


@pytest.mark.usefixtures("impatient")
async def test_half_a_connect_is_dropped(
    endpoint: Endpoint[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "CONNECT_TIMEOUT", 0.2)
    half = await Peer.dial(endpoint.port)
    half.raw(encode(p.Connect("d"), p.V5)[:5])
    assert await half.rest() == []
    half.close()


@pytest.mark.usefixtures("impatient")
async def test_a_silent_device_is_ended_after_its_keep_alive(endpoint: Endpoint[str]) -> None:
    device = await Peer.dial(endpoint.port)
    device.send(p.Connect("d", keep_alive=1))
    _, last = await device.rest()
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.KEEP_ALIVE_TIMEOUT
    device.close()
    await until(lambda: endpoint.devices == 0)
    assert endpoint.errors == 0


@pytest.mark.usefixtures("impatient")
async def test_a_device_that_does_not_read_is_not_read_and_goes_at_last(
    inbox: Inbox,
) -> None:
    async with serving(inbox) as endpoint:
        device = await Peer.device(endpoint.port, version=p.V3)
        device.writer.transport.pause_reading()  # type: ignore[attr-defined]
        good = await Peer.device(endpoint.port, "good")
        flood = encode(p.Publish("t", b"", 1, id=1), p.V3) * 5_000

        async def pour() -> None:
            while True:
                device.raw(flood)
                await device.writer.drain()

        with pytest.raises(ConnectionError):
            async with asyncio.timeout(20):
                await pour()
        good.send(p.Publish("t", b"last", 1, id=1))
        assert await good.read() == p.PubAck(1)
        await until(lambda: endpoint.devices == 1)
        good.close()
        device.reset()


# Takeover (MQTT-3.1.4-3)


async def test_a_second_device_of_the_same_id_takes_over(
    endpoint: Endpoint[str], inbox: Inbox
) -> None:
    old = await Peer.device(endpoint.port)
    with capture_logs() as lines:
        new = await Peer.device(endpoint.port)
    (last,) = await old.rest()
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.SESSION_TAKEN_OVER
    warned = [line for line in lines if line["log_level"] == "warning"]
    assert [line["client_id"] for line in warned] == ["dev"]
    new.send(p.Publish("t", b"x", 1, id=1))
    assert await new.read() == p.PubAck(1)
    old.close()
    await until(lambda: len(endpoint._connections) == 1)
    assert (endpoint.devices, endpoint.takeovers, endpoint.errors) == (1, 1, 0)
    new.close()
    await until(lambda: endpoint.devices == 0)


@BOTH
async def test_fifty_in_a_row_leave_the_last(endpoint: Endpoint[str], version: int) -> None:
    peers = [await Peer.device(endpoint.port, version=version) for _ in range(50)]
    for old in peers[:-1]:
        assert len(await old.rest()) == (1 if version == p.V5 else 0)
        old.close()
    assert (endpoint.devices, endpoint.takeovers) == (1, 49)
    peers[-1].send(p.PingReq())
    assert await peers[-1].read() == p.PingResp()
    peers[-1].close()


async def test_a_refused_device_takes_nothing_over(endpoint: Endpoint[str]) -> None:
    eve = await Peer.dial(endpoint.port)
    eve.send(p.Connect("eve"))
    (answer,) = await eve.rest()
    assert isinstance(answer, p.ConnAck)
    assert answer.reason == Reason.BAD_USER_NAME_OR_PASSWORD
    assert (endpoint.devices, endpoint.takeovers) == (0, 0)
    eve.close()


# Start, stop, and many


@BOTH
async def test_stop_says_goodbye_and_ends(inbox: Inbox, version: int) -> None:
    async with serving(inbox) as endpoint:
        device = await Peer.device(endpoint.port, version=version)
        idle = await Peer.dial(endpoint.port)
        stopping = asyncio.create_task(endpoint.stop())
        said = await device.rest()
        device.close()
        idle.close()
        await stopping
    if version == p.V5:
        (last,) = said
        assert isinstance(last, p.Disconnect)
        assert last.reason == Reason.SERVER_SHUTTING_DOWN
    else:
        assert said == []
    with pytest.raises(OSError, match=r"refused|failed"):
        await Peer.dial(endpoint.port)


async def test_stop_does_not_wait_for_a_device_that_stays(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "_FAREWELL", 0.05)
    async with serving(inbox) as endpoint:
        device = await Peer.device(endpoint.port)
        device.writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            await endpoint.stop()
        await until(lambda: endpoint.devices == 0)
        device.reset()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_taken_port_is_one_clear_line(endpoint: Endpoint[str], host: str) -> None:
    settings = EndpointSettings(host=host, port=endpoint.port)
    other = an_endpoint(settings, Inbox())
    with pytest.raises(StartupFailed, match=f"{host}:{endpoint.port}: the port is taken") as no:
        await other.start()
    assert "endpoint.port" in no.value.mend
    await other.stop()


async def test_an_address_of_another_machine_is_one_clear_line() -> None:
    settings = EndpointSettings(host="192.0.2.1", port=0)
    other = an_endpoint(settings, Inbox())
    with pytest.raises(StartupFailed, match=r"192\.0\.2\.1:0: ") as no:
        await other.start()
    assert "endpoint.host" in no.value.mend


async def test_two_hundred_idle_devices_do_not_hinder_one(
    endpoint: Endpoint[str], inbox: Inbox
) -> None:
    idle = [await Peer.device(endpoint.port, f"idle-{n}") for n in range(100)]
    mute = [await Peer.dial(endpoint.port) for _ in range(100)]
    device = await Peer.device(endpoint.port)
    device.send(p.Publish("t", b"x"))
    await inbox.until(1)
    assert endpoint.devices == 101
    for peer in (*idle, *mute, device):
        peer.close()
    await until(lambda: endpoint.devices == 0 and not endpoint._connections)


HUNGRY = """
import asyncio, resource, sys, uvloop
from egizcore.mqtt import Endpoint, EndpointSettings, Topics
def nothing(*_):
    return True
async def main():
    endpoint = Endpoint(EndpointSettings(port=0), Topics(str), nothing, max_packet=1000,
                        authenticate=nothing, may_subscribe=nothing, subscribed=nothing,
                        acknowledged=nothing, dropped=nothing)
    await endpoint.start()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, hard))
    print(endpoint.port, flush=True)
    await asyncio.Event().wait()
(uvloop.run if sys.argv[1] == "uvloop" else asyncio.run)(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_without_descriptors_the_rest_lives_and_accepting_recovers(loop: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HUNGRY,
        loop,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        first = await Peer.device(port, "first")
        crowd = [await Peer.dial(port) for _ in range(40)]
        first.send(p.Publish("t", b"x", 1, id=1))
        assert await first.read() == p.PubAck(1)
        for peer in crowd:
            peer.close()
        # asyncio lets the waiting wait; libuv hangs up on them, and a device tries again.
        async with asyncio.timeout(PATIENCE):
            answer = None
            while answer is None:
                last = await Peer.dial(port)
                last.send(p.Connect("last"))
                answer = await last.read()
        assert isinstance(answer, p.ConnAck)
    finally:
        await Peer.close_all()
        process.kill()
        await process.wait()
