"""Entity tags: what a request demands, against a naive reading of RFC 9110."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.rest.etag import Condition, is_unchanged, parse_tags, tag_of

TAG = tag_of("e", 7)
opaque = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'))
tags = st.tuples(st.booleans(), opaque)
blanks = st.sampled_from(["", " ", "\t", "  "])


def test_a_tag_names_epoch_and_version() -> None:
    assert tag_of("k3v9", 1234) == b'"rev:k3v9-1234"'


@given(st.lists(st.tuples(tags, blanks, blanks), min_size=1))
def test_a_list_is_read_as_it_was_written(listed: list[tuple[tuple[bool, str], str, str]]) -> None:
    text = ",".join(
        f'{before}{"W/" if weak else ""}"{name}"{after}' for (weak, name), before, after in listed
    )
    read = parse_tags(text.encode())
    assert not read.any
    assert read.strong == {f'"{name}"'.encode() for (weak, name), _, _ in listed if not weak}
    assert read.weak == {f'"{name}"'.encode() for (weak, name), _, _ in listed if weak}


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    read = parse_tags(value)
    assert read.any or all(tag.startswith(b'"') for tag in read.strong | read.weak)


@pytest.mark.parametrize(
    "value", [b"", b" ", b"rev:e-7", b'"rev:e-7', b"'rev:e-7'", b'"rev:e-7" "x"', b'w/"rev:e-7"',
              b'*,"rev:e-7"', b'"rev:e-7",*', b'"rev:e-7";q=1', b"**"]
)  # fmt: skip
def test_an_ill_formed_one_matches_nothing(value: bytes) -> None:
    assert not Condition("e", parse_tags(value), None).holds(7)
    assert not is_unchanged(value, TAG)


@pytest.mark.parametrize(
    ("match", "version", "holds"),
    [
        (b'"rev:e-7"', 7, True),
        (b'"rev:e-7"', 8, False),
        (b'"rev:other-7"', 7, False),
        (b'"a", "rev:e-7"', 7, True),
        (b'W/"rev:e-7"', 7, False),
        (b"*", 7, True),
        (b"*", None, False),
        (b'"rev:e-7"', None, False),
    ],
)
def test_if_match_compares_strongly(match: bytes, version: int | None, holds: bool) -> None:  # noqa: FBT001
    assert Condition("e", parse_tags(match), None).holds(version) is holds


@pytest.mark.parametrize(
    ("none_match", "version", "holds"),
    [
        (b"*", None, True),
        (b"*", 7, False),
        (b'"rev:e-7"', 7, False),
        (b'W/"rev:e-7"', 7, False),
        (b'"rev:e-6"', 7, True),
    ],
)
def test_if_none_match_compares_weakly(none_match: bytes, version: int | None, holds: bool) -> None:  # noqa: FBT001
    assert Condition("e", None, parse_tags(none_match)).holds(version) is holds


def test_both_must_hold() -> None:
    both = Condition("e", parse_tags(b'"rev:e-7"'), parse_tags(b"*"))
    assert not both.holds(7)


@pytest.mark.parametrize("value", [TAG, b"W/" + TAG, b"*", b'"a",' + TAG, b"W/" + TAG + b', "b"'])
def test_a_reader_that_has_it_is_told_so(value: bytes) -> None:
    assert is_unchanged(value, TAG)
    assert not is_unchanged(None, TAG)


def test_a_long_row_of_commas_takes_no_time() -> None:
    assert parse_tags(b'"a"' + b" ," * 16_000 + b"x").strong == frozenset()
