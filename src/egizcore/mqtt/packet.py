"""The fifteen control packets of MQTT 3.1.1 and 5, as values.

What 3.1.1 does not have (properties, most reasons, subscription options) has its default there.
A *version* is the protocol level on the wire: 4 is MQTT 3.1.1, 5 is MQTT 5.
"""

from typing import Final, TypeAlias, final

from msgspec import Struct

from egizcore.mqtt.properties import NOTHING, Properties

V3: Final = 4
V5: Final = 5


@final
class Will(Struct, frozen=True):
    """What the server publishes when the client goes without a DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = NOTHING


@final
class Connect(Struct, frozen=True):
    """CONNECT (3.1). *clean_start* is called Clean Session in 3.1.1; *keep_alive* in seconds."""

    client_id: str
    version: int = V5
    clean_start: bool = True
    keep_alive: int = 0
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = NOTHING


@final
class ConnAck(Struct, frozen=True):
    """CONNACK (3.2). *reason* is a return code of 0 to 5 in 3.1.1, a `Reason` in 5."""

    reason: int = 0
    session_present: bool = False
    properties: Properties = NOTHING


@final
class Publish(Struct, frozen=True):
    """PUBLISH (3.3). *id* is 0 with QoS 0; *topic* is empty where an alias stands for it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    id: int = 0
    properties: Properties = NOTHING


@final
class PubAck(Struct, frozen=True):
    """PUBACK (3.4): ends QoS 1."""

    id: int
    reason: int = 0
    properties: Properties = NOTHING


@final
class PubRec(Struct, frozen=True):
    """PUBREC (3.5): QoS 2, second step."""

    id: int
    reason: int = 0
    properties: Properties = NOTHING


@final
class PubRel(Struct, frozen=True):
    """PUBREL (3.6): QoS 2, third step."""

    id: int
    reason: int = 0
    properties: Properties = NOTHING


@final
class PubComp(Struct, frozen=True):
    """PUBCOMP (3.7): ends QoS 2."""

    id: int
    reason: int = 0
    properties: Properties = NOTHING


@final
class Subscription(Struct, frozen=True):
    """One filter of a SUBSCRIBE with its options (3.8.3.1)."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@final
class Subscribe(Struct, frozen=True):
    """SUBSCRIBE (3.8)."""

    id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = NOTHING


@final
class SubAck(Struct, frozen=True):
    """SUBACK (3.9): for each filter the QoS granted, or a failure from 0x80."""

    id: int
    reasons: tuple[int, ...]
    properties: Properties = NOTHING


@final
class Unsubscribe(Struct, frozen=True):
    """UNSUBSCRIBE (3.10)."""

    id: int
    filters: tuple[str, ...]
    properties: Properties = NOTHING


@final
class UnsubAck(Struct, frozen=True):
    """UNSUBACK (3.11); 3.1.1 has no reasons in it."""

    id: int
    reasons: tuple[int, ...] = ()
    properties: Properties = NOTHING


@final
class PingReq(Struct, frozen=True):
    """PINGREQ (3.12)."""


@final
class PingResp(Struct, frozen=True):
    """PINGRESP (3.13)."""


@final
class Disconnect(Struct, frozen=True):
    """DISCONNECT (3.14); only a client sends it in 3.1.1, and without a reason."""

    reason: int = 0
    properties: Properties = NOTHING


@final
class Auth(Struct, frozen=True):
    """AUTH (3.15), of MQTT 5 only."""

    reason: int = 0
    properties: Properties = NOTHING


Acknowledgement: TypeAlias = PubAck | PubRec | PubRel | PubComp
Packet: TypeAlias = (
    Connect
    | ConnAck
    | Publish
    | Acknowledgement
    | Subscribe
    | SubAck
    | Unsubscribe
    | UnsubAck
    | PingReq
    | PingResp
    | Disconnect
    | Auth
)
