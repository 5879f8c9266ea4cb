"""Sessions and wills against a model that keeps everything in plain lists."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mqtt.stage import Actor, Stage, stage

from egizcore.mqtt import packet as p
from egizcore.mqtt.properties import Properties

__all__ = ["stage"]

steps = st.one_of(
    st.tuples(
        st.just("connect"),
        st.sampled_from("ab"),
        st.booleans(),  # clean start
        st.sampled_from((None, 0, 5, 20, 0xFFFF_FFFF)),  # session expiry
        st.sampled_from((None, 0, 3, 10, 30)),  # a will and its delay
    ),
    st.tuples(st.just("lose"), st.sampled_from("ab")),
    st.tuples(st.just("leave"), st.sampled_from("ab"), st.sampled_from((0, 4))),
    st.tuples(st.just("pass"), st.sampled_from((1, 2, 5, 10, 50))),
)


class Naive:
    """What MQTT 5 says in 3.1.2.4, 3.1.2.5, 3.1.2.11.2, 3.1.3.2.2 and 3.1.4."""

    def __init__(self) -> None:
        self.now = 0.0
        self.connected: dict[str, tuple[float, float | None]] = {}  # expiry, will delay
        self.ends: dict[str, float] = {}  # sessions of who is away
        self.due: dict[str, float] = {}  # wills that wait
        self.published: list[str] = []

    def connect(self, name: str, *, clean: bool, expiry: float, delay: float | None) -> bool:
        """Is a session present?"""
        if name in self.connected:
            self.lose(name)
        present = name in self.ends and not clean
        self.ends.pop(name, None)
        waited = self.due.pop(name, None)
        if waited is not None and not present:
            self.published.append(name)
        self.connected[name] = (expiry, delay)
        return present

    def lose(self, name: str) -> None:
        expiry, delay = self.connected.pop(name)
        if expiry:
            self.ends[name] = self.now + expiry
        if delay is not None and min(delay, expiry):
            self.due[name] = self.now + min(delay, expiry)
        elif delay is not None:
            self.published.append(name)

    def leave(self, name: str, reason: int) -> None:
        expiry, delay = self.connected[name]
        self.connected[name] = (expiry, delay if reason else None)
        self.lose(name)

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        for name in [name for name, at in self.due.items() if at <= self.now]:
            self.published.append(name)
            del self.due[name]
        self.ends = {name: at for name, at in self.ends.items() if at > self.now}


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=20))
def test_sessions_and_wills_are_as_the_standard_says(told: list[tuple[object, ...]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        play(Stage(patch), told)


def play(stage: Stage, told: list[tuple[object, ...]]) -> None:
    naive = Naive()
    actors: dict[str, Actor] = {}
    for step in told:
        match step:
            case ("connect", str(name), bool(clean), expiry, delay):
                assert expiry is None or isinstance(expiry, int)
                assert delay is None or isinstance(delay, int)
                will = None
                if delay is not None:
                    will = p.Will("w", name.encode(), 1, properties=waiting(delay))
                wish = Properties(session_expiry_interval=expiry)
                seconds = inf if expiry == 0xFFFF_FFFF else float(expiry or 0)
                present = naive.connect(name, clean=clean, expiry=seconds, delay=delay)
                actors[name] = stage.device(
                    client_id=name, clean_start=clean, will=will, properties=wish, present=present
                )
            case ("lose", str(name)) if name in naive.connected:
                naive.lose(name)
                actors[name].lose()
            case ("leave", str(name), int(reason)) if name in naive.connected:
                naive.leave(name, reason)
                actors[name].send(p.Disconnect(reason))
            case ("pass", int(seconds)):
                naive.go_on(seconds)
                stage.pass_time(seconds)
            case _:
                pass
        assert sorted(stage.payloads) == sorted(one.encode() for one in naive.published)
        assert stage.endpoint.devices == len(naive.connected)
        assert stage.endpoint.away == len(naive.ends)


def waiting(seconds: int) -> Properties:
    return Properties(will_delay_interval=seconds)


def test_a_session_that_nobody_has_cannot_be_sent_to(stage: Stage) -> None:
    assert not stage.endpoint.send("nobody", "devices/nobody/desired", b"x")


def test_each_session_ends_in_its_own_time(stage: Stage) -> None:
    for name, seconds in (("a", 30), ("b", 10), ("c", 20)):
        wish = Properties(session_expiry_interval=seconds)
        stage.device(client_id=name, properties=wish).lose()
    left = []
    for _ in range(4):
        stage.pass_time(10)
        left.append(stage.endpoint.away)
    assert left == [2, 1, 0, 0]
