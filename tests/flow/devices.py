"""Devices as they are: one socket each, telemetry out, commands in."""

import asyncio
import json
from typing import Any, final

from tests.mqtt.peers import Peer

from egizcore.mqtt import packet as p
from egizcore.mqtt.properties import Properties


@final
class Device:
    """One connection of a device, by its client id."""

    def __init__(self, peer: Peer, client_id: str, *, resumed: bool) -> None:
        self.peer = peer
        self.client_id = client_id
        self.resumed = resumed
        self._packets = 0
        self._read: list[p.Publish] = []

    @classmethod
    async def connect(
        cls,
        port: int,
        client_id: str,
        *,
        version: int = p.V5,
        clean: bool = True,
        keep: int = 0,
        username: str | None = None,
    ) -> "Device":
        """A connection whose session is kept for *keep* seconds; in 3.1.1 unless it is *clean*."""
        peer = await Peer.dial(port)
        peer.version = version
        asked = Properties(session_expiry_interval=keep) if version == p.V5 else Properties()
        peer.send(p.Connect(client_id, version, clean, username=username, properties=asked))
        answer = await peer.read()
        assert isinstance(answer, p.ConnAck)
        assert answer.reason == 0
        return cls(peer, client_id, resumed=answer.session_present)

    async def subscribe(self, filter: str, qos: int = 1) -> int:
        """What the SUBACK grants."""
        self._packets += 1
        self.peer.send(p.Subscribe(self._packets, (p.Subscription(filter, qos),)))
        answer = await self.peer.read()
        assert isinstance(answer, p.SubAck)
        return answer.reasons[0]

    async def report(self, payload: Any, device: str | None = None) -> None:
        """Publish a reading with QoS 1 and wait until it is applied."""
        self._packets += 1
        topic = f"sensors/{device or self.client_id}/telemetry"
        self.peer.send(p.Publish(topic, json.dumps(payload).encode(), 1, id=self._packets))
        while not isinstance(packet := await self.peer.read(), p.PubAck):
            assert isinstance(packet, p.Publish)
            self._read.append(packet)

    async def publication(self, *, confirm: bool = True) -> p.Publish:
        """The next PUBLISH; the only packet that may come."""
        packet = self._read.pop(0) if self._read else await self.peer.read()
        assert isinstance(packet, p.Publish)
        if confirm:
            self.peer.send(p.PubAck(packet.id))
        return packet

    async def command(self) -> Any:
        """The next command, confirmed."""
        return json.loads((await self.publication()).payload)

    async def assert_quiet(self) -> None:
        """Nothing has been sent to it: a PINGRESP is the next that comes."""
        self.peer.send(p.PingReq())
        assert self._read == []
        assert isinstance(await self.peer.read(), p.PingResp)

    async def drop(self) -> None:
        """Lose the connection without a word."""
        self.peer.reset()
        await asyncio.sleep(0)
