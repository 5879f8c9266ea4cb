"""The synchronous bus."""

from egizcore.bus import Bus
from egizcore.thing.event import Event, FeatureDeleted, StateChanged, ThingDeleted
from egizcore.thing.model import Thing

AT = "2026-01-27T10:30:05.123Z"
THING = Thing("f:o", "oven", 1, 0)


def test_every_listener_hears_every_event_at_once_in_the_order_of_attachment() -> None:
    bus = Bus("e")
    heard: list[tuple[str, Event, Thing | None, Thing | None]] = []
    bus.attach(lambda *what: heard.append(("first", *what)))
    bus.attach(lambda *what: heard.append(("second", *what)))
    event = ThingDeleted("f:o", 2, AT, 1)
    bus.publish(event, THING, None)
    assert heard == [("first", event, THING, None), ("second", event, THING, None)]


def test_a_listener_that_is_detached_hears_no_more() -> None:
    bus = Bus("e")
    heard: list[Event] = []

    def listen(event: Event, _before: Thing | None, _after: Thing | None) -> None:
        heard.append(event)

    bus.detach(listen)  # not attached: nothing happens
    bus.attach(listen)
    bus.detach(listen)
    bus.publish(ThingDeleted("f:o", 2, AT, 1), THING, None)
    assert heard == []


def test_a_listener_may_leave_while_it_hears() -> None:
    bus = Bus("e")
    heard: list[str] = []

    def leaving(_event: Event, _before: Thing | None, _after: Thing | None) -> None:
        heard.append("leaving")
        bus.detach(leaving)

    bus.attach(leaving)
    bus.attach(lambda _event, _before, _after: heard.append("staying"))
    for seq in (1, 2):
        bus.publish(ThingDeleted("f:o", 2, AT, seq), THING, None)
    assert heard == ["leaving", "staying", "staying"]


def test_a_rare_listener_hears_all_but_readings_after_the_others() -> None:
    bus = Bus("e")
    heard: list[tuple[str, Event]] = []
    bus.attach_rare(lambda event, _before, _after: heard.append(("rare", event)))
    bus.attach(lambda event, _before, _after: heard.append(("usual", event)))
    reading, deletion = StateChanged("f:o", "t", {}, 2, AT, 1), ThingDeleted("f:o", 3, AT, 2)
    bus.publish(reading, THING, THING)
    bus.publish(deletion, THING, None)
    assert heard == [("usual", reading), ("usual", deletion), ("rare", deletion)]


def test_events_are_counted_by_name_and_each_name_is_there_from_the_start() -> None:
    bus = Bus("e")
    assert set(bus.counts().values()) == {0}
    assert len(bus.counts()) == 6
    bus.seq = 3  # whoever makes an event takes the number first
    bus.publish(StateChanged("f:o", "t", {}, 2, AT, 1), THING, THING)
    bus.publish(FeatureDeleted("f:o", "t", 3, AT, 2), THING, THING)
    bus.publish(StateChanged("f:o", "t", {}, 4, AT, 3), THING, THING)
    assert bus.counts()["StateChanged"] == 2
    assert bus.counts()["FeatureDeleted"] == 1
    assert sum(bus.counts().values()) == bus.seq
