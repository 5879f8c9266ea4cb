"""The devices on the wire: a connection for each, and readings at a steady pace."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, Final, final

import msgspec

from egizcore.errors import SettingsInvalid
from egizcore.mqtt import Batch, Link, LinkSettings, Origin, Topics, publisher
from egizcore.simulator.bakery import bakery
from egizcore.simulator.machine import Machine
from egizcore.simulator.oven import Oven
from egizcore.simulator.pace import Pace

MAX_THINGS: Final = 20_000
MAX_RATE: Final = 1_000.0
CONNECTS_A_SECOND: Final = 250  # a plant's devices do not all come in the same instant either
TICK: Final = 0.005  # seconds: the shortest sleep, so that a high rate goes out in small batches
MAX_PACKET: Final = 1 << 20  # of what the broker sends
COMMANDS: Final = "devices/{}/desired"  # where a device hears what is desired of it


class Command(msgspec.Struct):
    """What a device is told; it needs no more of the message than this."""

    feature: str
    desiredState: dict[str, Any]


_decode: Final = msgspec.json.Decoder(Command).decode


@final
class Fleet:
    """A bakery of *things* devices at *broker*, each with *rate* readings a second.

    Each connects as the MQTT client of its own id and publishes to
    ``sensors/{device}/telemetry`` with QoS 0. What falls due while a device has no connection is
    not sent: a sensor has no memory. Ovens hear what is desired of them on
    ``devices/{device}/desired`` and obey. Building it raises `SettingsInvalid`.
    """

    def __init__(self, broker: str, *, things: int, rate: float, seed: int = 0) -> None:
        if not 1 <= things <= MAX_THINGS:
            raise SettingsInvalid(f"things: {things} is not within 1 and {MAX_THINGS}")
        if not 0 < rate <= MAX_RATE:
            raise SettingsInvalid(f"rate: {rate:g} is not above 0 and up to {MAX_RATE:g}")
        self._rate = rate * things
        self._machines = bakery(things, seed=seed)
        self._topics = [f"sensors/{machine.device}/telemetry" for machine in self._machines]
        ovens = {
            COMMANDS.format(machine.device): machine
            for machine in self._machines
            if isinstance(machine, Oven)
        }
        self._commands: Topics[Oven | None] = Topics(ovens.get)
        self._links = [self._link(machine, broker) for machine in self._machines]
        self._encoder = msgspec.json.Encoder()
        self.sent = 0
        self.unsent = 0  # due, but the device had no connection or no room

    @property
    def wanted(self) -> int:
        """Devices."""
        return len(self._links)

    @property
    def up(self) -> int:
        """Devices that are connected now."""
        return sum(link.connected for link in self._links)

    @property
    def errors(self) -> int:
        """Connections that broke the protocol or were lost, since the start."""
        return sum(link.errors + link.reconnects for link in self._links)

    @property
    def message(self) -> str:
        """What is wrong with the first device that is not connected; empty if none is."""
        return next((link.message for link in self._links if not link.connected), "")

    async def run(self) -> None:
        """Connect and report until cancelled; then each device says DISCONNECT."""
        async with asyncio.TaskGroup() as group:
            for number, link in enumerate(self._links):
                group.create_task(_later(number / CONNECTS_A_SECOND, link.run()), name=link.name)
            await self._report()

    async def _report(self) -> None:
        start = monotonic()
        pace = Pace(self._rate, start)
        while True:
            now = monotonic()
            for number in pace.due(now):
                self._send(number % len(self._links), now - start)
            self.unsent += pace.skipped
            pace.skipped = 0
            wait = pace.wait(monotonic())
            await asyncio.sleep(max(TICK, wait) if wait else 0)

    def _link(self, machine: Machine, broker: str) -> Link[Any]:
        name = machine.device
        settings = _settings(broker, name)
        if not isinstance(machine, Oven):
            return publisher(name, settings, max_packet=MAX_PACKET)
        filters = [COMMANDS.format(name)]
        return Link(
            name,
            settings,
            filters,
            self._commands,
            _obey,
            max_packet=MAX_PACKET,
            acknowledged=_unmoved,
            dropped=_unmoved,
            quiet=True,
        )

    def _send(self, index: int, now: float) -> None:
        link = self._links[index]
        if link.connected and link.publish(
            self._topics[index], self._encoder.encode(self._machines[index].read(now))
        ):
            self.sent += 1
        else:
            self.unsent += 1


def _obey(batch: Batch[Oven | None], _origin: Origin) -> None:
    """What is no command is let pass: a machine does not break of it."""
    for oven, payload, _ in batch:
        try:
            command = _decode(payload)
        except (ValueError, RecursionError):
            continue
        if oven is not None:
            oven.obey(command.feature, command.desiredState)


def _unmoved(_count: int = 1) -> None:
    """An oven sends nothing of QoS 1."""


def _settings(broker: str, device: str) -> LinkSettings:
    try:
        return LinkSettings(url=broker, client_id=device)
    except ValueError as error:
        raise SettingsInvalid(f"broker: {error}", hint="Write mqtt://host:1883.") from None


async def _later(seconds: float, running: Coroutine[object, object, None]) -> None:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        running.close()  # never begun
        raise
    await running
