import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.thing.like import like

MEGABYTE = 1_000_000


def oracle(pattern: str, text: str) -> bool:
    wild = {"*": ".*", "?": "."}
    parts = [wild.get(character) or re.escape(character) for character in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


@given(st.text(alphabet="ab*?\n", max_size=8), st.text(alphabet="ab\n", max_size=10))
def test_it_agrees_with_regular_expressions(pattern: str, text: str) -> None:
    assert like(pattern)(text) is oracle(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("?", "", False),
        ("?", "𝄞", True),
        ("ab*ba", "aba", False),
        ("line-?", "line-a", True),
        ("Oven*", "oven 1", False),
        ("[a]", "a", False),
        (".", "a", False),
        ("*b?*?d*", "abcd", False),
        ("*b?*?d*", "abccd", True),
    ],
)
def test_only_star_and_question_mark_are_wild(pattern: str, text: str, *, fits: bool) -> None:
    assert like(pattern)(text) is fits


def test_a_pattern_has_at_most_256_characters() -> None:
    assert like("?" * 256)("a" * 256)
    with pytest.raises(ValueError, match="at most 256"):
        like("?" * 257)


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("*a" * 100 + "*b", "a"),
        ("*a" * 127 + "*b", "ab"),
        ("*a*a*a*ab*b", "a"),
        ("*" + "a?" * 100 + "ab*", "a"),
        ("*" + "?" * 254 + "*", "a"),
        ("*" + "a?" * 20 + "*b?*c", "a"),
    ],
)
def test_a_hostile_pattern_takes_no_time_on_a_megabyte(pattern: str, unit: str) -> None:
    text = unit * (MEGABYTE // len(unit))
    fits = like(pattern)
    began = process_time()
    fits(text)
    # 0.1 s at the most where nothing disturbs; one that goes back and forth takes minutes.
    assert process_time() - began < 2


def test_the_worst_search_grows_with_the_text_alone() -> None:
    fits = like("*" + "a?" * 100 + "ba*")
    took = []
    for size in (20_000, 200_000):
        text = "ab" * (size // 2)
        began = process_time()
        assert not fits(text)
        took.append(process_time() - began)
    assert took[1] < took[0] * 40
