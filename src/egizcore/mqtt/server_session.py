"""The server's side of one MQTT connection, without its socket: a device at our endpoint.

It takes publications of QoS 0 and 1 and refuses subscriptions; sessions do not outlive their
connection. What it announces in MQTT 5: Maximum QoS 1, Receive Maximum, Maximum Packet Size and
Topic Alias Maximum. A RETAIN flag is accepted and kept by nobody (contract.md, section 4).
"""

from collections.abc import Callable
from math import inf
from secrets import token_hex
from typing import Final, TypeAlias, TypeVar, final

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import PINGRESP, encode
from egizcore.mqtt.properties import NOTHING, Kind, Properties
from egizcore.mqtt.reason import CONNACK_REASONS, RETURN_CODES, Reason, violation
from egizcore.mqtt.session import RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, Session
from egizcore.mqtt.topic import Topics

T = TypeVar("T")

# (client id, user name, password) → may it connect?
Authenticate: TypeAlias = Callable[[str, str | None, bytes | None], bool]

CONNECT_TIMEOUT: Final = 10.0  # seconds from the connection to a whole CONNECT
_PREFIX: Final = b"\x00\x04MQTT"


@final
class ServerSession(Session[T]):
    """One device's connection. *client_id* is empty until its CONNECT is accepted."""

    __slots__ = ("_authenticate", "_expires", "_patience", "client_id", "username")

    def __init__(
        self,
        topics: Topics[T],
        authenticate: Authenticate,
        now: float,
        *,
        max_packet: int,
        patience: float = CONNECT_TIMEOUT,
    ) -> None:
        super().__init__(topics, 0, now, max_packet=max_packet)  # version 0: not known yet
        self._authenticate = authenticate
        self._patience = patience  # seconds that may pass without a packet
        self._expires = 0  # seconds that the client wants its session kept (MQTT 5)
        self.client_id = ""
        self.username: str | None = None

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

    def _greet(self, first: int, head: bytes, length: int) -> None:  # noqa: ARG002
        if first >> 4 != Kind.CONNECT:
            raise violation("the first packet is not CONNECT")  # MQTT-3.1.0-1
        if len(head) > len(_PREFIX):
            # Known before the packet is judged, so that a refusal has the client's form.
            five = head.startswith(_PREFIX) and head[len(_PREFIX)] >= p.V5
            self.version = p.V5 if five else p.V3

    def _replays(self) -> bool:
        return False

    def _control(self, packet: p.Packet) -> None:
        match packet:
            case p.Connect():
                self._connect(packet)
            case p.PingReq():
                self._out.append(PINGRESP)
            case p.Subscribe():
                self._refuse_subscriptions(packet)
            case p.Unsubscribe():
                reasons = (Reason.NO_SUBSCRIPTION_EXISTED,) * len(packet.filters)
                self._queue(p.UnsubAck(packet.id, reasons))
            case p.Disconnect():
                self._leave(packet)
            case p.PubAck():
                pass  # of a session that we do not remember
            case _:
                raise violation(f"a client may not send {type(packet).__name__} here")

    def _connect(self, packet: p.Connect) -> None:
        if self._open:
            raise violation("a second CONNECT")  # MQTT-3.1.0-2
        self.version = packet.version
        wanted = packet.properties
        self._peer_maximum = wanted.maximum_packet_size or inf
        self._expires = wanted.session_expiry_interval or 0
        if wanted.authentication_method is not None:
            self.end(Reason.BAD_AUTHENTICATION_METHOD, "no authentication method is known here")
        elif packet.version == p.V5 and packet.will is not None and packet.will.qos > 1:
            self.end(Reason.QOS_NOT_SUPPORTED, "the will's QoS is above the maximum of 1")
        elif not packet.client_id and packet.version == p.V3 and not packet.clean_start:
            # MQTT 3.1.1: MQTT-3.1.3-8
            self.end(Reason.CLIENT_IDENTIFIER_NOT_VALID, "an empty id needs a clean session")
        else:
            self._admit(packet, packet.client_id or f"auto-{token_hex(8)}")

    def _admit(self, packet: p.Connect, client_id: str) -> None:
        if not self._authenticate(client_id, packet.username, packet.password):
            self.end(Reason.BAD_USER_NAME_OR_PASSWORD, "bad user name or password")
            return
        self.client_id = client_id
        self.username = packet.username
        self._patience = packet.keep_alive * 1.5 or inf
        self._queue(p.ConnAck(properties=self._announcement(packet, client_id)))
        self._open = True

    def _announcement(self, packet: p.Connect, client_id: str) -> Properties:
        return Properties(
            # No session outlives its connection, whatever was asked for (3.2.2.3.2).
            session_expiry_interval=0 if self._expires else None,
            receive_maximum=RECEIVE_MAXIMUM,
            maximum_qos=1,
            maximum_packet_size=self.max_packet,
            assigned_client_identifier=None if packet.client_id else client_id,
            topic_alias_maximum=TOPIC_ALIAS_MAXIMUM,
        )

    def _refuse_subscriptions(self, packet: p.Subscribe) -> None:
        five = self.version == p.V5
        reason = Reason.NOT_AUTHORIZED if five else Reason.UNSPECIFIED_ERROR
        self._queue(p.SubAck(packet.id, (reason,) * len(packet.subscriptions)))

    def _leave(self, packet: p.Disconnect) -> None:
        if packet.properties.session_expiry_interval and not self._expires:
            raise violation("DISCONNECT wants a session kept that CONNECT did not")  # 3.14.2.2.2
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
