"""The endpoint under clients that others wrote: paho and gmqtt, both versions of MQTT."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import gmqtt
import pytest
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.mqtt.peers import until
from tests.running import Running, running

COUNT = 100
PATIENCE = 10.0
TELEMETRY = "sensors/oven-001/telemetry"
COMMANDS = "devices/oven-001/desired"
THING = "/api/v1/things/factory:oven-001"
VERSIONS = pytest.mark.parametrize(
    "version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5], ids=["3.1.1", "5"]
)


class Paho:
    """A paho client with its own thread; what it hears is kept."""

    def __init__(self, version: MQTTProtocolVersion, *, clean: bool = True, **will: Any) -> None:
        self.five = version == MQTTProtocolVersion.MQTTv5
        self.clean = clean
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="oven-001",
            clean_session=None if self.five else clean,
            protocol=version,
        )
        if will:
            self.client.will_set(**will)
        self.heard: list[MQTTMessage] = []
        self.connected = threading.Event()
        self.subscribed = threading.Event()
        self.resumed = False
        self.granted: list[int] = []
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = lambda _client, _data, message: self.heard.append(message)

    def _connected(self, _client: Client, _data: Any, flags: Any, _reason: Any, _: Any) -> None:
        self.resumed = flags.session_present
        self.connected.set()

    def _subscribed(self, _client: Client, _data: Any, _mid: int, reasons: Any, _: Any) -> None:
        self.granted = [one.value for one in reasons]
        self.subscribed.set()

    def start(self, port: int) -> None:
        options: dict[str, Any] = {}
        if self.five:
            kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            kept.SessionExpiryInterval = 0 if self.clean else 60
            options = {"clean_start": self.clean, "properties": kept}
        self.client.connect("127.0.0.1", port, keepalive=30, **options)
        self.client.loop_start()
        assert self.connected.wait(PATIENCE)

    def subscribe(self, filter: str) -> list[int]:
        self.subscribed.clear()
        self.client.subscribe(filter, 2)
        assert self.subscribed.wait(PATIENCE)
        return self.granted

    def publish_all(self, qos: int) -> None:
        sent = [
            self.client.publish(TELEMETRY, json.dumps({"f": {"n": number}}), qos)
            for number in range(COUNT)
        ]
        for one in sent:
            one.wait_for_publish(PATIENCE)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self) -> None:
        """Close the socket without DISCONNECT."""
        self.client.loop_stop()
        socket = self.client.socket()
        assert socket is not None
        socket.close()


@asynccontextmanager
async def paho(
    engine: Running, version: MQTTProtocolVersion, **options: Any
) -> AsyncIterator[Paho]:
    one = Paho(version, **options)
    await asyncio.to_thread(one.start, engine.mqtt_port)
    try:
        yield one
    finally:
        await asyncio.to_thread(one.stop)


async def off(call: Callable[..., Any], *arguments: Any) -> Any:
    """paho blocks: not the loop that serves it."""
    return await asyncio.to_thread(call, *arguments)


async def want(engine: Running, setpoint: float) -> None:
    url = f"{THING}/features/thermal"
    answer = await engine.http.patch(url, json={"desiredState": {"setpoint": setpoint}})
    assert answer.status_code == 200


def wishes(messages: list[Any]) -> list[float]:
    return [json.loads(one.payload)["desiredState"]["setpoint"] for one in messages]


async def gone(engine: Running) -> None:
    endpoint = engine.engine.endpoint
    await until(lambda: endpoint is not None and endpoint.devices == 0)


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_paho_s_readings_are_applied_once_each_in_order(
    version: MQTTProtocolVersion, qos: int
) -> None:
    async with running() as engine, paho(engine, version) as device:
        await off(device.publish_all, qos)
        things = engine.engine.store.things
        await until(lambda: things and things["factory:oven-001"].version == COUNT + 1)
        thing = (await engine.http.get(THING)).json()
        assert thing["features"]["f"]["properties"] == {"n": COUNT - 1}
        assert engine.engine.intake.counts["endpoint"]["applied"] == COUNT


@VERSIONS
async def test_paho_hears_its_commands_and_no_other_topic(version: MQTTProtocolVersion) -> None:
    async with running() as engine, paho(engine, version) as device:
        assert await off(device.subscribe, "devices/+/desired") == [0x87 if device.five else 0x80]
        assert await off(device.subscribe, COMMANDS) == [1]
        await off(device.publish_all, 1)
        await want(engine, 195.0)
        await until(lambda: device.heard)
        await until(lambda: engine.engine.courier.acknowledged == 1)
        (told,) = device.heard
        assert (told.topic, told.qos, told.retain, told.dup) == (COMMANDS, 1, False, False)
        assert wishes(device.heard) == [195.0]


@VERSIONS
async def test_paho_s_session_waits_for_it(version: MQTTProtocolVersion) -> None:
    async with running() as engine:
        async with paho(engine, version, clean=False) as device:
            assert await off(device.subscribe, COMMANDS) == [1]
            await off(device.publish_all, 1)
            assert not device.resumed
        await gone(engine)
        for setpoint in (195.0, 200.0):
            await want(engine, setpoint)
        async with paho(engine, version, clean=False) as device:
            await until(lambda: len(device.heard) == 2)
            assert device.resumed
            assert wishes(device.heard) == [195.0, 200.0]
        async with paho(engine, version) as device:
            assert not device.resumed


@VERSIONS
async def test_paho_s_will_is_telemetry_when_it_vanishes_and_only_then(
    version: MQTTProtocolVersion,
) -> None:
    will = {"topic": TELEMETRY, "payload": b'{"status": {"online": false}}', "qos": 1}
    async with running() as engine:
        async with paho(engine, version, **will) as device:
            await off(device.publish_all, 1)
        await gone(engine)
        assert "status" not in (await engine.http.get(THING)).json()["features"]
        async with paho(engine, version, **will) as device:
            await off(device.vanish)
            await gone(engine)
            status = (await engine.http.get(f"{THING}/features/status")).json()
            assert status["properties"] == {"online": False}


@pytest.mark.parametrize("version", [MQTTv311, MQTTv50], ids=["3.1.1", "5"])
async def test_gmqtt_reports_and_hears(version: int) -> None:
    async with running() as engine:
        device = gmqtt.Client("oven-001", clean_session=True)
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

        async def on_message(_client: Any, topic: str, payload: bytes, *_: Any) -> int:
            await heard.put((topic, payload))
            return 0

        device.on_message = on_message
        await device.connect("127.0.0.1", engine.mqtt_port, version=version)
        device.subscribe(COMMANDS, qos=1)
        for qos in (0, 1, 2):
            device.publish(TELEMETRY, {"thermal": {"n": qos}}, qos=qos)
        things = engine.engine.store.things
        await until(lambda: things and things["factory:oven-001"].version == 4)
        await want(engine, 195.0)
        topic, payload = await asyncio.wait_for(heard.get(), PATIENCE)
        assert (topic, json.loads(payload)["desiredState"]) == (COMMANDS, {"setpoint": 195.0})
        await until(lambda: engine.engine.courier.acknowledged == 1)
        await device.disconnect()
