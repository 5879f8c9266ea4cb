"""The server's side of one MQTT connection, without its socket: a device at our endpoint.

It takes publications of QoS 0, 1 and 2, keeps the will, and grants the subscriptions that its
owner allows, at QoS 1 at most. What it announces in MQTT 5: Receive Maximum, Maximum Packet Size
and Topic Alias Maximum. A RETAIN flag is accepted and kept by nobody (contract.md, section 4).
"""

from collections.abc import Container
from math import inf
from secrets import token_hex
from typing import Final, Protocol, TypeVar, final

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import PINGRESP, encode
from egizcore.mqtt.memory import Budget, Grant, Memory, Message, Outgoing, Tally
from egizcore.mqtt.properties import NOTHING, Kind, Properties
from egizcore.mqtt.reason import (
    CLIENT_DISCONNECT_REASONS,
    CONNACK_REASONS,
    RETURN_CODES,
    Reason,
    violation,
)
from egizcore.mqtt.session import RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, UNBOUNDED, Session
from egizcore.mqtt.topic import Topics

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 10.0  # seconds from the connection to a whole CONNECT
NEVER: Final = 0xFFFF_FFFF  # a Session Expiry Interval that does not end (3.1.2.11.2)
LONGEST_ID: Final = 1024  # bytes of a client id; a server need not take more than 23 (3.1.3.1)
_WINDOW: Final = 16  # messages in flight to a device, unless it takes fewer
_PREFIX: Final = b"\x00\x04MQTT"
_STRANGER: Final = Memory(
    Outgoing(Tally(lambda: None, lambda _: None), Budget(0), messages=0, size=0)
)


class Host(Protocol):
    """Whom a session asks; called while it reads, so nothing of it may await or raise."""

    def authenticate(self, client_id: str, username: str | None, password: bytes | None) -> bool:
        """May it connect?"""

    def admit(self, client_id: str, *, clean: bool) -> tuple[Memory, bool]:
        """Let it in: what is remembered of this client id, and was there anything?

        Unless *clean*, that is the state of its session, if one is kept; another connection of
        the id has ended when this returns (MQTT-3.1.4-3).
        """

    def may_subscribe(self, filter: str) -> bool:
        """May it have this filter?"""

    def subscribed(self, filter: str) -> None:
        """It has it; the SUBACK is queued."""


@final
class ServerSession(Session[T]):
    """One device's connection. *client_id* is empty until its CONNECT is accepted.

    *will* is what to publish once the connection is over, and None after a proper DISCONNECT;
    *expiry* is how many seconds the session outlives it.
    """

    __slots__ = ("_host", "_most_in_flight", "_patience", "client_id", "expiry", "username", "will")

    def __init__(
        self,
        topics: Topics[T],
        host: Host,
        now: float,
        *,
        max_packet: int,
        patience: float = CONNECT_TIMEOUT,
    ) -> None:
        # Version 0: not known yet. Before its CONNECT nobody has a memory to write to.
        super().__init__(topics, 0, _STRANGER, now, max_packet=max_packet)
        self._host = host
        self._patience = patience  # seconds that may pass without a packet
        self._most_in_flight = _WINDOW
        self.client_id = ""
        self.username: str | None = None
        self.will: p.Will | None = None
        self.expiry = 0.0

    @property
    def deadline(self) -> float:
        """When `tick` ends the session unless a packet comes before (MQTT-3.1.2-22)."""
        return self._heard + self._patience

    def tick(self, now: float) -> None:
        """End the session if its device was silent for too long."""
        if now < self.deadline:
            return
        if self._open:
            self.end(Reason.KEEP_ALIVE_TIMEOUT, "silent for 1.5 times the keep-alive")
        else:
            self._forget(Reason.KEEP_ALIVE_TIMEOUT, "no CONNECT in time")

    def send(self, message: Message, qos: int) -> None:
        """Queue a publication: QoS 1 waits for its turn in the window, QoS 0 just goes."""
        if qos:
            self.memory.outgoing.put(message)
            self._pump()
        else:
            properties = Properties(subscription_identifier=message.identifiers)
            self._queue(p.Publish(message.topic, message.payload, properties=properties))

    def _greet(self, first: int, head: bytes, length: int) -> None:  # noqa: ARG002
        if first >> 4 != Kind.CONNECT:
            raise violation("the first packet is not CONNECT")  # MQTT-3.1.0-1
        if len(head) > len(_PREFIX):
            # Known before the packet is judged, so that a refusal has the client's form.
            five = head.startswith(_PREFIX) and head[len(_PREFIX)] >= p.V5
            self.version = p.V5 if five else p.V3

    def _check(self, packet: p.Publish) -> None:
        if packet.properties.subscription_identifier:
            raise violation("a client's PUBLISH has a subscription identifier")  # MQTT-3.3.4-6

    def _replays(self) -> bool:
        return False

    def _window(self) -> int:
        return self._most_in_flight

    def _room(self) -> int:
        if self.version == p.V5:
            return RECEIVE_MAXIMUM - self.memory.received.count
        return UNBOUNDED

    def _reserved(self) -> Container[int]:
        return ()

    def _control(self, packet: p.Packet) -> None:
        match packet:
            case p.Connect():
                self._connect(packet)
            case p.PingReq():
                self._out.append(PINGRESP)
            case p.Subscribe():
                self._subscribe(packet)
            case p.Unsubscribe():
                self._unsubscribe(packet)
            case p.Disconnect():
                self._leave(packet)
            case _:
                raise violation(f"a client may not send {type(packet).__name__} here")

    def _connect(self, packet: p.Connect) -> None:
        if self._open:
            raise violation("a second CONNECT")  # MQTT-3.1.0-2
        wanted = packet.properties
        self._peer_maximum = wanted.maximum_packet_size or inf
        if wanted.authentication_method is not None:
            self.end(Reason.BAD_AUTHENTICATION_METHOD, "no authentication method is known here")
        elif not packet.client_id and packet.version == p.V3 and not packet.clean_start:
            # MQTT 3.1.1: MQTT-3.1.3-8
            self.end(Reason.CLIENT_IDENTIFIER_NOT_VALID, "an empty id needs a clean session")
        elif len(packet.client_id.encode()) > LONGEST_ID:
            detail = f"the client id is longer than {LONGEST_ID} bytes"
            self.end(Reason.CLIENT_IDENTIFIER_NOT_VALID, detail)
        else:
            self._admit(packet, packet.client_id or f"auto-{token_hex(8)}")

    def _admit(self, packet: p.Connect, client_id: str) -> None:
        if not self._host.authenticate(client_id, packet.username, packet.password):
            self.end(Reason.BAD_USER_NAME_OR_PASSWORD, "bad user name or password")
            return
        self.client_id = client_id
        self.username = packet.username
        self.will = packet.will
        self.expiry = _expiry(packet)
        self._patience = packet.keep_alive * 1.5 or inf
        self._most_in_flight = min(_WINDOW, packet.properties.receive_maximum or _WINDOW)
        self.memory, present = self._host.admit(client_id, clean=packet.clean_start)
        self._queue(p.ConnAck(0, present, self._announcement(packet, client_id)))
        self._open = True
        self.memory.outgoing.resume()
        self._pump()

    def _announcement(self, packet: p.Connect, client_id: str) -> Properties:
        return Properties(
            receive_maximum=RECEIVE_MAXIMUM,
            maximum_packet_size=self.max_packet,
            assigned_client_identifier=None if packet.client_id else client_id,
            topic_alias_maximum=TOPIC_ALIAS_MAXIMUM,
        )

    def _subscribe(self, packet: p.Subscribe) -> None:
        """Grant what the host allows, and answer before it hears of it (3.8.4)."""
        identifier = (packet.properties.subscription_identifier or (None,))[0]
        granted = []
        reasons: list[int] = []
        for one in packet.subscriptions:
            grant = Grant(min(one.qos, 1), identifier)
            reason = self._grant(one.filter, grant)
            if reason is Reason.SUCCESS:
                granted.append(one.filter)
                reasons.append(grant.qos)
            else:
                reasons.append(reason if self.version == p.V5 else Reason.UNSPECIFIED_ERROR)
        self._queue(p.SubAck(packet.id, tuple(reasons)))
        for wanted in granted:
            self._host.subscribed(wanted)

    def _grant(self, filter: str, grant: Grant) -> Reason:
        if not self._host.may_subscribe(filter):
            return Reason.NOT_AUTHORIZED
        return Reason.SUCCESS if self.memory.subscribe(filter, grant) else Reason.QUOTA_EXCEEDED

    def _unsubscribe(self, packet: p.Unsubscribe) -> None:
        reasons = tuple(
            Reason.SUCCESS if self.memory.unsubscribe(one) else Reason.NO_SUBSCRIPTION_EXISTED
            for one in packet.filters
        )
        self._queue(p.UnsubAck(packet.id, reasons))

    def _leave(self, packet: p.Disconnect) -> None:
        wanted = packet.properties.session_expiry_interval
        if packet.reason not in CLIENT_DISCONNECT_REASONS:
            raise violation(f"a client may not leave with 0x{packet.reason:02x}")
        if packet.properties.server_reference is not None:
            raise violation("a client's DISCONNECT has a server reference")
        if wanted is not None:
            if wanted and not self.expiry:  # 3.14.2.2.2
                raise violation("DISCONNECT wants a session kept that CONNECT did not")
            self.expiry = _seconds(wanted)
        if packet.reason == Reason.SUCCESS:
            self.will = None  # MQTT-3.1.2-10
        self._forget(Reason(packet.reason), "the client disconnected")

    def _farewell(self, reason: Reason, detail: str) -> bytes:
        if self._open:
            return self._disconnect(reason, detail) if self.version == p.V5 else b""
        if self.version == p.V5 and reason in CONNACK_REASONS:
            for properties in (Properties(reason_string=detail or None), NOTHING):
                data = encode(p.ConnAck(reason, properties=properties), p.V5)
                if len(data) <= self._peer_maximum:
                    return data
        if self.version == p.V3 and reason in RETURN_CODES:
            return encode(p.ConnAck(RETURN_CODES[reason]), p.V3)
        return b""  # what came is no CONNECT, or 3.1.1 has no words for it


def _expiry(packet: p.Connect) -> float:
    """Seconds that the session outlives its connection: 3.1.2.11.2, and 3.1.2.4 of 3.1.1."""
    if packet.version == p.V3:
        return 0.0 if packet.clean_start else inf
    return _seconds(packet.properties.session_expiry_interval or 0)


def _seconds(interval: int) -> float:
    return inf if interval == NEVER else float(interval)
