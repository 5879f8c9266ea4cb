"""The strict reader: what RFC 8259 and RFC 7493 leave open is closed."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.errors import BadJson, LimitExceeded
from egizcore.thing.document import read_json, write_json

documents: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(documents)
def test_what_is_written_reads_as_it_was(document: Any) -> None:
    assert read_json(write_json(document)) == document
    assert read_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{} {}",
        b"'a'",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"01",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'{"a": "\xed\xa0\x80"}',
        b'"\\ud800"',
        b'"\\udc00x"',
        b'{"\\ud800": 1}',
        b'"a\nb"',
        b"9223372036854775808",
        b'{"a": [-9223372036854775809]}',
        b"18446744073709551616",
        b"1" * 5000,
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "\\u0061": 2}',
        b'[{"b": {"c": 1, "c": 1}}]',
    ],
)
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_json(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_nesting_without_end_is_told_and_not_recursed_into(opening: bytes) -> None:
    with pytest.raises(LimitExceeded):
        read_json(opening * 100_000)
    depth = 129 // len(opening.replace(b'"a":', b"")) + 1
    closing = opening.replace(b'"a":', b"")[::-1].translate(bytes.maketrans(b"[{", b"]}"))
    with pytest.raises(LimitExceeded):
        read_json(opening * depth + b"1" + closing * depth)


@pytest.mark.parametrize("number", [(1 << 63) - 1, -(1 << 63)])
def test_the_ends_of_int64_are_taken_exactly(number: int) -> None:
    assert read_json(str(number).encode()) == number


def test_of_a_key_that_may_stand_twice_the_last_counts() -> None:
    assert read_json(b'{"a": {"b": 1}, "a": {"c": 2}}', unique_keys=False) == {"a": {"c": 2}}


def test_a_long_key_that_stands_twice_is_clipped_in_the_message() -> None:
    with pytest.raises(BadJson) as caught:
        read_json(b'{"%s":1,"%s":2}' % (b"k" * 10_000, b"k" * 10_000))
    assert len(caught.value.detail) < 300


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        value = read_json(body)
    except BadJson:
        return
    assert msgspec.json.decode(write_json(value)) == value
