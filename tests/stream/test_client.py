import itertools

import pytest
from tests.stream.plant import EPOCH, Json, Plant, Screen

from egizcore.stream import hub
from egizcore.stream.client import MAX_SUBSCRIPTIONS, SLICE

PAD = {"pad": "x" * 4000}


@pytest.fixture
def plant() -> Plant:
    return Plant(3)


def kinds(messages: list[Json]) -> list[str]:
    return [one["event"] for one in messages]


def slow(plant: Plant) -> Screen:
    """One that watches everything and takes nothing."""
    screen = plant.screen()
    screen.watch()
    plant.loop.run()
    screen.stall()
    return screen


# Answers ----------------------------------------------------------------------------------------


def test_a_subscription_is_answered_with_its_name_epoch_and_seq(plant: Plant) -> None:
    answer = plant.screen().ask(action="subscribe", thingId="f:00000", id=1)
    assert answer == {
        "event": "Subscribed",
        "id": 1,
        "subscription": "s1",
        "epoch": EPOCH,
        "seq": 3,
    }


def test_a_command_without_an_id_is_answered_without_one(plant: Plant) -> None:
    assert plant.screen().ask(action="ping") == {"event": "Pong"}


def test_an_id_is_echoed_as_it_came(plant: Plant) -> None:
    screen = plant.screen()
    for command_id in ("", "x", 0, 1.5, -(2**63)):
        assert screen.ask(action="ping", id=command_id)["id"] == command_id


def test_the_same_subscription_again_keeps_its_name_and_changes_its_options(plant: Plant) -> None:
    screen = plant.screen()
    assert screen.watch(filter={"type": "oven", "id": "f:00000"}) == "s1"
    assert screen.watch(filter={"/id": "f:00000", "type": "oven"}, features=["p"]) == "s1"
    plant.report("f:00000", "q", n=1)
    plant.report("f:00000", "p", n=1)
    assert [one["feature"] for one in screen.events()] == ["p"]
    assert screen.watch(thingId="f:00000") == "s2"


def test_a_refused_command_leaves_subscriptions_as_they_were(plant: Plant) -> None:
    screen = plant.screen()
    screen.watch()
    for command in ({"filter": {"type": {"$no": 1}}}, {}, {"thingId": "x"}, {"filter": {}, "a": 1}):
        assert screen.ask(action="subscribe", **command)["event"] == "Error"
    screen.take()
    plant.report("f:00000", "p", n=1)
    assert kinds(screen.events()) == ["StateChanged"]


def test_an_error_says_what_and_where_and_how_to_mend_it(plant: Plant) -> None:
    answer = plant.screen().ask(action="subscribe", id=3, filter={"type": {"$no": 1}})
    assert answer.keys() == {"event", "id", "code", "message", "hint", "errors"}
    assert (answer["event"], answer["id"], answer["code"]) == ("Error", 3, "bad_filter")
    assert answer["errors"][0]["pointer"] == "/filter/type/$no"


def test_unsubscribing_by_thing_filter_name_or_all(plant: Plant) -> None:
    screen = plant.screen()
    for number in range(5):
        screen.watch(thingId=f"f:0000{number}")
    screen.watch(filter={"type": "oven"})
    unsubscribed = {"event": "Unsubscribed"}
    assert screen.ask(action="unsubscribe", thingId="f:00000") == unsubscribed | {
        "subscriptions": ["s1"]
    }
    assert screen.ask(action="unsubscribe", filter={"/type": "oven"})["subscriptions"] == ["s6"]
    assert screen.ask(action="unsubscribe", subscription="s3")["subscriptions"] == ["s3"]
    assert screen.ask(action="unsubscribe")["subscriptions"] == ["s2", "s4", "s5"]
    assert screen.ask(action="unsubscribe")["subscriptions"] == []
    screen.take()
    plant.report("f:00000", "p", n=1)
    assert screen.events() == []


@pytest.mark.parametrize(
    "selector", [{"thingId": "f:z"}, {"filter": {}}, {"subscription": "s9"}], ids=str
)
def test_what_was_not_subscribed_cannot_be_ended(plant: Plant, selector: Json) -> None:
    answer = plant.screen().ask(action="unsubscribe", id=1, **selector)
    assert (answer["event"], answer["code"], answer["id"]) == ("Error", "not_subscribed", 1)


def test_the_thousand_and_first_subscription_is_refused() -> None:
    plant = Plant()
    screen = plant.screen()
    for number in range(MAX_SUBSCRIPTIONS):
        assert screen.ask(action="subscribe", thingId=f"f:{number}")["event"] == "Subscribed"
    answer = screen.ask(action="subscribe", thingId="f:x")
    assert answer["code"] == "too_many_subscriptions"
    assert screen.ask(action="subscribe", thingId="f:1")["event"] == "Subscribed", "an old one"
    screen.say(action="unsubscribe", thingId="f:2")
    assert screen.ask(action="subscribe", thingId="f:x")["event"] == "Subscribed"


def test_a_heartbeat_tells_all_that_was_gathered_first(plant: Plant) -> None:
    screen = plant.screen()
    screen.watch()
    plant.report("f:00000", "p", n=1)
    screen.client.heartbeat(1_769_509_800_123)
    assert screen.take()[1:] == [
        {"event": "Heartbeat", "timestamp": "2026-01-27T10:30:00.123Z", "epoch": EPOCH, "seq": 4}
    ]


# Snapshots --------------------------------------------------------------------------------------


def test_a_snapshot_follows_its_answer_and_events_follow_it(plant: Plant) -> None:
    screen = plant.screen()
    screen.say(action="subscribe", filter={}, snapshot=True)
    plant.report("f:00000", "p", n=1)
    answer, snapshot, event = screen.events()
    assert snapshot == {
        "event": "Snapshot",
        "subscription": "s1",
        "epoch": EPOCH,
        "seq": answer["seq"],
        "things": snapshot["things"],
        "last": True,
    }
    assert [thing["id"] for thing in snapshot["things"]] == ["f:00000", "f:00001", "f:00002"]
    assert event["seq"] == answer["seq"] + 1


def test_a_snapshot_of_nothing_has_a_last_message(plant: Plant) -> None:
    screen = plant.screen()
    screen.say(action="subscribe", thingId="f:none", snapshot=True)
    (snapshot,) = screen.take()[1:]
    assert (snapshot["things"], snapshot["last"]) == ([], True)


def test_a_large_snapshot_is_the_state_at_its_seq_whatever_happens_meanwhile() -> None:
    plant = Plant()
    for number in range(100):
        plant.create(f"f:{number:03}", metadata=PAD)
    screen = plant.screen()
    screen.say(action="subscribe", filter={}, snapshot=True)
    assert not screen.messages[-1]["last"], "one slice a turn, so that others are served"
    assert sum(map(len, screen.writes)) < SLICE + 20_000
    plant.report("f:099", "p", n=1)
    plant.report("f:099", "p", n=2)
    plant.delete("f:050")
    snapshot: list[Json] = []
    events: list[Json] = []
    for one in screen.events()[1:]:
        (snapshot if one["event"] == "Snapshot" else events).append(one)
    things = [thing for one in snapshot for thing in one["things"]]
    assert len(things) == 100
    assert all(thing["version"] == 1 for thing in things)
    assert [one["event"] for one in events] == ["StateChanged", "ThingDeleted"]
    assert events[0]["properties"] == {"n": 2}
    assert events[0]["conflated"] == 2


def test_commands_wait_for_the_snapshot_before_them(plant: Plant) -> None:
    for number in range(100):
        plant.create(f"f:{number:03}", metadata=PAD)
    screen = plant.screen()
    screen.say(action="subscribe", filter={}, snapshot=True, id=1)
    for command_id in (2, 3, 4):
        screen.say(action="subscribe", thingId="f:000", snapshot=True, id=command_id)
    assert not screen.client.reads
    heads = [one.get("id") or one["subscription"] for one in screen.events()]
    assert [one for one in heads if one != "s1"] == [1, 2, "s2", 3, "s2", 4, "s2"]
    assert screen.client.reads


def test_hundreds_of_commands_that_waited_are_followed_without_recursion(plant: Plant) -> None:
    screen = plant.screen()
    screen.stall()
    for number in range(2000):
        screen.say(action="subscribe", thingId="f:00000", snapshot=True, id=number)
    screen.drain()
    answers = [one["id"] for one in screen.events() if one["event"] == "Subscribed"]
    assert answers == list(range(2000))


def test_a_subscription_that_looks_at_every_thing_leaves_time_for_others() -> None:
    plant = Plant(6000)
    screen = plant.screen()
    for number in range(3):
        screen.say(action="subscribe", filter={"features.p.properties.n": number}, id=number)
    assert len(screen.take()) == 1
    plant.loop.turn()
    assert len(screen.take()) == 1
    plant.loop.run()
    assert [one["id"] for one in screen.take()] == [2]


# Slow clients -----------------------------------------------------------------------------------


def test_a_slow_client_is_told_the_present_state_when_it_drains(plant: Plant) -> None:
    screen = slow(plant)
    for n in range(5):
        plant.report("f:00000", "p", n=n)
    assert screen.events() == []
    screen.drain()
    (told,) = screen.events()
    assert (told["properties"], told["conflated"], told["version"]) == ({"n": 4}, 5, 6)
    plant.report("f:00000", "p", n=9)
    (told,) = screen.events()
    assert (told["version"], "conflated" in told) == (7, False)
    assert plant.tally.conflated == 4
    assert plant.tally.sent == 2


def test_it_falls_behind_until_all_that_was_conflated_is_told(plant: Plant) -> None:
    screen = slow(plant)
    assert screen.client.falls_behind
    for number in range(200):
        plant.report(f"f:{number:05}", "p", text="x" * 500)
    screen.drain(room=SLICE // 2)
    plant.loop.turn()
    assert screen.client.falls_behind
    screen.drain()
    plant.loop.run()
    assert not screen.client.falls_behind


def test_a_snapshot_alone_makes_no_client_slow(plant: Plant) -> None:
    for number in range(200):
        plant.report(f"f:{number:05}", "p", text="x" * 1000)
    screen = plant.screen()
    screen.say(action="subscribe", filter={}, snapshot=True)
    assert screen.client.is_slow
    assert not screen.client.falls_behind
    plant.report("f:00000", "p", n=1)
    plant.loop.turn()
    assert screen.client.falls_behind


def test_a_slow_client_holds_nobody_else_back(plant: Plant) -> None:
    screen, other = slow(plant), plant.screen()
    other.watch()
    for n in range(3):
        plant.report("f:00000", "p", n=n)
    assert len(other.events()) == 3
    assert screen.take() == []


def test_a_drain_that_stalls_again_goes_on_later(plant: Plant) -> None:
    screen = slow(plant)
    for number in range(200):
        plant.report(f"f:{number:05}", "p", text="x" * 500)
    screen.drain(room=1)
    first = screen.events()
    assert 0 < len(first) < 200
    assert screen.stalled
    plant.report("f:00199", "p", text="y")
    screen.drain()
    second = screen.events()
    assert sum(one["conflated"] for one in first + second) == 3 + 200 - 3 + 200 - 3 + 1
    assert [one["seq"] for one in first + second] == sorted(one["seq"] for one in first + second)


def test_a_long_drain_leaves_time_for_others(plant: Plant) -> None:
    screen = slow(plant)
    for number in range(500):
        plant.report(f"f:{number:05}", "p", text="x" * 1000)
    screen.drain()
    plant.loop.turn()
    assert 0 < len(screen.take()) < 200
    assert len(screen.events()) > 300


def test_commands_of_a_stalled_client_wait_and_it_is_not_read_from(plant: Plant) -> None:
    screen = slow(plant)
    assert not screen.client.reads
    screen.say(action="ping", id=1)
    screen.say(action="subscribe", thingId="f:00000", id=2)
    assert screen.events() == []
    screen.drain()
    assert [one["id"] for one in screen.events()] == [1, 2]
    assert screen.client.reads


def test_a_new_subscription_comes_after_what_is_pending(plant: Plant) -> None:
    screen = slow(plant)
    for number in range(500):
        plant.report(f"f:{number:05}", "p", text="x" * 1000)
    screen.drain()
    screen.say(action="ping", id=1)
    screen.say(action="subscribe", thingId="f:00000", snapshot=True, id=2)
    told = screen.events()
    kept = kinds(told)
    assert kept[-2:] == ["Subscribed", "Snapshot"]
    assert kept.index("Pong") < len(kept) - 3, "an answer that selects nothing need not wait"


def test_a_slow_client_can_end_its_subscriptions_under_any_load(plant: Plant) -> None:
    screen = slow(plant)
    for number in range(500):
        plant.report(f"f:{number:05}", "p", text="x" * 1000)
    screen.drain()
    screen.say(action="unsubscribe", id=1)
    for number in range(500):
        plant.report(f"f:{number:05}", "p", text="y")
    told = screen.events()
    assert told[-1] == {"event": "Unsubscribed", "id": 1, "subscriptions": ["s1"]}
    assert plant.hub._audiences == {}
    assert not any(one.get("properties") == {"text": "y", "conflated": 2} for one in told)


def test_asking_for_later_turns_does_not_pile_up(plant: Plant) -> None:
    for number in range(200):
        plant.create(f"f:{number:03}", metadata=PAD)
    screen = plant.screen()
    screen.say(action="subscribe", filter={}, snapshot=True)
    screen.stall()
    screen.drain()
    screen.stall()
    screen.drain()
    assert list(plant.hub._owed) == [screen.catch_up]


def test_clients_that_stall_together_share_what_they_missed(plant: Plant) -> None:
    first, second, third = slow(plant), slow(plant), slow(plant)
    plant.report("f:00000", "p", n=1)
    plant.loop.run()
    assert first.client._pending is second.client._pending is third.client._pending
    first.drain()
    (told,) = first.events()
    assert (told["conflated"], told["properties"]) == (1, {"n": 1})
    plant.report("f:00000", "p", n=2)
    assert [one["version"] for one in first.events()] == [3]
    third.leave()
    second.drain()
    (told,) = second.events()
    assert (told["conflated"], told["properties"]) == (2, {"n": 2})


def test_a_client_that_stalls_later_shares_nothing_with_those_before(plant: Plant) -> None:
    first = slow(plant)
    plant.report("f:00000", "p", n=1)
    second = slow(plant)
    plant.report("f:00000", "p", n=2)
    plant.loop.run()
    for screen in (first, second):
        screen.drain()
    assert [one["conflated"] for one in first.events()] == [2]
    assert [one["conflated"] for one in second.take()] == [1]


def test_many_that_catch_up_at_once_take_turns(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "perf_counter", itertools.count().__next__)  # each slice takes long
    screens = [slow(plant) for _ in range(3)]
    for number in range(300):
        plant.report(f"f:{number:05}", "p", text="x" * 500)
    plant.loop.run()
    for screen in screens:
        screen.drain()
    served: list[list[int]] = []
    while plant.loop.calls:
        plant.loop.turn()
        served.append([len(screen.take()) for screen in screens])
    slices = [[number for number, told in enumerate(turn) if told] for turn in served]
    assert slices[:6] == [[0], [1], [2], [0], [1], [2]], "a slice a turn, one after the other"
    assert [sum(told) for told in zip(*served, strict=True)] == [300] * 3


# The end ----------------------------------------------------------------------------------------


def test_a_client_that_leaves_gets_what_was_gathered_and_nothing_after(plant: Plant) -> None:
    screen = plant.screen()
    screen.watch()
    plant.loop.run()
    plant.report("f:00000", "p", n=1)
    screen.leave()
    assert kinds(screen.take()) == ["StateChanged"]
    plant.report("f:00000", "p", n=2)
    assert screen.events() == []


def test_a_slow_client_that_leaves_keeps_nothing(plant: Plant) -> None:
    screen = slow(plant)
    plant.report("f:00000", "p", n=1)
    screen.say(action="ping")
    screen.leave()
    plant.loop.run()
    assert (len(screen.client._pending), len(screen.client._waiting)) == (0, 0)
    assert plant.traces() == {}
