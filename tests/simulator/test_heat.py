"""A heated zone."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.simulator.heat import AMBIENT, Zone


def zone(at: float) -> Zone:
    return Zone(Random(1), at=at, rise=330.0, tau=200.0)


@given(start=st.floats(AMBIENT, 300.0), setpoint=st.floats(60.0, 250.0))
def test_a_zone_comes_to_its_setpoint_and_stays(start: float, setpoint: float) -> None:
    heated = zone(start)
    for _ in range(5):
        heated.advance(600.0, setpoint)
    assert heated.degrees == pytest.approx(setpoint, abs=1.0)


def test_a_zone_without_its_heater_cools_towards_the_room() -> None:
    broken = zone(200.0)
    seen = []
    for _ in range(6):
        broken.advance(30.0, 200.0, heater_works=False)
        seen.append(broken.degrees)
    assert seen == sorted(seen, reverse=True)
    assert AMBIENT < seen[-1] < 120.0


@given(pieces=st.integers(1, 40))
def test_the_temperature_does_not_depend_on_how_often_one_looks(pieces: int) -> None:
    once, often = zone(100.0), zone(100.0)
    once.advance(pieces * 2.0, 190.0)
    for _ in range(pieces):
        often.advance(2.0, 190.0)
    assert often.degrees == pytest.approx(once.degrees)


def test_a_reading_carries_the_noise_of_a_sensor() -> None:
    steady = zone(190.0)
    readings = {steady.read() for _ in range(50)}
    assert len(readings) > 3
    assert all(abs(reading - 190.0) < 2.0 for reading in readings)
