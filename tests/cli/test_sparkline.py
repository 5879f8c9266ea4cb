import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.cli.sparkline import BLOCKS, Course, sparkline

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SAMPLES = st.lists(
    st.tuples(st.integers(0, 999), st.floats(-1e6, 1e6) | st.booleans() | st.text(max_size=2)),
    min_size=1,
    max_size=40,
    unique_by=lambda sample: sample[0],
)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([None, None], "  "),
        ([0, 1, 2, 3, 4, 5, 6, 7], BLOCKS),
        ([1, None, 0], "█ ▁"),
        ([5, 5], "▅▅"),
        ([-1e308, 1e308], "▁█"),
    ],
)
def test_the_least_is_lowest_and_nothing_is_a_space(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line


@given(st.lists(NUMBERS, min_size=1))
def test_a_line_rises_where_the_numbers_do(values: list[float]) -> None:
    heights = [BLOCKS.index(block) for block in sparkline(values)]
    assert len(heights) == len(values)
    ordered = [height for _, height in sorted(zip(values, heights, strict=True))]
    assert ordered == sorted(ordered)


@given(SAMPLES)
def test_a_course_says_what_all_samples_say(samples: list[tuple[int, float | bool | str]]) -> None:
    course = Course(0, 1000)
    for at, value in samples:
        course.add(at, value)
    numbers = [value for _, value in samples if isinstance(value, float)]
    assert (course.count, course.numbers) == (len(samples), len(numbers))
    assert course.last == max(samples)[1]
    if numbers:
        assert (course.least, course.most) == (min(numbers), max(numbers))
        assert course.mean == pytest.approx(fmean(numbers), abs=1e-3)
        columns = {at // 100 for at, value in samples if isinstance(value, float)}
        line = course.line(10)
        assert {place for place, block in enumerate(line) if block != " "} == columns
    else:
        assert course.line(10) == ""


def test_a_bucket_that_begins_before_the_range_counts_at_its_start() -> None:
    course = Course(50, 100)
    for at, value in ((0, 1.0), (99, 2.0), (100, 3.0)):
        course.add(at, value)
    assert course.line(5) == "▁   █"


def test_numbers_too_large_to_add_up_spoil_nothing() -> None:
    course = Course(0, 10)
    for at in (0, 1, 9):
        course.add(at, 1.7e308)
    assert math.isfinite(course.mean)
    assert course.line(2) == " ▅"
