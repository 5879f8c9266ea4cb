"""One small script a clause: what a device sends, and what our side makes of it."""

from math import inf

import pytest
from tests.mqtt import samples
from tests.mqtt.hosts import FakeHost

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.mqtt.properties import Properties
from egizcore.mqtt.reason import Reason
from egizcore.mqtt.server_session import ServerSession
from egizcore.mqtt.topic import Topics

MAX_PACKET = 1 << 20
BOTH = pytest.mark.parametrize("version", [p.V3, p.V5])


def session(
    *, max_packet: int = MAX_PACKET, known: dict[str, bytes] | None = None
) -> ServerSession[str]:
    def authenticate(_: str, username: str | None, password: bytes | None) -> bool:
        return known is None or (username is not None and known.get(username) == password)

    return ServerSession(Topics(str), FakeHost(authenticate), 0.0, max_packet=max_packet)


def connected(version: int, **options: object) -> ServerSession[str]:
    """A session whose CONNECT is answered."""
    one = session()
    connect = p.Connect(**{"client_id": "dev", "version": version, **options})  # type: ignore[arg-type]
    one.receive(encode(connect, version), 0.0)
    assert one.to_send()
    assert not one.closed
    return one


def sent(one: ServerSession[str]) -> list[p.Packet]:
    return samples.read(one.to_send(), one.version)


def reason_sent(one: ServerSession[str]) -> int:
    """The reason of the DISCONNECT that ends the session (MQTT 5)."""
    assert one.closed
    (packet,) = sent(one)
    assert isinstance(packet, p.Disconnect)
    assert packet.properties.reason_string == one.detail
    return packet.reason


# CONNECT


def test_3_2_a_3_1_1_device_is_accepted() -> None:
    one = session()
    one.receive(encode(p.Connect("dev", p.V3, username="u"), p.V3), 0.0)
    assert one.to_send() == b"\x20\x02\x00\x00"
    assert (one.client_id, one.username, one.version) == ("dev", "u", p.V3)


def test_3_2_2_3_what_we_can_is_announced_in_mqtt_5() -> None:
    one = session()
    one.receive(encode(p.Connect("dev"), p.V5), 0.0)
    assert sent(one) == [
        p.ConnAck(
            properties=Properties(
                receive_maximum=1024,
                maximum_packet_size=MAX_PACKET,
                topic_alias_maximum=16,
            )
        )
    ]


def test_3_1_3_6_an_empty_id_is_replaced_and_told_in_mqtt_5() -> None:
    one, other = session(), session()
    for each in (one, other):
        each.receive(encode(p.Connect(""), p.V5), 0.0)
    (answer,) = sent(one)
    assert isinstance(answer, p.ConnAck)
    assert answer.properties.assigned_client_identifier == one.client_id != other.client_id


def test_3_1_3_7_an_empty_id_with_a_clean_session_passes_in_3_1_1() -> None:
    one = session()
    one.receive(encode(p.Connect("", p.V3), p.V3), 0.0)
    assert (sent(one), bool(one.client_id)) == ([p.ConnAck()], True)


def test_3_1_3_8_an_empty_id_without_a_clean_session_is_0x02_in_3_1_1() -> None:
    one = session()
    one.receive(encode(p.Connect("", p.V3, clean_start=False), p.V3), 0.0)
    assert (sent(one), one.closed, one.fault) == ([p.ConnAck(2)], True, False)


@BOTH
def test_3_1_0_1_the_first_packet_must_be_connect(version: int) -> None:
    one = session()
    assert one.receive(encode(p.Publish("t", b"x"), version), 0.0) == []
    assert (one.closed, one.fault, one.to_send()) == (True, True, b"")


def test_3_1_0_2_a_second_connect_is_a_protocol_error() -> None:
    one = connected(p.V5)
    one.receive(encode(p.Connect("dev"), p.V5), 0.0)
    assert reason_sent(one) == Reason.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"\x00\x04MQTT\x06\x02\0\0\0\0\0", b"\x20\x03\x00\x84"),
        (b"\x00\x04MQTT\x03\x02\0\0\0\0", b"\x20\x02\x00\x01"),
        (b"\x00\x06MQIsdp\x03\x02\0\0\0\1a", b"\x20\x02\x00\x01"),
    ],
)
def test_3_1_2_2_an_unknown_level_is_told_so(body: bytes, answer: bytes) -> None:
    one = session()
    one.receive(bytes((0x10, len(body))) + body, 0.0)
    data = one.to_send()
    assert data[:1] + data[2:4] == answer[:1] + answer[2:4]
    assert one.closed


def test_3_1_2_3_a_reserved_flag_is_malformed() -> None:
    five, three = session(), session()
    five.receive(b"\x10\x0d\x00\x04MQTT\x05\x03\0\0\0\0\0", 0.0)
    (refusal,) = samples.read(five.to_send(), p.V5)
    assert isinstance(refusal, p.ConnAck)
    assert refusal.reason == Reason.MALFORMED_PACKET
    three.receive(b"\x10\x0c\x00\x04MQTT\x04\x03\0\0\0\0", 0.0)
    assert (three.closed, three.to_send()) == (True, b"")


@pytest.mark.parametrize(("version", "code"), [(p.V3, 4), (p.V5, 0x86)])
def test_bad_credentials_are_refused_and_are_no_protocol_error(version: int, code: int) -> None:
    one = session(known={"u": b"p"})
    one.receive(encode(p.Connect("d", version, username="u", password=b"x"), version), 0.0)
    (answer,) = sent(one)
    assert isinstance(answer, p.ConnAck)
    assert (answer.reason, one.closed, one.fault, one.client_id) == (code, True, False, "")


def test_messages_after_a_refused_connect_are_not_delivered() -> None:
    one = session(known={})
    data = encode(p.Connect("d"), p.V5) + encode(p.Publish("t", b"x"), p.V5)
    assert one.receive(data, 0.0) == []


def test_4_12_an_authentication_method_is_not_known() -> None:
    one = session()
    asked = Properties(authentication_method="SCRAM")
    one.receive(encode(p.Connect("d", properties=asked), p.V5), 0.0)
    (answer,) = sent(one)
    assert isinstance(answer, p.ConnAck)
    assert answer.reason == Reason.BAD_AUTHENTICATION_METHOD


@BOTH
def test_a_will_and_a_keep_alive_of_none_are_normal(version: int) -> None:
    one = connected(version, will=p.Will("status/dev", b"off", qos=1, retain=True))
    assert one.deadline == inf


def test_3_1_2_25_no_answer_is_larger_than_the_device_takes() -> None:
    one = session()
    small = Properties(maximum_packet_size=20)
    one.receive(encode(p.Connect("d", properties=small), p.V5), 0.0)
    one.to_send()
    one.receive(b"\x00\x00", 0.0)
    assert one.to_send() == b"\xe0\x01\x81"


# PUBLISH


@BOTH
def test_qos_0_is_delivered_and_not_acknowledged(version: int) -> None:
    one = connected(version)
    batch = one.receive(encode(p.Publish("a/b", b"x"), version), 0.0)
    one.applied()
    assert (batch, one.to_send()) == ([("a/b", b"x", False)], b"")


@BOTH
def test_qos_1_is_acknowledged_after_it_is_applied_in_order(version: int) -> None:
    one = connected(version)
    data = b"".join(encode(p.Publish("t", b"%d" % n, 1, id=n), version) for n in (3, 1, 2))
    assert [payload for _, payload, _ in one.receive(data, 0.0)] == [b"3", b"1", b"2"]
    assert one.to_send() == b""
    one.applied()
    assert sent(one) == [p.PubAck(3), p.PubAck(1), p.PubAck(2)]


@BOTH
def test_4_3_2_a_duplicate_is_delivered_and_acknowledged_again(version: int) -> None:
    one = connected(version)
    again = encode(p.Publish("t", b"x", 1, dup=True, id=1), version)
    assert len(one.receive(again + again, 0.0)) == 2
    one.applied()
    assert sent(one) == [p.PubAck(1), p.PubAck(1)]


@BOTH
def test_a_retain_flag_is_ordinary_telemetry(version: int) -> None:
    one = connected(version)
    assert one.receive(encode(p.Publish("t", b"x", retain=True), version), 0.0) == [
        ("t", b"x", False)
    ]


def test_the_messages_before_a_broken_packet_are_delivered_and_acknowledged() -> None:
    one = connected(p.V5)
    good = encode(p.Publish("t", b"x", 1, id=5), p.V5)
    assert one.receive(good + b"\x36\x03\0\x01t" + good, 0.0) == [("t", b"x", False)]
    one.applied()
    acknowledgement, last = sent(one)
    assert acknowledgement == p.PubAck(5)
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.MALFORMED_PACKET


def test_nothing_is_taken_after_the_end() -> None:
    one = connected(p.V5)
    one.receive(b"\x00\x00", 0.0)
    one.to_send()
    assert one.receive(encode(p.Publish("t", b"x"), p.V5), 0.0) == []
    assert one.to_send() == b""


def test_3_3_4_9_more_than_the_receive_maximum_is_0x93() -> None:
    one = connected(p.V5)
    many = b"".join(encode(p.Publish("t", b"", 1, id=n), p.V5) for n in range(1, 1026))
    assert len(one.receive(many, 0.0)) == 1024
    one.applied()
    *acknowledged, last = sent(one)
    assert len(acknowledged) == 1024
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.RECEIVE_MAXIMUM_EXCEEDED


def test_3_1_1_has_no_receive_maximum() -> None:
    one = connected(p.V3)
    many = b"".join(encode(p.Publish("t", b"", 1, id=n), p.V3) for n in range(1, 3001))
    assert len(one.receive(many, 0.0)) == 3000


# Topic aliases (3.3.2.3.4)


def aliased(topic: str, alias: int) -> bytes:
    return encode(p.Publish(topic, b"x", properties=Properties(topic_alias=alias)), p.V5)


def test_an_alias_stands_for_its_topic_until_it_is_given_another() -> None:
    one = connected(p.V5)
    data = aliased("a", 1) + aliased("", 1) + aliased("b", 1) + aliased("", 1) + aliased("c", 16)
    assert [topic for topic, _, _ in one.receive(data, 0.0)] == ["a", "a", "b", "b", "c"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (aliased("a", 17), Reason.TOPIC_ALIAS_INVALID),
        (b"\x30\x07\0\x01a\x03\x23\0\0", Reason.TOPIC_ALIAS_INVALID),
        (aliased("", 3), Reason.PROTOCOL_ERROR),
    ],
)
def test_a_wrong_alias_has_its_reason(data: bytes, reason: Reason) -> None:
    one = connected(p.V5)
    assert one.receive(data, 0.0) == []
    assert reason_sent(one) == reason


def test_aliases_of_one_connection_mean_nothing_on_another() -> None:
    connected(p.V5).receive(aliased("a", 1), 0.0)
    other = connected(p.V5)
    other.receive(aliased("", 1), 0.0)
    assert reason_sent(other) == Reason.PROTOCOL_ERROR


# SUBSCRIBE, PINGREQ, DISCONNECT and what a client may not send


@pytest.mark.parametrize(("version", "reasons"), [(p.V3, ()), (p.V5, (0x11, 0x11))])
def test_unsubscribe_is_answered(version: int, reasons: tuple[int, ...]) -> None:
    one = connected(version)
    one.receive(encode(p.Unsubscribe(8, ("a", "b")), version), 0.0)
    assert sent(one) == [p.UnsubAck(8, reasons)]


@BOTH
def test_3_12_4_1_a_ping_is_answered(version: int) -> None:
    one = connected(version)
    one.receive(b"\xc0\x00", 0.0)
    assert one.to_send() == b"\xd0\x00"


@BOTH
@pytest.mark.parametrize(
    "packet",
    [p.ConnAck(), p.SubAck(1, (0,)), p.UnsubAck(1, (0,)), p.PingResp()],
)
def test_what_a_client_may_not_send_ends_the_connection(version: int, packet: p.Packet) -> None:
    one = connected(version)
    one.receive(encode(packet, version), 0.0)
    assert (one.reason, one.fault) == (Reason.PROTOCOL_ERROR, True)


@BOTH
def test_3_14_disconnect_ends_the_session_quietly(version: int) -> None:
    one = connected(version)
    data = encode(p.Publish("t", b"x"), version) + encode(p.Disconnect(), version)
    assert len(one.receive(data, 0.0)) == 1
    assert (one.closed, one.fault, one.to_send()) == (True, False, b"")


def test_3_14_2_2_2_disconnect_cannot_ask_for_what_connect_did_not() -> None:
    one = connected(p.V5)
    late = p.Disconnect(properties=Properties(session_expiry_interval=5))
    one.receive(encode(late, p.V5), 0.0)
    assert reason_sent(one) == Reason.PROTOCOL_ERROR


# Sizes and times


@pytest.mark.parametrize("header", [b"\x30\xff\xff\xff\x7f", b"\x30\x80\x80\x40"])
def test_an_announced_giant_is_refused_at_its_header(header: bytes) -> None:
    one = connected(p.V5)
    one.receive(header, 0.0)
    assert (reason_sent(one), one.held) == (Reason.PACKET_TOO_LARGE, 0)


@BOTH
def test_a_packet_of_just_the_bound_passes_and_one_byte_more_does_not(version: int) -> None:
    for over in (0, 1):
        one = session(max_packet=200)
        one.receive(encode(p.Connect("d", version), version), 0.0)
        one.to_send()
        data = encode(p.Publish("t", b"x" * 100), version)
        data = encode(p.Publish("t", b"x" * (300 + over - len(data) - 1)), version)
        assert len(data) == 200 + over
        assert len(one.receive(data, 0.0)) == 1 - over
        assert one.closed is bool(over)
        assert not over or one.reason is Reason.PACKET_TOO_LARGE


def test_a_giant_connect_is_refused_at_its_header() -> None:
    one = session()
    one.receive(b"\x10\xff\xff\xff\x7f\x00\x04MQTT\x05", 0.0)
    (answer,) = sent(one)
    assert isinstance(answer, p.ConnAck)
    assert answer.reason == Reason.PACKET_TOO_LARGE


def test_1_5_5_1_a_needless_length_byte_is_malformed_in_mqtt_5() -> None:
    needless = b"\x30\x84\x00\x00\x01t\x00"
    one = connected(p.V5)
    assert one.receive(needless, 0.0) == []
    assert reason_sent(one) == Reason.MALFORMED_PACKET
    assert connected(p.V3).receive(b"\x30\x84\x00\x00\x01tx", 0.0) == [("t", b"x", False)]


@pytest.mark.parametrize("started", [b"", b"\x10", b"\x10\x0d\x00\x04MQ"])
def test_half_a_connect_is_dropped_after_ten_seconds(started: bytes) -> None:
    one = session()
    one.receive(started, 5.0)
    one.tick(9.9)
    assert not one.closed
    one.tick(10.0)
    assert (one.closed, one.to_send()) == (True, b"")


@BOTH
def test_3_1_2_22_silence_of_one_and_a_half_keep_alives_ends_it(version: int) -> None:
    one = connected(version, keep_alive=20)
    one.receive(b"\xc0\x00", 100.0)
    one.to_send()
    one.tick(129.9)
    assert not one.closed
    one.tick(130.0)
    assert one.closed
    if version == p.V5:
        assert reason_sent(one) == Reason.KEEP_ALIVE_TIMEOUT
    else:
        assert one.to_send() == b""


def test_bytes_that_make_no_packet_are_no_sign_of_life() -> None:
    one = connected(p.V5, keep_alive=10)
    one.receive(b"\x30\x7f", 14.0)
    one.receive(b"\0", 14.5)
    one.tick(15.0)
    assert one.closed


def test_our_own_end_is_told_with_its_reason() -> None:
    one = connected(p.V5)
    one.end(Reason.SESSION_TAKEN_OVER, "another device")
    assert reason_sent(one) == Reason.SESSION_TAKEN_OVER
    three = connected(p.V3)
    three.end(Reason.SERVER_SHUTTING_DOWN, "bye")
    assert (three.closed, three.to_send()) == (True, b"")


@BOTH
def test_a_lost_connection_is_no_fault(version: int) -> None:
    one = connected(version)
    one.gone()
    assert (one.closed, one.lost, one.fault) == (True, True, False)
