"""Query parameters are read strictly."""

import contextlib
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.errors import ValidationFailed
from egizcore.rest.parameters import choice, read_parameters, whole_number

KNOWN = frozenset({"limit", "feature"})
REPEATABLE = frozenset({"feature"})


@given(st.lists(st.text(min_size=1).filter(lambda text: text.isprintable()), max_size=5))
def test_values_arrive_as_they_were_sent(texts: list[str]) -> None:
    for query in (
        urlencode([("feature", text) for text in texts]),
        "&".join(f"feature={quote(text, safe='')}" for text in texts),
    ):
        read = read_parameters(query.encode(), KNOWN, REPEATABLE)
        assert read.get("feature", []) == texts


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        (b"page=1", "?page"),
        (b"limit=", "?limit"),
        (b"limit", "?limit"),
        (b"limit=1&limit=1", "?limit"),
        (b"feature=a&feature=", "?feature"),
        (b"limit=1&", "?"),
        (b"limit=%zz", "?"),
        (b"limit=%ff", "?"),
        (b"LIMIT=1", "?LIMIT"),
        (b"=1", "?"),
    ],
)
def test_what_is_wrong_is_pointed_to(query: bytes, pointer: str) -> None:
    with pytest.raises(ValidationFailed) as told:
        read_parameters(query, KNOWN, REPEATABLE)
    assert told.value.faults[0].pointer == pointer


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reader(query: bytes) -> None:
    with contextlib.suppress(ValidationFailed):
        assert read_parameters(query, KNOWN, REPEATABLE).keys() <= KNOWN


@pytest.mark.parametrize(
    "text", ["0", "-1", "+5", "1e3", "1.0", " 1", "01", "1001", "٣", "1" * 5000]
)
def test_a_limit_is_a_whole_number_within_its_bounds(text: str) -> None:
    with pytest.raises(ValidationFailed):
        whole_number({"limit": [text]}, "limit", 100, 1000)
    assert whole_number({"limit": ["1000"]}, "limit", 100, 1000) == 1000
    assert whole_number({}, "limit", 100, 1000) == 100


def test_a_choice_is_one_of_those_there_are() -> None:
    assert choice({"order": ["desc"]}, "order", "asc", ("asc", "desc")) == "desc"
    assert choice({}, "order", "asc", ("asc", "desc")) == "asc"
    with pytest.raises(ValidationFailed):
        choice({"order": ["ASC"]}, "order", "asc", ("asc", "desc"))
