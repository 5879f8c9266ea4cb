"""MQTT 5 and 3.1.1, what a client must do, statement by statement: our link to a broker.

The number is that of the normative statement or the section of MQTT 5; where 3.1.1 has the same,
the script runs in both versions.
"""

from typing import Any

import pytest
from tests.mqtt import samples
from tests.mqtt.hosts import Outcomes, memory

from egizcore.mqtt import Batch, Topics
from egizcore.mqtt import packet as p
from egizcore.mqtt.client_session import KEPT, ClientSession, greeting
from egizcore.mqtt.encode import encode
from egizcore.mqtt.memory import Memory, Message
from egizcore.mqtt.properties import NOTHING, Properties
from egizcore.mqtt.reason import Reason

BOTH = pytest.mark.parametrize("version", [p.V3, p.V5])


class Script:
    """One link's memory and its connections, one after the other."""

    def __init__(self, version: int, *, clean: bool = False, **options: Any) -> None:
        self.version = version
        self.outcomes = Outcomes()
        self.memory: Memory = memory(self.outcomes)
        self.got: Batch[str] = []
        self._clean = clean
        self._options = options
        self.session = self.connect()

    def connect(self) -> ClientSession[str]:
        """A new connection, whose CONNECT is queued."""
        clean = self._clean
        greets = greeting(self.version, "us", None, None, max_packet=1 << 20, clean_start=clean)
        self.session = ClientSession(
            Topics(str), greets, ("a/#",), self.memory, 0.0, max_packet=1 << 20, **self._options
        )
        return self.session

    def read(self) -> list[p.Packet]:
        return samples.read(self.session.to_send(), self.version)

    def send(self, *packets: p.Packet) -> None:
        """The broker sends, and what arrives is applied."""
        data = b"".join(encode(packet, self.version) for packet in packets)
        self.got += self.session.receive(data, 0.0)
        self.session.applied()

    def ask(self, *packets: p.Packet) -> list[p.Packet]:
        self.read()
        self.send(*packets)
        return self.read()

    def accept(self, *, present: bool = False, announced: Properties = NOTHING) -> list[p.Packet]:
        """The broker accepts and grants; gives what else the link said at once."""
        (connect,) = self.read()
        assert isinstance(connect, p.Connect)
        subscribe, *others = self.ask(p.ConnAck(0, present, announced))
        assert isinstance(subscribe, p.Subscribe)
        self.send(p.SubAck(subscribe.id, (subscribe.subscriptions[0].qos,)))
        return others

    def again(self, *, present: bool, announced: Properties = NOTHING) -> list[p.Packet]:
        """The connection breaks; on the next one the broker has the session, or not."""
        self.session.gone()
        self.connect()
        return self.accept(present=present, announced=announced)


def published(packets: list[p.Packet]) -> list[tuple[bytes, bool, int]]:
    return [(one.payload, one.dup, one.id) for one in packets if isinstance(one, p.Publish)]


# 3.1 CONNECT


@pytest.mark.parametrize(("clean", "expiry"), [(True, None), (False, KEPT)])
def test_3_1_2_11_2_a_session_that_is_to_last_is_asked_for(
    *, clean: bool, expiry: int | None
) -> None:
    (connect,) = Script(p.V5, clean=clean).read()
    assert isinstance(connect, p.Connect)
    assert (connect.clean_start, connect.properties.session_expiry_interval) == (clean, expiry)


@pytest.mark.parametrize("clean", [True, False])
def test_3_1_2_4_of_3_1_1_is_the_clean_session_flag(*, clean: bool) -> None:
    (connect,) = Script(p.V3, clean=clean).read()
    assert isinstance(connect, p.Connect)
    assert (connect.clean_start, connect.properties) == (clean, NOTHING)


# 3.2 CONNACK


@BOTH
def test_3_2_2_4_a_session_after_a_clean_start_is_an_error(version: int) -> None:
    script = Script(version, clean=True)
    script.ask(p.ConnAck(0, session_present=True))
    assert (script.session.closed, script.session.fault) == (True, True)


@BOTH
def test_a_session_that_outlived_us_is_taken_so_that_nothing_is_lost(version: int) -> None:
    script = Script(version)
    script.read()
    script.send(p.ConnAck(0, session_present=True), p.Publish("a/b", b"waited", 1, id=1))
    assert script.got == [("a/b", b"waited", False)]
    assert p.PubAck(1) in script.read()


@BOTH
def test_3_2_2_5_a_session_that_the_broker_forgot_is_forgotten_here(version: int) -> None:
    script = Script(version, qos=2)
    script.accept()
    script.ask(p.Publish("a", b"1", 2, id=1))
    script.again(present=False)
    script.ask(p.Publish("a", b"2", 2, id=1))
    assert [payload for _, payload, _ in script.got] == [b"1", b"2"]


@pytest.mark.parametrize(("clean", "told"), [(True, False), (False, True)])
def test_3_2_2_3_2_a_broker_that_keeps_our_session_for_less_is_told_of(
    *, clean: bool, told: bool
) -> None:
    script = Script(p.V5, clean=clean)
    script.accept(announced=Properties(session_expiry_interval=60))
    assert (script.session.remark == "the broker keeps our session for 60 s only") is told


def test_3_2_2_3_11_wildcards_that_the_broker_does_not_know_are_not_sent() -> None:
    script = Script(p.V5)
    script.read()
    assert script.ask(p.ConnAck(properties=Properties(wildcard_subscription_available=0))) == []
    assert script.session.refused == {"a/#": "wildcard subscriptions not supported"}
    assert script.session.settled


def test_3_2_2_15_a_filter_too_long_for_the_broker_is_not_waited_for() -> None:
    script = Script(p.V5)
    script.read()
    assert script.ask(p.ConnAck(properties=Properties(maximum_packet_size=8))) == []
    assert script.session.refused == {"a/#": "packet too large"}
    assert script.session.settled


def test_3_2_2_22_the_servers_keep_alive_counts() -> None:
    script = Script(p.V5)
    script.accept(announced=Properties(server_keep_alive=3))
    script.session.receive(b"\xd0\0", 1.0)
    assert script.session.deadline == 3.0


# 3.3 PUBLISH to us, 4.3


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_3_8_4_the_wished_quality_is_subscribed(version: int, qos: int) -> None:
    script = Script(version, qos=qos)
    subscribe = script.ask(p.ConnAck())[0]
    assert isinstance(subscribe, p.Subscribe)
    assert subscribe.subscriptions[0].qos == qos


@BOTH
def test_4_3_3_qos_2_goes_through_its_four_steps(version: int) -> None:
    script = Script(version, qos=2)
    script.accept()
    assert script.ask(p.Publish("a", b"x", 2, id=3)) == [p.PubRec(3)]
    assert script.ask(p.PubRel(3)) == [p.PubComp(3)]
    assert script.got == [("a", b"x", False)]


@BOTH
def test_4_3_3_10_a_repeated_qos_2_is_delivered_once_also_over_connections(version: int) -> None:
    script = Script(version, qos=2)
    script.accept()
    again = p.Publish("a", b"x", 2, dup=True, id=3)
    script.ask(p.Publish("a", b"x", 2, id=3), again)
    script.again(present=True)
    assert script.ask(again) == [p.PubRec(3)]
    assert script.ask(p.PubRel(3)) == [p.PubComp(3)]
    assert script.got == [("a", b"x", False)]


@pytest.mark.parametrize("step", ["publish", "pubrec", "pubrel", "pubcomp"])
@BOTH
def test_4_4_qos_2_cut_at_any_step_is_applied_once(version: int, step: str) -> None:
    script = Script(version, qos=2)
    script.accept()
    data = encode(p.Publish("a", b"x", 2, id=5), version)
    script.got += script.session.receive(data[:-1] if step == "publish" else data, 0.0)
    script.session.applied()
    if step in {"pubrel", "pubcomp"}:
        script.send(p.PubRel(5))
    script.again(present=True)
    if step in {"publish", "pubrec"}:
        assert script.ask(p.Publish("a", b"x", 2, dup=True, id=5)) == [p.PubRec(5)]
    (answer,) = script.ask(p.PubRel(5))
    assert isinstance(answer, p.PubComp)
    assert script.got == [("a", b"x", False)]


@BOTH
def test_a_qos_2_message_that_could_not_be_applied_comes_again(version: int) -> None:
    script = Script(version, qos=2)
    script.accept()
    data = encode(p.Publish("a", b"x", 2, id=5), version)
    assert len(script.session.receive(data, 0.0)) == 1
    script.session.unapplied()
    script.again(present=True)
    script.send(p.Publish("a", b"x", 2, dup=True, id=5))
    assert script.got == [("a", b"x", False)]


@pytest.mark.parametrize("qos", [1, 2])
def test_3_3_4_9_a_broker_that_sends_ahead_of_the_receive_maximum_loses_nothing(qos: int) -> None:
    """Mosquitto 2.0.11 does."""
    script = Script(p.V5, qos=qos)
    script.accept()
    script.send(*(p.Publish("a", b"", qos, id=number) for number in range(1, 3000)))
    assert [getattr(one, "id", None) for one in script.read()] == list(range(1, 3000))
    assert len(script.got) == 2999


def test_3_3_2_9_and_10_an_alias_of_the_broker_is_known_up_to_our_maximum() -> None:
    script = Script(p.V5)
    script.accept()
    script.send(p.Publish("a", b"1", properties=Properties(topic_alias=16)))
    script.send(p.Publish("", b"2", properties=Properties(topic_alias=16)))
    assert script.got == [("a", b"1", False), ("a", b"2", False)]
    (last,) = script.ask(p.Publish("a", b"", properties=Properties(topic_alias=17)))
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.TOPIC_ALIAS_INVALID


# PUBLISH from us


def put(script: Script, *payloads: bytes) -> None:
    for payload in payloads:
        script.memory.outgoing.put(Message("d/desired", payload))
    script.session.pump()


@BOTH
def test_4_4_0_1_what_was_not_confirmed_goes_again_with_dup_in_the_same_session(
    version: int,
) -> None:
    script = Script(version)
    script.accept()
    put(script, b"1", b"2")
    first, second = published(script.read())
    script.send(p.PubAck(first[2]))
    put(script, b"3")
    others = script.again(present=True)
    assert published(others) == [(b"2", True, second[2]), (b"3", True, second[2] + 1)]


@BOTH
@pytest.mark.parametrize("clean", [True, False])
def test_4_1_in_a_new_session_it_goes_as_new(version: int, *, clean: bool) -> None:
    script = Script(version, clean=clean)
    script.accept()
    put(script, b"1", b"2")
    script.read()
    others = script.again(present=False)
    assert [(payload, dup) for payload, dup, _ in published(others)] == [
        (b"1", False),
        (b"2", False),
    ]


@BOTH
def test_what_is_published_without_a_connection_waits_for_it(version: int) -> None:
    script = Script(version)
    put(script, b"1")
    (connect,) = script.read()
    assert isinstance(connect, p.Connect)
    others = script.ask(p.ConnAck())
    assert [payload for payload, _, _ in published(others)] == [b"1"]


@pytest.mark.parametrize("maximum", [1, 2, 5])
def test_3_3_4_7_the_brokers_receive_maximum_is_the_window(maximum: int) -> None:
    script = Script(p.V5)
    script.accept(announced=Properties(receive_maximum=maximum))
    put(script, *(b"%d" % number for number in range(8)))
    got = []
    while packets := published(script.read()):
        assert len(packets) <= maximum
        got += packets
        script.send(*(p.PubAck(number) for _, _, number in packets))
    assert [payload for payload, _, _ in got] == [b"%d" % number for number in range(8)]
    assert script.outcomes.confirmed == 8


def test_3_2_2_11_a_broker_that_takes_only_qos_0_gets_that() -> None:
    script = Script(p.V5)
    script.accept(announced=Properties(maximum_qos=0))
    put(script, b"x")
    assert script.read() == [p.Publish("d/desired", b"x")]
    assert script.memory.outgoing.in_flight == 0


def test_3_2_2_14_a_broker_that_retains_nothing_is_not_asked_to() -> None:
    script = Script(p.V5)
    script.accept(announced=Properties(retain_available=0))
    script.memory.outgoing.put(Message("d/desired", b"x", retain=True))
    script.session.pump()
    (sent,) = script.read()
    assert isinstance(sent, p.Publish)
    assert (sent.retain, sent.qos) == (False, 1)


def test_3_2_2_15_nothing_larger_than_the_broker_takes_is_sent() -> None:
    script = Script(p.V5)
    script.accept(announced=Properties(maximum_packet_size=40))
    put(script, bytes(40), b"fits")
    assert [payload for payload, _, _ in published(script.read())] == [b"fits"]
    assert script.outcomes.lost == 1


def test_3_4_2_1_a_refused_publication_is_not_sent_again() -> None:
    script = Script(p.V5)
    script.accept()
    put(script, b"x")
    ((_, _, number),) = published(script.read())
    script.send(p.PubAck(number, 0x87))
    assert script.again(present=True) == []
    assert script.outcomes.lost == 1


# 3.12 to 3.15, 4.13


@BOTH
@pytest.mark.parametrize(
    "packet", [p.Connect("x"), p.Subscribe(1, (p.Subscription("a"),)), p.PingReq()], ids=repr
)
def test_4_13_1_1_what_only_a_client_sends_ends_it(version: int, packet: p.Packet) -> None:
    script = Script(version)
    script.accept()
    script.send(packet)
    assert (script.session.closed, script.session.fault) == (True, True)


def test_4_12_auth_without_a_method_ends_it() -> None:
    script = Script(p.V5)
    script.accept()
    (last,) = script.ask(p.Auth(0x18))
    assert isinstance(last, p.Disconnect)
    assert last.reason == Reason.PROTOCOL_ERROR


@BOTH
def test_3_14_4_1_we_leave_with_a_disconnect_that_keeps_the_session(version: int) -> None:
    script = Script(version)
    script.accept()
    script.session.end(Reason.SUCCESS, "")
    (last,) = script.read()
    assert last == p.Disconnect()
