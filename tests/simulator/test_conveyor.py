"""A cooling conveyor."""

import pytest
from tests.simulator.machines import make, until_fault

from egizcore.simulator.conveyor import SPEED, Conveyor


def test_the_counter_never_goes_back_and_counts_what_passes() -> None:
    belt = make(Conveyor)
    counts = [belt.read(float(second))["belt"]["pieces_total"] for second in range(61)]
    assert counts == sorted(counts)
    assert counts[-1] - counts[0] == pytest.approx(belt.pieces_a_minute, abs=2)


def test_a_jam_stops_the_belt_and_warms_the_bearing() -> None:
    _, reading = until_fault(make(Conveyor), "jam")
    assert reading["belt"]["speed_m_min"] < 0.5
    assert reading["thermal"]["bearing_temperature"] > 50.0
    assert reading["status"]["operational_state"] == "fault"


def test_a_slip_lets_the_belt_run_slow() -> None:
    _, reading = until_fault(make(Conveyor), "belt-slip")
    assert 0.3 * SPEED < reading["belt"]["speed_m_min"] < 0.6 * SPEED
