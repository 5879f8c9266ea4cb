"""The properties of MQTT 5, section 2.2.2: one table for what may stand where.

An identifier that is unknown or does not belong to the packet is malformed (0x81); one that
stands twice, or a value that its section forbids, is a protocol error (0x82; a topic alias of
0 is 0x94).
"""

from enum import IntEnum, unique
from typing import Any, Final, final

from msgspec import Struct

from egizcore.mqtt import wire
from egizcore.mqtt.reason import ProtocolError, Reason, malformed, violation


@unique
class Kind(IntEnum):
    """The control packets (MQTT 5, table 2-1), and the will inside CONNECT."""

    WILL = 0
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@final
class Properties(Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """What a packet carries beside its fixed fields; None (or empty) means absent.

    Intervals are seconds, sizes bytes; flags are 0 or 1, as on the wire.
    """

    payload_format_indicator: int | None = None
    message_expiry_interval: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_identifier: tuple[int, ...] = ()
    session_expiry_interval: int | None = None
    assigned_client_identifier: str | None = None
    server_keep_alive: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay_interval: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user_property: tuple[tuple[str, str], ...] = ()
    maximum_packet_size: int | None = None
    wildcard_subscription_available: int | None = None
    subscription_identifier_available: int | None = None
    shared_subscription_available: int | None = None


NOTHING: Final = Properties()

_PUBLISHED = frozenset({Kind.PUBLISH, Kind.WILL})
_HELLO = frozenset({Kind.CONNECT, Kind.CONNACK})
_CONNACK = frozenset({Kind.CONNACK})
_CONNECT = frozenset({Kind.CONNECT})
_AUTH = frozenset({Kind.CONNECT, Kind.CONNACK, Kind.AUTH})
_EXPLAINED = frozenset(
    {
        Kind.CONNACK,
        Kind.PUBACK,
        Kind.PUBREC,
        Kind.PUBREL,
        Kind.PUBCOMP,
        Kind.SUBACK,
        Kind.UNSUBACK,
        Kind.DISCONNECT,
        Kind.AUTH,
    }
)
_ALL = frozenset(Kind) - {Kind.PINGREQ, Kind.PINGRESP}


@final
class Definition(Struct, frozen=True):
    """One row of table 2-4: *form* is the data type, *where* the packets that may have it."""

    identifier: int
    name: str
    form: str
    where: frozenset[Kind]


DEFINITIONS: Final = tuple(
    Definition(*row)
    for row in (
        (0x01, "payload_format_indicator", "flag", _PUBLISHED),
        (0x02, "message_expiry_interval", "four", _PUBLISHED),
        (0x03, "content_type", "text", _PUBLISHED),
        (0x08, "response_topic", "text", _PUBLISHED),
        (0x09, "correlation_data", "binary", _PUBLISHED),
        (0x0B, "subscription_identifier", "varint", frozenset({Kind.PUBLISH, Kind.SUBSCRIBE})),
        (0x11, "session_expiry_interval", "four", _HELLO | {Kind.DISCONNECT}),
        (0x12, "assigned_client_identifier", "text", _CONNACK),
        (0x13, "server_keep_alive", "two", _CONNACK),
        (0x15, "authentication_method", "text", _AUTH),
        (0x16, "authentication_data", "binary", _AUTH),
        (0x17, "request_problem_information", "flag", _CONNECT),
        (0x18, "will_delay_interval", "four", frozenset({Kind.WILL})),
        (0x19, "request_response_information", "flag", _CONNECT),
        (0x1A, "response_information", "text", _CONNACK),
        (0x1C, "server_reference", "text", _CONNACK | {Kind.DISCONNECT}),
        (0x1F, "reason_string", "text", _EXPLAINED),
        (0x21, "receive_maximum", "two", _HELLO),
        (0x22, "topic_alias_maximum", "two", _HELLO),
        (0x23, "topic_alias", "two", frozenset({Kind.PUBLISH})),
        (0x24, "maximum_qos", "flag", _CONNACK),
        (0x25, "retain_available", "flag", _CONNACK),
        (0x26, "user_property", "pair", _ALL),
        (0x27, "maximum_packet_size", "four", _HELLO),
        (0x28, "wildcard_subscription_available", "flag", _CONNACK),
        (0x29, "subscription_identifier_available", "flag", _CONNACK),
        (0x2A, "shared_subscription_available", "flag", _CONNACK),
    )
)
_BY_IDENTIFIER: Final = {row.identifier: row for row in DEFINITIONS}
_NEVER_ZERO: Final = frozenset(
    {"receive_maximum", "maximum_packet_size", "subscription_identifier"}
)


def decode(reader: wire.Reader, kind: Kind) -> Properties:
    """Read the length and the properties of a packet of *kind*."""
    size = reader.varint()
    if size == 0:
        return NOTHING
    end = reader.at + size
    if end > reader.end:
        raise malformed("the properties are longer than their packet")
    part = wire.Reader(reader.data, reader.at, end)
    values: dict[str, Any] = {}
    while part.more():
        _one(part, kind, values)
    reader.at = end
    for repeated in ("user_property", "subscription_identifier"):
        if repeated in values:
            values[repeated] = tuple(values[repeated])
    if "authentication_data" in values and "authentication_method" not in values:
        raise violation("authentication data without a method")
    return Properties(**values)


def _one(part: wire.Reader, kind: Kind, values: dict[str, Any]) -> None:
    identifier = part.varint()
    row = _BY_IDENTIFIER.get(identifier)
    if row is None or kind not in row.where:
        raise malformed(f"property 0x{identifier:02x} does not belong to {kind.name}")
    name = row.name
    value = _value(part, row)
    repeatable = row.form == "pair" or (row.form == "varint" and kind is Kind.PUBLISH)
    if name in values and not repeatable:
        raise violation(f"the property {name} stands twice")
    if row.form in ("pair", "varint"):
        values.setdefault(name, []).append(value)
    else:
        values[name] = value


def _value(part: wire.Reader, row: Definition) -> object:
    value: object
    match row.form:
        case "flag":
            value = part.byte()
            if value not in (0, 1):
                raise violation(f"{row.name} is neither 0 nor 1")
        case "two":
            value = part.two()
        case "four":
            value = part.four()
        case "varint":
            value = part.varint()
        case "binary":
            value = part.binary()
        case "text":
            value = part.text()
        case _:
            value = (part.text(), part.text())
    if value == 0 and row.name in _NEVER_ZERO:
        raise violation(f"{row.name} is 0")
    if value == 0 and row.name == "topic_alias":
        raise ProtocolError(Reason.TOPIC_ALIAS_INVALID, "the topic alias is 0")
    return value


def encode(properties: Properties) -> bytes:
    """The properties with their length; what may stand where is the caller's to know."""
    if properties is NOTHING:
        return b"\0"
    out = bytearray()
    for row in DEFINITIONS:
        value = getattr(properties, row.name)
        if value is None:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            out.append(row.identifier)
            out += _encoded(one, row.form)
    return wire.varint(len(out)) + bytes(out)


def _encoded(value: Any, form: str) -> bytes:
    match form:
        case "flag":
            return bytes((value,))
        case "two":
            return wire.two(value)
        case "four":
            return wire.four(value)
        case "varint":
            return wire.varint(value)
        case "binary":
            return wire.binary(value)
        case "text":
            return wire.text(value)
        case _:
            return wire.text(value[0]) + wire.text(value[1])
