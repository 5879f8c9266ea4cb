"""A thread beside the event loop steps aside."""

import pytest

from egizcore.history import pace


def test_it_sleeps_after_enough_work_and_no_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 64.0
    slept: list[float] = []
    monkeypatch.setattr(pace, "perf_counter", lambda: now)
    monkeypatch.setattr(pace, "sleep", slept.append)
    step = pace.Pace()
    step()
    slept.clear()
    for _ in range(20):
        now += pace.SLICE * 0.3  # the fourth is past the slice
        step()
    assert slept == [pace.NAP] * 5
