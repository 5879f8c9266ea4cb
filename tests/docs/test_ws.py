import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.docs.pages import ROOT, blocks, code, rows, section, text_of

from egizcore.bus import Bus
from egizcore.rest.guard import Bounds
from egizcore.state import LimitSettings, Reading, Registry, Store, settle
from egizcore.stream import connection
from egizcore.stream.client import MAX_SUBSCRIPTIONS, Client, Tally
from egizcore.stream.command import _ACTIONS, Refusal, read_command
from egizcore.stream.hub import Hub
from egizcore.thing.draft import read_feature, read_thing
from egizcore.thing.event import EVENTS

PAGE = "docs/protocol/ws.md"
ANSWERS = {"Subscribed", "Unsubscribed", "Snapshot", "Pong", "Error", "Heartbeat"}


class Turns:
    """A loop whose turns the test takes."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.waiting.append(callback)

    def call_later(self, _delay: float, callback: Callable[[], None], /) -> None:
        self.waiting.append(callback)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


def messages(data: bytes) -> Iterator[dict[str, Any]]:
    """The messages in unmasked text frames (RFC 6455, section 5.2)."""
    while data:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        yield json.loads(data[start : start + size])
        data = data[start + size :]


@pytest.fixture(scope="module")
def told() -> list[dict[str, Any]]:
    """What a client is told in the course of everything that there is to tell."""
    turns, frames = Turns(), list[bytes]()
    store = Store(Bus("epoch"), LimitSettings())
    registry = Registry(store, lambda: 1_769_509_800_000)
    hub = Hub(store, turns)
    client = Client(hub, Tally(), frames.append, lambda: hub.later(client.catch_up))

    def say(**command: Any) -> None:
        client.receive(read_command(json.dumps(command).encode()))
        turns.run()

    say(action="subscribe", id=1, filter={}, snapshot=True)
    say(action="ping", id="2")
    say(action="subscribe", id=3, filter={"type": {"$gt": True}})
    registry.create(read_thing({"id": "f:a", "type": "oven"}))
    registry.merge("f:a", read_thing({"metadata": {"location": "x"}}))
    wishes = read_feature({"properties": {"t": 1}, "desiredState": {"t": 2}})
    registry.merge_feature("f:a", "thermal", wishes)
    settle(store, "f:a", "oven", Reading({"thermal": {"t": 3}}, 0, None, "bad-clock"))
    registry.delete_feature("f:a", "thermal")
    turns.run()
    client.paused()
    settle(store, "f:a", "oven", Reading({"belt": {"v": 3}}, 0))
    turns.run()
    client.resumed()
    turns.run()
    registry.delete("f:a")
    turns.run()
    client.heartbeat(0)
    say(action="unsubscribe", id=4)
    return list(messages(b"".join(frames)))


def shown() -> list[dict[str, Any]]:
    """The messages on the page that have an ``event``."""
    found = [json.loads(one.text) for one in blocks(ROOT / PAGE) if one.language == "json"]
    return [one for one in found if "event" in one]


def members(of: list[dict[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in of:
        found.setdefault(one["event"], set()).update(one)
    return found


def test_the_page_shows_every_message_and_no_other(told: list[dict[str, Any]]) -> None:
    known = ANSWERS | {kind.__name__ for kind in EVENTS}
    assert set(members(told)) == known
    assert set(members(shown())) == known


def test_the_page_shows_every_member_of_each_message(told: list[dict[str, Any]]) -> None:
    page, text = members(shown()), text_of(PAGE)
    for event, names in members(told).items():
        assert page[event] - names == set(), event
        for name in names - page[event]:
            assert f'`"{name}": ' in text, (event, name)


def test_every_command_on_the_page_is_followed() -> None:
    found = [json.loads(one.text) for one in blocks(ROOT / PAGE) if one.language == "json"]
    commands = [one for one in found if "action" in one]
    assert {one["action"] for one in commands} == set(_ACTIONS)
    for one in commands:
        assert not isinstance(read_command(json.dumps(one).encode()), Refusal)


def test_the_page_has_every_action_and_no_other() -> None:
    told = {code(cells[0])[0] for cells in rows(section(PAGE, "Commands"))}
    assert told == set(_ACTIONS)


def test_the_error_on_the_page_is_what_such_a_filter_gets(told: list[dict[str, Any]]) -> None:
    on_page = next(one for one in shown() if one["event"] == "Error")
    got = next(one for one in told if one["event"] == "Error")
    assert set(on_page) == set(got)
    refusal = read_command(b'{"action": "subscribe", "id": 2, "filter": {"type": {"$gte": true}}}')
    assert isinstance(refusal, Refusal)
    assert refusal.error.detail == on_page["message"]
    assert refusal.error.hint == on_page["hint"]
    assert [[one.pointer, one.message] for one in refusal.error.faults] == [
        list(one.values()) for one in on_page["errors"]
    ]


def test_the_page_has_every_close_code_of_ours_and_no_other() -> None:
    ours = {
        value
        for name, value in vars(connection).items()
        if name.isupper() and isinstance(value, int) and 4000 <= value < 4090
    }
    cells = [one[0] for one in rows(section(PAGE, "Heartbeat and closing"))]
    assert {int(one) for one in cells if one.startswith("4")} == ours


def test_the_page_has_the_bounds_as_they_are() -> None:
    text = " ".join(text_of(PAGE).split())
    for bound in (
        f"At most {MAX_SUBSCRIPTIONS:,} subscriptions a client",
        f"a command over {connection.MAX_COMMAND >> 10} KiB",
        f"Every {connection.HEARTBEAT:.0f} s: a ping frame",
        f"took nothing for {connection.SILENCE:.0f} s",
        f"not even a pong, for {connection.SILENCE:.0f} s",
        f"handshake must be whole within {Bounds().header_seconds} s",
    ):
        assert bound in text
