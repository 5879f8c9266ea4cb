"""The line's own controller."""

import pytest

from egizcore.simulator.bakery import bakery


def test_a_line_sums_up_its_machines() -> None:
    *machines, line = bakery(10)
    for machine in machines:
        machine.read(1.0)
    reading = line.read(1.0)
    total = sum(machine.power_kw for machine in machines)
    assert reading["energy"]["power_kw"] == pytest.approx(total, abs=0.01)
    running = sum(machine.state == "running" for machine in machines)
    assert reading["production"]["machines_running"] == running


def test_a_stopped_machine_degrades_its_line() -> None:
    *machines, line = bakery(10)
    states = set()
    for second in range(0, 20_000, 5):
        stopped = False
        for machine in machines:
            machine.read(float(second))
            stopped = stopped or machine.state == "fault"
        state = line.read(float(second))["status"]["operational_state"]
        assert state == ("degraded" if stopped else "running")
        states.add(state)
    assert states == {"running", "degraded"}
