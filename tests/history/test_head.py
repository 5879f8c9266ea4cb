"""Where the newest samples lie."""

from egizcore.history.head import Generation, Head, NewRow


def row(number: int, group: int, oldest: int, newest: int) -> NewRow:
    return NewRow(number, group, oldest, newest, points=10, size=100)


def test_rows_of_a_group_are_told_in_the_order_they_were_written() -> None:
    head = Head(Generation(1))
    head.add([row(1, 7, 0, 9), row(2, 8, 0, 9)], [70, 80], 0.0)
    head.add([row(3, 7, 5, 20)], [71], 1.0)
    head.seal(Generation(2))
    head.add([row(4, 7, 0, 9)], [70], 2.0)
    assert head.rows_of([7, 7], 0, 100) == [(1, 7, [1, 3]), (2, 7, [4])]
    assert head.rows_of([8, 9], 0, 100) == [(1, 8, [2])]


def test_rows_outside_of_the_time_are_left_out() -> None:
    head = Head(Generation(1))
    head.add([row(1, 7, 10, 20)], [70], 0.0)
    assert head.rows_of([7], 20, 21)
    assert head.rows_of([7], 0, 11)
    assert not head.rows_of([7], 21, 99)
    assert not head.rows_of([7], 0, 10)


def test_what_was_told_stays_as_it_was() -> None:
    head = Head(Generation(1))
    head.add([row(1, 7, 0, 9)], [70], 0.0)
    told = head.rows_of([7], 0, 10)
    head.add([row(2, 7, 0, 9)], [70], 0.0)
    head.seal(Generation(2))
    head.packed(7)
    assert told == [(1, 7, [1])]
    assert not head.rows_of([7], 0, 10)
    head.gone()
    assert not head.sealed


def test_a_generation_counts_what_it_has() -> None:
    head = Head(Generation(1))
    assert head.current.began is None
    head.add([row(1, 7, 0, 9), row(2, 8, 0, 9)], [70, 80], 5.0)
    head.add([row(3, 7, 0, 9)], [70], 6.0)
    current = head.current
    assert (current.points, current.size, current.last) == (30, 300, 3)
    assert current.series == {70, 80}
    assert current.began == 5.0
