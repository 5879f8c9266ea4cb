"""A spiral mixer."""

from tests.simulator.machines import make, until_fault

from egizcore.simulator.mixer import CYCLE, Mixer


def test_dough_thickens_until_the_bowl_is_emptied() -> None:
    mixer = make(Mixer)
    seen = [mixer.read(float(second)) for second in range(int(CYCLE) * 2)]
    running = [r for r in seen if r["status"]["operational_state"] == "running"]
    idle = [r for r in seen if r["status"]["operational_state"] == "idle"]
    torques = [reading["drive"]["torque_nm"] for reading in running]
    assert max(torques) > 1.8 * min(torques)
    assert idle
    assert min(reading["drive"]["speed_rpm"] for reading in idle) < 10.0


def test_an_overload_slows_the_hook_and_stops_being_normal() -> None:
    _, reading = until_fault(make(Mixer), "overload")
    assert reading["status"] == {
        "operational_state": "fault",
        "anomaly": True,
        "fault": "overload",
    }
    assert reading["drive"]["speed_rpm"] < 80.0
