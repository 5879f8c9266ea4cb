"""The device endpoint on a stage: all of it but sockets and clock, which the script moves."""

from typing import Any, cast

import pytest
from tests.mqtt import samples
from tests.mqtt.hosts import Outcomes
from tests.mqtt.peers import an_endpoint

from egizcore.mqtt import Batch, EndpointSettings, Origin
from egizcore.mqtt import connection as connection_module
from egizcore.mqtt import endpoint as endpoint_module
from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.mqtt.endpoint import Device


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.ended = False

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.closed = True

    def get_extra_info(self, _: str) -> "Wire":
        return self

    def setsockopt(self, *_: int) -> None:
        """As a socket."""

    def set_write_buffer_limits(self, high: int) -> None:
        """As a transport."""

    def pause_reading(self) -> None:
        """As a transport."""

    def resume_reading(self) -> None:
        """As a transport."""


class Actor:
    """A device: its wire, and the protocol at the other end."""

    def __init__(self, device: Device[str], version: int) -> None:
        self.wire = Wire()
        self.version = version
        self._device = device
        device.connection_made(cast("Any", self.wire))

    @property
    def ended(self) -> bool:
        """Has the server ended the connection?"""
        return self.wire.ended or self.wire.closed

    def raw(self, data: bytes) -> None:
        self._device.data_received(data)

    def send(self, *packets: p.Packet) -> None:
        self.raw(b"".join(encode(packet, self.version) for packet in packets))

    def read(self) -> list[p.Packet]:
        """What came since the last look."""
        data, self.wire.written = self.wire.written, b""
        return samples.read(data, self.version)

    def ask(self, *packets: p.Packet) -> p.Packet:
        """Send, and give the one packet that answers."""
        self.read()
        self.send(*packets)
        (answer,) = self.read()
        return answer

    def lose(self) -> None:
        """The connection breaks."""
        self.wire.closed = True
        self._device.connection_lost(None)


class Stage:
    """An endpoint, its clock, and all that it delivered. `devices/<id>/desired` is granted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.heard: list[tuple[str, bytes]] = []
        self.origins: list[Origin] = []
        self.fails = False  # does what is delivered fail to be applied?
        self.granted: list[str] = []
        self.outcomes = Outcomes()
        for module in (endpoint_module, connection_module):
            monkeypatch.setattr(module, "monotonic", lambda: self.now)
        self.endpoint = an_endpoint(
            EndpointSettings(enabled=True),
            self._deliver,
            subscribed=lambda _, wanted: self.granted.append(wanted),
            outcomes=self.outcomes,
        )

    def _deliver(self, batch: Batch[str], origin: Origin) -> None:
        if self.fails:
            raise RuntimeError
        self.heard += [(topic, payload) for topic, payload, _ in batch]
        self.origins.append(origin)

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.heard]

    def dial(self, version: int = p.V5) -> Actor:
        return Actor(self.endpoint._device(), version)

    def device(
        self, version: int = p.V5, client_id: str = "dev", *, present: bool = False, **said: Any
    ) -> Actor:
        """A connected device, whose CONNACK says whether a session is present."""
        actor = self.dial(version)
        answer = actor.ask(p.Connect(client_id, version, **said))
        assert isinstance(answer, p.ConnAck)
        assert (answer.reason, answer.session_present) == (0, present)
        return actor

    def pass_time(self, seconds: float) -> None:
        """The clock goes on, and the endpoint looks at it."""
        self.now += seconds
        self.endpoint._look(self.now)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)
