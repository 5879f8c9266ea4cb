"""The simulated bakery obeys: what is desired of an oven over REST is what it reports."""

import asyncio
import json
from contextlib import suppress

from tests.running import hear, running

from egizcore import simulator


async def test_a_new_setpoint_warms_the_oven_and_the_reported_value_follows() -> None:
    async with running() as engine, engine.stream() as stream:
        wanted = {"action": "subscribe", "thingId": "factory:oven-001", "features": ["thermal"]}
        await stream.send(json.dumps(wanted))
        broker = f"mqtt://127.0.0.1:{engine.mqtt_port}"
        bakery = asyncio.create_task(simulator.run(broker, things=1, rate=20.0))
        while (await hear(stream))["event"] != "StateChanged":
            pass
        url = "/api/v1/things/factory:oven-001/features/thermal"
        await engine.http.patch(url, json={"desiredState": {"setpoint": 251.5}})
        while (await hear(stream)).get("properties", {}).get("setpoint") != 251.5:
            pass
        feature = (await engine.http.get(url)).json()
        assert feature["desiredState"] == {"setpoint": 251.5}
        await engine.http.patch(url, json={"desiredState": {"setpoint": None}})
        while (await hear(stream)).get("properties", {}).get("setpoint") == 251.5:
            pass
        metrics = await engine.metrics()
        assert metrics['egizcore_commands_total{outcome="acknowledged"}'] == 2
        bakery.cancel()
        with suppress(asyncio.CancelledError):
            await bakery
