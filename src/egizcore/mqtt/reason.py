"""MQTT's reason codes, and the one error that a broken packet raises.

MQTT 5, section 2.4, gives the codes; MQTT 3.1.1 knows six return codes in CONNACK (3.2.2.3) and
one failure in SUBACK, which `RETURN_CODES` and the session map to and from these.
"""

from enum import IntEnum, unique
from typing import Final


@unique
class Reason(IntEnum):
    """Every code of MQTT 5, table 2-6; 0x00 has three names there."""

    SUCCESS = 0x00
    GRANTED_QOS_1 = 0x01
    GRANTED_QOS_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    REAUTHENTICATE = 0x19
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC_ERROR = 0x83
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_IDENTIFIER_NOT_VALID = 0x85
    BAD_USER_NAME_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_IDENTIFIER_IN_USE = 0x91
    PACKET_IDENTIFIER_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    MESSAGE_RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    MAXIMUM_CONNECT_TIME = 0xA0
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2

    @property
    def words(self) -> str:
        """The code's name for a person: ``bad user name or password``."""
        return self.name.lower().replace("_", " ").replace("qos", "QoS")


# MQTT 3.1.1, table 3.1: the return code that says the same as a reason.
RETURN_CODES: Final = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_PROTOCOL_VERSION: 1,
    Reason.CLIENT_IDENTIFIER_NOT_VALID: 2,
    Reason.SERVER_UNAVAILABLE: 3,
    Reason.BAD_USER_NAME_OR_PASSWORD: 4,
    Reason.NOT_AUTHORIZED: 5,
}
REASONS: Final = {code: reason for reason, code in RETURN_CODES.items()}

# The codes that CONNACK may bear in MQTT 5 (table 3-1), and DISCONNECT from a client (3-13).
CONNACK_REASONS: Final = frozenset(
    {0x00, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F}
)
CLIENT_DISCONNECT_REASONS: Final = frozenset(
    {0x00, 0x04, *range(0x80, 0x84), 0x90, *range(0x93, 0x9A)}
)


class ProtocolError(Exception):
    """The peer broke the standard: its connection ends with *reason* (MQTT 5, section 4.13)."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def malformed(detail: str) -> ProtocolError:
    """The packet cannot be parsed (0x81)."""
    return ProtocolError(Reason.MALFORMED_PACKET, detail)


def violation(detail: str) -> ProtocolError:
    """The packet can be parsed, but is not allowed, or not here (0x82)."""
    return ProtocolError(Reason.PROTOCOL_ERROR, detail)
