"""Packets → bytes, both versions, in the shortest form that the standard allows.

What the caller cannot have meant (a text over 65,535 bytes, say) raises `ValueError`; what 3.1.1
has no room for (properties, reasons) is left out there.
"""

from collections.abc import Iterable
from typing import Final

from egizcore.mqtt import packet as p
from egizcore.mqtt import properties, wire
from egizcore.mqtt.properties import NOTHING, Kind, Properties


def encode(packet: p.Packet, version: int) -> bytes:
    """The whole packet with its fixed header. A CONNECT carries its own version."""
    match packet:
        case p.Connect():
            return _framed(Kind.CONNECT << 4, _connect(packet))
        case p.ConnAck():
            body = bytes((packet.session_present, packet.reason))
            return _framed(Kind.CONNACK << 4, body + _properties(packet.properties, version))
        case p.Publish():
            return _publish(packet, version)
        case p.PubAck() | p.PubRec() | p.PubRel() | p.PubComp():
            first = _ACKNOWLEDGEMENTS[type(packet)]
            return _framed(first, _acknowledgement(packet, version))
        case p.Subscribe():
            body = _subscriptions(packet.subscriptions, version)
            return _identified(0x82, packet.id, packet.properties, body, version)
        case p.SubAck():
            body = bytes(packet.reasons)
            return _identified(Kind.SUBACK << 4, packet.id, packet.properties, body, version)
        case p.Unsubscribe():
            body = b"".join(map(wire.text, packet.filters))
            return _identified(0xA2, packet.id, packet.properties, body, version)
        case p.UnsubAck():
            body = bytes(packet.reasons) if version == p.V5 else b""
            return _identified(Kind.UNSUBACK << 4, packet.id, packet.properties, body, version)
        case p.PingReq():
            return PINGREQ
        case p.PingResp():
            return PINGRESP
        case p.Disconnect():
            return _framed(Kind.DISCONNECT << 4, _reasoned(packet, version))
        case p.Auth():
            return _framed(Kind.AUTH << 4, _auth(packet))


PINGREQ: Final = b"\xc0\x00"
PINGRESP: Final = b"\xd0\x00"
_ACKNOWLEDGEMENTS: Final[dict[type[p.Packet], int]] = {
    p.PubAck: 0x40,
    p.PubRec: 0x50,
    p.PubRel: 0x62,
    p.PubComp: 0x70,
}


def _framed(first: int, body: bytes) -> bytes:
    return bytes((first,)) + wire.varint(len(body)) + body


def _properties(props: Properties, version: int) -> bytes:
    return properties.encode(props) if version == p.V5 else b""


def _identified(first: int, number: int, props: Properties, body: bytes, version: int) -> bytes:
    return _framed(first, wire.two(number) + _properties(props, version) + body)


def _connect(packet: p.Connect) -> bytes:
    version = packet.version
    will = packet.will
    flags = packet.clean_start << 1
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
    flags |= (packet.password is not None) << 6 | (packet.username is not None) << 7
    out = bytearray(b"\x00\x04MQTT")
    out += bytes((version, flags)) + wire.two(packet.keep_alive)
    out += _properties(packet.properties, version) + wire.text(packet.client_id)
    if will is not None:
        out += _properties(will.properties, version)
        out += wire.text(will.topic) + wire.binary(will.payload)
    if packet.username is not None:
        out += wire.text(packet.username)
    if packet.password is not None:
        out += wire.binary(packet.password)
    return bytes(out)


def _publish(packet: p.Publish, version: int) -> bytes:
    first = 0x30 | packet.dup << 3 | packet.qos << 1 | packet.retain
    head = wire.text(packet.topic)
    if packet.qos:
        head += wire.two(packet.id)
    return _framed(first, head + _properties(packet.properties, version) + packet.payload)


def _acknowledgement(packet: p.Acknowledgement, version: int) -> bytes:
    body = wire.two(packet.id)
    return body + _reasoned(packet, version)


def _reasoned(packet: p.Acknowledgement | p.Disconnect, version: int) -> bytes:
    """Reason and properties, left out from the end where they say nothing."""
    if version != p.V5 or (packet.reason == 0 and packet.properties == NOTHING):
        return b""
    if packet.properties == NOTHING:
        return bytes((packet.reason,))
    return bytes((packet.reason,)) + properties.encode(packet.properties)


def _subscriptions(subscriptions: Iterable[p.Subscription], version: int) -> bytes:
    out = bytearray()
    for one in subscriptions:
        options = one.qos
        if version == p.V5:
            options |= one.no_local << 2 | one.retain_as_published << 3 | one.retain_handling << 4
        out += wire.text(one.filter)
        out.append(options)
    return bytes(out)


def _auth(packet: p.Auth) -> bytes:
    if packet.reason == 0 and packet.properties == NOTHING:
        return b""
    return bytes((packet.reason,)) + properties.encode(packet.properties)
