"""Three-phase mains of one machine."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from egizcore.simulator.supply import PHASES, Supply


def supply() -> Supply:
    return Supply(Random(1), full_load=40.0, power_factor=0.95)


def test_current_and_power_grow_with_the_load() -> None:
    meter = supply()
    idle = meter.read(0.0)
    idle_power = meter.power_kw
    busy = meter.read(1.0)
    assert all(busy["current"][phase] > 10 * idle["current"][phase] for phase in PHASES)
    assert meter.power_kw > 10 * idle_power


def test_a_sagging_phase_shows_in_its_voltage_and_its_current() -> None:
    shown = supply().read(0.8, sag="b")
    assert shown["voltage"]["b"] < 0.9 * min(shown["voltage"][phase] for phase in "ac")
    assert shown["current"]["b"] > 1.2 * max(shown["current"][phase] for phase in "ac")


@given(load=st.floats(0.0, 1.0), sag=st.sampled_from(["", *PHASES]))
def test_nothing_is_negative_and_the_power_factor_stays_a_factor(load: float, sag: str) -> None:
    shown = supply().read(load, sag=sag)
    assert all(value >= 0.0 for value in (*shown["voltage"].values(), *shown["current"].values()))
    assert 0.0 < shown["power_factor"] <= 1.0
