from typing import Any

import pytest

from egizcore.stream.command import Ping, Refusal, Subscribe, Unsubscribe, read_command
from egizcore.thing.document import write_json


def read(**command: Any) -> Any:
    return read_command(write_json(command))


def test_a_subscription_by_thing() -> None:
    command = read(action="subscribe", thingId="f:a", id=1)
    assert isinstance(command, Subscribe)
    assert (command.id, command.selector.thing_id, command.features) == (1, "f:a", None)
    assert command.snapshot is False


def test_a_subscription_by_filter_with_options() -> None:
    command = read(
        action="subscribe", filter={"type": "oven"}, features=["a", "b", "a"], snapshot=True
    )
    assert isinstance(command, Subscribe)
    assert command.selector.thing_id is None
    assert command.features == frozenset(("a", "b"))
    assert command.snapshot is True


def test_filters_that_say_the_same_have_one_key() -> None:
    one = read(action="subscribe", filter={"type": "oven", "metadata.place": {"$eq": 5}})
    two = read(action="unsubscribe", filter={"/metadata/place": 5.0, "type": "oven"})
    assert one.selector.key == two.key


def test_an_unsubscription_names_one_or_all() -> None:
    assert read(action="unsubscribe", id="x") == Unsubscribe("x", None, None)
    assert read(action="unsubscribe", thingId="f:a") == Unsubscribe(None, "f:a", None)
    assert read(action="unsubscribe", subscription="s1") == Unsubscribe(None, None, "s1")


@pytest.mark.parametrize("command_id", ["", "a", 0, -1, 1.5, 2**63 - 1], ids=str)
def test_an_id_is_text_or_a_number(command_id: float | str) -> None:
    assert read(action="ping", id=command_id) == Ping(command_id)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"nonsense", "bad_json"),
        (b'{"action": "ping", "action": "ping"}', "bad_json"),
        (b'{"action": "ping", "id": NaN}', "bad_json"),
        (b'{"action": "ping", "id": 9223372036854775808}', "bad_json"),
        (b'{"action": "ping", "id": "\\ud800"}', "bad_json"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "limit_exceeded"),
        (b"[" * 60_000, "limit_exceeded"),
        (b"[]", "bad_command"),
        (b"1", "bad_command"),
        (b"{}", "unknown_action"),
        (b'{"action": null}', "unknown_action"),
        (b'{"action": ["subscribe"]}', "unknown_action"),
        (b'{"action": "Subscribe"}', "unknown_action"),
        (b'{"action": "subscribe"}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "filter": {}}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "a"}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a\\n"}', "bad_command"),
        (b'{"action": "subscribe", "thingId": null}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "since": {}}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "maxHz": 1}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "snapshot": 1}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "features": []}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "features": "p"}', "bad_command"),
        (b'{"action": "subscribe", "thingId": "f:a", "features": ["p q"]}', "bad_command"),
        (b'{"action": "subscribe", "filter": []}', "bad_filter"),
        (b'{"action": "subscribe", "filter": null}', "bad_filter"),
        (b'{"action": "subscribe", "filter": {"type": {"$regex": "x"}}}', "bad_filter"),
        (b'{"action": "unsubscribe", "thingId": "f:a", "subscription": "s1"}', "bad_command"),
        (b'{"action": "unsubscribe", "subscription": 1}', "bad_command"),
        (b'{"action": "unsubscribe", "snapshot": true}', "bad_command"),
        (b'{"action": "ping", "thingId": "f:a"}', "bad_command"),
        (b'{"action": "ping", "id": null}', "bad_command"),
        (b'{"action": "ping", "id": true}', "bad_command"),
        (b'{"action": "ping", "id": [1]}', "bad_command"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_no_command_is_refused_with_a_code(message: bytes, code: str) -> None:
    refusal = read_command(message)
    assert isinstance(refusal, Refusal)
    assert refusal.error.code == code
    assert refusal.error.detail
    assert refusal.error.hint


def test_a_refusal_bears_the_commands_id() -> None:
    assert read(action="dance", id=7).id == 7
    assert read(action="subscribe", id="x", filter={"$no": 1}).id == "x"


def test_a_bad_filters_pointer_is_into_the_command() -> None:
    refusal = read(action="subscribe", filter={"$and": [{}, {"type": {"$gt": []}}]})
    assert refusal.error.faults[0].pointer.startswith("/filter/$and/1/type")
