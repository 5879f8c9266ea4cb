"""Topic → route, device, Thing and feature (contract.md, section 4, Mapping)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.errors import SettingsInvalid
from egizcore.ingest import DEFAULT_ROUTES, MqttSettings, Routes, RouteSettings, Target, overlaps
from egizcore.mqtt import matches

THING = "factory:{device}"


def resolve(topic: str, *routes: RouteSettings, devices: dict[str, str] | None = None) -> Target:
    return Routes(routes or DEFAULT_ROUTES, devices or {}).resolve(topic)


def on(topic: str, **more: Any) -> RouteSettings:
    return RouteSettings(topic=topic, **{"thing": THING, **more})


def test_with_no_routes_there_is_the_one_of_the_contract() -> None:
    target = Routes((), {}).resolve("sensors/oven-001/telemetry")
    assert target.reason is None
    assert (target.device, target.thing_id, target.feature) == (
        "oven-001",
        "factory:oven-001",
        None,
    )
    assert target.route is not None
    assert target.route.type == "device"
    assert resolve("sensors/oven-001").reason == "no_route"


def test_the_first_route_that_matches_wins() -> None:
    routes = tuple(
        RouteSettings(topic=topic, thing="f:x", type=kind)
        for topic, kind in (("a/+", "first"), ("a/b", "second"), ("{device}/b", "third"))
    )
    for topic, kind in (("a/b", "first"), ("c/b", "third")):
        target = resolve(topic, *routes)
        assert target.route is not None
        assert target.route.type == kind


def test_a_capture_is_one_level_and_plus_and_hash_match_uncaptured() -> None:
    route = on("{site}/+/{device}/#", thing="{site}:{device}")
    target = resolve("bread/x/oven/y/z", route)
    assert target.thing_id == "bread:oven"
    assert target.captures == {"site": "bread", "device": "oven"}
    assert resolve("bread/x/oven", route).thing_id == "bread:oven"
    assert resolve("bread/x", route).reason == "no_route"


levels = st.sampled_from(("a", "b", "", "$s", "+", "{x}", "{y}"))


@given(
    st.lists(levels, min_size=1, max_size=4).filter(lambda one: one.count("{x}") < 2),
    st.sampled_from(([], ["#"])),
    st.lists(st.sampled_from(("a", "b", "", "$s")), min_size=1, max_size=5),
)
def test_a_route_matches_what_its_filter_matches(
    route: list[str], last: list[str], topic: list[str]
) -> None:
    if route.count("{y}") > 1:
        return
    pattern = "/".join(route + last)
    name = "/".join(topic)
    if not pattern or not name:
        return
    routes = Routes((RouteSettings(topic=pattern, thing="f:x"),), {})
    (filter_,) = routes.filters()
    assert "{" not in filter_
    assert (routes.resolve(name).reason is None) is matches(filter_, name)
    assert (routes.tried(name) == []) is matches(filter_, name)


def test_the_devices_table_comes_before_the_template() -> None:
    devices = {"oven-001": "plant:special", "no good": "plant:other"}
    assert resolve("sensors/oven-001/telemetry", devices=devices).thing_id == "plant:special"
    assert resolve("sensors/oven-002/telemetry", devices=devices).thing_id == "factory:oven-002"
    assert resolve("sensors/no good/telemetry", devices=devices).thing_id == "plant:other"


def test_a_device_that_nothing_maps_is_unknown() -> None:
    target = resolve("x/esp", RouteSettings(topic="x/{device}"), devices={"other": "f:o"})
    assert (target.reason, target.device, target.plain) == ("unknown_device", "esp", False)


@pytest.mark.parametrize("device", ["no good", "", "a:", "é", "a" * 250])
def test_a_capture_that_makes_no_legal_id_is_a_bad_topic(device: str) -> None:
    target = resolve(f"sensors/{device}/telemetry")
    assert target.reason == "bad_topic"
    assert len(target.message) < 600


def test_a_capture_that_is_no_feature_is_a_bad_topic() -> None:
    route = on("sensors/{device}/{feature}", feature="{feature}")
    assert resolve("sensors/oven/thermal", route).feature == "thermal"
    assert resolve("sensors/oven/two words", route).reason == "bad_topic"


def test_messages_about_enormous_names_are_short() -> None:
    route = RouteSettings(topic="x/{device}")
    assert len(resolve("x/" + "d" * 60_000, route).message) < 600
    assert len(resolve("x/" + "d" * 60_000, on("x/{device}")).message) < 600


@pytest.mark.parametrize(
    ("more", "plain", "applies"),
    [
        ({}, True, False),
        ({"unchanged": "apply"}, True, True),
        ({"unchanged": "skip"}, False, False),
        ({"time": "payload.ts"}, False, False),
        ({"fields": {"t": "a.b"}}, False, False),
        ({"device": "payload.id"}, False, False),
        ({"feature": "thermal"}, True, False),
    ],
)
def test_only_what_the_topic_says_all_about_goes_by_the_flat_road(
    more: dict[str, Any], *, plain: bool, applies: bool
) -> None:
    target = resolve("x/d", on("x/{device}", **more))
    assert target.plain is plain
    assert target.applies is applies or more.get("device")


def test_what_was_tried_says_why_each_route_did_not_match() -> None:
    routes = Routes((on("a/b/{device}"), on("a/{device}"), on("#", thing="f:x")), {})
    assert [(one.route, one.why) for one in routes.tried("a/c/d")] == [
        ("a/b/{device}", "level 2 is 'c', not 'b'"),
        ("a/{device}", "the topic goes on after level 2"),
    ]
    assert routes.tried("a")[0].why == "the topic ends before level 2, 'b'"
    assert "$" in routes.tried("$SYS/x")[2].why


@pytest.mark.parametrize(
    ("route", "place"),
    [
        (on("a/#/b"), "mqtt.routes[0].topic"),
        (on("a/b+"), "mqtt.routes[0].topic"),
        (on(""), "mqtt.routes[0].topic"),
        (on("a/x{device}"), "mqtt.routes[0].topic"),
        (on("{device}/{device}"), "mqtt.routes[0].topic"),
        (on("a/{id}"), "mqtt.routes[0].thing"),
        (on("a/+"), "mqtt.routes[0].thing"),
        (on("a/{device}", thing="{device}"), "mqtt.routes[0].thing"),
        (on("a/{device}", thing="no good:{device}"), "mqtt.routes[0].thing"),
        (on("a/{device}", feature="a b"), "mqtt.routes[0].feature"),
        (on("a/{device}", feature="{feature}"), "mqtt.routes[0].feature"),
        (on("a/{device}", type="two words"), "mqtt.routes[0].type"),
        (on("a", device="device_id"), "mqtt.routes[0].device"),
        (on("a", device="payload."), "mqtt.routes[0].device"),
        (on("a/{device}", time="payload.a..b"), "mqtt.routes[0].time"),
        (on("a/{device}", fields={"t": "thermal"}), "mqtt.routes[0].fields.t"),
        (on("a/{device}", fields={"t": "a b.c"}), "mqtt.routes[0].fields.t"),
        (on("a/{device}", fields={"t": "a."}), "mqtt.routes[0].fields.t"),
        (on("a/{device}", fields={"t": "a.b", "u": "a.b.c"}), "mqtt.routes[0].fields.t"),
        (on("a/{device}", fields={"t": "a.b"}, feature="a"), "mqtt.routes[0]"),
    ],
)
def test_a_route_that_cannot_work_is_refused_at_start_and_named(
    route: RouteSettings, place: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        Routes((route,), {})
    assert str(caught.value).startswith(place + ":")


def test_two_members_may_stand_for_one_property() -> None:
    Routes((on("a/{device}", fields={"t": "a.b", "temp": "a.b"}),), {})


def test_the_devices_table_names_things() -> None:
    with pytest.raises(SettingsInvalid, match=r"mqtt\.devices\.esp"):
        Routes(DEFAULT_ROUTES, {"esp": "oven"})


def test_routes_that_overlap_in_part_are_told() -> None:
    routes = (on("a/+/{device}"), on("a/b/{device}"), on("a/{device}/c"), on("z/{device}"))
    warnings = overlaps(MqttSettings(routes=routes))
    assert [[route.topic for route in routes if repr(route.topic) in one] for one in warnings] == [
        ["a/b/{device}", "a/{device}/c"],
    ]
