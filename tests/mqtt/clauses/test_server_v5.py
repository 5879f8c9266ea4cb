"""MQTT 5, what a server must do, statement by statement: `test_<number>_<what>`.

The number is that of the normative statement (``3_1_2_24`` is MQTT-3.1.2-24), or of the section
where the standard gives a reason code without one. What both versions have in common stands with
3.1.1 in ``test_server_v3.py``, unless the answer differs.
"""

from typing import Any

import pytest
from tests.mqtt.clauses.acts import COMMANDS, HOUR, WILL, farewell, kept, refusal, will_after
from tests.mqtt.stage import Stage

from egizcore.mqtt import packet as p
from egizcore.mqtt.properties import Properties
from egizcore.mqtt.reason import Reason

# 1.5, 2.1, 2.2


def test_1_5_4_1_ill_formed_text_is_0x81(stage: Stage) -> None:
    actor = stage.device()
    actor.raw(b"\x30\5\0\2\xc0\x80\0")
    assert farewell(actor) == Reason.MALFORMED_PACKET


def test_1_5_5_1_a_needless_length_byte_is_0x81(stage: Stage) -> None:
    actor = stage.device()
    actor.raw(b"\xc0\x80\0")
    assert farewell(actor) == Reason.MALFORMED_PACKET


@pytest.mark.parametrize("header", [b"\xc1\0", b"\x80\7\0\1\0\0\1a\0", b"\x60\2\0\1", b"\x00\0"])
def test_2_1_3_1_wrong_flags_are_0x81(stage: Stage, header: bytes) -> None:
    actor = stage.device()
    actor.raw(header)
    assert farewell(actor) == Reason.MALFORMED_PACKET


@pytest.mark.parametrize("first", [0x32, 0x34])
def test_2_2_1_3_an_identifier_of_0_is_an_error(stage: Stage, first: int) -> None:
    actor = stage.device()
    actor.raw(bytes((first, 6)) + b"\0\1t\0\0\0")
    assert farewell(actor) in {Reason.MALFORMED_PACKET, Reason.PROTOCOL_ERROR}


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        (b"\x01\1\x01\1", Reason.PROTOCOL_ERROR),  # stands twice
        (b"\x01\2", Reason.PROTOCOL_ERROR),  # neither 0 nor 1
        (b"\x11\0\0\0\1", Reason.MALFORMED_PACKET),  # of another packet
        (b"\x7f\0", Reason.MALFORMED_PACKET),  # unknown
        (b"\x02\0\0", Reason.MALFORMED_PACKET),  # cut
        (b"\x0b\1", Reason.PROTOCOL_ERROR),  # MQTT-3.3.4-6
        (b"\x23\0\0", Reason.TOPIC_ALIAS_INVALID),
        (b"\x23\0\x11", Reason.TOPIC_ALIAS_INVALID),  # above the maximum of 16
        (b"\x08\0\1#", Reason.TOPIC_NAME_INVALID),  # MQTT-3.3.2-14
    ],
)
def test_2_2_2_2_a_wrong_property_has_its_reason(
    stage: Stage, properties: bytes, reason: Reason
) -> None:
    actor = stage.device()
    body = b"\0\1t" + bytes((len(properties),)) + properties
    actor.raw(bytes((0x30, len(body))) + body)
    assert farewell(actor) == reason
    assert stage.heard == []


# 3.1 CONNECT


def test_3_1_0_2_a_second_connect_is_0x82(stage: Stage) -> None:
    actor = stage.device()
    actor.send(p.Connect("dev"))
    assert farewell(actor) == Reason.PROTOCOL_ERROR


def test_3_1_2_4_clean_start_discards_the_old_session(stage: Stage) -> None:
    kept(stage).lose()
    stage.device(properties=HOUR)
    assert not stage.endpoint.send("dev", COMMANDS, b"x")


def test_3_1_2_5_without_clean_start_the_session_goes_on(stage: Stage) -> None:
    kept(stage).lose()
    stage.device(clean_start=False, present=True)
    assert stage.endpoint.send("dev", COMMANDS, b"x")


def test_3_1_2_6_without_a_session_a_new_one_begins(stage: Stage) -> None:
    stage.device(clean_start=False)


def test_3_1_2_11_2_a_session_without_expiry_ends_with_its_connection(stage: Stage) -> None:
    stage.device(clean_start=False).lose()
    stage.device(clean_start=False)
    assert stage.endpoint.away == 0


def test_3_1_2_23_a_session_is_kept_for_its_interval_and_no_longer(stage: Stage) -> None:
    kept(stage).lose()
    stage.pass_time(3599)
    kept_on = stage.device(clean_start=False, present=True, properties=HOUR)
    kept_on.lose()
    stage.pass_time(3601)
    assert stage.endpoint.away == 0
    stage.device(clean_start=False)


def test_3_1_2_23_a_session_is_over_in_time_though_nobody_looked(stage: Stage) -> None:
    kept(stage).lose()
    stage.now += 3600
    stage.device(clean_start=False)


def test_3_1_2_11_2_the_highest_interval_never_ends(stage: Stage) -> None:
    never = Properties(session_expiry_interval=0xFFFF_FFFF)
    stage.device(clean_start=False, properties=never).lose()
    stage.pass_time(1e9)
    stage.device(clean_start=False, present=True)


def test_3_1_2_11_2_the_newest_connections_interval_counts(stage: Stage) -> None:
    kept(stage).lose()
    stage.device(clean_start=False, present=True).lose()
    stage.device(clean_start=False)


def test_3_1_2_22_one_and_a_half_keep_alives_of_silence_are_0x8d(stage: Stage) -> None:
    actor = stage.device(keep_alive=10)
    stage.pass_time(14.9)
    assert not actor.ended
    stage.pass_time(0.2)
    assert farewell(actor) == Reason.KEEP_ALIVE_TIMEOUT


def test_3_1_2_24_nothing_larger_than_the_device_takes_is_sent(stage: Stage) -> None:
    small = Properties(maximum_packet_size=60, session_expiry_interval=3600)
    actor = stage.device(properties=small)
    actor.ask(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    stage.endpoint.send("dev", COMMANDS, bytes(60))
    stage.endpoint.send("dev", COMMANDS, b"fits")
    (arrived,) = actor.read()
    assert isinstance(arrived, p.Publish)
    assert (arrived.payload, stage.outcomes.lost) == (b"fits", 1)


@pytest.mark.parametrize("maximum", [1, 3, 16])
def test_3_1_2_11_3_no_more_are_in_flight_than_the_devices_receive_maximum(
    stage: Stage, maximum: int
) -> None:
    actor = stage.device(properties=Properties(receive_maximum=maximum))
    actor.ask(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    for number in range(20):
        stage.endpoint.send("dev", COMMANDS, b"%d" % number)
    arrived = actor.read()
    assert len(arrived) == maximum
    actor.send(p.PubAck(1))
    assert len(actor.read()) == 1


def test_3_1_2_11_3_a_smaller_receive_maximum_holds_for_what_is_sent_again(stage: Stage) -> None:
    actor = kept(stage)
    for number in range(4):
        stage.endpoint.send("dev", COMMANDS, b"%d" % number)
    actor.lose()
    again = stage.dial()
    small = Properties(receive_maximum=1)
    again.send(p.Connect("dev", clean_start=False, properties=small))
    assert again.read()[1:] == [p.Publish(COMMANDS, b"0", 1, dup=True, id=1)]
    again.send(p.PubAck(1))
    assert again.read() == [p.Publish(COMMANDS, b"1", 1, dup=True, id=2)]


@pytest.mark.parametrize(
    "wrong", [{"receive_maximum": 0}, {"maximum_packet_size": 0}], ids=lambda one: next(iter(one))
)
def test_3_1_2_11_a_maximum_of_0_is_0x82(stage: Stage, wrong: dict[str, Any]) -> None:
    assert refusal(stage.dial(), p.Connect("dev", properties=Properties(**wrong))) == 0x82


@pytest.mark.parametrize("client_id", ["", "eve", "x" * 1025])
def test_3_1_4_2_a_refusal_says_why_and_closes(stage: Stage, client_id: str) -> None:
    actor = stage.dial()
    if client_id:
        expected = 0x86 if client_id == "eve" else 0x85
        assert refusal(actor, p.Connect(client_id)) == expected
    else:
        actor.send(p.Connect(""))
        (answer,) = actor.read()
        assert isinstance(answer, p.ConnAck)
        assert answer.properties.assigned_client_identifier


def test_3_1_4_3_the_old_connection_of_an_id_hears_0x8e(stage: Stage) -> None:
    first = stage.device()
    stage.device()
    assert farewell(first) == Reason.SESSION_TAKEN_OVER


def test_3_1_4_3_fifty_in_a_row_each_end_the_one_before(stage: Stage) -> None:
    crowd = [kept(stage)]
    crowd += [stage.device(clean_start=False, properties=HOUR, present=True) for _ in range(49)]
    assert {farewell(one) for one in crowd[:-1]} == {Reason.SESSION_TAKEN_OVER}
    assert (stage.endpoint.devices, stage.endpoint.takeovers) == (1, 49)


def test_3_1_4_3_a_device_that_said_goodbye_was_not_taken_over(stage: Stage) -> None:
    stage.device().send(p.Disconnect())
    stage.device()
    assert stage.endpoint.takeovers == 0


# 3.1.2.5, 3.1.3.2.2 Wills


def test_3_1_2_8_a_will_without_delay_is_published_at_once(stage: Stage) -> None:
    kept(stage, will=WILL).lose()
    assert stage.payloads == [b"gone"]


def test_3_1_3_9_a_will_waits_for_its_delay(stage: Stage) -> None:
    kept(stage, will=will_after(10)).lose()
    stage.pass_time(9)
    assert stage.heard == []
    stage.pass_time(1)
    assert stage.heard == [("status/dev", b"gone")]
    stage.pass_time(3600)
    assert len(stage.heard) == 1


def test_3_1_3_9_a_device_that_is_back_in_time_has_no_will_published(stage: Stage) -> None:
    kept(stage, will=will_after(10)).lose()
    stage.pass_time(9)
    stage.device(clean_start=False, present=True, properties=HOUR)
    stage.pass_time(60)
    assert stage.heard == []


def test_3_1_3_2_2_the_end_of_the_session_ends_the_delay(stage: Stage) -> None:
    short = Properties(session_expiry_interval=5)
    stage.device(will=will_after(60), properties=short).lose()
    stage.pass_time(4)
    assert stage.heard == []
    stage.pass_time(1)
    assert stage.payloads == [b"gone"]


def test_3_1_3_2_2_a_session_that_ends_with_its_connection_has_no_delay(stage: Stage) -> None:
    stage.device(will=will_after(60)).lose()
    assert stage.payloads == [b"gone"]


def test_3_1_3_2_2_a_clean_start_ends_the_session_and_the_delay(stage: Stage) -> None:
    kept(stage, will=will_after(60)).lose()
    stage.device()
    assert stage.payloads == [b"gone"]


@pytest.mark.parametrize(
    ("clean", "delay", "published"),
    [(True, 60, True), (False, 60, False), (True, 0, True), (False, 0, True)],
)
def test_3_1_4_3_the_will_of_who_was_taken_over(
    stage: Stage, *, clean: bool, delay: int, published: bool
) -> None:
    kept(stage, will=will_after(delay))
    stage.device(clean_start=clean, properties=HOUR, present=not clean)
    stage.pass_time(61)
    assert stage.payloads == [b"gone"] * published


@pytest.mark.parametrize(("reason", "count"), [(0x00, 0), (0x04, 1), (0x80, 1)])
def test_3_1_2_10_only_a_disconnect_with_0x00_spares_the_will(
    stage: Stage, reason: int, count: int
) -> None:
    actor = stage.device(will=WILL)
    actor.send(p.Disconnect(reason))
    actor.lose()
    assert stage.payloads == [b"gone"] * count


def test_3_14_4_3_a_disconnect_with_0x00_spares_the_delayed_will_too(stage: Stage) -> None:
    kept(stage, will=will_after(5)).send(p.Disconnect())
    stage.pass_time(3600)
    assert stage.heard == []


# 3.2 CONNACK


def test_3_2_2_3_what_we_can_is_announced(stage: Stage) -> None:
    answer = stage.dial().ask(p.Connect("dev"))
    assert isinstance(answer, p.ConnAck)
    announced = answer.properties
    assert (announced.receive_maximum, announced.maximum_packet_size) == (1024, 1 << 20)
    assert announced.topic_alias_maximum == 16
    assert announced.maximum_qos is None  # QoS 2
    assert announced.session_expiry_interval is None  # as the device wished


def test_3_2_2_7_an_unknown_authentication_method_is_0x8c(stage: Stage) -> None:
    asked = p.Connect("d", properties=Properties(authentication_method="SCRAM"))
    assert refusal(stage.dial(), asked) == Reason.BAD_AUTHENTICATION_METHOD


# 3.14 DISCONNECT, 3.15 AUTH


def test_3_14_2_2_2_disconnect_may_change_the_expiry(stage: Stage) -> None:
    actor = kept(stage)
    actor.send(p.Disconnect(properties=Properties(session_expiry_interval=0)))
    stage.device(clean_start=False)
    other = kept(stage, "other")
    other.send(p.Disconnect(properties=Properties(session_expiry_interval=5)))
    stage.pass_time(6)
    stage.device(client_id="other", clean_start=False)


def test_3_14_2_2_2_disconnect_cannot_ask_for_what_connect_did_not(stage: Stage) -> None:
    actor = stage.device(will=WILL)
    actor.send(p.Disconnect(properties=Properties(session_expiry_interval=5)))
    assert farewell(actor) == Reason.PROTOCOL_ERROR
    assert stage.payloads == [b"gone"]


@pytest.mark.parametrize("reason", [0x8B, 0x8E, 0x9C])
def test_3_14_2_1_a_device_does_not_leave_with_a_servers_reason(stage: Stage, reason: int) -> None:
    actor = stage.device()
    actor.send(p.Disconnect(reason))
    assert farewell(actor) == Reason.PROTOCOL_ERROR


def test_3_14_2_2_5_a_device_has_no_server_reference(stage: Stage) -> None:
    actor = stage.device()
    actor.send(p.Disconnect(properties=Properties(server_reference="elsewhere")))
    assert farewell(actor) == Reason.PROTOCOL_ERROR


@pytest.mark.parametrize("reason", [0x00, 0x18, 0x19])
def test_4_12_0_1_auth_without_a_method_is_0x82(stage: Stage, reason: int) -> None:
    actor = stage.device()
    actor.send(p.Auth(reason))
    assert farewell(actor) == Reason.PROTOCOL_ERROR
