from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point as OfficialPoint
from tests.history.contract import NAMES, TEXTS
from tests.history.flux_engine import Value
from tests.history.line_parser import Line, lines_in

from egizcore.history import Leaf, flatten
from egizcore.history.line import EARLIEST, LATEST, line_of, lines_of, restored, stored
from egizcore.history.point import Point

AWKWARD = st.text(r'\,= ".[]time é', min_size=1, max_size=6)
NAME = AWKWARD | st.sampled_from(NAMES) | st.sampled_from(("time", "time ", "\\", "a\\ "))
TEXT = st.text('ab\\", =\n\té', max_size=8) | st.sampled_from(TEXTS)
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
PROPERTIES = st.dictionaries(
    NAME,
    st.recursive(
        st.none() | st.booleans() | NUMBER | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
KIND = {float: "float", str: "string", bool: "bool"}


def point(properties: dict[str, Any], at: int = 1_769_509_800_123) -> Point:
    return Point("factory:oven-001", "oven", "thermal", at, properties)


def read(line: Line) -> dict[str, Leaf]:
    return {restored(name): value.value for name, value in line.fields.items()}


@given(PROPERTIES)
@example({"time": 1, "a\\": {"b\\": [True, "x"]}})
def test_influxdb_reads_what_was_written(properties: dict[str, Any]) -> None:
    wanted = flatten(properties)
    lines = lines_in(lines_of([point(properties)]).body)
    assert len(lines) == bool(wanted)
    for line in lines:
        assert (line.measurement, line.at) == ("thermal", 1_769_509_800_123)
        assert line.tags == {"thing_id": "factory:oven-001", "type": "oven"}
        assert read(line) == wanted
        kinds = {restored(name): value.kind for name, value in line.fields.items()}
        assert kinds == {key: KIND[type(leaf)] for key, leaf in wanted.items()}


@given(st.lists(PROPERTIES, max_size=5))
def test_many_points_are_as_many_lines(many: list[dict[str, Any]]) -> None:
    lines = lines_of([point(some, at) for at, some in enumerate(many)])
    found = lines_in(lines.body)
    with_leaves = [(at, flatten(some)) for at, some in enumerate(many) if flatten(some)]
    assert lines.lines == len(found) == len(with_leaves)
    assert [(line.at, read(line)) for line in found] == with_leaves


@given(
    st.dictionaries(st.text(r"ab,= .[]é", min_size=1, max_size=6), NUMBER | TEXT | st.booleans())
)
def test_it_is_what_the_official_client_writes(properties: dict[str, Any]) -> None:
    """Apart from backslashes at a name's end, of which it knows nothing."""
    official: Any = OfficialPoint("thermal")  # type: ignore[no-untyped-call]
    official.tag("thing_id", "factory:oven-001").tag("type", "oven")
    for key, leaf in flatten(properties).items():
        official.field(stored(key), leaf)
    official.time(1_769_509_800_123)
    theirs = lines_in(official.to_line_protocol("ms").encode())
    ours = lines_in(lines_of([point(properties)]).body)
    assert ours == theirs


@given(NAME)
def test_a_name_comes_back_whatever_was_done_to_it(name: str) -> None:
    assert restored(stored(name)) == name
    assert not stored(name).endswith("\\")
    assert stored(name) != "time"
    assert len(stored(name)) - len(name) in (0, 1)


@given(NAME, NAME)
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert (stored(one) == stored(other)) == (one == other)


def test_a_point_without_leaves_needs_no_line() -> None:
    assert line_of(point({"zones": [], "deep": {"n": None}})) == ""


def test_all_numbers_are_floats() -> None:
    (line,) = lines_in(lines_of([point({"n": 190, "big": 2**62, "f": 1e300})]).body)
    assert line.fields["n"] == Value("float", 190.0)
    assert {value.kind for value in line.fields.values()} == {"float"}


@pytest.mark.parametrize("at", [EARLIEST, -1, 0, LATEST])
def test_a_time_is_told_in_milliseconds(at: int) -> None:
    (line,) = lines_in(lines_of([point({"n": 1}, at)]).body)
    assert line.at == at


def test_a_time_that_influxdb_cannot_tell_is_left_out_and_counted() -> None:
    lines = lines_of([point({"n": 1}, at) for at in (EARLIEST - 1, 5, LATEST + 1)])
    assert (lines.lines, lines.outside) == (1, 2)
    assert EARLIEST * 10**6 >= -(2**63)
    assert LATEST * 10**6 < 2**63
