"""A deck oven, the PRD's example."""

import pytest
from tests.simulator.machines import make, plan, until_fault

from egizcore.simulator.batch import BATCH_SECONDS
from egizcore.simulator.oven import FAULTS, STAGE, Oven


def test_a_reading_has_the_shape_of_the_prds_oven() -> None:
    reading = make(Oven).read(1.0)
    assert set(reading) == {"electrical", "thermal", "status", "business_context"}
    assert set(reading["electrical"]) == {"voltage", "current", "power_factor"}
    assert set(reading["electrical"]["voltage"]) == {"a", "b", "c"}
    assert len(reading["thermal"]["temperature_zones"]) == 3
    assert isinstance(reading["thermal"]["setpoint"], float)
    assert reading["status"]["anomaly"] is False


def test_the_zones_follow_a_setpoint_that_somebody_else_sets() -> None:
    oven = make(Oven)
    ids = [plan().at(float(second), STAGE).id for second in range(300)]
    fresh = next(second for second in range(1, 300) if ids[second] != ids[second - 1])
    oven.read(float(fresh))  # a batch has just begun: no other setpoint for minutes
    oven.setpoint = 120.0
    for second in range(fresh, fresh + 100):
        reading = oven.read(float(second))
    assert reading["thermal"]["setpoint"] == 120.0
    assert max(reading["thermal"]["temperature_zones"]) < 150.0


def test_a_new_batch_sets_the_setpoint_of_its_recipe() -> None:
    oven = make(Oven)
    later = 40 * BATCH_SECONDS
    reading = oven.read(later)
    assert reading["thermal"]["setpoint"] == plan().at(later, STAGE).recipe.oven_setpoint


def test_an_oven_that_is_cold_heats_with_full_power() -> None:
    oven = make(Oven)
    for zone in oven._zones:
        zone.degrees = 40.0
    cold = oven.read(1.0)
    assert cold["status"]["operational_state"] == "heating"
    cold_power = oven.power_kw
    for second in range(2, 200):
        oven.read(float(second))
    assert oven.state == "running"
    assert oven.power_kw < cold_power


def test_a_failed_heater_shows_in_its_zone_alone() -> None:
    _, reading = until_fault(make(Oven), "zone-2-heater")
    first, second, third = reading["thermal"]["temperature_zones"]
    assert second < min(first, third) - 8.0
    assert reading["status"]["anomaly"] is True


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.startswith("phase")])
def test_a_sagging_phase_shows_in_the_volts(fault: str) -> None:
    _, reading = until_fault(make(Oven), fault)
    assert reading["electrical"]["voltage"][fault[6]] < 200.0


def test_what_is_desired_warms_the_oven_and_its_own_setpoint_follows() -> None:
    oven = make(Oven)
    before = oven.read(1.0)["thermal"]
    oven.obey("thermal", {"setpoint": before["setpoint"] + 60})
    second = 1
    while max(oven.read(float(second))["thermal"]["temperature_zones"]) < before["setpoint"] + 30:
        second += 1
        assert second < 600
    assert oven.setpoint == before["setpoint"] + 60


def test_what_is_desired_outlasts_the_batch_and_ends_when_it_is_desired_no_more() -> None:
    oven = make(Oven)
    later = 40 * BATCH_SECONDS
    oven.obey("thermal", {"setpoint": 111})
    assert oven.read(later)["thermal"]["setpoint"] == 111.0
    oven.obey("thermal", {})
    assert oven.read(later)["thermal"]["setpoint"] == plan().at(later, STAGE).recipe.oven_setpoint


@pytest.mark.parametrize("wish", ["hot", True, [200], {}, 29.9, 301, float("nan")])
def test_a_setpoint_that_no_controller_takes_changes_nothing(wish: object) -> None:
    oven = make(Oven)
    oven.obey("thermal", {"setpoint": 120})
    oven.obey("thermal", {"setpoint": wish})
    oven.obey("light", {"setpoint": 150})
    assert oven.setpoint == 120.0
