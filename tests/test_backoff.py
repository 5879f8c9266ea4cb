from random import Random

from egizcore.backoff import Backoff


class Longest(Random):
    def uniform(self, a: float, b: float) -> float:
        return b


class Shortest(Random):
    def uniform(self, a: float, b: float) -> float:
        return a


def test_the_bound_doubles_from_half_a_second_to_thirty() -> None:
    backoff = Backoff(Longest())
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_the_jitter_is_full_but_never_a_tight_loop() -> None:
    backoff = Backoff(Shortest())
    assert [backoff.next() for _ in range(3)] == [0.05, 0.05, 0.05]


def test_only_a_link_that_held_ten_seconds_begins_anew() -> None:
    backoff = Backoff(Longest())
    for _ in range(3):
        backoff.next()
    backoff.held(9.9)
    assert backoff.next() == 4
    backoff.held(10.0)
    assert backoff.next() == 0.5
