"""One MQTT connection without its socket: what both roles share.

Bytes and times go in, batches of messages and bytes come out; time is an argument, in seconds of
any steady clock. The loop over PUBLISH is the hot path of EgizCore: one call a socket read, one
dictionary look-up a message (``tests/bench/test_mqtt_session.py``). All other packets may be
slow and clear.

A round is ``receive`` → the owner applies the batch → ``applied`` → ``to_send``; so what a PUBACK
acknowledges has been applied (contract.md, section 4).
"""

from collections.abc import Container
from math import inf
from typing import Final, Generic, TypeAlias, TypeVar

from egizcore.mqtt import packet as p
from egizcore.mqtt.decode import decode, frame
from egizcore.mqtt.encode import encode
from egizcore.mqtt.memory import Memory, Message
from egizcore.mqtt.properties import NOTHING, Properties
from egizcore.mqtt.reason import ProtocolError, Reason, violation
from egizcore.mqtt.topic import Topics

T = TypeVar("T")

# (what `Topics` gave, payload, replayed because retained)
Batch: TypeAlias = list[tuple[T, bytes, bool]]

RECEIVE_MAXIMUM: Final = 1024  # QoS 1 and 2 messages that the peer may send ahead of our answer
TOPIC_ALIAS_MAXIMUM: Final = 16
FAILURE: Final = 0x80  # reason codes from here on are failures
_NEVER: Final = -1  # no first byte: the fast road is closed until the peer has greeted
_QOS_0: Final = 0x30
_QOS_1: Final = 0x32
_MORE: Final = 0x7F  # a length byte above it is not the last
UNBOUNDED: Final = 1 << 30  # 3.1.1 has no Receive Maximum: one socket read is the bound
_GREETING: Final = 7  # bytes of CONNECT up to the protocol level


class Session(Generic[T]):
    """Reads packets, keeps what is to be sent, ends once.

    *closed* is True after the end, *reason* says why and *detail* in words; *fault* is True if
    the peer broke the protocol, *lost* if the connection just broke. After the end the owner
    sends what `to_send` still has and closes.
    """

    __slots__ = (
        "_acks",
        "_after",
        "_aliases",
        "_fresh",
        "_heard",
        "_held",
        "_later",
        "_needed",
        "_open",
        "_out",
        "_parting",
        "_peer_maximum",
        "closed",
        "detail",
        "fault",
        "lost",
        "max_packet",
        "memory",
        "reason",
        "topics",
        "version",
    )

    def __init__(
        self, topics: Topics[T], version: int, memory: Memory, now: float, *, max_packet: int
    ) -> None:
        self.topics = topics
        self.memory = memory
        self.version = version
        self.max_packet = max_packet  # bytes of the largest packet that we take
        self.closed = False
        self.reason = Reason.SUCCESS
        self.detail = ""
        self.fault = False
        self.lost = False
        self._open = False  # CONNECT and CONNACK are exchanged
        self._heard = now  # when the last whole packet came
        self._held = bytearray()  # a cut packet; never more than max_packet
        self._needed = 0  # bytes of that packet, as far as known
        self._acks: list[bytes] = []  # ids to acknowledge; at most one socket read's
        self._fresh: list[int] = []  # QoS 2 ids of the batch that is being applied
        self._after: list[p.Packet] = []  # what waits for the batch; at most one socket read's
        self._later: list[bytes] = []  # PUBREC, PUBCOMP; at most one socket read's
        self._aliases: dict[int, T] = {}  # at most TOPIC_ALIAS_MAXIMUM
        self._out: list[bytes] = []
        self._parting = b""
        self._peer_maximum = inf  # bytes of the largest packet that the peer takes

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their packet."""
        return len(self._held)

    def receive(self, data: bytes, now: float) -> Batch[T]:
        """Take one socket read and give the messages in it, in order.

        Never raises: a broken packet ends the session after the messages before it.
        """
        batch: Batch[T] = []
        if self.closed:
            return batch
        held = self._held
        if held:
            if len(held) + len(data) < self._needed:
                held += data
                return batch
            data = bytes(held) + data
            self._held = bytearray()
        try:
            at = self._read(data, batch)
        except ProtocolError as error:
            self._fail(error)
            return batch
        if at:
            self._heard = now
        if at < len(data) and not self.closed:
            self._held = bytearray(data[at:])
        return batch

    def applied(self) -> None:
        """The last batch is applied: queue its answers, each kind in its order (4.6)."""
        if self._acks:
            self._out.append(b"\x40\x02" + b"\x40\x02".join(self._acks))
            self._acks.clear()
        if self._later:
            self._out += self._later
            self._later.clear()
            self._fresh.clear()
        if self._after:
            self._go_on()

    def unapplied(self) -> None:
        """The last batch could not be applied: as if it had never come, so QoS 2 comes again."""
        for number in self._fresh:
            self.memory.received.discard(number)
        self._acks.clear()
        self._after.clear()
        self._later.clear()
        self._fresh.clear()

    def to_send(self) -> bytes:
        """Take all bytes that are to be sent; the DISCONNECT of an ended session comes last."""
        if not self._out and not self._parting:
            return b""
        data = b"".join(self._out) + self._parting
        self._out.clear()
        self._parting = b""
        return data

    def end(self, reason: Reason, detail: str) -> None:
        """End the session from our side and tell the peer, as far as its version can."""
        if self.closed:
            return
        self._forget(reason, detail)
        self._parting = self._farewell(reason, detail)

    def gone(self) -> None:
        """The connection is lost: nothing more comes or can be sent."""
        if not self.closed:
            self.lost = True
            self._forget(Reason.UNSPECIFIED_ERROR, "connection lost")

    def _read(self, data: bytes, batch: Batch[T]) -> int:
        """Read the whole packets in *data*; give where the first cut one begins.

        The fast road is for PUBLISH as nearly all of them are: QoS 0 or 1, no DUP or RETAIN, no
        properties, length in one or two bytes. Whatever is unusual falls through to `_packet`.
        """
        topics = self.topics
        acks = self._acks
        append = batch.append
        largest = self.max_packet
        end = len(data)
        safe = end - 5  # up to here the fixed header and the topic's length can be read
        plain, counted, five, room = self._fast()
        at = 0
        while at < end:
            if at <= safe:
                first = data[at]
                if first == plain or first == counted:  # noqa: PLR1714, SIM109  (a tuple is slower)
                    length = data[at + 1]
                    start = at + 2
                    if length > _MORE:
                        high = data[start]
                        start += 1
                        length = (length & _MORE) + (high << 7) if 0 < high <= _MORE else largest
                    stop = start + length
                    name = start + 2
                    if stop <= end and stop - at <= largest and name <= stop:
                        body = name + (data[start] << 8 | data[start + 1])
                        payload = body
                        if first == counted:
                            payload += 2
                        if five:
                            payload += 1
                        if payload <= stop and (not five or data[payload - 1] == 0):
                            if first == plain:
                                append((topics[data[name:body]], data[payload:stop], False))
                                at = stop
                                continue
                            number = data[body : body + 2]
                            if number != b"\0\0" and len(acks) < room:
                                append((topics[data[name:body]], data[payload:stop], False))
                                acks.append(number)
                                at = stop
                                continue
            stop = self._packet(data, at, end, batch)
            if stop == at or self.closed:
                return stop
            at = stop
            plain, counted, five, room = self._fast()
        return at

    def _fast(self) -> tuple[int, int, bool, int]:
        """The first bytes that may take the fast road, are there properties, how many PUBACKs."""
        if not self._open:
            return _NEVER, _NEVER, False, 0
        return _QOS_0, _QOS_1, self.version == p.V5, self._room()

    def _packet(self, data: bytes, at: int, end: int, batch: Batch[T]) -> int:
        """Read one packet of any kind; give where the next begins, or *at* if it is cut."""
        body, stop = frame(data, at, end)
        if not stop:
            self._needed = end - at + 1
            return at
        first = data[at]
        if not self._open:
            self._greet(first, data[body : min(stop, end, body + _GREETING)], stop - body)
        if stop - at > self.max_packet:
            raise ProtocolError(
                Reason.PACKET_TOO_LARGE,
                f"a packet of {stop - at} bytes; at most {self.max_packet} are taken",
            )
        if stop > end:
            self._needed = stop - at
            return at
        if self.version == p.V5 and body > at + 2 and data[body - 1] == 0:
            raise ProtocolError(Reason.MALFORMED_PACKET, "the remaining length has needless bytes")
        packet = decode(first, data[body:stop], self.version)
        if isinstance(packet, p.Publish):
            self._publish(packet, batch)
        elif isinstance(packet, p.PubAck | p.PubRec | p.PubRel | p.PubComp):
            self._answered(packet)
        elif batch and isinstance(packet, p.Subscribe | p.Unsubscribe):
            self._after.append(packet)  # a device may have what it published as, just before
        else:
            self._control(packet)
        return stop

    def _go_on(self) -> None:
        """Act on what waited for the batch, in its order; also if the peer has left meanwhile."""
        try:
            for packet in self._after:
                self._control(packet)
        except ProtocolError as error:
            self._fail(error)
        self._after.clear()

    def _publish(self, packet: p.Publish, batch: Batch[T]) -> None:
        self._check(packet)
        target = self._target(packet.topic, packet.properties)
        if packet.qos and not self._take(packet.id, packet.qos):
            return
        batch.append((target, packet.payload, packet.retain and self._replays()))

    def _take(self, number: int, qos: int) -> bool:
        """Note what a publication is owed; False if it is a duplicate of QoS 2 (4.3.3)."""
        received = self.memory.received
        new = qos == 1 or number not in received
        if new and len(self._acks) >= self._room():
            raise ProtocolError(
                Reason.RECEIVE_MAXIMUM_EXCEEDED,
                f"more than {RECEIVE_MAXIMUM} messages without an acknowledgement",
            )
        if qos == 1:
            self._acks.append(number.to_bytes(2, "big"))
            return True
        self._later.append(encode(p.PubRec(number), self.version))
        if new:
            received.add(number)
            self._fresh.append(number)
        return new

    def _answered(self, packet: p.Acknowledgement) -> None:
        """Take the next step of QoS 1 or 2; an unknown identifier is answered, no error (4.4)."""
        outgoing = self.memory.outgoing
        match packet:
            case p.PubRel():
                known = self.memory.received.discard(packet.id)
                reason = Reason.SUCCESS if known else Reason.PACKET_IDENTIFIER_NOT_FOUND
                # Behind the PUBREC of a message in the same read.
                self._later.append(encode(p.PubComp(packet.id, reason), self.version))
            case p.PubAck():
                outgoing.confirm(packet.id, taken=packet.reason < FAILURE)
                self._pump()
            case p.PubRec():
                if outgoing.knows(packet.id):
                    raise violation("a PUBREC for a message of QoS 1")
                if packet.reason < FAILURE:
                    self._queue(p.PubRel(packet.id, Reason.PACKET_IDENTIFIER_NOT_FOUND))

    def _pump(self) -> None:
        """Send what is to be sent, as far as the window is open."""
        outgoing = self.memory.outgoing
        while not outgoing.idle and outgoing.in_flight < self._window():
            number, message, dup = outgoing.take(self._reserved())
            self._transmit(number, message, dup=dup)

    def _transmit(self, number: int, message: Message, *, dup: bool) -> None:
        """Send a message of QoS 1; one that the peer cannot take is given up (MQTT-3.1.2-25)."""
        topic, payload, retain, identifiers = message
        properties = Properties(subscription_identifier=identifiers) if identifiers else NOTHING
        packet = p.Publish(topic, payload, 1, retain, dup, number, properties)
        if not self._queue(packet):
            self.memory.outgoing.confirm(number, taken=False)

    def _target(self, topic: str, properties: Properties) -> T:
        alias = properties.topic_alias
        if alias is None:
            return self.topics[topic.encode()]
        if alias > TOPIC_ALIAS_MAXIMUM:
            detail = f"topic alias {alias} is above the maximum of {TOPIC_ALIAS_MAXIMUM}"
            raise ProtocolError(Reason.TOPIC_ALIAS_INVALID, detail)
        if topic:
            self._aliases[alias] = self.topics[topic.encode()]
        elif alias not in self._aliases:
            raise violation(f"topic alias {alias} stands for no topic")
        return self._aliases[alias]

    def _queue(self, packet: p.Packet) -> bool:
        """Send a packet; False where the peer takes none so large, as if sent (MQTT-3.1.2-25)."""
        data = encode(packet, self.version)
        fits = len(data) <= self._peer_maximum
        if fits:
            self._out.append(data)
        return fits

    def _fail(self, error: ProtocolError) -> None:
        self._forget(error.reason, error.detail)
        self.fault = True
        self._parting = self._farewell(error.reason, error.detail)

    def _forget(self, reason: Reason, detail: str) -> None:
        self.closed = True
        self.reason = reason
        self.detail = detail
        self._held = bytearray()
        self._aliases.clear()

    def _disconnect(self, reason: Reason, detail: str) -> bytes:
        """A DISCONNECT with the reason in words, if there is room for these (MQTT 5)."""
        for properties in (Properties(reason_string=detail or None), NOTHING):
            data = encode(p.Disconnect(reason, properties), self.version)
            if len(data) <= self._peer_maximum:
                return data
        return b""

    # What the roles differ in.

    def _window(self) -> int:
        """How many messages of QoS 1 may be in flight to the peer (4.9)."""
        raise NotImplementedError

    def _room(self) -> int:
        """How many more messages of QoS 1 or 2 the peer may send ahead of our answer (4.9)."""
        raise NotImplementedError

    def _reserved(self) -> Container[int]:
        """Packet identifiers that other packets of ours use."""
        raise NotImplementedError

    def _greet(self, first: int, head: bytes, length: int) -> None:
        """Raise `ProtocolError` unless this packet, whole or not, may be the first.

        *first* is its first byte, *head* the first bytes of its body, *length* the body's.
        """
        raise NotImplementedError

    def _control(self, packet: p.Packet) -> None:
        """Act on any packet but PUBLISH."""
        raise NotImplementedError

    def _check(self, packet: p.Publish) -> None:
        """Raise `ProtocolError` for what only one side may put into a PUBLISH."""
        raise NotImplementedError

    def _replays(self) -> bool:
        """Does RETAIN say that the peer replays what it kept?"""
        raise NotImplementedError

    def _farewell(self, reason: Reason, detail: str) -> bytes:
        """The last packet of a session that we end."""
        raise NotImplementedError
