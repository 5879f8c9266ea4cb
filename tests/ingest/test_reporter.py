"""Who reports for a Thing is told when it changes, and not with each message."""

from typing import Any, final

from tests.command.plant import Line, link
from tests.state.plant import TIME, compact

from egizcore.bus import Bus
from egizcore.ingest import DEFAULT_ROUTES, Intake, Routes, RouteSettings
from egizcore.mqtt import Origin
from egizcore.state import LimitSettings, Store
from egizcore.thing.model import Thing

ONE, OTHER = Line("one"), link()


@final
class Listening:
    """An intake whose hook takes each device for what it says."""

    def __init__(self, *routes: RouteSettings) -> None:
        self.store = Store(Bus("epoch1"), LimitSettings())
        self.routes = Routes(routes or DEFAULT_ROUTES, {})
        self.intake = Intake(self.store, self.routes, lambda: TIME, heard=self._heard)
        for line in (ONE, OTHER):
            self.intake.add_source(line.source)
        self.told: list[tuple[str, str | None, Origin]] = []
        self._targets: dict[str, Any] = {}

    def _heard(self, thing: Thing, device: str | None, origin: Origin) -> str | None:
        thing.reporter = device
        self.told.append((thing.id, device, origin))
        return device

    def publish(self, topic: str, line: Line, *payloads: Any) -> list[tuple[Any, ...]]:
        """One batch; what was told of it."""
        target = self._targets.setdefault(topic, self.routes.resolve(topic))
        self.intake.take([(target, compact(one), False) for one in payloads], line)
        told, self.told = list(self.told), []
        return list(told)


READING = {"f": {"p": 1}}
OVEN = ("factory:oven-001", "oven-001")
TOPIC = "sensors/oven-001/telemetry"


def test_a_connection_that_begins_to_report_is_told_and_one_that_goes_on_is_not() -> None:
    plant = Listening()
    assert plant.publish(TOPIC, ONE, READING) == [(*OVEN, ONE)]
    assert plant.publish(TOPIC, ONE, READING, READING) == [(*OVEN, ONE)]  # the first plain one
    assert plant.publish(TOPIC, ONE, *[READING] * 10) == []
    assert plant.publish(TOPIC, OTHER, *[READING] * 10) == [(*OVEN, OTHER)]
    assert plant.publish(TOPIC, ONE, *[READING] * 10) == [(*OVEN, ONE)]


def test_another_device_for_the_same_thing_is_told_each_time_that_they_change() -> None:
    plant = Listening(RouteSettings(topic="lines/{line}/{device}", thing="factory:{line}"))
    for device in ("a", "b"):
        plant.publish(f"lines/l/{device}", ONE, READING, READING)
    for device in ("a", "b", "a"):
        told = plant.publish(f"lines/l/{device}", ONE, READING, READING, READING)
        assert told == [("factory:l", device, ONE)]


def test_a_thing_that_came_again_is_told_of_anew() -> None:
    plant = Listening()
    plant.publish(TOPIC, ONE, READING, READING)
    plant.store.remove(plant.store.things["factory:oven-001"], TIME)
    plant.store.insert(Thing("factory:oven-001", "oven", 0, TIME))
    told = plant.publish(TOPIC, ONE, READING, READING)
    assert set(told) == {(*OVEN, ONE)}


def test_a_reject_is_no_report() -> None:
    plant = Listening()
    assert plant.publish(TOPIC, ONE, [], "x") == []
    assert plant.publish("elsewhere", ONE, READING) == []


def test_a_message_that_changes_nothing_is_a_report_of_a_thing_that_is_there() -> None:
    plant = Listening()
    assert plant.publish(TOPIC, ONE, {}) == []
    plant.publish(TOPIC, ONE, READING)
    assert plant.publish(TOPIC, OTHER, {}) == [(*OVEN, OTHER)]
