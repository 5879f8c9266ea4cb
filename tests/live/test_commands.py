"""Commands over real brokers: by the link that the device came by, kept while it is down."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.live.servers import PATIENCE, Server, mosquitto, nats
from tests.mqtt.peers import until
from tests.running import Running, running

from egizcore import simulator

pytestmark = pytest.mark.live

THING = "/api/v1/things/factory:oven-001"
TOPIC = "devices/oven-001/desired"
FORMAT = '{"topic": "%t", "retain": %r, "qos": %q, "payload": %p}'


async def report(server: Server, device: str = "oven-001") -> None:
    topic = f"sensors/{device}/telemetry"
    told = ("-t", topic, "-m", '{"thermal": {"t": 21.5}}', "-q", "1")
    process = await asyncio.create_subprocess_exec("mosquitto_pub", "-p", str(server.port), *told)
    assert await process.wait() == 0


@asynccontextmanager
async def mosquitto_sub(server: Server, *told: str) -> AsyncIterator[asyncio.StreamReader]:
    """What ``mosquitto_sub`` prints; it is subscribed when this begins."""
    port = ("-p", str(server.port), "-q", "1", "-d", "-F", FORMAT, "-t", "devices/#")
    process = await asyncio.create_subprocess_exec(
        "stdbuf", "-oL", "mosquitto_sub", *port, *told, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        while not (await heard(process.stdout)).startswith("Subscribed"):
            pass
        yield process.stdout
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def heard(lines: asyncio.StreamReader) -> str:
    async with asyncio.timeout(PATIENCE):
        line = (await lines.readline()).decode()
    assert line, "mosquitto_sub has ended"
    return line


async def command(lines: asyncio.StreamReader) -> Any:
    """The next message; what else ``-d`` tells is left out."""
    while not (line := await heard(lines)).startswith("{"):
        pass
    return json.loads(line)


async def want(engine: Running, setpoint: float | None) -> None:
    url = f"{THING}/features/thermal"
    answer = await engine.http.patch(url, json={"desiredState": {"setpoint": setpoint}})
    assert answer.status_code == 200


async def known(engine: Running) -> None:
    await until(lambda: "factory:oven-001" in engine.engine.store.things)


async def up(engine: Running) -> None:
    await until(lambda: all(link.connected for link in engine.engine.links))


def url(server: Server) -> dict[str, str]:
    return {"url": f"mqtt://127.0.0.1:{server.port}"}


async def test_a_command_leaves_by_the_link_that_the_device_came_by(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        await asyncio.to_thread(folder.mkdir)
    async with mosquitto(folders[0]) as here, mosquitto(folders[1]) as there:
        settings = url(here) | {"connections": {"there": url(there)}}
        async with running(mqtt=settings) as engine:
            await up(engine)
            async with mosquitto_sub(here) as silent, mosquitto_sub(there) as lines:
                await report(there)
                await known(engine)
                await want(engine, 195.0)
                told = await command(lines)
                assert (told["topic"], told["retain"], told["qos"]) == (TOPIC, 0, 1)
                assert told["payload"] == {
                    "thingId": "factory:oven-001",
                    "feature": "thermal",
                    "desiredState": {"setpoint": 195.0},
                    "version": 3,
                }
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await command(silent)
            link = engine.engine.courier
            await until(lambda: link.acknowledged == 1)


async def test_a_retained_command_waits_at_the_broker_for_a_device_that_boots(
    tmp_path: Path,
) -> None:
    async with mosquitto(tmp_path) as server:
        devices = {"esp32": "factory:oven-001"}
        settings: Any = {"mqtt": url(server) | {"devices": devices}, "commands": {"retain": True}}
        async with running(**settings) as engine:
            await up(engine)
            await engine.http.post(
                "/api/v1/things", json={"id": "factory:oven-001", "type": "oven"}
            )
            await want(engine, 195.0)
            await want(engine, 200.0)
            await until(lambda: engine.engine.courier.acknowledged == 2)
        async with mosquitto_sub(server) as lines:
            told = await command(lines)
            assert (told["topic"], told["retain"]) == ("devices/esp32/desired", 1)
            assert told["payload"]["desiredState"] == {"setpoint": 200.0}


async def test_a_command_that_found_the_broker_down_leaves_when_it_is_back(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server, running(mqtt=url(server)) as engine:
        await up(engine)
        await report(server)
        await known(engine)
        await server.kill()
        await until(lambda: not engine.engine.links[0].connected)
        await want(engine, 195.0)
        await server.start()
        async with mosquitto_sub(server, "-i", "oven", "-c") as lines:
            assert (await command(lines))["payload"]["desiredState"] == {"setpoint": 195.0}
        await until(lambda: engine.engine.courier.acknowledged == 1)


async def test_a_command_crosses_nats_that_knows_only_3_1_1(tmp_path: Path) -> None:
    async with nats(tmp_path) as server, running(mqtt=url(server)) as engine:
        await up(engine)
        async with mosquitto_sub(server, "-V", "mqttv311") as lines:
            await report(server)
            await known(engine)
            await want(engine, 195.0)
            assert (await command(lines))["payload"]["desiredState"] == {"setpoint": 195.0}


async def test_mosquittos_clients_are_served_at_the_endpoint(tmp_path: Path) -> None:
    async with running() as engine:
        server = Server("", port=engine.mqtt_port)
        for version in ("mqttv311", "mqttv5"):
            names = ("-V", version, "-i", "oven-001")
            await report(server)
            await known(engine)
            await want(engine, 195.0)
            process = await asyncio.create_subprocess_exec(
                "mosquitto_sub", "-p", str(server.port), *names, "-q", "1", "-C", "1", "-t", TOPIC,
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert json.loads(out)["desiredState"] == {"setpoint": 195.0}


async def test_the_bakery_obeys_over_a_broker(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server, running(mqtt=url(server)) as engine:
        broker = url(server)["url"]
        bakery = asyncio.create_task(simulator.run(broker, things=1, rate=20.0), name="bakery")
        await known(engine)
        await want(engine, 251.5)
        things = engine.engine.store.things
        await until(
            lambda: things["factory:oven-001"].features["thermal"].properties["setpoint"] == 251.5
        )
        bakery.cancel()
        with suppress(asyncio.CancelledError):
            await bakery
