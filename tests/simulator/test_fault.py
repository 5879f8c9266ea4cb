"""When a machine fails, and how."""

from itertools import pairwise
from random import Random

import pytest

from egizcore.simulator.fault import NONE, Faults, sagging_phase


def test_faults_come_now_and_then_and_pass_by_themselves() -> None:
    faults = Faults(Random(3), ("jam",), 0.0, mean=600.0)
    seen = [faults.at(float(second)) for second in range(20_000)]
    share = seen.count("jam") / len(seen)
    assert 0.02 < share < 0.3
    starts = sum(a == NONE and b == "jam" for a, b in pairwise(seen))
    assert starts > 5


def test_a_fault_keeps_its_kind_while_it_lasts() -> None:
    faults = Faults(Random(5), ("jam", "belt-slip"), 0.0, mean=60.0)
    seen = [faults.at(float(second)) for second in range(5_000)]
    changes = [(a, b) for a, b in pairwise(seen) if a != b]
    assert changes
    assert all(NONE in change for change in changes)


@pytest.mark.parametrize(
    ("fault", "phase"), [("phase-b-sag", "b"), ("zone-1-heater", ""), (NONE, "")]
)
def test_only_a_sag_names_a_phase(fault: str, phase: str) -> None:
    assert sagging_phase(fault) == phase
