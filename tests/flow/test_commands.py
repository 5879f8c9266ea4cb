"""From a PUT to the device at the endpoint, through the whole engine (contract.md, section 4)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.flow.devices import Device
from tests.mqtt.peers import Peer, until
from tests.running import Running, running

from egizcore.mqtt import packet as p

TOPIC = "devices/oven-001/desired"
OVEN = "/api/v1/things/factory:oven-001"
READING = {"thermal": {"t": 21.5}}


@pytest.fixture
async def engine() -> AsyncIterator[Running]:
    async with running() as one:
        yield one
        await Peer.close_all()


async def want(engine: Running, wish: Any, feature: str = "thermal", thing: str = OVEN) -> None:
    url = f"{thing}/features/{feature}"
    answer = await engine.http.patch(url, json={"desiredState": wish})
    assert answer.status_code == 200, answer.text


async def outcomes(engine: Running) -> dict[str, float]:
    metrics = await engine.metrics()
    return {
        name: metrics[f'egizcore_commands_total{{outcome="{name}"}}']
        for name in ("sent", "acknowledged", "dropped")
    }


@pytest.mark.parametrize("version", [p.V3, p.V5])
async def test_what_is_desired_reaches_the_device_and_its_confirmation_counts(
    engine: Running, version: int
) -> None:
    device = await Device.connect(engine.mqtt_port, "oven-001", version=version)
    assert await device.subscribe(TOPIC, qos=2) == 1
    await device.report(READING)
    await want(engine, {"setpoint": 195.0})
    publication = await device.publication()
    assert (publication.topic, publication.qos) == (TOPIC, 1)
    assert (publication.retain, publication.dup) == (False, False)
    await want(engine, {"light": True})
    assert await device.command() == {
        "thingId": "factory:oven-001",
        "feature": "thermal",
        "desiredState": {"setpoint": 195.0, "light": True},
        "version": 4,
    }
    await device.report(READING)
    assert await outcomes(engine) == {"sent": 2, "acknowledged": 2, "dropped": 0}


async def test_a_subscription_brings_all_that_is_desired(engine: Running) -> None:
    device = await Device.connect(engine.mqtt_port, "oven-001")
    await device.report(READING)
    for feature in ("thermal", "light"):
        await want(engine, {"x": 1}, feature)
    await device.assert_quiet()
    for _ in range(2):
        assert await device.subscribe(TOPIC) == 1
        assert [(await device.command())["feature"] for _ in range(2)] == ["thermal", "light"]
    await device.assert_quiet()


async def test_the_first_report_brings_it_where_the_thing_was_not_known(engine: Running) -> None:
    await engine.http.post(
        "/api/v1/things",
        json={
            "id": "factory:oven-001",
            "type": "oven",
            "features": {"thermal": {"desiredState": {"setpoint": 195}}},
        },
    )
    device = await Device.connect(engine.mqtt_port, "oven-001")
    assert await device.subscribe(TOPIC) == 1
    await device.assert_quiet()
    await device.report(READING)
    assert (await device.command())["desiredState"] == {"setpoint": 195}
    await device.report(READING)
    await device.assert_quiet()


@pytest.mark.parametrize("version", [p.V3, p.V5])
async def test_an_unconfirmed_command_comes_again_when_the_session_resumes(
    engine: Running, version: int
) -> None:
    session: dict[str, Any] = {"version": version, "clean": False, "keep": 60}
    device = await Device.connect(engine.mqtt_port, "oven-001", **session)
    assert await device.subscribe(TOPIC) == 1
    await device.report(READING)
    await want(engine, {"setpoint": 195.0})
    first = await device.publication(confirm=False)
    await device.drop()
    await until(lambda: engine.engine.endpoint is not None and engine.engine.endpoint.devices == 0)
    await want(engine, {"setpoint": 200.0})
    device = await Device.connect(engine.mqtt_port, "oven-001", **session)
    assert device.resumed
    again = await device.publication()
    assert (again.id, again.dup, again.payload) == (first.id, True, first.payload)
    fresh = await device.publication()
    assert not fresh.dup
    assert b"200.0" in fresh.payload
    await want(engine, {"setpoint": 205.0})
    assert (await device.command())["desiredState"] == {"setpoint": 205.0}
    await device.assert_quiet()
    assert await outcomes(engine) == {"sent": 3, "acknowledged": 3, "dropped": 0}


async def test_a_device_whose_session_ended_is_told_when_it_subscribes_again(
    engine: Running,
) -> None:
    device = await Device.connect(engine.mqtt_port, "oven-001")
    assert await device.subscribe(TOPIC) == 1
    await device.report(READING)
    await device.drop()
    await until(lambda: engine.engine.endpoint is not None and engine.engine.endpoint.devices == 0)
    await want(engine, {"setpoint": 195.0})
    device = await Device.connect(engine.mqtt_port, "oven-001")
    assert await device.subscribe(TOPIC) == 1
    assert (await device.command())["desiredState"] == {"setpoint": 195.0}
    await device.report(READING)
    await device.assert_quiet()
    assert await outcomes(engine) == {"sent": 1, "acknowledged": 1, "dropped": 0}


async def test_a_foreign_subscription_is_refused_and_the_connection_stays(engine: Running) -> None:
    device = await Device.connect(engine.mqtt_port, "oven-001")
    for foreign in ("#", "devices/+/desired", "devices/oven-002/desired", "sensors/#"):
        assert await device.subscribe(foreign) == 0x87
    assert await device.subscribe(f"$share/g/{TOPIC}") >= 0x80
    old = await Device.connect(engine.mqtt_port, "oven-003", version=p.V3)
    assert await old.subscribe("#") == 0x80
    await device.report(READING)
    await old.report(READING)


async def test_a_gateway_hears_for_each_device_that_it_publishes_as(engine: Running) -> None:
    gateway = await Device.connect(engine.mqtt_port, "gateway", username="plant")
    assert await gateway.subscribe(TOPIC) == 0x87
    for device in ("oven-001", "oven-002"):
        await gateway.report(READING, device)
    assert await gateway.subscribe(TOPIC) == 1
    assert await gateway.subscribe("devices/gateway/desired") == 1
    await want(engine, {"x": 1})
    await want(engine, {"x": 2}, thing="/api/v1/things/factory:oven-002")
    topics = [(await gateway.publication()).topic for _ in range(2)]
    assert topics == [TOPIC, "devices/gateway/desired"]


async def test_the_devices_table_names_who_is_told() -> None:
    devices = {"esp32-a": "factory:oven-001"}
    async with running(mqtt={"devices": devices}, commands={"topic": "cmd/{device}"}) as engine:
        await engine.http.post("/api/v1/things", json={"id": "factory:oven-001", "type": "oven"})
        await want(engine, {"setpoint": 195.0})
        device = await Device.connect(engine.mqtt_port, "esp32-a")
        assert await device.subscribe("cmd/esp32-a") == 1
        assert (await device.command())["desiredState"] == {"setpoint": 195.0}
        await want(engine, {"setpoint": None})
        assert (await device.command())["desiredState"] == {}
        await Peer.close_all()
