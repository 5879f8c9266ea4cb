"""MQTT 3.1.1, what a server must do, statement by statement: `test_<number>_<what>`.

The number is that of the normative statement: ``3_1_2_24`` is MQTT-3.1.2-24. Statements on routing
between clients and on retained messages have no script: devices publish to us, not to each other.
"""

import pytest
from tests.mqtt.stage import Actor, Stage

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode

V3 = p.V3
COMMANDS = "devices/dev/desired"
WILL = p.Will("status/dev", b"gone", 1)


def is_closed_in_silence(actor: Actor) -> bool:
    return actor.ended and actor.read() == []


def connect_bytes(
    flags: int, payload: bytes = b"\0\1d", name: bytes = b"\0\4MQTT", level: int = 4
) -> bytes:
    body = name + bytes((level, flags, 0, 60)) + payload
    return bytes((0x10, len(body))) + body


# 1.5.3 Strings, 2.2 Fixed header, 2.3 Identifiers


@pytest.mark.parametrize("text", [b"\xc0\x80", b"\xed\xa0\x80", b"\xff", b"a\0b"])
def test_1_5_3_1_and_2_ill_formed_text_closes(stage: Stage, text: bytes) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(2, bytes((0, len(text))) + text))
    assert is_closed_in_silence(actor)


def test_1_5_3_3_a_byte_order_mark_is_kept(stage: Stage) -> None:
    stage.device(V3).raw(b"\x30\x06\0\4\xef\xbb\xbfa")
    assert stage.heard == [("\ufeffa", b"")]


@pytest.mark.parametrize(
    "header",
    [b"\xc1\0", b"\xc8\0", b"\xe1\0", b"\x80\6\0\1\0\1a\0", b"\xa0\5\0\1\0\1a", b"\x60\2\0\1"],
)
def test_2_2_2_2_wrong_flags_close(stage: Stage, header: bytes) -> None:
    actor = stage.device(V3)
    actor.raw(header)
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("header", [b"\x00\0", b"\xf0\0"])
def test_2_2_1_the_reserved_types_close(stage: Stage, header: bytes) -> None:
    actor = stage.device(V3)
    actor.raw(header)
    assert is_closed_in_silence(actor)


def test_2_2_3_five_bytes_of_length_close(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.raw(b"\x30\xff\xff\xff\xff\x01")
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize(
    "data", [b"\x32\5\0\1t\0\0", b"\x34\5\0\1t\0\0", b"\x82\6\0\0\0\1a\0", b"\xa2\5\0\0\0\1a"]
)
def test_2_3_1_1_an_identifier_of_0_closes(stage: Stage, data: bytes) -> None:
    actor = stage.device(V3)
    actor.raw(data)
    assert is_closed_in_silence(actor)


# 3.1 CONNECT


@pytest.mark.parametrize("first", [p.Publish("t", b"x"), p.PingReq(), p.Disconnect()])
def test_3_1_0_1_the_first_packet_is_connect(stage: Stage, first: p.Packet) -> None:
    actor = stage.dial(V3)
    actor.send(first)
    assert is_closed_in_silence(actor)
    assert stage.heard == []


def test_3_1_0_2_a_second_connect_closes(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.send(p.Connect("dev", V3))
    assert is_closed_in_silence(actor)


def test_3_1_2_1_another_protocol_name_closes(stage: Stage) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(2, name=b"\0\4mqtt"))
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("level", [0, 3, 6, 0x83, 0x84])
def test_3_1_2_2_another_level_is_answered_with_1(stage: Stage, level: int) -> None:
    actor = stage.dial(p.V5 if level >= 5 else V3)
    actor.raw(connect_bytes(2, level=level))
    assert actor.ended
    assert actor.wire.written[3] == (0x84 if level >= 5 else 1)


def test_3_1_2_3_the_reserved_flag_closes(stage: Stage) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(3))
    assert is_closed_in_silence(actor)


def test_3_1_2_4_without_clean_session_the_state_goes_on(stage: Stage) -> None:
    first = stage.device(V3, clean_start=False)
    first.send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    first.lose()
    second = stage.device(V3, clean_start=False, present=True)
    assert stage.endpoint.send("dev", COMMANDS, b"on")
    assert second.read() == [p.Publish(COMMANDS, b"on", 1, id=1)]


def test_3_1_2_5_what_comes_while_the_device_is_away_waits(stage: Stage) -> None:
    first = stage.device(V3, clean_start=False)
    first.send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    first.send(p.Disconnect())
    assert stage.endpoint.send("dev", COMMANDS, b"1")
    assert stage.endpoint.send("dev", COMMANDS, b"2")
    second = stage.dial(V3)
    second.send(p.Connect("dev", V3, clean_start=False))
    assert second.read() == [
        p.ConnAck(0, session_present=True),
        p.Publish(COMMANDS, b"1", 1, id=1),
        p.Publish(COMMANDS, b"2", 1, id=2),
    ]


def test_3_1_2_6_a_clean_session_forgets_the_old_one_and_itself(stage: Stage) -> None:
    stage.device(V3, clean_start=False).send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    clean = stage.device(V3)
    assert not stage.endpoint.send("dev", COMMANDS, b"on")
    clean.lose()
    stage.device(V3, clean_start=False)


def test_3_1_2_8_a_will_is_published_when_the_connection_breaks(stage: Stage) -> None:
    stage.device(V3, will=WILL).lose()
    assert stage.heard == [("status/dev", b"gone")]


@pytest.mark.parametrize("last", [b"\x00\0", b"\x82\0", b"\x10\0"])
def test_3_1_2_8_a_will_is_published_after_a_protocol_error(stage: Stage, last: bytes) -> None:
    actor = stage.device(V3, will=WILL)
    actor.raw(encode(p.Publish("t", b"last"), V3) + last)
    actor.lose()
    assert stage.payloads == [b"last", b"gone"]


def test_3_1_2_8_a_will_is_published_when_the_keep_alive_lapses(stage: Stage) -> None:
    stage.device(V3, will=WILL, keep_alive=10)
    stage.pass_time(15)
    assert stage.payloads == [b"gone"]


def test_3_1_2_8_a_will_is_published_when_another_takes_over(stage: Stage) -> None:
    stage.device(V3, will=WILL, clean_start=False)
    stage.device(V3, clean_start=False, present=True)
    assert stage.payloads == [b"gone"]


def test_3_1_2_10_a_will_is_forgotten_after_disconnect(stage: Stage) -> None:
    actor = stage.device(V3, will=WILL, clean_start=False)
    actor.send(p.Disconnect())
    actor.lose()
    stage.device(V3, clean_start=False, present=True).lose()
    assert stage.heard == []


@pytest.mark.parametrize("flags", [0x0A, 0x12, 0x22, 0x3A])
def test_3_1_2_11_and_13_and_15_will_flags_without_a_will_close(stage: Stage, flags: int) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(flags))
    assert is_closed_in_silence(actor)


def test_3_1_2_14_a_will_of_qos_3_closes(stage: Stage) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(0x1E, b"\0\1d\0\1t\0\1x"))
    assert is_closed_in_silence(actor)


def test_3_1_2_16_a_retained_will_is_telemetry_like_any_other(stage: Stage) -> None:
    stage.device(V3, will=p.Will("t", b"x", 2, retain=True)).lose()
    assert stage.heard == [("t", b"x")]


@pytest.mark.parametrize(
    ("flags", "payload"), [(0x82, b"\0\1d"), (0xC2, b"\0\1d\0\1u"), (0x02, b"\0\1d\0\1u")]
)
def test_3_1_2_18_to_21_user_name_and_password_stand_where_the_flags_say(
    stage: Stage, flags: int, payload: bytes
) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(flags, payload))
    assert is_closed_in_silence(actor)


def test_3_1_2_22_a_password_needs_a_user_name(stage: Stage) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(0x42, b"\0\1d\0\1p"))
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("keep_alive", [1, 15, 60, 65_535])
def test_3_1_2_24_one_and_a_half_keep_alives_of_silence_close(
    stage: Stage, keep_alive: int
) -> None:
    actor = stage.device(V3, keep_alive=keep_alive)
    stage.pass_time(keep_alive * 1.5 - 0.1)
    assert not actor.ended
    stage.pass_time(0.2)
    assert is_closed_in_silence(actor)


def test_3_1_2_24_a_keep_alive_of_none_means_for_ever(stage: Stage) -> None:
    actor = stage.device(V3, keep_alive=0)
    stage.pass_time(1e6)
    assert not actor.ended


def test_3_1_3_5_ids_of_23_letters_and_longer_are_taken(stage: Stage) -> None:
    stage.device(V3, "abcdefghijklmnopqrstuvw")
    stage.device(V3, "ü" * 512)


def test_3_1_3_6_and_7_an_empty_id_with_a_clean_session_is_one_of_its_own(stage: Stage) -> None:
    one, other = stage.device(V3, ""), stage.device(V3, "")
    assert not one.ended
    assert not other.ended
    assert stage.endpoint.devices == 2


def test_3_1_3_8_and_9_an_empty_id_without_is_refused_with_2(stage: Stage) -> None:
    actor = stage.dial(V3)
    assert actor.ask(p.Connect("", V3, clean_start=False)) == p.ConnAck(2)
    assert actor.ended


def test_3_1_4_1_a_connect_with_bytes_behind_its_last_field_closes(stage: Stage) -> None:
    actor = stage.dial(V3)
    actor.raw(connect_bytes(2, b"\0\1d!"))
    assert is_closed_in_silence(actor)


def test_3_1_4_2_a_second_device_of_the_id_ends_the_first(stage: Stage) -> None:
    first = stage.device(V3)
    second = stage.device(V3)
    assert is_closed_in_silence(first)
    assert not second.ended
    assert (stage.endpoint.devices, stage.endpoint.takeovers) == (1, 1)


def test_3_1_4_5_what_comes_behind_connect_in_one_write_is_served(stage: Stage) -> None:
    actor = stage.dial(V3)
    wanted = p.Subscribe(1, (p.Subscription(COMMANDS, 1),))
    actor.send(p.Connect("dev", V3), wanted, p.Publish("t", b"x", 1, id=7), p.PingReq())
    answers = actor.read()
    assert answers[0] == p.ConnAck()
    assert p.SubAck(1, (1,)) in answers
    assert p.PubAck(7) in answers
    assert stage.payloads == [b"x"]


def test_3_1_4_5_nothing_behind_a_refused_connect_is_served(stage: Stage) -> None:
    actor = stage.dial(V3)
    actor.send(p.Connect("eve", V3, will=WILL), p.Publish("t", b"x"))
    assert actor.read() == [p.ConnAck(4)]
    assert actor.ended
    actor.lose()
    assert stage.heard == []


# 3.2 CONNACK


def test_3_2_2_1_to_3_session_present_is_0_unless_there_is_one(stage: Stage) -> None:
    stage.device(V3, clean_start=False).lose()
    stage.device(V3, clean_start=False, present=True).lose()
    stage.device(V3).lose()
    stage.device(V3, clean_start=False)


def test_3_2_2_4_a_refusal_has_no_session_present(stage: Stage) -> None:
    assert stage.dial(V3).ask(p.Connect("eve", V3, clean_start=False)) == p.ConnAck(4)
