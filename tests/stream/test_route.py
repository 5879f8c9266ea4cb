from typing import Any

from tests.stream.test_audience import selection

from egizcore.stream.audience import Audience, Interest, Selection
from egizcore.stream.conflation import Pending
from egizcore.stream.route import Route
from egizcore.thing.event import StateChanged, ThingDeleted
from egizcore.thing.model import Feature, Thing


class Nobody:
    start = 0
    is_slow = False

    def deliver(self, frames: list[bytes], joined: bytes) -> None:
        raise AssertionError("routes only choose")

    def miss(self, frames: list[bytes], missed: Pending | None) -> Pending | None:
        raise AssertionError("routes only choose")


def audience(*interests: Interest) -> Audience:
    found = Audience(frozenset(interests), 1)
    found.clients[Nobody()] = None
    return found


def wants(*features: str, **selector: Any) -> Interest:
    return Interest(selection(**selector), frozenset(features) or None)


def oven() -> Thing:
    thing = Thing("f:a", "oven", 1, 0)
    thing.features["p"] = Feature(0)
    return thing


def route(*audiences: Audience) -> Route:
    found = Route()
    found.extend(oven(), audiences)
    return found


def change(feature: str = "p") -> StateChanged:
    return StateChanged("f:a", feature, {}, 2, "", 2)


def test_an_audience_without_limits_gets_every_event() -> None:
    one = audience(wants(filter={}))
    assert route(one).plain == [one]


def test_an_audience_of_other_things_gets_none() -> None:
    one = route(audience(wants(thingId="f:b")), audience(wants(filter={"type": "mixer"})))
    assert one.chosen(None, set()) == []


def test_features_limit_events_on_features_only() -> None:
    one = audience(wants("p", filter={}))
    assert route(one).chosen("p", set()) == [one]
    assert route(one).chosen("q", set()) == []
    assert route(one).chosen(None, set()) == [one]


def test_where_subscriptions_overlap_the_widest_wins() -> None:
    one = audience(wants("p", filter={}), wants("q", thingId="f:a"))
    assert route(one).chosen("q", set()) == [one]
    two = audience(wants("p", filter={}), wants(thingId="f:a"))
    assert route(two).plain == [two]


def test_a_dynamic_selection_counts_only_while_it_hits() -> None:
    dynamic = wants(filter={"features.p.properties.n": 1})
    one = audience(dynamic, wants("p", thingId="f:a"))
    assert route(one).chosen("q", set()) == []
    assert route(one).chosen("p", set()) == [one]
    assert route(one).chosen("q", {dynamic.selection}) == [one]


def watching(found: Selection) -> Route:
    one = Route()
    one.watched.append(found)
    return one


def test_an_event_that_begins_or_ends_a_match_hits() -> None:
    found = selection(filter={"features.p.properties.n": 1})
    one, thing = watching(found), oven()
    assert one.hits(change(), thing) == set()
    thing.features["p"].properties = {"n": 1}
    assert one.hits(change(), thing) == {found}
    thing.features["p"].properties = {"n": 2}
    assert one.hits(change(), thing) == {found}
    assert one.hits(change(), thing) == set()


def test_a_deleted_thing_is_forgotten() -> None:
    found = selection(filter={"features.p.properties.n": 1})
    found.matching.add("f:a")
    assert watching(found).hits(ThingDeleted("f:a", 2, "", 2), None) == {found}
    assert not found.matching


def test_a_filter_is_not_asked_about_features_that_it_does_not_read() -> None:
    found = selection(filter={"features.p.properties.n": 1})
    thing = oven()
    thing.features["p"].properties = {"n": 1}
    assert watching(found).hits(change("q"), thing) == set()


def test_audiences_without_clients_and_selections_without_use_are_forgotten() -> None:
    one = Route()
    for interest in (
        wants(filter={}),
        wants("p", filter={}),
        wants(filter={"version": 1}),
    ):
        gone = audience(interest)
        one.extend(oven(), [gone])
        gone.clients.clear()
        one.watched.append(interest.selection)
    one.prune()
    assert (one.plain, one.limited, one.conditional, one.watched) == ([], [], [], [])
