"""Bytes → packets, both versions, with every check that needs no memory of other packets.

Whatever breaks the standard raises `ProtocolError` with MQTT 5's reason; in 3.1.1 the reason
stays with us and the connection just ends.
"""

from collections.abc import Callable
from typing import Final

from egizcore.mqtt import packet as p
from egizcore.mqtt import properties
from egizcore.mqtt.properties import NOTHING, Kind, Properties
from egizcore.mqtt.reason import CONNACK_REASONS, ProtocolError, Reason, malformed, violation
from egizcore.mqtt.topic import check_filter, check_name
from egizcore.mqtt.wire import Reader

HEADER: Final = 5  # bytes of the longest fixed header


def frame(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the body and the next packet begin: ``(body, stop)``; ``(0, 0)`` if cut before that.

    A fifth length byte is malformed (2.1.4). *stop* may lie behind *end*.
    """
    length = 0
    shift = 0
    for index in range(at + 1, min(end, at + HEADER)):
        byte = data[index]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return index + 1, index + 1 + length
        shift += 7
    if end >= at + HEADER:
        raise malformed("the remaining length has more than four bytes")
    return 0, 0


def decode(first: int, body: bytes, version: int) -> p.Packet:
    """One packet: *first* is its first byte, *body* what follows the remaining length."""
    kind = first >> 4
    if kind == 0:
        raise malformed("packet type 0 is reserved")
    flags = first & 0x0F
    reader = Reader(body, 0, len(body))
    if kind == Kind.PUBLISH:
        return _publish(flags, reader, version)
    if flags != _FLAGS.get(kind, 0):
        raise malformed(f"{Kind(kind).name} has wrong flags")
    packet = _DECODERS[kind](reader, version)
    reader.finish()
    return packet


def _properties(reader: Reader, kind: Kind, version: int) -> Properties:
    return properties.decode(reader, kind) if version == p.V5 else NOTHING


def _id(reader: Reader) -> int:
    identifier = reader.two()
    if identifier == 0:
        raise violation("the packet identifier is 0")
    return identifier


def _reason(reader: Reader, kind: Kind) -> Reason:
    code = reader.byte()
    if code not in _ALLOWED[kind]:
        raise malformed(f"{kind.name} has no reason code 0x{code:02x}")
    return Reason(code)


# CONNECT


def protocol_level(reader: Reader) -> int:
    """Protocol name and level (3.1.2.1, 3.1.2.2): 4, 5, or 0x84 for any other."""
    name = reader.binary()
    level = reader.byte()
    if name == b"MQTT" and level in (p.V3, p.V5):
        return level
    if name in (b"MQTT", b"MQIsdp"):
        detail = f"protocol level {level} is neither 4 (MQTT 3.1.1) nor 5"
        raise ProtocolError(Reason.UNSUPPORTED_PROTOCOL_VERSION, detail)
    raise malformed("the protocol name is not MQTT")


def _connect(reader: Reader, _: int) -> p.Connect:
    version = protocol_level(reader)
    flags = reader.byte()
    if flags & 0x01:
        raise malformed("the reserved flag of CONNECT is set")
    keep_alive = reader.two()
    props = _properties(reader, Kind.CONNECT, version)
    client_id = reader.text()
    will = _will(reader, flags, version)
    username = reader.text() if flags & 0x80 else None
    if version == p.V3 and flags & 0xC0 == 0x40:
        raise malformed("a password without a user name")  # 3.1.1: MQTT-3.1.2-22
    return p.Connect(
        client_id,
        version,
        clean_start=bool(flags & 0x02),
        keep_alive=keep_alive,
        username=username,
        password=reader.binary() if flags & 0x40 else None,
        will=will,
        properties=props,
    )


def _will(reader: Reader, flags: int, version: int) -> p.Will | None:
    qos = flags >> 3 & 0x03
    if not flags & 0x04:
        if flags & 0x38:
            raise malformed("will flags without a will")
        return None
    if qos == 3:
        raise malformed("the will's QoS is 3")
    props = _properties(reader, Kind.WILL, version)
    _check_response_topic(props)
    topic = reader.text()
    check_name(topic)
    return p.Will(topic, reader.binary(), qos, bool(flags & 0x20), props)


def _connack(reader: Reader, version: int) -> p.ConnAck:
    flags = reader.byte()
    if flags > 1:
        raise malformed("CONNACK has reserved flags")
    if version == p.V5:
        reason: int = _reason(reader, Kind.CONNACK)
        props = properties.decode(reader, Kind.CONNACK)
    else:
        reason = reader.byte()
        props = NOTHING
    if flags and reason:
        raise violation("session present in a refusal")  # MQTT-3.2.2-6
    return p.ConnAck(reason, bool(flags), props)


# PUBLISH and its acknowledgements


def _publish(flags: int, reader: Reader, version: int) -> p.Publish:
    qos = flags >> 1 & 0x03
    if qos == 3:
        raise malformed("QoS 3")
    if flags & 0x08 and qos == 0:
        raise malformed("DUP with QoS 0")  # MQTT-3.3.1-2
    topic = reader.text()
    identifier = _id(reader) if qos else 0
    props = _properties(reader, Kind.PUBLISH, version)
    _check_response_topic(props)
    if topic or props.topic_alias is None:
        check_name(topic)
    payload = reader.rest()
    return p.Publish(topic, payload, qos, bool(flags & 1), bool(flags & 8), identifier, props)


def _check_response_topic(props: Properties) -> None:
    if props.response_topic is not None:
        check_name(props.response_topic)


def _acknowledged(reader: Reader, version: int, kind: Kind) -> tuple[int, int, Properties]:
    identifier = _id(reader)
    if version != p.V5 or not reader.more():
        return identifier, 0, NOTHING
    reason = _reason(reader, kind)
    return identifier, reason, _optional(reader, kind)


def _optional(reader: Reader, kind: Kind) -> Properties:
    """The property length may be left out where nothing follows the reason."""
    return properties.decode(reader, kind) if reader.more() else NOTHING


def _puback(reader: Reader, version: int) -> p.PubAck:
    return p.PubAck(*_acknowledged(reader, version, Kind.PUBACK))


def _pubrec(reader: Reader, version: int) -> p.PubRec:
    return p.PubRec(*_acknowledged(reader, version, Kind.PUBREC))


def _pubrel(reader: Reader, version: int) -> p.PubRel:
    return p.PubRel(*_acknowledged(reader, version, Kind.PUBREL))


def _pubcomp(reader: Reader, version: int) -> p.PubComp:
    return p.PubComp(*_acknowledged(reader, version, Kind.PUBCOMP))


# SUBSCRIBE, UNSUBSCRIBE and their acknowledgements


def _subscribe(reader: Reader, version: int) -> p.Subscribe:
    identifier = _id(reader)
    props = _properties(reader, Kind.SUBSCRIBE, version)
    subscriptions = []
    while reader.more():
        subscriptions.append(_subscription(reader, version))
    if not subscriptions:
        raise violation("SUBSCRIBE without a filter")
    return p.Subscribe(identifier, tuple(subscriptions), props)


def _subscription(reader: Reader, version: int) -> p.Subscription:
    wanted = _filter(reader)
    options = reader.byte()
    qos = options & 0x03
    if options & (0xC0 if version == p.V5 else 0xFC):
        raise malformed("reserved bits of the subscription options are set")
    if qos == 3:
        raise malformed("a subscription's QoS is 3")
    if options & 0x30 == 0x30:
        raise violation("Retain Handling is 3")
    if options & 0x04 and wanted.startswith("$share/"):
        raise violation("No Local on a shared subscription")  # MQTT-3.8.3-4
    return p.Subscription(wanted, qos, bool(options & 4), bool(options & 8), options >> 4 & 3)


def _filter(reader: Reader) -> str:
    text = reader.text()
    check_filter(text)
    return text


def _suback(reader: Reader, version: int) -> p.SubAck:
    identifier = _id(reader)
    props = _properties(reader, Kind.SUBACK, version)
    reasons = tuple(reader.rest())
    allowed = _ALLOWED[Kind.SUBACK] if version == p.V5 else _GRANTS
    if not reasons or not allowed.issuperset(reasons):
        raise malformed("SUBACK has no reasons, or unknown ones")
    return p.SubAck(identifier, reasons, props)


def _unsubscribe(reader: Reader, version: int) -> p.Unsubscribe:
    identifier = _id(reader)
    props = _properties(reader, Kind.UNSUBSCRIBE, version)
    filters = []
    while reader.more():
        filters.append(_filter(reader))
    if not filters:
        raise violation("UNSUBSCRIBE without a filter")
    return p.Unsubscribe(identifier, tuple(filters), props)


def _unsuback(reader: Reader, version: int) -> p.UnsubAck:
    identifier = _id(reader)
    if version != p.V5:
        return p.UnsubAck(identifier)
    props = properties.decode(reader, Kind.UNSUBACK)
    reasons = tuple(reader.rest())
    if not reasons or not _ALLOWED[Kind.UNSUBACK].issuperset(reasons):
        raise malformed("UNSUBACK has no reasons, or unknown ones")
    return p.UnsubAck(identifier, reasons, props)


# The rest


def _pingreq(_: Reader, __: int) -> p.PingReq:
    return p.PingReq()


def _pingresp(_: Reader, __: int) -> p.PingResp:
    return p.PingResp()


def _disconnect(reader: Reader, version: int) -> p.Disconnect:
    if version != p.V5 or not reader.more():
        return p.Disconnect()
    reason = _reason(reader, Kind.DISCONNECT)
    return p.Disconnect(reason, _optional(reader, Kind.DISCONNECT))


def _auth(reader: Reader, version: int) -> p.Auth:
    if version != p.V5:
        raise malformed("packet type 15 is reserved")
    if not reader.more():
        return p.Auth()
    reason = _reason(reader, Kind.AUTH)
    return p.Auth(reason, properties.decode(reader, Kind.AUTH))


_DECODERS: Final[dict[int, Callable[[Reader, int], p.Packet]]] = {
    Kind.CONNECT: _connect,
    Kind.CONNACK: _connack,
    Kind.PUBACK: _puback,
    Kind.PUBREC: _pubrec,
    Kind.PUBREL: _pubrel,
    Kind.PUBCOMP: _pubcomp,
    Kind.SUBSCRIBE: _subscribe,
    Kind.SUBACK: _suback,
    Kind.UNSUBSCRIBE: _unsubscribe,
    Kind.UNSUBACK: _unsuback,
    Kind.PINGREQ: _pingreq,
    Kind.PINGRESP: _pingresp,
    Kind.DISCONNECT: _disconnect,
    Kind.AUTH: _auth,
}
_FLAGS: Final[dict[int, int]] = {Kind.PUBREL: 2, Kind.SUBSCRIBE: 2, Kind.UNSUBSCRIBE: 2}  # 2.1.3
_GRANTS: Final = frozenset({0x00, 0x01, 0x02, 0x80})  # SUBACK in 3.1.1
_FINISHED: Final = frozenset({0x00, 0x92})
_TAKEN: Final = frozenset({0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99})
_ALLOWED: Final[dict[Kind, frozenset[int]]] = {
    Kind.CONNACK: CONNACK_REASONS,
    Kind.PUBACK: _TAKEN,
    Kind.PUBREC: _TAKEN,
    Kind.PUBREL: _FINISHED,
    Kind.PUBCOMP: _FINISHED,
    Kind.SUBACK: frozenset({0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2}),
    Kind.UNSUBACK: frozenset({0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91}),
    Kind.DISCONNECT: frozenset({0x00, 0x04, *range(0x80, 0x84), 0x87, 0x89, 0x8B})
    | frozenset(range(0x8D, 0x91))
    | frozenset(range(0x93, 0xA3)),
    Kind.AUTH: frozenset({0x00, 0x18, 0x19}),
}
