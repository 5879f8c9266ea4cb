"""A proofing cabinet."""

from tests.simulator.machines import make, until_fault

from egizcore.simulator.proofer import SETPOINT, Proofer


def test_the_air_is_kept_at_its_setpoints() -> None:
    proofer = make(Proofer)
    for second in range(100):
        reading = proofer.read(float(second))
    climate = reading["climate"]
    assert abs(reading["thermal"]["temperature"] - SETPOINT) < 2.0
    assert abs(climate["humidity_percent"] - climate["humidity_setpoint"]) < 3.0


def test_without_its_humidifier_the_air_dries() -> None:
    _, reading = until_fault(make(Proofer), "humidifier")
    climate = reading["climate"]
    assert climate["humidity_percent"] < climate["humidity_setpoint"] - 10.0
