"""The broker's file, with a real Mosquitto."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.deploy.programs import DEPLOY, document, program, run, until
from tests.live.servers import Server, free_port
from tests.running import running

FILE = DEPLOY / "mosquitto" / "mosquitto.conf"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Server]:
    """On the file as it is, but for the port, the folder, and the user who may write there."""
    port = free_port()
    text = re.sub(r"(?m)^listener 1883$", f"listener {port} 127.0.0.1", FILE.read_text())
    text = re.sub(r"(?m)^(persistence_location) .*$", rf"\1 {tmp_path}/\nuser root", text)
    file = tmp_path / "mosquitto.conf"
    await asyncio.to_thread(file.write_text, text)
    server = Server.of("mosquitto", "-c", str(file), port=port)
    await server.start()
    yield server
    await server.kill()


async def test_telemetry_comes_through_it(broker: Server) -> None:
    publish = program("mosquitto_pub")
    async with running(mqtt={"url": f"mqtt://127.0.0.1:{broker.port}"}) as engine:

        async def linked() -> bool:
            return (await engine.metrics())['egizcore_mqtt_connected{broker="mqtt"}'] == 1

        async def there() -> bool:
            return (await engine.http.get("/api/v1/things/factory:oven-1")).is_success

        await until(linked)
        said = await asyncio.create_subprocess_exec(
            publish, "-p", str(broker.port), "-t", "sensors/oven-1/telemetry",
            "-m", '{"thermal": {"t": 21.5}}', "-q", "1",
        )  # fmt: skip
        assert await said.wait() == 0
        await until(there)


async def test_the_health_check_of_compose_finds_it_well(broker: Server) -> None:
    _, name, *arguments = document("compose.yaml")["services"]["mosquitto"]["healthcheck"]["test"]
    told = await asyncio.to_thread(
        run, name, "-p", str(broker.port), *(one.replace("$$", "$") for one in arguments)
    )
    assert told.returncode == 0
    assert told.stdout.startswith("mosquitto version")


def test_it_takes_as_much_as_egizcore_does() -> None:
    assert re.search(r"(?m)^max_packet_size 1048576$", FILE.read_text())


def test_mosquitto_has_nothing_to_say_against_the_file(tmp_path: Path) -> None:
    copied = shutil.copy(FILE, tmp_path)
    text = Path(copied).read_text().replace("listener 1883", "listener 0 /nowhere/socket")
    Path(copied).write_text(text)
    told = run("mosquitto", "-c", copied)
    assert "recommended" not in told.stdout
    assert "Unknown configuration" not in told.stdout
