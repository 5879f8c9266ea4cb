"""What a line bakes."""

from hypothesis import given
from hypothesis import strategies as st

from egizcore.simulator.batch import BATCH_SECONDS, Plan


@given(now=st.floats(0.0, 1e6), stage=st.integers(0, 2))
def test_each_stage_gets_what_the_one_before_it_had_a_batch_earlier(now: float, stage: int) -> None:
    # Half a batch from an edge, where a rounded sum could fall on the other side.
    plan = Plan(0, seed=7)
    early = {plan.at(now + shift, stage).id for shift in (-1e-3, 1e-3) if now + shift >= 0}
    late = {plan.at(now + BATCH_SECONDS + shift, stage + 1).id for shift in (-1e-3, 1e-3)}
    assert early & late


def test_batches_are_numbered_one_after_another() -> None:
    plan = Plan(0, seed=1)
    ids = [plan.at(step * BATCH_SECONDS, 0).id for step in range(5)]
    numbers = [int(name.removeprefix("batch-")) for name in ids]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_a_plan_is_the_same_for_the_same_seed_and_differs_by_line() -> None:
    again = [Plan(1, seed=1).at(500.0, 2) for _ in range(2)]
    assert again[0] == again[1]
    assert Plan(2, seed=1).at(500.0, 2).id != again[0].id


def test_the_context_has_the_members_of_the_prd() -> None:
    assert set(Plan(0, seed=1).at(0.0, 0).context()) == {"current_batch", "recipe", "operator_id"}
