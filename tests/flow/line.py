"""The engine in memory: bytes of devices go in at one end, frames of clients come out at the other.

Everything between is what runs in production; only sockets, clock and loop are the test's.
"""

from typing import Any, final

import msgspec
from tests.mqtt import samples
from tests.state.plant import Plant
from tests.stream.plant import Loop, messages

from egizcore.ingest import RouteSettings, Target
from egizcore.mqtt import Batch, Endpoint, EndpointSettings, Origin, Topics
from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.stream.client import Client, Tally
from egizcore.stream.command import read_command
from egizcore.stream.hub import Hub

MAX_PACKET = 1 << 20


@final
class Line:
    """What ``engine.py`` wires, without its doors."""

    def __init__(self, *routes: RouteSettings) -> None:
        self.plant = Plant(*routes)
        self.loop = Loop()
        self.hub = Hub(self.plant.store, self.loop)
        self.tally = Tally()
        self.endpoint: Endpoint[Target] = Endpoint(
            EndpointSettings(enabled=True),
            Topics(self.plant.routes.resolve),
            self._deliver,
            max_packet=MAX_PACKET,
            authenticate=lambda *_: True,
            may_subscribe=lambda *_: False,
            subscribed=lambda *_: None,
            acknowledged=lambda: None,
            dropped=lambda _: None,
        )

    def _deliver(self, batch: Batch[Target], origin: Origin) -> None:
        self.hub.began()
        self.plant.intake.take(batch, origin)
        self.hub.done()

    def device(self, name: str, version: int = p.V3) -> "Wire":
        """A device that has connected."""
        wire = Wire(self, version)
        wire.send(encode(p.Connect(name, version), version))
        (answer,) = wire.read()
        assert isinstance(answer, p.ConnAck)
        return wire

    def screen(self, **command: Any) -> "Screen":
        """A client that has subscribed."""
        return Screen(self, command or {"filter": {}})


@final
class Wire:
    """A device's connection as the endpoint sees it."""

    def __init__(self, line: Line, version: int) -> None:
        self.line = line
        self.version = version
        self.closed = False
        self.out = b""
        self.counted_at_ack: list[int] = []  # messages that had their effect before each write
        self._connection = line.endpoint._device()
        self._connection.connection_made(self)  # type: ignore[arg-type]

    # The transport's side ---------------------------------------------------------------------

    def get_extra_info(self, _name: str) -> "Wire":
        return self

    def setsockopt(self, *_: object) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        self.out += data
        counts = self.line.plant.intake.counts["endpoint"]
        self.counted_at_ack.append(sum(counts.values()))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    # The device's side ------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """One socket read of the server."""
        self._connection.data_received(data)

    def publish(self, topic: str, payload: Any, qos: int = 0, number: int = 0) -> None:
        self.send(self.packet(topic, payload, qos, number))

    def packet(self, topic: str, payload: Any, qos: int = 0, number: int = 0) -> bytes:
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        return encode(p.Publish(topic, body, qos, id=number), self.version)

    def read(self) -> list[p.Packet]:
        """What the server has sent since the last time."""
        data, self.out = self.out, b""
        return samples.read(data, self.version)


@final
class Screen:
    """A client of the stream that keeps a copy of what it is told."""

    def __init__(self, line: Line, command: dict[str, Any]) -> None:
        self.line = line
        self.things: dict[str, Any] = {}
        self.told: list[dict[str, Any]] = []
        self.writes = 0
        self.client = Client(line.hub, line.tally, self._write, self._again)
        subscribe = msgspec.json.encode({"action": "subscribe", **command})
        self.client.receive(read_command(subscribe))

    def _again(self) -> None:
        self.line.hub.later(self.client.catch_up)

    def _write(self, data: bytes) -> None:
        self.writes += 1
        self.told += messages(data)

    def take(self) -> list[dict[str, Any]]:
        """The events since the last time, once the loop rests."""
        self.line.loop.run()
        told, self.told = self.told, []
        return [one for one in told if one["event"] != "Subscribed"]
