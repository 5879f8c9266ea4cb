"""The client's side of one MQTT connection, without its socket: our link to a broker.

It greets, subscribes, keeps the connection alive, and obeys what the broker announces: Server
Keep Alive, Receive Maximum, Maximum QoS and Maximum Packet Size.
"""

from collections.abc import Container, Iterable
from math import inf
from typing import Final, TypeVar, final

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import PINGREQ, encode
from egizcore.mqtt.memory import Memory, Message
from egizcore.mqtt.properties import NOTHING, Kind, Properties
from egizcore.mqtt.reason import (
    CLIENT_DISCONNECT_REASONS,
    REASONS,
    ProtocolError,
    Reason,
    violation,
)
from egizcore.mqtt.session import FAILURE, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM, UNBOUNDED, Session
from egizcore.mqtt.topic import Topics

T = TypeVar("T")

KEEP_ALIVE: Final = 30  # seconds
ANSWER_TIMEOUT: Final = 10.0  # seconds that CONNACK, SUBACK and PINGRESP may take
MAX_IN_FLIGHT: Final = 1024  # publications of QoS 1 without their PUBACK
KEPT: Final = 7 * 24 * 3600  # seconds that a broker keeps our session, if it is to keep it
_SHORT_CONNACK: Final = 2  # bytes: MQTT 3.1.1's, to which MQTT 5 adds properties


@final
class ClientSession(Session[T]):
    """One connection to a broker, from the CONNECT that it queues at once.

    *memory* is what the link remembers of its session: it outlives this connection, and where the
    broker has forgotten the session, what it has not confirmed is sent anew.

    *refused* has the filters that the broker did not grant and why, *remark* what else a person
    should know. Where *share* is given, MQTT 5 subscribes as ``$share/<share>/…``; 3.1.1 has no
    shared subscriptions, so there each member of the group receives everything.
    """

    __slots__ = (
        "_answer_timeout",
        "_asked",
        "_clean",
        "_filters",
        "_greeted",
        "_keep_alive",
        "_most_in_flight",
        "_most_qos",
        "_pinged",
        "_qos",
        "_retains",
        "_share",
        "_waiting",
        "_wildcards",
        "refused",
        "remark",
    )

    def __init__(
        self,
        topics: Topics[T],
        connect: p.Connect,
        filters: Iterable[str],
        memory: Memory,
        now: float,
        *,
        max_packet: int,
        qos: int = 1,
        share: str | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        super().__init__(topics, connect.version, memory, now, max_packet=max_packet)
        self._clean = connect.clean_start
        self._filters = tuple(filters)
        self._qos = qos
        self._share = share
        self._greeted = now  # when the session was opened, by either side
        self._pinged = now  # when the last PINGREQ was queued
        self._asked = -inf  # when the first PINGREQ was that nothing has come since
        self._keep_alive = float(connect.keep_alive)
        self._answer_timeout = answer_timeout  # seconds for CONNACK, SUBACK, PINGRESP
        self._waiting: dict[int, str] = {}  # SUBSCRIBE id → filter, until its SUBACK
        self._most_in_flight = MAX_IN_FLIGHT
        self._most_qos = 1
        self._wildcards = True
        self._retains = True
        self.refused: dict[str, str] = {}
        self.remark = ""
        self._out.append(encode(connect, connect.version))

    @property
    def open(self) -> bool:
        """Has the broker accepted us?"""
        return self._open

    @property
    def settled(self) -> bool:
        """Has the broker answered every SUBSCRIBE?"""
        return self._open and not self._waiting

    @property
    def deadline(self) -> float:
        """When `tick` has something to do."""
        if not self._open:
            return self._greeted + self._answer_timeout
        due = self._pinged + self._keep_alive
        if self._unanswered:
            due = min(due, self._asked + self._answer_timeout)
        return min(due, self._greeted + self._answer_timeout) if self._waiting else due

    @property
    def _unanswered(self) -> bool:
        """Is a PINGREQ out, and nothing came since?

        Any packet is a sign of life: under a flood PINGRESP comes late.
        """
        return self._heard <= self._asked

    def tick(self, now: float) -> None:
        """Send a PINGREQ that is due, or end the session of a broker that does not answer."""
        if self.closed or now < self.deadline:
            return
        if not self._open:
            self._forget(
                Reason.UNSPECIFIED_ERROR, f"no CONNACK within {self._answer_timeout:.0f} s"
            )
        elif self._waiting and now >= self._greeted + self._answer_timeout:
            self.end(Reason.UNSPECIFIED_ERROR, f"no SUBACK within {self._answer_timeout:.0f} s")
        elif self._unanswered and now >= self._asked + self._answer_timeout:
            self.end(Reason.UNSPECIFIED_ERROR, f"no PINGRESP within {self._answer_timeout:.0f} s")
        else:
            self._ping(now)

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> bool:
        """Queue a message; False if the session, its window or the broker's bounds do not let it.

        QoS 1 becomes 0 where the broker takes no more. *topic* is a legal name.
        """
        if not self._open or self.closed:
            return False
        queued = len(self._out)
        if not qos or not self._most_qos:
            self._queue(p.Publish(topic, payload))
        elif self.memory.outgoing.idle and self.memory.outgoing.in_flight < self._most_in_flight:
            self.memory.outgoing.put(Message(topic, payload))
            self._pump()
        return len(self._out) > queued

    def pump(self) -> None:
        """Send what waits in the memory, as far as the broker's window is open."""
        if self._open and not self.closed:
            self._pump()

    def _window(self) -> int:
        return self._most_in_flight

    def _room(self) -> int:
        # Mosquitto 2.0.11 sends far beyond the maximum that we announce once acknowledgements come
        # in a burst. To leave it for that would lose what it sent; a socket read, and the number of
        # packet identifiers, are bounds enough.
        return UNBOUNDED

    def _reserved(self) -> Container[int]:
        return self._waiting

    def _transmit(self, number: int, message: Message, *, dup: bool) -> None:
        if not self._retains:  # 3.2.2.3.5: a PUBLISH with RETAIN would end the connection
            message = message._replace(retain=False)
        if self._most_qos:
            super()._transmit(number, message, dup=dup)
        else:  # MQTT-3.2.2-11: nothing will confirm it
            self._queue(p.Publish(message.topic, message.payload, retain=message.retain))
            self.memory.outgoing.confirm(number)

    def _ping(self, now: float) -> None:
        """The next one is due in a keep-alive, answered or not (MQTT-3.1.2-20)."""
        if not self._unanswered:
            self._asked = now
        self._pinged = now
        self._out.append(PINGREQ)

    def _greet(self, first: int, head: bytes, length: int) -> None:  # noqa: ARG002
        if first >> 4 != Kind.CONNACK:
            raise violation("the broker's first packet is not CONNACK")
        if self.version == p.V5 and length == _SHORT_CONNACK:
            detail = "the broker speaks MQTT 3.1.1"
            raise ProtocolError(Reason.UNSUPPORTED_PROTOCOL_VERSION, detail)

    def _check(self, packet: p.Publish) -> None:
        pass  # a broker may put anything into it

    def _replays(self) -> bool:
        return True

    def _answered(self, packet: p.Acknowledgement) -> None:
        if isinstance(packet, p.PubAck) and packet.reason >= FAILURE:
            self.remark = f"a publication was refused: {Reason(packet.reason).words}"
        super()._answered(packet)

    def _control(self, packet: p.Packet) -> None:
        match packet:
            case p.ConnAck():
                self._accepted(packet)
            case p.SubAck():
                self._subscribed(packet)
            case p.PingResp():
                pass  # that it came is what counts
            case p.Disconnect() if self.version == p.V5:
                reason = Reason(packet.reason)
                self._forget(reason, _with_words("the broker ended it", reason, packet.properties))
            case _:
                raise violation(f"a broker may not send {type(packet).__name__} here")

    def _accepted(self, packet: p.ConnAck) -> None:
        if self._open:
            raise violation("a second CONNACK")
        if packet.reason:
            reason = self._refusal(packet.reason)
            self._forget(reason, _with_words("refused", reason, packet.properties))
            return
        if packet.session_present and self._clean:
            raise violation("a session is present after a clean start")  # MQTT-3.2.2-4
        self._obey(packet.properties)
        self._open = True
        # A session that the broker has and we do not is taken all the same: after a restart of
        # ours, what it kept for us is what we want (against MQTT-3.2.2-4 of MQTT 5).
        if packet.session_present:
            self.memory.outgoing.resume()
        else:
            self.memory.received.clear()
            self.memory.outgoing.restart()
        self._subscribe()
        self._pump()

    def _refusal(self, code: int) -> Reason:
        if self.version == p.V5:
            return Reason(code)
        return REASONS.get(code, Reason.UNSPECIFIED_ERROR)

    def _obey(self, announced: Properties) -> None:
        if announced.server_keep_alive:
            # A PINGREQ more often than asked for harms nobody and finds a dead broker sooner.
            self._keep_alive = min(self._keep_alive, float(announced.server_keep_alive))
        self._most_in_flight = min(MAX_IN_FLIGHT, announced.receive_maximum or MAX_IN_FLIGHT)
        self._most_qos = 0 if announced.maximum_qos == 0 else 1
        self._peer_maximum = announced.maximum_packet_size or inf
        self._retains = announced.retain_available != 0
        self._wildcards = announced.wildcard_subscription_available != 0
        kept = announced.session_expiry_interval
        if kept is not None and kept < KEPT and not self._clean:
            self.remark = f"the broker keeps our session for {kept} s only"
        if self._share and self.version == p.V5 and announced.shared_subscription_available == 0:
            self._share = None
            self.remark = "the broker has no shared subscriptions: every member gets everything"
        elif self._share and self.version == p.V3:
            self._share = None
            self.remark = "MQTT 3.1.1 has no shared subscriptions: every member gets everything"

    def _subscribe(self) -> None:
        """A SUBSCRIBE for each filter, so that one which the broker refuses costs only itself."""
        for wanted in self._filters:
            if not self._wildcards and ("+" in wanted or "#" in wanted):
                self.refused[wanted] = Reason.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED.words
                continue
            number = self.memory.outgoing.next_id(self._waiting)
            # Retain Handling and Retain As Published are 0: RETAIN means "replayed".
            name = f"$share/{self._share}/{wanted}" if self._share else wanted
            if self._queue(p.Subscribe(number, (p.Subscription(name, self._qos),))):
                self._waiting[number] = wanted
            else:
                self.refused[wanted] = Reason.PACKET_TOO_LARGE.words

    def _subscribed(self, packet: p.SubAck) -> None:
        wanted = self._waiting.pop(packet.id, None)
        if wanted is None or len(packet.reasons) != 1:
            raise violation("a SUBACK that answers no SUBSCRIBE")
        if packet.reasons[0] >= FAILURE:
            self.refused[wanted] = Reason(packet.reasons[0]).words

    def _farewell(self, reason: Reason, detail: str) -> bytes:
        if not self._open:
            return b""
        if self.version == p.V3:
            return b"" if self.fault else encode(p.Disconnect(), p.V3)
        if reason not in CLIENT_DISCONNECT_REASONS:
            reason = Reason.UNSPECIFIED_ERROR
        return self._disconnect(reason, detail)


def greeting(
    version: int,
    client_id: str,
    username: str | None,
    password: bytes | None,
    *,
    max_packet: int,
    keep_alive: int = KEEP_ALIVE,
    clean_start: bool = True,
) -> p.Connect:
    """The CONNECT of our links: no will, our bounds announced."""
    announced = Properties(
        receive_maximum=RECEIVE_MAXIMUM,
        maximum_packet_size=max_packet,
        topic_alias_maximum=TOPIC_ALIAS_MAXIMUM,
        session_expiry_interval=None if clean_start else KEPT,
    )
    return p.Connect(
        client_id,
        version,
        clean_start,
        keep_alive,
        username=username,
        password=password,
        properties=announced if version == p.V5 else NOTHING,
    )


def _with_words(what: str, reason: Reason, properties: Properties) -> str:
    detail = f"{what}: {reason.words}"
    if properties.reason_string:
        detail += f" ({properties.reason_string[:200]!r})"
    return detail
