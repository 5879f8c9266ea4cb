"""The codec: every packet of both versions there and back, and the standard's refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mqtt import samples

from egizcore.mqtt import packet as p
from egizcore.mqtt.decode import decode, frame
from egizcore.mqtt.encode import encode
from egizcore.mqtt.reason import ProtocolError, Reason

versions = st.sampled_from((p.V3, p.V5))


def decoded(data: bytes, version: int) -> p.Packet:
    (found,) = samples.read(data, version)
    return found


@given(st.data(), versions)
def test_every_packet_comes_back_as_it_went(data: st.DataObject, version: int) -> None:
    packet = data.draw(samples.packets(version))
    assert decoded(encode(packet, version), version) == packet


@given(st.data(), versions)
def test_a_cut_packet_is_malformed_or_an_older_form_of_itself(
    data: st.DataObject, version: int
) -> None:
    packet = data.draw(samples.packets(version))
    coded = encode(packet, version)
    body, stop = frame(coded, 0, len(coded))
    cut = data.draw(st.integers(body, stop))
    try:
        found = decode(coded[0], coded[body:cut], version)
    except ProtocolError as refused:
        assert refused.reason >= Reason.UNSPECIFIED_ERROR  # noqa: PT017
    else:
        # Payloads, lists and optional ends may be shorter: what is left is a packet too.
        assert decoded(encode(found, version), version) == found


@given(st.integers(0, 255), st.binary(max_size=64), versions)
def test_any_bytes_are_a_packet_or_a_protocol_error(first: int, body: bytes, version: int) -> None:
    try:
        packet = decode(first, body, version)
    except ProtocolError:
        return
    assert decoded(encode(packet, version), version) == packet


@given(st.data(), versions)
def test_one_changed_byte_is_a_packet_or_a_protocol_error(
    data: st.DataObject, version: int
) -> None:
    coded = bytearray(encode(data.draw(samples.packets(version)), version))
    at = data.draw(st.integers(0, len(coded) - 1))
    coded[at] = data.draw(st.integers(0, 255))
    try:
        body, stop = frame(bytes(coded), 0, len(coded))
        packet = decode(coded[0], bytes(coded[body:stop]), version)
    except ProtocolError:
        return
    level = packet.version if isinstance(packet, p.Connect) else version
    assert decoded(encode(packet, level), level) == packet


CONNECT = b"\x00\x04MQTT"


@pytest.mark.parametrize(
    ("first", "body", "version", "reason"),
    [
        (0x00, b"", 5, Reason.MALFORMED_PACKET),
        (0xF0, b"", 4, Reason.MALFORMED_PACKET),
        (0x11, CONNECT + b"\x05\x02\0\0\0\0\0", 5, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x05\x03\0\0\0\0\0", 5, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x04\x1a\0\0\0\0", 4, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x04\x1e\0\0\0\0\0\x01t\0\0", 4, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x04\x22\0\0\0\0", 4, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x04\x42\0\0\0\0\0\0", 4, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x04\x02\0\0\0\0x", 4, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x06\x02\0\0\0\0\0", 5, Reason.UNSUPPORTED_PROTOCOL_VERSION),
        (0x10, b"\x00\x06MQIsdp\x03\x02\0\0\0\0", 4, Reason.UNSUPPORTED_PROTOCOL_VERSION),
        (0x10, b"\x00\x04HTTP\x05\x02\0\0\0\0\0", 5, Reason.MALFORMED_PACKET),
        (0x10, CONNECT + b"\x04\x06\0\0\0\0\0\x01+\0\0", 4, Reason.TOPIC_NAME_INVALID),
        (0x20, b"\x02\x00", 4, Reason.MALFORMED_PACKET),
        (0x20, b"\x01\x05", 4, Reason.PROTOCOL_ERROR),
        (0x20, b"\x00\x42\x00", 5, Reason.MALFORMED_PACKET),
        (0x36, b"\0\x01t\0\x01", 4, Reason.MALFORMED_PACKET),
        (0x38, b"\0\x01t", 4, Reason.MALFORMED_PACKET),
        (0x32, b"\0\x01t\0\0", 4, Reason.PROTOCOL_ERROR),
        (0x30, b"\0\0x", 4, Reason.PROTOCOL_ERROR),
        (0x30, b"\0\0\0x", 5, Reason.PROTOCOL_ERROR),
        (0x30, b"\0\x03a/#x", 4, Reason.TOPIC_NAME_INVALID),
        (0x30, b"\0\x01\0x", 4, Reason.MALFORMED_PACKET),
        (0x30, b"\0\x03\xed\xa0\x80", 4, Reason.MALFORMED_PACKET),
        (0x30, b"\0\x09t", 4, Reason.MALFORMED_PACKET),
        (0x30, b"\0\x01t\x04\x08\0\x01+", 5, Reason.TOPIC_NAME_INVALID),
        (0x60, b"\0\x01", 4, Reason.MALFORMED_PACKET),
        (0x40, b"\0\0", 4, Reason.PROTOCOL_ERROR),
        (0x40, b"\0\x01\0", 4, Reason.MALFORMED_PACKET),
        (0x40, b"\0\x01\x42", 5, Reason.MALFORMED_PACKET),
        (0x82, b"\0\x01", 4, Reason.PROTOCOL_ERROR),
        (0x82, b"\0\x01\0\x01a\x03", 4, Reason.MALFORMED_PACKET),
        (0x82, b"\0\x01\0\x01a\x04", 4, Reason.MALFORMED_PACKET),
        (0x82, b"\0\x01\0\0\x01a\xc0", 5, Reason.MALFORMED_PACKET),
        (0x82, b"\0\x01\0\0\x01a\x30", 5, Reason.PROTOCOL_ERROR),
        (0x82, b"\0\x01\0\0\x0a$share/g/a\x04", 5, Reason.PROTOCOL_ERROR),
        (0x82, b"\0\x01\0\x03a/#\x00\0\x03#/a\x00", 4, Reason.TOPIC_FILTER_INVALID),
        (0x82, b"\0\x01\0\x00\x00", 4, Reason.PROTOCOL_ERROR),
        (0x80, b"\0\x01\0\x01a\x00", 4, Reason.MALFORMED_PACKET),
        (0xA2, b"\0\x01", 4, Reason.PROTOCOL_ERROR),
        (0xA2, b"\0\x01\0\x02a+", 4, Reason.TOPIC_FILTER_INVALID),
        (0x90, b"\0\x01\x03", 4, Reason.MALFORMED_PACKET),
        (0x90, b"\0\x01", 4, Reason.MALFORMED_PACKET),
        (0xB0, b"\0\x01\0\x42", 5, Reason.MALFORMED_PACKET),
        (0xC1, b"", 4, Reason.MALFORMED_PACKET),
        (0xC0, b"x", 4, Reason.MALFORMED_PACKET),
        (0xE0, b"\0", 4, Reason.MALFORMED_PACKET),
        (0xE0, b"\x42", 5, Reason.MALFORMED_PACKET),
    ],
)
def test_what_the_standard_forbids_has_its_reason(
    first: int, body: bytes, version: int, reason: Reason
) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(first, body, version)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("data", "packet"),
    [
        (b"\x40\x02\0\x07", p.PubAck(7)),
        (b"\x40\x03\0\x07\x10", p.PubAck(7, 0x10)),
        (b"\x40\x04\0\x07\x10\0", p.PubAck(7, 0x10)),
        (b"\xe0\x00", p.Disconnect()),
        (b"\xe0\x01\x8e", p.Disconnect(0x8E)),
        (b"\xf0\x00", p.Auth()),
    ],
)
def test_3_4_2_the_short_forms_of_mqtt_5_are_read(data: bytes, packet: p.Packet) -> None:
    assert decoded(data, p.V5) == packet


def test_2_1_4_a_fifth_length_byte_is_malformed() -> None:
    with pytest.raises(ProtocolError) as refused:
        frame(b"\x30\xff\xff\xff\xff", 0, 5)
    assert refused.value.reason is Reason.MALFORMED_PACKET


def test_a_header_that_is_not_whole_is_waited_for() -> None:
    assert frame(b"\x30\xff\xff\xff", 0, 4) == (0, 0)
    assert frame(b"\x30", 0, 1) == (0, 0)
