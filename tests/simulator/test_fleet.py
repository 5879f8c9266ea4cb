"""The devices on the wire, against the device endpoint."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from egizcore.errors import SettingsInvalid
from egizcore.mqtt import Batch, Endpoint, EndpointSettings, Origin, Topics
from egizcore.simulator import run
from egizcore.simulator.bakery import places
from egizcore.simulator.fleet import MAX_THINGS, Fleet


class Plant:
    """A device endpoint that keeps what it got."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, bytes]] = []
        self.hears: dict[str, Origin] = {}
        self.confirmed = asyncio.Event()
        topics: Topics[str] = Topics(str)
        settings = EndpointSettings(enabled=True, port=0)
        self.endpoint = Endpoint(
            settings,
            topics,
            self._take,
            max_packet=1 << 20,
            authenticate=lambda *_: True,
            may_subscribe=lambda *_: True,
            subscribed=lambda origin, topic: self.hears.update({topic: origin}),
            acknowledged=self.confirmed.set,
            dropped=lambda _: None,
        )

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.endpoint.port}"

    def _take(self, batch: Batch[str], origin: Origin) -> None:
        self.heard += [(origin.client_id, topic, payload) for topic, payload, _ in batch]


@pytest.fixture
async def plant() -> AsyncIterator[Plant]:
    one = Plant()
    await one.endpoint.start()
    yield one
    await one.endpoint.stop()


@asynccontextmanager
async def running(fleet: Fleet) -> AsyncIterator[None]:
    task = asyncio.create_task(fleet.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - plain integers, which tell nobody
            await asyncio.sleep(0.01)


async def test_each_device_reports_over_a_connection_of_its_own(plant: Plant) -> None:
    fleet = Fleet(plant.url, things=10, rate=10.0)
    async with running(fleet):
        await until(lambda: len({device for device, _, _ in plant.heard}) == 10)
        assert (fleet.up, plant.endpoint.devices) == (10, 10)
    assert {device for device, _, _ in plant.heard} == {place.device for place in places(10)}
    assert all(topic == f"sensors/{device}/telemetry" for device, topic, _ in plant.heard)
    assert all("status" in json.loads(payload) for _, _, payload in plant.heard)


async def test_messages_are_spread_evenly_over_the_devices(plant: Plant) -> None:
    fleet = Fleet(plant.url, things=5, rate=20.0)
    async with running(fleet):
        await until(lambda: len(plant.heard) >= 100)
    await until(lambda: plant.endpoint.devices == 0)  # and all that was sent is here
    counts = Counter(device for device, _, _ in plant.heard)
    assert sum(counts.values()) == fleet.sent
    assert max(counts.values()) - min(counts.values()) <= 5  # one connected later than another


async def test_a_broker_that_is_down_is_told_and_tried_again(plant: Plant) -> None:
    fleet = Fleet("mqtt://127.0.0.1:1", things=3, rate=10.0)
    async with running(fleet):
        await until(lambda: "connection refused" in fleet.message)
        await until(lambda: fleet.unsent > 0)
        assert (fleet.up, fleet.sent) == (0, 0)


async def test_ovens_hear_what_is_desired_of_them_and_bear_what_is_no_command(plant: Plant) -> None:
    fleet = Fleet(plant.url, things=5, rate=20.0)
    topic = "devices/oven-002/desired"
    wish = {"feature": "thermal", "desiredState": {"setpoint": 123.5}, "thingId": "f:o"}
    async with running(fleet):
        await until(lambda: set(plant.hears) == {"devices/oven-001/desired", topic})
        for payload in (b"", b"[]", b"{}", b"\xff", b"[" * 100_000, json.dumps(wish).encode()):
            assert plant.hears[topic].send(topic, payload)
        await until(lambda: any(b"123.5" in payload for _, _, payload in plant.heard))
        await asyncio.wait_for(plant.confirmed.wait(), 10)
        assert fleet.errors == 0
    obedient = {device for device, _, payload in plant.heard if b"123.5" in payload}
    assert obedient == {"oven-002"}


async def test_cancelling_ends_every_connection(plant: Plant) -> None:
    task = asyncio.create_task(run(plant.url, things=4, rate=5.0))
    await until(lambda: plant.endpoint.devices == 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: plant.endpoint.devices == 0)


@pytest.mark.parametrize(
    ("broker", "things", "rate", "word"),
    [
        ("mqtt://h", 0, 1.0, "things"),
        ("mqtt://h", MAX_THINGS + 1, 1.0, "things"),
        ("mqtt://h", 1, 0.0, "rate"),
        ("mqtt://h", 1, float("nan"), "rate"),
        ("http://h", 1, 1.0, "broker"),
        ("localhost", 1, 1.0, "broker"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(
    broker: str, things: int, rate: float, word: str
) -> None:
    with pytest.raises(SettingsInvalid, match=word) as refused:
        Fleet(broker, things=things, rate=rate)
    assert "\n" not in str(refused.value)
