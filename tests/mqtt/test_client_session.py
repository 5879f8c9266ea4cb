"""One small script a clause: what a broker sends, and what our link makes of it."""

import pytest
from tests.mqtt import samples
from tests.mqtt.hosts import memory

from egizcore.mqtt import packet as p
from egizcore.mqtt.client_session import ClientSession, greeting
from egizcore.mqtt.encode import encode
from egizcore.mqtt.properties import Properties
from egizcore.mqtt.reason import Reason
from egizcore.mqtt.topic import Topics

BOTH = pytest.mark.parametrize("version", [p.V3, p.V5])
MAX_PACKET = 1 << 20


def session(
    version: int, filters: tuple[str, ...] = (), *, qos: int = 1, share: str | None = None
) -> ClientSession[str]:
    connect = greeting(version, "us", "u", b"p", max_packet=MAX_PACKET)
    return ClientSession(
        Topics(str), connect, filters, memory(), 0.0, max_packet=MAX_PACKET, qos=qos, share=share
    )


def sent(one: ClientSession[str]) -> list[p.Packet]:
    return samples.read(one.to_send(), one.version)


def opened(
    version: int,
    filters: tuple[str, ...] = (),
    *,
    announced: Properties | None = None,
    share: str | None = None,
) -> ClientSession[str]:
    one = session(version, filters, share=share)
    one.to_send()
    one.receive(encode(p.ConnAck(properties=announced or Properties()), version), 0.0)
    assert one.open
    return one


def test_3_1_the_greeting_of_mqtt_5_announces_our_bounds() -> None:
    announced = Properties(
        receive_maximum=1024, maximum_packet_size=MAX_PACKET, topic_alias_maximum=16
    )
    assert sent(session(p.V5)) == [
        p.Connect("us", keep_alive=30, username="u", password=b"p", properties=announced)
    ]


def test_3_1_the_greeting_of_3_1_1_has_no_properties() -> None:
    assert sent(session(p.V3)) == [
        p.Connect("us", p.V3, keep_alive=30, username="u", password=b"p")
    ]


@BOTH
def test_filters_are_subscribed_one_by_one_after_connack(version: int) -> None:
    one = opened(version, ("a/#", "b/+"))
    assert [packet.subscriptions for packet in sent(one) if isinstance(packet, p.Subscribe)] == [
        (p.Subscription("a/#", 1),),
        (p.Subscription("b/+", 1),),
    ]
    assert not one.settled


@BOTH
def test_a_refused_filter_costs_only_itself(version: int) -> None:
    one = opened(version, ("a", "b"))
    first, second = sent(one)
    assert isinstance(first, p.Subscribe)
    assert isinstance(second, p.Subscribe)
    one.receive(encode(p.SubAck(second.id, (0x80,)), version), 1.0)
    one.receive(encode(p.SubAck(first.id, (1,)), version), 1.0)
    assert (one.settled, one.closed, one.refused) == (True, False, {"b": "unspecified error"})


@BOTH
def test_a_retained_message_is_told_from_a_live_one(version: int) -> None:
    one = opened(version)
    data = encode(p.Publish("t", b"old", retain=True), version)
    data += encode(p.Publish("t", b"new"), version)
    assert one.receive(data, 0.0) == [("t", b"old", True), ("t", b"new", False)]


@BOTH
def test_qos_1_is_acknowledged_after_it_is_applied(version: int) -> None:
    one = opened(version)
    one.receive(encode(p.Publish("t", b"x", 1, id=9), version), 0.0)
    assert one.to_send() == b""
    one.applied()
    assert sent(one) == [p.PubAck(9)]


def test_3_3_2_3_4_an_alias_of_the_broker_is_understood() -> None:
    one = opened(p.V5)
    alias = Properties(topic_alias=2)
    data = encode(p.Publish("t", b"1", properties=alias), p.V5)
    data += encode(p.Publish("", b"2", properties=alias), p.V5)
    assert one.receive(data, 0.0) == [("t", b"1", False), ("t", b"2", False)]


@pytest.mark.parametrize(
    ("version", "reason", "words"),
    [
        (p.V3, 5, "refused: not authorized"),
        (p.V3, 4, "refused: bad user name or password"),
        (p.V3, 200, "refused: unspecified error"),
        (p.V5, 0x86, "refused: bad user name or password"),
        (p.V5, 0x89, "refused: server busy"),
    ],
)
def test_a_refusal_ends_the_session_with_words(version: int, reason: int, words: str) -> None:
    one = session(version)
    one.to_send()
    one.receive(encode(p.ConnAck(reason), version), 0.0)
    assert (one.closed, one.fault, one.detail, one.to_send()) == (True, False, words, b"")


def test_the_reason_string_of_the_broker_is_told() -> None:
    one = session(p.V5)
    why = Properties(reason_string="come back tomorrow")
    one.receive(encode(p.ConnAck(0x88, properties=why), p.V5), 0.0)
    assert one.detail == "refused: server unavailable ('come back tomorrow')"


@pytest.mark.parametrize("data", [b"\x20\x02\0\x01", b"\x20\x02\0\0", b"\x20\x03\0\x84\0"])
def test_a_broker_without_mqtt_5_is_recognised(data: bytes) -> None:
    one = session(p.V5)
    one.receive(data, 0.0)
    assert (one.closed, one.reason) == (True, Reason.UNSUPPORTED_PROTOCOL_VERSION)


@BOTH
def test_the_first_packet_of_a_broker_is_connack(version: int) -> None:
    one = session(version)
    one.to_send()
    assert one.receive(encode(p.Publish("t", b"x"), version), 0.0) == []
    assert (one.fault, one.to_send()) == (True, b"")


@BOTH
def test_3_2_2_4_a_session_after_a_clean_start_is_a_protocol_error(version: int) -> None:
    one = session(version)
    one.receive(encode(p.ConnAck(session_present=True), version), 0.0)
    assert (one.fault, one.open) == (True, False)


@BOTH
@pytest.mark.parametrize(
    "packet",
    [p.ConnAck(), p.Connect("x"), p.PingReq(), p.SubAck(9, (0,)), p.Unsubscribe(1, ("a",))],
)
def test_what_a_broker_may_not_send_ends_the_session(version: int, packet: p.Packet) -> None:
    one = opened(version)
    one.receive(encode(packet, version), 0.0)
    assert (one.reason, one.fault) == (Reason.PROTOCOL_ERROR, True)
    assert one.to_send() == (b"" if version == p.V3 else one._disconnect(one.reason, one.detail))


def test_3_14_the_broker_may_end_it_and_say_why() -> None:
    one = opened(p.V5)
    one.receive(encode(p.Disconnect(0x8E), p.V5), 0.0)
    assert (one.detail, one.fault) == ("the broker ended it: session taken over", False)


# Times


@BOTH
def test_a_broker_without_a_connack_is_given_ten_seconds(version: int) -> None:
    one = session(version)
    one.tick(9.9)
    assert (one.closed, one.deadline) == (False, 10.0)
    one.tick(10.0)
    assert (one.closed, one.detail) == (True, "no CONNACK within 10 s")


@BOTH
def test_a_broker_without_a_suback_is_given_ten_seconds(version: int) -> None:
    one = opened(version, ("a",))
    one.tick(one.deadline)
    assert (one.closed, one.detail) == (True, "no SUBACK within 10 s")


def settled(version: int, at: float) -> ClientSession[str]:
    one = opened(version)
    one.receive(b"\xd0\x00", at)
    one.to_send()
    return one


@BOTH
def test_a_ping_goes_out_and_its_answer_is_waited_for(version: int) -> None:
    one = settled(version, 1.0)
    assert one.deadline == 30.0
    one.tick(30.0)
    assert (one.to_send(), one.deadline) == (b"\xc0\x00", 40.0)
    one.receive(b"\xd0\x00", 30.5)
    assert one.deadline == 60.0
    one.tick(60.0)
    one.to_send()
    one.tick(70.0)
    assert (one.closed, one.detail) == (True, "no PINGRESP within 10 s")


def test_under_a_flood_any_packet_is_a_sign_of_life() -> None:
    one = settled(p.V5, 1.0)
    one.tick(30.0)
    one.receive(encode(p.Publish("t", b"x"), p.V5), 39.0)
    one.tick(40.0)
    assert not one.closed


def test_3_2_2_3_14_the_servers_keep_alive_is_obeyed() -> None:
    one = opened(p.V5, announced=Properties(server_keep_alive=7))
    one.receive(b"\xd0\x00", 1.0)
    assert one.deadline == 7.0


def test_3_1_2_20_pings_follow_the_keep_alive_however_late_they_are_answered() -> None:
    one = opened(p.V5, announced=Properties(server_keep_alive=4))
    one.receive(b"\xd0\x00", 1.0)
    one.to_send()
    for due in (4.0, 8.0, 12.0):
        assert one.deadline == due
        one.tick(due)
        assert sent(one) == [p.PingReq()]
    assert one.deadline == 14.0  # ten seconds after the first that has no answer
    one.tick(14.0)
    assert (one.closed, one.detail) == (True, "no PINGRESP within 10 s")


# Publishing


@BOTH
def test_a_message_goes_out_and_is_forgotten_when_confirmed(version: int) -> None:
    one = opened(version)
    assert one.publish("t", b"x", 1)
    assert one.publish("t", b"y")
    first, second = sent(one)
    assert isinstance(first, p.Publish)
    assert (first.qos, second) == (1, p.Publish("t", b"y"))
    assert one.memory.outgoing.in_flight == 1
    one.receive(encode(p.PubAck(first.id), version), 0.0)
    assert one.memory.outgoing.in_flight == 0


def test_nothing_is_published_before_the_broker_accepts_or_after_the_end() -> None:
    one = session(p.V5)
    assert not one.publish("t", b"x")
    other = opened(p.V5)
    other.end(Reason.SUCCESS, "")
    assert not other.publish("t", b"x")


def test_3_3_4_7_the_brokers_receive_maximum_is_obeyed() -> None:
    one = opened(p.V5, announced=Properties(receive_maximum=2))
    assert [one.publish("t", b"x", 1) for _ in range(3)] == [True, True, False]
    assert one.publish("t", b"x", 0)
    first = sent(one)[0]
    assert isinstance(first, p.Publish)
    one.receive(encode(p.PubAck(first.id), p.V5), 0.0)
    assert one.publish("t", b"x", 1)


def test_the_brokers_maximum_qos_and_packet_size_are_obeyed() -> None:
    one = opened(p.V5, announced=Properties(maximum_qos=0, maximum_packet_size=20))
    assert one.publish("t", b"x", 1)
    assert sent(one) == [p.Publish("t", b"x")]
    assert not one.publish("t", bytes(20))


def test_a_refused_publication_is_remarked() -> None:
    one = opened(p.V5)
    one.publish("t", b"x", 1)
    (packet,) = sent(one)
    assert isinstance(packet, p.Publish)
    one.receive(encode(p.PubAck(packet.id, 0x87), p.V5), 0.0)
    assert one.remark == "a publication was refused: not authorized"


def test_identifiers_go_round_without_the_ones_in_use() -> None:
    one = opened(p.V3)
    outgoing = one.memory.outgoing
    outgoing._id = 65_534
    for _ in range(3):
        one.publish("t", b"", 1)
    assert list(outgoing._flight) == [65_535, 1, 2]
    outgoing._id = 65_534
    one.publish("t", b"", 1)
    assert list(outgoing._flight)[-1] == 3


# Shared subscriptions


def shared(version: int, announced: Properties | None = None) -> tuple[str, str]:
    one = opened(version, ("a/#",), announced=announced, share="g")
    (subscribe,) = sent(one)
    assert isinstance(subscribe, p.Subscribe)
    return subscribe.subscriptions[0].filter, one.remark


def test_a_group_is_subscribed_in_mqtt_5() -> None:
    assert shared(p.V5) == ("$share/g/a/#", "")


def test_a_group_that_cannot_be_is_subscribed_plainly_and_told() -> None:
    plain, remark = shared(p.V3)
    assert (plain, remark[:14]) == ("a/#", "MQTT 3.1.1 has")
    plain, remark = shared(p.V5, Properties(shared_subscription_available=0))
    assert (plain, remark[:14]) == ("a/#", "the broker has")


@BOTH
def test_we_leave_with_a_disconnect(version: int) -> None:
    one = opened(version)
    one.end(Reason.SUCCESS, "")
    (last,) = sent(one)
    assert isinstance(last, p.Disconnect)
    assert last.reason == 0
