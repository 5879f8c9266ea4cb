"""What we write, read by a foreign codec, and what it writes, read by ours."""

from typing import Any

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mqtt import samples

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.mqtt.properties import Properties

# Their members that have another name, and where they stand for "absent".
NAMES = {
    "user_property": "user_properties",
    "assigned_client_identifier": "assigned_client_id",
    "reason_string": "reason_str",
    "response_information": "response_info",
    "request_problem_information": "request_problem_info",
    "request_response_information": "request_response_info",
    "receive_maximum": "receive_max",
    "topic_alias_maximum": "topic_alias_max",
    "maximum_packet_size": "max_packet_size",
    "maximum_qos": "max_qos",
    "subscription_identifier_available": "subscription_id_available",
}


def same_properties(ours: Properties, theirs: Any) -> None:
    for name in Properties.__struct_fields__:
        value = getattr(ours, name)
        if value is None or value == ():
            continue
        if name == "subscription_identifier":
            known = getattr(theirs, "subscription_ids", None) or [theirs.subscription_id]
            assert list(value) == known
        elif name == "user_property":
            assert list(value) == [tuple(pair) for pair in theirs.user_properties]
        else:
            assert getattr(theirs, NAMES.get(name, name)) == value, name


# The oracle does not know AUTH's shortest form (3.15.2.1).
@given(samples.packets(p.V5).filter(lambda packet: packet != p.Auth()))
def test_a_foreign_codec_reads_what_we_write(packet: p.Packet) -> None:
    data = encode(packet, p.V5)
    found, size = mqtt5.read(memoryview(data))
    theirs: Any = found  # of the type that is asserted next
    assert size == len(data)
    assert type(theirs).__name__ == f"{type(packet).__name__}Packet"
    if isinstance(packet, p.Publish):
        seen = (theirs.topic, theirs.payload, theirs.qos, theirs.retain, theirs.duplicate)
        assert seen == (packet.topic, packet.payload, packet.qos, packet.retain, packet.dup)
        assert (theirs.packet_id or 0) == packet.id
    if isinstance(packet, p.Connect):
        assert (theirs.client_id, theirs.username, theirs.password) == (
            packet.client_id,
            packet.username,
            packet.password,
        )
        assert (theirs.keep_alive, theirs.clean_start) == (packet.keep_alive, packet.clean_start)
        if packet.will is not None:
            assert theirs.will.topic == packet.will.topic
            same_properties(packet.will.properties, theirs.will)
    if not isinstance(packet, p.PingReq | p.PingResp):
        same_properties(packet.properties, theirs)
    # And back: their encoding of the same packet is the same packet to us.
    again = samples.read(theirs.write(), p.V5)
    assert [type(one) for one in again] == [type(packet)]


@given(samples.names, samples.payloads, st.integers(0, 2), st.booleans())
def test_we_read_what_a_foreign_codec_writes(
    topic: str,
    payload: bytes,
    qos: int,
    retain: bool,  # noqa: FBT001
) -> None:
    theirs = mqtt5.PublishPacket(
        topic,
        payload,
        qos=mqtt5.QoS(qos),
        retain=retain,
        packet_id=9 if qos else None,
        user_properties=[("k", "v")],
    )
    assert samples.read(theirs.write(), p.V5) == [
        p.Publish(
            topic,
            payload,
            qos,
            retain,
            id=9 if qos else 0,
            properties=Properties(user_property=(("k", "v"),)),
        )
    ]


@pytest.mark.parametrize(
    ("packet", "version", "data"),
    [
        (p.PubAck(7), 5, b"\x40\x02\0\x07"),
        (p.PubAck(7, 0x10), 4, b"\x40\x02\0\x07"),
        (p.Disconnect(), 5, b"\xe0\0"),
        (p.Disconnect(0x8E), 5, b"\xe0\x01\x8e"),
        (p.ConnAck(), 4, b"\x20\x02\0\0"),
        (p.ConnAck(), 5, b"\x20\x03\0\0\0"),
        (p.Publish("t", b"x"), 4, b"\x30\x04\0\x01tx"),
        (p.Publish("t", b"x", 1, dup=True, id=258), 5, b"\x3a\x07\0\x01t\x01\x02\0x"),
        (
            p.Subscribe(1, (p.Subscription("a", 1, retain_handling=2),)),
            4,
            b"\x82\x06\0\x01\0\x01a\x01",
        ),
        (p.UnsubAck(1, (0x11,)), 4, b"\xb0\x02\0\x01"),
    ],
)
def test_the_shortest_form_goes_out(packet: p.Packet, version: int, data: bytes) -> None:
    assert encode(packet, version) == data
