"""What waits for a store that is down: bounded, oldest first to go."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.history.outbox import LEAVES, Outbox, count
from egizcore.history.point import Point

sizes = st.lists(st.integers(1, 3 * LEAVES), max_size=12)


def point(at: int, leaves: int = 1) -> Point:
    return Point("factory:oven-001", "oven", "thermal", at, {"t": [0] * leaves})


def drained(outbox: Outbox) -> list[int]:
    return [one.at for one in outbox.take(1000, 1_000_000)]


@given(sizes, st.integers(1, 4))
def test_the_newest_that_fit_wait_in_their_order_and_one_always_does(
    leaves: list[int], bound: int
) -> None:
    outbox = Outbox(bound)
    naive: list[int] = []
    for at, size in enumerate(leaves):
        naive.append(at)
        gone = 0
        while len(naive) > 1 and (
            len(naive) > bound or sum(leaves[one] for one in naive) > bound * LEAVES
        ):
            del naive[0]
            gone += 1
        assert outbox.put(point(at, size)) == gone
        assert len(outbox) == len(naive)
    assert drained(outbox) == naive


@given(sizes, st.integers(1, 4), st.integers(1, 4 * LEAVES), st.integers(0, 6))
def test_a_batch_that_comes_back_stands_before_what_came_meanwhile(
    leaves: list[int], most: int, room: int, newer: int
) -> None:
    outbox = Outbox(100)
    for at, size in enumerate(leaves):
        outbox.put(point(at, size))
    batch = outbox.take(most, room)
    assert [one.at for one in batch] == list(range(len(batch)))
    assert len(batch) <= most
    assert sum(leaves[: len(batch)]) <= room or len(batch) == 1
    if len(batch) < min(most, len(leaves)):
        assert sum(leaves[: len(batch) + 1]) > room, "it takes what it may"
    for at in range(len(leaves), len(leaves) + newer):
        outbox.put(point(at))
    assert outbox.put_back(batch) == 0
    assert drained(outbox) == list(range(len(leaves) + newer))


def test_of_a_batch_that_comes_back_the_oldest_go_where_there_is_no_room() -> None:
    outbox = Outbox(3)
    for at in range(3):
        outbox.put(point(at))
    batch = outbox.take(2, 10)
    assert outbox.put(point(3)) == 0
    assert outbox.put_back(batch) == 1
    assert drained(outbox) == [1, 2, 3]
    for at in range(3):
        outbox.put(point(at, LEAVES))
    batch = outbox.take(1, LEAVES)
    outbox.put(point(3, LEAVES))
    assert outbox.put_back(batch) == 1, "nor is there room for its leaves"
    outbox.clear()
    assert outbox.put(point(4, 3 * LEAVES)) == 0, "what is given up takes no room"


@pytest.mark.parametrize(
    ("properties", "leaves"),
    [
        ({}, 0),
        ({"t": 1, "u": "x"}, 2),
        ({"a": {"b": {"c": 1}, "d": [1, None]}}, 3),
        ({"a": [{"b": 1, "c": 2}, [], [True]]}, 3),
    ],
)
def test_leaves_are_counted_at_every_depth(properties: dict[str, Any], leaves: int) -> None:
    assert count(properties) == leaves
