"""What is desired reaches the devices that report (contract.md, section 4, Commands)."""

import json

import pytest
from tests.command.plant import Line, Plant, link

from egizcore.command.courier import Courier, Listener
from egizcore.ingest import RouteSettings

TOPIC = "devices/oven-001/desired"
OVEN = "factory:oven-001"
SHARED = RouteSettings(topic="lines/{line}/{device}", thing="factory:{line}")
IN_PAYLOAD = RouteSettings(topic="flat", device="payload.id", thing="factory:{device}")
NAMELESS = RouteSettings(topic="oven", thing="factory:oven-001")


def counts(plant: Plant) -> tuple[int, int, int]:
    courier = plant.courier
    return courier.sent, courier.acknowledged, courier.dropped


# To whom -----------------------------------------------------------------------------------


def test_a_change_goes_whole_to_the_device_that_reported_by_the_link_it_came_by() -> None:
    one, other = link("one"), link("other")
    plant = Plant(links=(one, other))
    plant.report(other, "oven-001")
    plant.want(OVEN, {"setpoint": 195.0, "light": True})
    version = plant.want(OVEN, {"setpoint": 200.0})
    assert one.got == []
    topic, payload, retain = other.got[-1]
    assert (topic, retain) == (TOPIC, False)
    assert json.loads(payload) == {
        "thingId": OVEN,
        "feature": "thermal",
        "desiredState": {"setpoint": 200.0, "light": True},
        "version": version,
    }
    assert counts(plant) == (2, 0, 0)


def test_a_device_of_the_table_that_was_never_seen_is_told_by_every_link() -> None:
    links = (link("one"), link("other"))
    plant = Plant(devices={"esp32-a": OVEN, "esp32-b": OVEN}, links=links)
    plant.create(id=OVEN)
    plant.want(OVEN, {"setpoint": 195.0})
    for one in links:
        assert [topic for topic, _, _ in one.got] == [
            "devices/esp32-a/desired",
            "devices/esp32-b/desired",
        ]


def test_a_device_of_the_table_is_told_once_though_it_also_reported() -> None:
    line, other = link("one"), link("other")
    plant = Plant(devices={"esp32-a": OVEN, "esp32-b": OVEN}, links=(line, other))
    plant.report(line, "esp32-a")
    plant.want(OVEN, {"setpoint": 195.0})
    assert [topic for topic, _, _ in line.got] == [
        "devices/esp32-a/desired",
        "devices/esp32-b/desired",
    ]
    assert [topic for topic, _, _ in other.got] == ["devices/esp32-b/desired"]


def test_each_device_of_the_table_is_told_by_its_own_link_though_another_reported_since() -> None:
    one, other = link("one"), link("other")
    plant = Plant(devices={"esp32-a": OVEN, "esp32-b": OVEN}, links=(one, other))
    for line, device in ((one, "esp32-a"), (other, "esp32-b")):
        plant.report(line, device)
    plant.want(OVEN, {"setpoint": 195.0})
    assert [topic for topic, _, _ in one.got] == ["devices/esp32-a/desired"]
    assert [topic for topic, _, _ in other.got] == ["devices/esp32-b/desired"]


def test_a_gateway_hears_for_each_device_of_the_table_that_it_published_as() -> None:
    line = Line("gateway")
    plant = Plant(devices={"esp32-a": OVEN, "esp32-b": OVEN})
    for device in ("esp32-a", "esp32-b"):
        plant.report(line, device)
    assert plant.subscribe(line, "devices/esp32-a/desired")
    assert plant.subscribe(line, "devices/esp32-b/desired")


def test_where_several_report_for_a_thing_only_the_last_one_is_told() -> None:
    line = link()
    plant = Plant(SHARED, links=(line,))
    for device in ("a", "b", "a"):
        plant.publish(line, f"lines/l1/{device}", {"f": {"p": 1}})
    for device in ("b", "a", "a", "b"):
        plant.publish(line, f"lines/l1/{device}", {"f": {"p": 2}})
        plant.want("factory:l1", {"x": 1})
        assert [topic for topic, _, _ in line.got] == [f"devices/{device}/desired"]
        line.got.clear()


def test_a_device_is_told_by_the_connection_that_it_came_by_last() -> None:
    first, second, broker = Line("oven-001"), Line("oven-001"), link()
    plant = Plant(links=(broker,))
    for line in (first, second):
        line.filters.add(TOPIC)
    for line in (first, second, broker, first, first):
        plant.report(line, "oven-001")
        plant.want(OVEN, {"setpoint": 195.0})
        assert len(line.taken()) == 1
    assert (first.got, second.got, broker.got) == ([], [], [])


def test_a_device_that_the_payload_names_is_told() -> None:
    line = link()
    plant = Plant(IN_PAYLOAD, links=(line,))
    for device in ("a", "b"):
        plant.publish(line, "flat", {"id": device, "f": {"p": 1}})
    plant.want("factory:a", {"x": 1})
    assert [topic for topic, _, _ in line.got] == ["devices/a/desired"]


def test_a_message_without_a_device_is_its_clients_at_the_endpoint_and_nobodys_elsewhere() -> None:
    line, broker = Line("c1"), link()
    plant = Plant(NAMELESS, links=(broker,))
    assert plant.subscribe(line, "devices/c1/desired")
    plant.publish(line, "oven", {"f": {"p": 1}})
    plant.want(OVEN, {"x": 1})
    assert len(line.taken()) == 1
    for _ in range(3):
        plant.publish(broker, "oven", {"f": {"p": 2}})
    plant.want(OVEN, {"x": 2})
    assert (line.got, broker.got) == ([], [])


def test_a_device_whose_name_has_no_topic_is_known_by_its_client_or_not_at_all() -> None:
    line, broker = Line("c1"), link()
    plant = Plant(
        RouteSettings(topic="flat", device="payload.id", thing="factory:oven-001"),
        links=(broker,),
    )
    assert plant.subscribe(line, "devices/c1/desired")
    for device in ("a/b", "+"):
        plant.publish(line, "flat", {"id": device, "f": {"p": 1}})
        plant.want(OVEN, {"x": 1})
        assert len(line.taken()) == 1
        plant.publish(broker, "flat", {"id": device, "f": {"p": 1}})
        assert plant.store.things[OVEN].reporter is None
    assert plant.courier._roster._devices == {}


def test_a_rejected_report_is_none() -> None:
    line = link()
    plant = Plant(links=(line,))
    plant.create(id=OVEN)
    plant.publish(line, "sensors/oven-001/telemetry", [])
    plant.want(OVEN, {"setpoint": 195.0})
    assert line.got == []


def test_a_name_that_is_no_level_of_a_topic_gets_nothing() -> None:
    line = link()
    plant = Plant(devices={"a/b": OVEN, "+": OVEN}, links=(line,))
    plant.create(id=OVEN)
    plant.want(OVEN, {"setpoint": 195.0})
    assert line.got == []


def test_a_thing_keeps_its_reporter_when_its_own_members_change_and_loses_it_when_deleted() -> None:
    line = link()
    plant = Plant(links=(line,))
    plant.report(line, "oven-001")
    plant.put(OVEN, metadata={"name": "x"})
    plant.want(OVEN, {"setpoint": 195.0})
    assert len(line.taken()) == 1
    plant.registry.delete(OVEN)
    plant.create(id=OVEN)
    plant.want(OVEN, {"setpoint": 195.0})
    assert line.got == []
    plant.report(line, "oven-001")
    plant.want(OVEN, {"setpoint": 196.0})
    assert len(line.taken()) == 1
    plant.registry.delete(OVEN)
    assert (plant.courier._roster._devices, plant.courier._wishes) == ({}, {})


def test_a_thing_that_is_created_with_a_wish_is_a_change() -> None:
    line = link()
    plant = Plant(devices={"esp32": OVEN}, links=(line,))
    plant.create(id=OVEN, features={"thermal": {"desiredState": {"s": 1}}, "light": {}})
    (told,) = line.taken()
    assert (told["feature"], told["version"]) == ("thermal", 1)


# How it is sent ----------------------------------------------------------------------------


def test_retain_is_for_brokers() -> None:
    line, broker = Line("oven-001"), link()
    plant = Plant(devices={"oven-002": OVEN}, links=(broker,), retain=True)
    plant.subscribe(line, TOPIC)
    plant.report(line, "oven-001", {"thermal": {"t": 1}})
    plant.want(OVEN, {"setpoint": 195.0})
    assert [retain for _, _, retain in line.got] == [False]
    assert [retain for _, _, retain in broker.got] == [True]


def test_a_topic_of_ones_own_is_used_both_ways() -> None:
    line = Line("oven-001")
    plant = Plant(topic="cmd/{device}")
    assert not plant.subscribe(line, TOPIC)
    assert plant.subscribe(line, "cmd/oven-001")
    plant.report(line, "oven-001")
    plant.want(OVEN, {"setpoint": 195.0})
    assert [topic for topic, _, _ in line.got] == ["cmd/oven-001"]


def test_a_command_that_a_link_does_not_take_is_dropped() -> None:
    line = link()
    plant = Plant(links=(line,))
    plant.report(line, "oven-001")
    line.up = False
    plant.want(OVEN, {"setpoint": 195.0})
    assert counts(plant) == (0, 0, 1)


def test_what_links_and_sessions_tell_is_counted() -> None:
    plant = Plant()
    plant.courier.was_acknowledged()
    plant.courier.were_dropped(3)
    assert counts(plant) == (0, 1, 3)


# The endpoint ------------------------------------------------------------------------------


def test_a_device_may_have_its_own_topic_before_it_ever_published() -> None:
    plant = Plant()
    for line, name in (
        (Line("c1"), "c1"),
        (Line("c1", "oven-001"), "oven-001"),
        (Line("c1", "plant"), "c1"),
    ):
        assert plant.courier.may_subscribe(line, f"devices/{name}/desired")
    for one in (TOPIC, "#", "devices/+/desired", "devices/c1/desired/x", "sensors/c1/telemetry"):
        assert not plant.courier.may_subscribe(Line("c1"), one)


def test_a_device_may_have_the_topic_of_each_device_that_it_published_as() -> None:
    line = Line("gateway")
    plant = Plant()
    assert not plant.subscribe(line, TOPIC)
    plant.report(line, "oven-001")
    plant.report(line, "oven-002")
    assert plant.subscribe(line, TOPIC)
    assert plant.subscribe(line, "devices/oven-002/desired")
    assert not plant.subscribe(Line("stranger"), TOPIC)


def test_a_subscription_brings_all_that_is_desired_of_a_thing_that_is_known() -> None:
    line = Line("oven-001")
    plant = Plant(devices={"oven-001": OVEN})
    plant.create(id=OVEN, features={"thermal": {"desiredState": {"s": 1}}, "light": {}})
    plant.want(OVEN, {"on": True}, "light")
    plant.want(OVEN, {"x": 1}, "belt")
    version = plant.want(OVEN, {"x": None}, "belt")
    for _ in range(2):  # and again when it subscribes again
        assert plant.subscribe(line, TOPIC)
        told = line.taken()
        assert [(one["feature"], one["desiredState"]) for one in told] == [
            ("thermal", {"s": 1}),
            ("light", {"on": True}),
        ]
        assert {one["version"] for one in told} == {version}
    plant.report(line, "oven-001")
    assert line.got == []
    assert counts(plant) == (4, 0, 0)


def test_the_first_report_brings_it_where_the_thing_was_not_known() -> None:
    line = Line("oven-001")
    plant = Plant()
    plant.create(id=OVEN, features={"thermal": {"desiredState": {"s": 1}}})
    assert plant.subscribe(line, TOPIC)
    assert line.got == []
    plant.report(line, "oven-001")
    assert [one["desiredState"] for one in line.taken()] == [{"s": 1}]
    plant.report(line, "oven-001")
    plant.report(line, "oven-002")
    assert line.got == []
    assert counts(plant) == (1, 0, 0)


def test_the_first_report_brings_it_also_under_the_name_of_the_client() -> None:
    line = Line("c1")
    plant = Plant()
    plant.create(id=OVEN, features={"thermal": {"desiredState": {"s": 1}}})
    assert plant.subscribe(line, "devices/c1/desired")
    plant.report(line, "oven-001")
    assert [one["desiredState"] for one in line.taken()] == [{"s": 1}]


def test_a_device_that_reported_before_it_subscribed_is_told_with_its_subscription() -> None:
    line = Line("c1", "plant")
    plant = Plant()
    plant.create(id=OVEN, features={"thermal": {"desiredState": {"s": 1}}})
    plant.report(line, "oven-001")
    for topic in (TOPIC, "devices/c1/desired", "devices/plant/desired"):
        assert plant.subscribe(line, topic)
        assert len(line.taken()) == 1
        line.filters.clear()


@pytest.mark.parametrize("name", ["c1", "plant", "oven-001"])
def test_a_change_goes_out_under_the_name_that_was_subscribed_with(name: str) -> None:
    line, other = Line("c1", "plant"), Line("c2", "plant")
    plant = Plant()
    plant.report(line, "oven-001")
    plant.report(other, "oven-002")
    assert plant.subscribe(line, f"devices/{name}/desired")
    assert plant.subscribe(other, "devices/plant/desired")
    plant.want(OVEN, {"s": 1})
    plant.want("factory:oven-002", {"s": 2})
    assert [(topic, json.loads(body)["desiredState"]) for topic, body, _ in line.got] == [
        (f"devices/{name}/desired", {"s": 1})
    ]
    assert [one["desiredState"] for one in other.taken()] == [{"s": 2}]


def test_devices_that_take_turns_are_told_once_each() -> None:
    lines = (Line("a"), Line("b"))
    plant = Plant(SHARED)
    plant.create(id="factory:l1", features={"f": {"desiredState": {"s": 1}}})
    for line in lines:
        assert plant.subscribe(line, f"devices/{line.client_id}/desired")
    for round_ in range(3):
        for line in lines:
            plant.publish(line, f"lines/l1/{line.client_id}", {"f": {"p": round_}})
    assert [len(line.taken()) for line in lines] == [1, 1]


def test_a_device_that_comes_back_is_told_of_what_it_missed_and_of_nothing_else() -> None:
    lines = (Line("a"), Line("b"))
    plant = Plant(SHARED)
    for line in (*lines, *lines):
        plant.subscribe(line, f"devices/{line.client_id}/desired")
        plant.publish(line, f"lines/l1/{line.client_id}", {"f": {"p": 1}})
    plant.want("factory:l1", {"s": 1}, "f")
    assert [len(line.taken()) for line in lines] == [0, 1]
    for _ in range(3):
        for line in lines:
            plant.publish(line, f"lines/l1/{line.client_id}", {"f": {"p": 1}})
    assert [len(line.taken()) for line in lines] == [1, 0]


def test_a_second_connection_may_hear_what_the_first_reports_for() -> None:
    reports, hears = Line("oven-001-out", "oven-001"), Line("oven-001-in", "oven-001")
    plant = Plant()
    assert plant.subscribe(hears, TOPIC)
    plant.report(reports, "oven-001")
    plant.want(OVEN, {"s": 1})
    assert (len(hears.taken()), reports.got) == (1, [])


def test_a_device_that_hears_no_commands_loses_none_and_is_no_reason_to_ask_brokers() -> None:
    line, broker = Line("oven-001"), link()
    plant = Plant(links=(broker,))
    plant.report(line, "oven-001")
    plant.want(OVEN, {"s": 1})
    assert broker.got == []
    assert counts(plant) == (0, 0, 0)


def test_a_subscription_that_has_ended_is_forgotten() -> None:
    line = Line("oven-001")
    plant = Plant()
    plant.subscribe(line, TOPIC)
    line.filters.clear()
    plant.report(line, "oven-001")
    plant.want(OVEN, {"s": 1})
    assert plant.courier._by_device == {}


def test_listeners_are_bounded_and_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Courier, "MAX_LISTENERS", 3)
    plant = Plant()
    for number in range(5):
        assert plant.subscribe(Line(f"d{number}"), f"devices/d{number}/desired")
    assert list(plant.courier._by_device) == ["d2", "d3", "d4"]
    assert list(plant.courier._by_client) == ["d2", "d3", "d4"]
    assert plant.courier.forgotten == 4
    for number in (2, 5):  # who subscribes again is the newest
        assert plant.subscribe(Line(f"d{number}"), f"devices/d{number}/desired")
    assert list(plant.courier._by_device) == ["d4", "d2", "d5"]
    assert list(plant.courier._by_client) == ["d4", "d2", "d5"]


def test_what_a_listener_was_told_of_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listener, "MAX_TOLD", 2)
    listener = Listener(Line("c"))
    for wish, thing in enumerate(("a", "a", "b", "b", "c")):
        listener.tell(thing, wish)
        assert len(listener.told) <= 2
    assert listener.told == {"c": 4}
    listener.tell("d", 5)
    listener.tell("c", 6)
    assert listener.told == {"c": 6, "d": 5}
