"""MQTT 3.1.1 and 5, on both sides: our link to a broker, and the endpoint for devices.

In: bytes of sockets. Out: one batch a socket read, ``[(target, payload, retained), …]``, where
*target* is what the owner's `Topics` made of the topic name. Acknowledgements leave after the
batch is applied. Also in: publications for a device or a broker (`Origin.send`), which wait in a
bounded queue. It knows packets and topics, no Things: what a topic means, and who may subscribe
to it, is the owner's.
"""

from egizcore.mqtt.connection import Origin
from egizcore.mqtt.endpoint import Endpoint
from egizcore.mqtt.link import Link, publisher
from egizcore.mqtt.reason import ProtocolError
from egizcore.mqtt.session import Batch
from egizcore.mqtt.settings import EndpointSettings, LinkSettings, TlsSettings
from egizcore.mqtt.topic import Topics, check_filter, check_name, covers, matches, overlap

__all__ = [
    "Batch",
    "Endpoint",
    "EndpointSettings",
    "Link",
    "LinkSettings",
    "Origin",
    "ProtocolError",
    "TlsSettings",
    "Topics",
    "check_filter",
    "check_name",
    "covers",
    "matches",
    "overlap",
    "publisher",
]
