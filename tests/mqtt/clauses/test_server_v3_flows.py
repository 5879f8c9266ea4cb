"""MQTT 3.1.1, what a server must do: messages, subscriptions; named as in ``test_server_v3.py``."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.mqtt.stage import Actor, Stage

from egizcore.mqtt import Origin
from egizcore.mqtt import packet as p
from egizcore.mqtt.encode import encode

V3 = p.V3
COMMANDS = "devices/dev/desired"
WILL = p.Will("status/dev", b"gone", 1)


def is_closed_in_silence(actor: Actor) -> bool:
    return actor.ended and actor.read() == []


# 3.3 PUBLISH


def test_3_3_1_2_dup_with_qos_0_closes(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.raw(b"\x38\3\0\1t")
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("first", [0x36, 0x3E, 0x37])
def test_3_3_1_4_qos_3_closes(stage: Stage, first: int) -> None:
    actor = stage.device(V3)
    actor.raw(bytes((first, 5)) + b"\0\1t\0\1")
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("topic", [b"", b"#", b"a/+", b"a\0"])
def test_3_3_2_2_a_wildcard_or_no_topic_closes(stage: Stage, topic: bytes) -> None:
    actor = stage.device(V3)
    actor.raw(bytes((0x30, 2 + len(topic), 0, len(topic))) + topic)
    assert is_closed_in_silence(actor)


def test_3_3_5_a_payload_may_be_empty(stage: Stage) -> None:
    stage.device(V3).send(p.Publish("t", b""))
    assert stage.heard == [("t", b"")]


# 3.4 to 3.7, 4.3, 4.4


def test_4_3_2_2_qos_1_is_answered_with_its_identifier(stage: Stage) -> None:
    assert stage.device(V3).ask(p.Publish("t", b"x", 1, id=0x1234)) == p.PubAck(0x1234)


def test_4_3_2_a_repeated_qos_1_is_delivered_again(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.send(p.Publish("t", b"x", 1, id=1), p.Publish("t", b"x", 1, dup=True, id=1))
    assert (actor.read(), stage.payloads) == ([p.PubAck(1)] * 2, [b"x", b"x"])


def test_4_3_3_2_qos_2_goes_through_its_four_steps(stage: Stage) -> None:
    actor = stage.device(V3)
    assert actor.ask(p.Publish("t", b"x", 2, id=5)) == p.PubRec(5)
    assert actor.ask(p.PubRel(5)) == p.PubComp(5)
    assert stage.payloads == [b"x"]


def test_4_3_3_2_a_repeated_qos_2_is_delivered_once_until_its_pubrel(stage: Stage) -> None:
    actor = stage.device(V3)
    again = p.Publish("t", b"x", 2, dup=True, id=5)
    assert [actor.ask(again) for _ in range(3)] == [p.PubRec(5)] * 3
    assert stage.payloads == [b"x"]
    actor.ask(p.PubRel(5))
    actor.ask(again)
    assert stage.payloads == [b"x", b"x"]


def test_4_3_3_2_every_pubrel_is_answered(stage: Stage) -> None:
    actor = stage.device(V3)
    assert [actor.ask(p.PubRel(9)) for _ in range(2)] == [p.PubComp(9)] * 2


@pytest.mark.parametrize("step", ["publish", "pubrec", "pubrel", "pubcomp"])
def test_4_4_0_1_qos_2_cut_at_any_step_is_delivered_once(stage: Stage, step: str) -> None:
    """The connection breaks after the named packet; the device resumes by the book."""
    first = stage.device(V3, clean_start=False)
    data = encode(p.Publish("t", b"x", 2, id=5), V3)
    first.raw(data[:-1] if step == "publish" else data)
    if step in {"pubrel", "pubcomp"}:
        first.send(p.PubRel(5))
    first.lose()
    second = stage.device(V3, clean_start=False, present=True)
    if step in {"publish", "pubrec"}:
        assert second.ask(p.Publish("t", b"x", 2, dup=True, id=5)) == p.PubRec(5)
    assert second.ask(p.PubRel(5)) == p.PubComp(5)
    assert stage.payloads == [b"x"]


def test_4_4_0_1_a_command_is_sent_again_with_dup_and_its_identifier(stage: Stage) -> None:
    first = stage.device(V3, clean_start=False)
    first.send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    stage.endpoint.send("dev", COMMANDS, b"1")
    stage.endpoint.send("dev", COMMANDS, b"2")
    first.send(p.PubAck(1))
    first.lose()
    stage.endpoint.send("dev", COMMANDS, b"3")
    second = stage.dial(V3)
    second.send(p.Connect("dev", V3, clean_start=False))
    assert second.read()[1:] == [
        p.Publish(COMMANDS, b"2", 1, dup=True, id=2),
        p.Publish(COMMANDS, b"3", 1, id=3),
    ]
    second.send(p.PubAck(2), p.PubAck(3))
    second.lose()
    third = stage.dial(V3)
    third.send(p.Connect("dev", V3, clean_start=False))
    assert third.read() == [p.ConnAck(0, session_present=True)]
    assert (stage.outcomes.confirmed, stage.outcomes.lost) == (3, 0)


def test_4_4_nothing_is_sent_again_on_the_same_connection(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    stage.endpoint.send("dev", COMMANDS, b"1")
    actor.read()
    stage.pass_time(3600)
    assert actor.read() == []


def test_4_6_0_2_and_3_answers_come_in_the_order_of_the_messages(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.send(*(p.Publish("t", b"", qos, id=n) for n, qos in enumerate((1, 2, 1, 2, 2), 1)))
    answers = actor.read()
    assert [one for one in answers if isinstance(one, p.PubAck)] == [p.PubAck(1), p.PubAck(3)]
    assert [one for one in answers if isinstance(one, p.PubRec)] == list(map(p.PubRec, (2, 4, 5)))


def test_4_6_0_6_commands_arrive_in_order(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    actor.read()
    for number in range(40):
        stage.endpoint.send("dev", COMMANDS, b"%d" % number)
    got = []
    while packets := actor.read():
        got += packets
        actor.send(*(p.PubAck(one.id) for one in packets if isinstance(one, p.Publish)))
    assert [one.payload for one in got if isinstance(one, p.Publish)] == [
        b"%d" % number for number in range(40)
    ]


def test_a_message_that_could_not_be_applied_comes_again(stage: Stage) -> None:
    first = stage.device(V3, clean_start=False)
    stage.fails = True
    first.send(p.Publish("t", b"x", 2, id=1))
    assert (first.read(), first.ended) == ([], True)
    stage.fails = False
    second = stage.device(V3, clean_start=False, present=True)
    assert second.ask(p.Publish("t", b"x", 2, dup=True, id=1)) == p.PubRec(1)
    assert stage.payloads == [b"x"]


# 3.8 to 3.11 Subscriptions


def test_3_8_1_1_and_3_8_3_3_an_empty_subscribe_closes(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.raw(b"\x82\2\0\1")
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("options", [3, 4, 0x80])
def test_3_8_3_4_reserved_bits_and_qos_3_close(stage: Stage, options: int) -> None:
    actor = stage.device(V3)
    actor.raw(b"\x82\6\0\1\0\1a" + bytes((options,)))
    assert is_closed_in_silence(actor)


@pytest.mark.parametrize("name", ["a#", "#/a", "a+", "a/#/b", "+a"])
def test_4_7_1_2_and_3_a_misplaced_wildcard_closes(stage: Stage, name: str) -> None:
    actor = stage.device(V3)
    actor.send(p.Subscribe(1, (p.Subscription(name),)))
    assert is_closed_in_silence(actor)


def test_3_8_4_1_and_5_each_filter_has_its_answer(stage: Stage) -> None:
    wanted = (COMMANDS, "#", "devices/other/desired", "$share/g/t", "$SYS/#")
    subscribe = p.Subscribe(9, tuple(p.Subscription(one, 2) for one in wanted))
    actor = stage.device(V3)
    assert actor.ask(subscribe) == p.SubAck(9, (1, 0x80, 0x80, 0x80, 0x80))
    assert not actor.ended


def test_3_8_4_3_the_same_filter_again_replaces_it(stage: Stage) -> None:
    actor = stage.device(V3)
    assert actor.ask(p.Subscribe(1, (p.Subscription(COMMANDS, 1),))) == p.SubAck(1, (1,))
    assert actor.ask(p.Subscribe(2, (p.Subscription(COMMANDS, 0),))) == p.SubAck(2, (0,))
    stage.endpoint.send("dev", COMMANDS, b"x")
    assert actor.read() == [p.Publish(COMMANDS, b"x")]


def test_3_8_4_6_the_owner_hears_of_a_subscription_after_its_answer(stage: Stage) -> None:
    actor = stage.device(V3)

    def answer(origin: Origin, topic: str) -> None:
        origin.send(topic, b"now")

    stage.endpoint.subscribed = answer
    actor.send(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    assert actor.read() == [p.SubAck(1, (1,)), p.Publish(COMMANDS, b"now", 1, id=1)]


def test_3_10_4_1_and_4_unsubscribe_ends_it_and_is_always_answered(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.ask(p.Subscribe(1, (p.Subscription(COMMANDS, 1),)))
    assert actor.ask(p.Unsubscribe(2, (COMMANDS, "never/had"))) == p.UnsubAck(2)
    assert not stage.endpoint.send("dev", COMMANDS, b"x")
    assert actor.ask(p.Unsubscribe(3, (COMMANDS,))) == p.UnsubAck(3)


def test_3_10_3_2_an_empty_unsubscribe_closes(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.raw(b"\xa2\2\0\1")
    assert is_closed_in_silence(actor)


# 3.12 to 3.14, 4.8


def test_3_12_4_1_a_ping_is_answered(stage: Stage) -> None:
    assert stage.device(V3).ask(p.PingReq()) == p.PingResp()


def test_3_14_1_1_disconnect_with_a_body_closes_and_the_will_is_published(stage: Stage) -> None:
    actor = stage.device(V3, will=WILL)
    actor.raw(b"\xe0\1\0")
    assert actor.ended
    assert stage.payloads == [b"gone"]


def test_3_14_4_1_and_2_nothing_is_taken_after_disconnect(stage: Stage) -> None:
    actor = stage.device(V3)
    actor.send(p.Disconnect(), p.Publish("t", b"x"))
    actor.send(p.Publish("t", b"y"))
    assert is_closed_in_silence(actor)
    assert stage.heard == []


@pytest.mark.parametrize(
    "packet", [p.ConnAck(), p.SubAck(1, (0,)), p.UnsubAck(1), p.PingResp()], ids=repr
)
def test_4_8_0_1_what_only_a_server_sends_closes(stage: Stage, packet: p.Packet) -> None:
    actor = stage.device(V3)
    actor.send(packet)
    assert is_closed_in_silence(actor)


CALM = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@CALM
@given(data=st.data())
def test_4_8_a_cut_at_any_byte_applies_whole_messages_only(
    stage: Stage, data: st.DataObject
) -> None:
    stage.heard.clear()
    stream = b"".join(
        encode(p.Publish("t", b"%d" % n, n % 3, id=n if n % 3 else 0), V3) for n in range(1, 8)
    )
    actor = stage.device(V3)
    actor.raw(stream[: data.draw(st.integers(0, len(stream)))])
    actor.lose()
    assert stage.payloads == [b"%d" % n for n in range(1, 8)][: len(stage.payloads)]


def test_a_device_may_subscribe_as_whom_it_published_just_before(stage: Stage) -> None:
    stage.endpoint.may_subscribe = lambda _, wanted: wanted == f"for/{stage.heard[-1][0]}"
    actor = stage.device(p.V3)
    actor.send(
        p.Publish("oven-7", b"x", 1, id=1),
        p.Subscribe(2, (p.Subscription("for/oven-7", 1),)),
        p.Unsubscribe(3, ("for/oven-7",)),
        p.Disconnect(),
    )
    assert actor.read() == [p.PubAck(1), p.SubAck(2, (1,)), p.UnsubAck(3)]
    assert stage.granted == ["for/oven-7"]
