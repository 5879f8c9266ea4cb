"""MQTT 5, what a server must do with messages and filters; named as in `test_server_v5.py`."""

import pytest
from tests.mqtt.clauses.acts import COMMANDS, HOUR, WILL, farewell, kept, will_after
from tests.mqtt.stage import Stage

from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode
from egizcore.mqtt.properties import Properties
from egizcore.mqtt.reason import Reason

# 3.3 PUBLISH


def test_3_3_2_7_an_alias_without_a_topic_is_0x82(stage: Stage) -> None:
    actor = stage.device()
    actor.send(p.Publish("", b"x", properties=Properties(topic_alias=3)))
    assert farewell(actor) == Reason.PROTOCOL_ERROR


def test_3_3_2_3_4_an_alias_ends_with_its_connection(stage: Stage) -> None:
    first = kept(stage)
    first.send(p.Publish("t", b"1", properties=Properties(topic_alias=3)))
    first.send(p.Publish("", b"2", properties=Properties(topic_alias=3)))
    first.lose()
    second = stage.device(clean_start=False, present=True)
    second.send(p.Publish("", b"3", properties=Properties(topic_alias=3)))
    assert farewell(second) == Reason.PROTOCOL_ERROR
    assert stage.heard == [("t", b"1"), ("t", b"2")]


def test_3_3_2_3_4_a_repeated_qos_2_gives_its_alias_all_the_same(stage: Stage) -> None:
    first = kept(stage)
    aliased = Properties(topic_alias=1)
    first.send(p.Publish("t", b"x", 2, id=1, properties=aliased))
    first.lose()
    second = stage.device(clean_start=False, present=True)
    second.send(p.Publish("t", b"x", 2, dup=True, id=1, properties=aliased))
    second.send(p.Publish("", b"y", properties=aliased))
    assert stage.heard == [("t", b"x"), ("t", b"y")]


@pytest.mark.parametrize("qos", [1, 2])
def test_3_3_4_9_more_than_the_receive_maximum_is_0x93(stage: Stage, qos: int) -> None:
    actor = stage.device()
    actor.send(*(p.Publish("t", b"", qos, id=number) for number in range(1, 1026)))
    *answers, last = actor.read()
    assert len(answers) == 1024
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.RECEIVE_MAXIMUM_EXCEEDED


def test_4_9_a_message_of_qos_2_counts_until_its_pubcomp(stage: Stage) -> None:
    actor = stage.device()
    actor.send(*(p.Publish("t", b"", 2, id=number) for number in range(1, 1025)))
    actor.send(p.PubRel(1))
    actor.send(p.Publish("t", b"", 1, id=2000))
    assert not actor.ended
    actor.read()
    actor.send(p.PubRel(2), *(p.Publish("t", b"", 1, id=number) for number in (1, 2, 3)))
    *_, last = actor.read()
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.RECEIVE_MAXIMUM_EXCEEDED


# 3.4 to 3.7


def test_3_7_2_1_a_pubrel_for_nothing_is_answered_with_0x92(stage: Stage) -> None:
    assert stage.device().ask(p.PubRel(7)) == p.PubComp(7, Reason.PACKET_IDENTIFIER_NOT_FOUND)


def test_3_6_2_1_a_pubrec_for_nothing_is_answered_with_0x92(stage: Stage) -> None:
    actor = stage.device()
    assert actor.ask(p.PubRec(7)) == p.PubRel(7, Reason.PACKET_IDENTIFIER_NOT_FOUND)
    actor.send(p.PubRec(7, 0x80), p.PubComp(7), p.PubAck(7))
    assert (actor.read(), actor.ended) == ([], False)


def test_4_3_2_a_pubrec_for_a_message_of_qos_1_is_0x82(stage: Stage) -> None:
    actor = kept(stage)
    stage.endpoint.send("dev", COMMANDS, b"x")
    actor.read()
    actor.send(p.PubRec(1))
    assert farewell(actor) == Reason.PROTOCOL_ERROR


def test_3_4_2_1_a_refused_command_is_not_sent_again(stage: Stage) -> None:
    actor = kept(stage)
    stage.endpoint.send("dev", COMMANDS, b"x")
    actor.send(p.PubAck(1, Reason.NOT_AUTHORIZED))
    actor.lose()
    again = stage.device(clean_start=False, present=True)
    assert again.read() == []
    assert (stage.outcomes.confirmed, stage.outcomes.lost) == (0, 1)


@pytest.mark.parametrize("step", ["publish", "pubrec", "pubrel", "pubcomp"])
def test_4_3_3_qos_2_cut_at_any_step_is_delivered_once(stage: Stage, step: str) -> None:
    first = kept(stage)
    data = encode(p.Publish("t", b"x", 2, id=5), p.V5)
    first.raw(data[:-1] if step == "publish" else data)
    if step in {"pubrel", "pubcomp"}:
        first.send(p.PubRel(5))
    first.lose()
    second = stage.device(clean_start=False, present=True)
    if step in {"publish", "pubrec"}:
        assert second.ask(p.Publish("t", b"x", 2, dup=True, id=5)) == p.PubRec(5)
    answer = second.ask(p.PubRel(5))
    assert isinstance(answer, p.PubComp)
    assert answer.reason == (0x92 if step in {"pubrel", "pubcomp"} else 0)
    assert stage.payloads == [b"x"]


# 3.8 to 3.11


def test_3_8_4_each_filter_has_its_answer(stage: Stage) -> None:
    wanted = (COMMANDS, "#", "devices/other/desired", "$share/g/t", "$SYS/#")
    actor = stage.device()
    answer = actor.ask(p.Subscribe(9, tuple(p.Subscription(one, 2) for one in wanted)))
    assert answer == p.SubAck(9, (1, 0x87, 0x87, 0x87, 0x87))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\0\1\0", Reason.PROTOCOL_ERROR),  # MQTT-3.8.3-2: no filter
        (b"\0\1\0\0\1a\x03", Reason.MALFORMED_PACKET),  # QoS 3
        (b"\0\1\0\0\1a\x30", Reason.PROTOCOL_ERROR),  # Retain Handling 3
        (b"\0\1\0\0\1a\x40", Reason.MALFORMED_PACKET),  # MQTT-3.8.3-5: reserved bits
        (b"\0\1\0\0\x0a$share/g/a\x04", Reason.PROTOCOL_ERROR),  # MQTT-3.8.3-4
        (b"\0\1\2\x0b\0\0\1a\0", Reason.PROTOCOL_ERROR),  # 3.8.2.1.2: identifier 0
        (b"\0\1\4\x0b\1\x0b\2\0\1a\0", Reason.PROTOCOL_ERROR),  # twice
        (b"\0\1\0\0\2a#\0", Reason.TOPIC_FILTER_INVALID),
    ],
)
def test_3_8_3_a_wrong_subscribe_has_its_reason(stage: Stage, body: bytes, reason: Reason) -> None:
    actor = stage.device()
    actor.raw(bytes((0x82, len(body))) + body)
    assert farewell(actor) == reason


def test_3_3_4_3_a_command_bears_its_subscriptions_identifier(stage: Stage) -> None:
    actor = stage.device()
    identified = Properties(subscription_identifier=(300,))
    actor.ask(p.Subscribe(1, (p.Subscription(COMMANDS, 1),), identified))
    stage.endpoint.send("dev", COMMANDS, b"x")
    assert actor.read() == [p.Publish(COMMANDS, b"x", 1, id=1, properties=identified)]


def test_3_8_4_one_device_has_a_bounded_number_of_subscriptions(stage: Stage) -> None:
    stage.endpoint.may_subscribe = lambda *_: True
    actor = stage.device()
    many = tuple(p.Subscription(f"a/{number}") for number in range(1026))
    answer = actor.ask(p.Subscribe(1, many))
    assert answer == p.SubAck(1, (0,) * 1024 + (Reason.QUOTA_EXCEEDED,) * 2)
    assert actor.ask(p.Unsubscribe(2, ("a/0",))) == p.UnsubAck(2, (0,))
    assert actor.ask(p.Subscribe(3, many[-1:])) == p.SubAck(3, (0,))


def test_3_11_3_unsubscribe_has_a_reason_for_each_filter(stage: Stage) -> None:
    actor = kept(stage)
    assert actor.ask(p.Unsubscribe(2, (COMMANDS, "b"))) == p.UnsubAck(2, (0x00, 0x11))


# 4.1 Session state is bounded


def test_4_1_of_too_many_who_are_away_the_longest_is_forgotten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.mqtt.sessions.MAX_AWAY", 3)
    for number in range(5):
        kept(stage, f"d{number}", will=will_after(60)).lose()
    assert (stage.endpoint.away, stage.endpoint.forgotten) == (3, 2)
    assert stage.payloads == [b"gone"] * 2
    stage.device(client_id="d1", clean_start=False)
    stage.device(client_id="d2", clean_start=False, present=True)


def test_4_1_wills_that_wait_have_a_bound_in_bytes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.mqtt.sessions.WILL_BYTES", 10)
    for number in range(3):
        kept(stage, f"d{number}", will=will_after(60)).lose()
    assert stage.payloads == [b"gone"]
    stage.pass_time(60)
    assert stage.payloads == [b"gone"] * 3


def test_4_1_a_will_that_was_spared_makes_room_for_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.mqtt.sessions.WILL_BYTES", 10)
    for number in range(5):
        kept(stage, f"d{number}", will=will_after(60)).lose()
        stage.device(client_id=f"d{number}", clean_start=False, present=True)
    assert stage.heard == []


def test_4_1_of_too_many_commands_the_oldest_are_dropped(stage: Stage) -> None:
    kept(stage).lose()
    for number in range(1030):
        stage.endpoint.send("dev", COMMANDS, b"%d" % number)
    assert stage.outcomes.lost == 6
    again = stage.dial()
    again.send(p.Connect("dev", clean_start=False))
    arrived = [one for one in again.read() if isinstance(one, p.Publish)]
    assert arrived[0].payload == b"6"


def test_4_1_commands_of_a_session_that_ends_are_dropped_and_counted(stage: Stage) -> None:
    kept(stage).lose()
    stage.endpoint.send("dev", COMMANDS, b"x")
    stage.pass_time(3600)
    assert (stage.outcomes.lost, stage.endpoint.send("dev", COMMANDS, b"y")) == (1, False)


def test_a_subscription_of_qos_0_gets_nothing_while_the_device_is_away(stage: Stage) -> None:
    actor = stage.device(properties=HOUR)
    actor.ask(p.Subscribe(1, (p.Subscription(COMMANDS),)))
    assert stage.endpoint.send("dev", COMMANDS, b"here")
    assert actor.read() == [p.Publish(COMMANDS, b"here")]
    actor.lose()
    assert not stage.endpoint.send("dev", COMMANDS, b"away")


async def test_a_server_that_shuts_down_publishes_no_wills(stage: Stage) -> None:
    actor = stage.device(will=WILL)
    stage.endpoint._connections.clear()
    await stage.endpoint.stop()
    actor.lose()
    assert stage.heard == []


def test_an_origin_reaches_its_device_over_its_later_connections(stage: Stage) -> None:
    first = kept(stage)
    first.send(p.Publish("t", b"x"))
    (origin,) = stage.origins
    first.lose()
    assert origin.send(COMMANDS, b"on")
    second = stage.dial()
    second.send(p.Connect("dev", clean_start=False))
    assert second.read()[1:] == [p.Publish(COMMANDS, b"on", 1, id=1)]
    assert origin.send(COMMANDS, b"off")
    assert second.read() == [p.Publish(COMMANDS, b"off", 1, id=2)]


def test_a_failing_will_costs_nobody_else(stage: Stage) -> None:
    stage.fails = True
    stage.device(will=WILL).lose()
    stage.fails = False
    stage.device().send(p.Publish("t", b"x"))
    assert stage.payloads == [b"x"]


def test_a_device_may_subscribe_as_whom_it_published_just_before(stage: Stage) -> None:
    stage.endpoint.may_subscribe = lambda _, wanted: wanted == f"for/{stage.heard[-1][0]}"
    actor = stage.device()
    actor.send(
        p.Publish("oven-7", b"x", 1, id=1),
        p.Subscribe(2, (p.Subscription("for/oven-7", 1),)),
        p.Unsubscribe(3, ("for/oven-7",)),
        p.Disconnect(),
    )
    assert actor.read() == [p.PubAck(1), p.SubAck(2, (1,)), p.UnsubAck(3, (0,))]
    assert stage.granted == ["for/oven-7"]
