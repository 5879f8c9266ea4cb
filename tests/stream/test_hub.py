from time import perf_counter

import pytest
from tests.stream.plant import Json, Plant, Screen

from egizcore.stream.hub import FLUSH_AT, LONGEST
from egizcore.thing.event import Event
from egizcore.thing.model import Thing


def told(screen: Screen) -> list[tuple[str, int]]:
    return [(one["event"], one["version"]) for one in screen.events()]


def test_nobody_listens_and_nothing_is_encoded_while_there_is_no_client() -> None:
    plant = Plant(1)
    plant.report("f:00000", "p", n=1)
    assert plant.bus.listeners == ()
    assert not plant.hub.events
    assert not plant.loop.calls


def test_an_event_that_nobody_wants_is_not_encoded() -> None:
    plant = Plant(1)
    plant.screen().watch(thingId="f:other")
    plant.loop.run()
    plant.report("f:00000", "p", n=1)
    assert not plant.hub.events
    assert not plant.loop.calls


def test_clients_that_ask_the_same_share_one_write() -> None:
    plant = Plant(1)
    screens = [plant.screen() for _ in range(3)]
    for screen in screens:
        screen.watch(filter={})
    plant.loop.run()
    plant.report("f:00000", "p", n=1)
    plant.report("f:00000", "p", n=2)
    assert told(screens[0]) == [("StateChanged", 2), ("StateChanged", 3)]
    assert screens[0].writes[-1] is screens[1].writes[-1] is screens[2].writes[-1]
    assert len(plant.hub._audiences) == 1
    assert plant.tally.sent == 6


def test_an_event_is_encoded_once_for_all_audiences() -> None:
    plant = Plant(1)
    everything, one_thing = plant.screen(), plant.screen()
    everything.watch(filter={})
    one_thing.watch(thingId="f:00000")
    plant.loop.run()
    plant.report("f:00000", "p", n=1)
    first, second = (audience.frames for audience in plant.hub._waiting)
    assert first[0] is second[0]


def test_a_lone_event_leaves_at_the_end_of_the_turn() -> None:
    plant = Plant(1)
    plant.screen().watch()
    plant.loop.run()
    plant.hub._ended = 0.0  # the last flush is long ago
    plant.loop.delays.clear()
    plant.report("f:00000", "p", n=1)
    assert plant.loop.delays == [0.0]


def test_after_a_costly_flush_the_next_one_waits_as_long_again_but_never_too_long() -> None:
    plant = Plant(1)
    plant.screen().watch()
    plant.loop.run()
    plant.hub._ended = perf_counter() + 100
    plant.loop.delays.clear()
    plant.report("f:00000", "p", n=1)
    plant.report("f:00000", "p", n=2)
    assert plant.loop.delays == [LONGEST]


def test_a_flood_is_flushed_before_the_loop_comes_to_it() -> None:
    plant = Plant(1)
    screen = plant.screen()
    screen.watch()
    plant.loop.run()
    for _ in range(FLUSH_AT // 10_000):
        plant.report("f:00000", "p", text="x" * 10_000)
    taken = screen.take()
    assert len(taken) > 20
    assert not plant.hub.events
    assert [one["seq"] for one in taken + screen.events()] == list(range(2, 2 + FLUSH_AT // 10_000))


def test_the_latency_of_each_flush_is_observed_with_its_events() -> None:
    plant = Plant(1)
    plant.screen().watch()
    plant.loop.run()
    plant.hub.began()
    plant.report("f:00000", "p", n=1)
    plant.report("f:00000", "p", n=2)
    plant.hub.done()
    plant.loop.run()
    ((seconds, count),) = plant.latencies
    assert count == 2
    assert 0 < seconds < 5


def test_a_thing_can_be_awaited() -> None:
    plant = Plant()
    screen = plant.screen()
    screen.watch(thingId="f:a")
    plant.create("f:b")
    plant.report("f:a", "p", n=1)
    assert told(screen) == [("ThingCreated", 1), ("StateChanged", 2)]


def test_new_things_join_filters_by_themselves() -> None:
    plant = Plant()
    screen = plant.screen()
    screen.watch(filter={"type": "mixer"})
    plant.create("f:a", "mixer")
    plant.create("f:b", "oven")
    plant.report("f:a", "p", n=1)
    assert told(screen) == [("ThingCreated", 1), ("StateChanged", 2)]


@pytest.mark.parametrize("selector", [{"type": "oven"}, {"metadata.place": "x"}], ids=str)
def test_the_change_that_ends_a_match_arrives_and_none_after_it(selector: Json) -> None:
    plant = Plant()
    plant.create("f:a", metadata={"place": "x"})
    screen = plant.screen()
    screen.watch(filter=selector)
    plant.merge("f:a", type="mixer", metadata={"place": "y"})
    plant.report("f:a", "p", n=1)
    plant.merge("f:a", type="oven", metadata={"place": "x"})
    plant.report("f:a", "p", n=2)
    assert told(screen) == [("ThingUpdated", 2), ("ThingUpdated", 4), ("StateChanged", 5)]


def test_a_match_on_a_property_begins_and_ends_with_the_change_that_makes_it_so() -> None:
    plant = Plant(1)
    screen = plant.screen()
    screen.watch(filter={"features.p.properties.n": {"$gt": 5}})
    for n in (1, 6, 7, 2, 3):
        plant.report("f:00000", "p", n=n)
    assert [one["properties"]["n"] for one in screen.events()] == [6, 7, 2]


def test_a_match_that_stood_at_subscription_is_known_to_end() -> None:
    plant = Plant(1)
    plant.report("f:00000", "p", n=9)
    screen = plant.screen()
    screen.watch(filter={"features.p.properties.n": 9})
    plant.delete_feature("f:00000", "p")
    plant.report("f:00000", "q", n=9)
    assert told(screen) == [("FeatureDeleted", 3)]


def test_an_event_that_two_subscriptions_select_arrives_once() -> None:
    plant = Plant(1)
    screen = plant.screen()
    selectors: list[Json] = [
        {"thingId": "f:00000"},
        {"filter": {}},
        {"filter": {"version": {"$gt": 0}}},
    ]
    for selector in selectors:
        screen.watch(**selector)
    plant.report("f:00000", "p", n=1)
    assert told(screen) == [("StateChanged", 2)]


def test_features_limit_and_the_widest_wins() -> None:
    plant = Plant(1)
    narrow, wide = plant.screen(), plant.screen()
    narrow.watch(filter={}, features=["p"])
    wide.watch(filter={}, features=["p"])
    wide.watch(thingId="f:00000", features=["q"])
    plant.write("f:00000", "p", properties={"n": 1})
    plant.write("f:00000", "q", properties={"n": 1}, desiredState={"n": 1})
    plant.delete_feature("f:00000", "q")
    plant.merge("f:00000", metadata={"place": "x"})
    assert told(narrow) == [("StateChanged", 2), ("ThingUpdated", 6)]
    assert [version for _, version in told(wide)] == [2, 3, 4, 5, 6]


def test_a_client_that_joins_while_frames_are_gathered_gets_only_later_ones() -> None:
    plant = Plant(1)
    first, second = plant.screen(), plant.screen()
    first.watch()
    plant.loop.run()
    plant.report("f:00000", "p", n=1)
    second.watch()
    plant.report("f:00000", "p", n=2)
    assert told(first) == [("StateChanged", 2), ("StateChanged", 3)]
    assert told(second) == [("StateChanged", 3)]


def test_an_answer_does_not_overtake_what_was_gathered() -> None:
    plant = Plant(1)
    screen = plant.screen()
    screen.watch()
    plant.loop.run()
    plant.report("f:00000", "p", n=1)
    screen.say(action="ping")
    plant.report("f:00000", "p", n=2)
    assert [one["event"] for one in screen.events()] == ["StateChanged", "Pong", "StateChanged"]


def test_clients_are_regrouped_once_for_many_commands() -> None:
    plant = Plant(1)
    plant.screen().watch()
    plant.loop.run()
    screen = plant.screen()
    before = plant.hub._number
    for number in range(100):
        screen.say(action="subscribe", thingId=f"f:{number}")
    plant.loop.run()
    assert plant.hub._number == before + 100 + 1, "a number for each selection, one audience"


def test_another_listener_on_the_bus_changes_nothing() -> None:
    plant = Plant(1)
    heard: list[int] = []

    def listener(event: Event, _before: Thing | None, _after: Thing | None) -> None:
        heard.append(event.seq)

    plant.bus.attach(listener)
    screen = plant.screen()
    screen.watch()
    plant.report("f:00000", "p", n=1)
    assert told(screen) == [("StateChanged", 2)]
    screen.leave()
    plant.loop.run()
    assert plant.bus.listeners == (listener,)
    assert heard == [2]


def test_a_new_filter_makes_only_itself_considered() -> None:
    """A reconnect of 1,000 clients must not empty the cache 1,000 times."""
    plant = Plant(1)
    plant.screen().watch(filter={"type": "oven"})
    plant.report("f:00000", "p", n=1)
    route = plant.hub._routes["f:00000"]
    asked: list[Thing] = []
    (old,) = plant.hub._audiences.values()
    (interest,) = old.interests

    def matches(thing: Thing) -> bool:
        asked.append(thing)
        return True

    interest.selection.matches = matches
    second = plant.screen()
    second.watch(filter={"metadata.place": {"$exists": False}})
    plant.report("f:00000", "p", n=2)
    assert plant.hub._routes["f:00000"] is route
    assert asked == []
    assert told(second) == [("StateChanged", 3)]


def test_ten_thousand_clients_that_come_and_go_leave_nothing_behind() -> None:
    plant = Plant(3)
    selectors: list[Json] = [
        {"filter": {}},
        {"thingId": "f:00001"},
        {"filter": {"features.p.properties.n": 1}},
        {"filter": {"type": "oven"}, "features": ["p"]},
    ]
    for number in range(10_000):
        screen = plant.screen()
        screen.say(action="subscribe", **selectors[number % 4])
        if number % 3 == 0:
            plant.report("f:00001", "p", n=1)
        if number % 5 == 0:
            screen.say(action="unsubscribe")
        if number % 7 == 0:
            plant.loop.turn()
        screen.leave()
    plant.loop.run()
    assert plant.traces() == {}
    assert plant.bus.listeners == ()
    assert plant.tally.clients == 0
