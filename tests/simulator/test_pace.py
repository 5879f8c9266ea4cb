"""When each message is due."""

from hypothesis import given
from hypothesis import strategies as st

from egizcore.simulator.pace import AT_ONCE, Pace


@given(
    rate=st.floats(0.5, 5000.0),
    waits=st.lists(st.floats(0.0001, 0.02), min_size=1, max_size=60),
)
def test_whenever_one_looks_the_count_is_that_of_the_clock(rate: float, waits: list[float]) -> None:
    pace = Pace(rate, 100.0)
    now, seen = 100.0, 0
    for wait in waits:
        now += wait
        while due := pace.due(now):
            assert due.start == seen
            seen = due.stop
    assert seen == int((now - 100.0) * rate) + 1
    assert pace.skipped == 0


def test_what_is_due_for_longer_than_a_second_is_left_out() -> None:
    pace = Pace(10.0, 0.0)
    assert list(pace.due(0.0)) == [0]
    assert list(pace.due(5.0)) == list(range(41, 51))
    assert pace.skipped == 40


def test_much_at_once_is_given_in_portions() -> None:
    pace = Pace(10_000.0, 0.0)
    first = pace.due(0.5)
    assert len(first) == AT_ONCE
    assert pace.wait(0.5) == 0.0
    assert pace.due(0.5).start == first.stop


@given(rate=st.floats(0.1, 1000.0), now=st.floats(0.0, 1000.0))
def test_after_the_wait_the_next_one_is_due(rate: float, now: float) -> None:
    pace = Pace(rate, 0.0)
    while pace.due(now):
        pass
    wait = pace.wait(now)
    assert 0.0 <= wait <= 1.0 / rate + 1e-6
    assert len(pace.due(now + wait + 1e-6)) == 1
