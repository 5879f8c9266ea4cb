"""Machines that fail on command."""

from random import Random
from typing import Any

from egizcore.simulator.batch import Plan
from egizcore.simulator.machine import Machine


def plan() -> Plan:
    return Plan(0, seed=1)


def make(kind: Any, seed: int = 2) -> Any:
    """A machine of this class, at time 0."""
    return kind("machine-001", plan(), Random(seed), 0.0)


def until_fault(machine: Machine, fault: str, *, limit: int = 400_000) -> tuple[float, Any]:
    """Let time pass until *fault* has lasted for 30 s; the time and the last reading."""
    lasted = 0
    for second in range(limit):
        reading = machine.read(float(second))
        lasted = lasted + 1 if reading["status"]["fault"] == fault else 0
        if lasted == 30:
            return float(second), reading
    raise AssertionError(f"{fault} never came")
