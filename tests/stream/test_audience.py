from typing import Any

from egizcore.stream.audience import Audience, Interest, Selection
from egizcore.stream.command import Subscribe, read_command
from egizcore.thing.document import write_json
from egizcore.thing.model import Thing


def selection(number: int = 1, **selector: Any) -> Selection:
    command = read_command(write_json({"action": "subscribe", **selector}))
    assert isinstance(command, Subscribe)
    return Selection(command.selector, number)


def test_a_thing_by_its_id() -> None:
    one = selection(thingId="f:a")
    assert not one.is_dynamic
    assert one.may_match(Thing("f:a", "oven", 1, 0))
    assert not one.may_match(Thing("f:b", "oven", 1, 0))


def test_a_static_filter_knows_for_certain() -> None:
    one = selection(filter={"metadata.place": "x"})
    thing = Thing("f:a", "oven", 1, 0)
    assert not one.is_dynamic
    assert not one.may_match(thing)
    thing.metadata = {"place": "x"}
    assert one.may_match(thing)


def test_a_filter_with_property_terms_may_match_all_of_its_type() -> None:
    one = selection(filter={"type": "oven", "features.p.properties.n": 1})
    assert one.is_dynamic
    assert one.may_match(Thing("f:a", "oven", 1, 0))
    assert not one.may_match(Thing("f:b", "mixer", 1, 0))


def test_an_audience_with_a_filter_can_want_things_that_it_does_not_name() -> None:
    by_id = Interest(selection(thingId="f:a"), None)
    by_filter = Interest(selection(filter={}), None)
    assert not Audience(frozenset([by_id]), 1).filtered
    assert Audience(frozenset([by_id, by_filter]), 2).filtered
