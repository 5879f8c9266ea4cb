import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.cli.assignment import (
    array_on_the_way,
    may_lead_into_array,
    patch_of,
    read_assignment,
    read_value,
)
from egizcore.cli.path import find, read_path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
KEYS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("195", 195), ("195.0", 195.0), ("true", True), ("null", None), ('"195"', "195"),
        ('{"a": [1]}', {"a": [1]}), ("running", "running"), ("", ""), ("a=b", "a=b"),
        ('"007"', "007"), ("line b", "line b"), ("-", "-"), ("nano", "nano"),
    ],
)  # fmt: skip
def test_a_value_is_json_or_else_text(text: str, value: Any) -> None:
    found = read_assignment(f"thermal.x={text}").value
    assert (found, type(found)) == (value, type(value))


FAILED = ("007", "+5", ".5", "5.", "1,5", "1e400", "9" * 30, "NaN", "Infinity", "-Infinity")


@pytest.mark.parametrize("path", ["thermal.x", "features.thermal.properties.x", "metadata.x"])
@pytest.mark.parametrize("text", FAILED)
def test_a_number_that_json_has_not_is_not_taken_for_text(path: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"""For text write '"{re.escape(text)}"'$"""):
        read_assignment(f"{path}={text}")


@pytest.mark.parametrize("text", ["19O", "3rd floor", "2026-01-27", "-5°", "0x1F", "1_000"])
def test_what_begins_as_a_number_is_text_only_where_no_machine_reads_it(text: str) -> None:
    live = ("thermal.x", "thermal.properties.x", "features.thermal.desiredState.x")
    for path in live:
        with pytest.raises(ValueError, match="looks like a number, and is none"):
            read_assignment(f"{path}={text}")
        assert read_assignment(f"{path}={json.dumps(text)}").value == text
    assert read_assignment(f"metadata.x={text}").value == text


@given(JSON)
def test_every_json_value_can_be_typed(value: Any) -> None:
    assert read_value(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["{", "[1,]", '"a', '{"a": 1, "a": 2}', "{a: 1}", "\udc80"])
def test_a_value_that_was_meant_to_be_json_is_not_taken_for_text(text: str) -> None:
    with pytest.raises(ValueError, match="the value is no"):
        read_value(text)


@pytest.mark.parametrize("text", ["id=a:b", "version=1", "createdAt=x", "lastUpdated=x", "/id=x"])
def test_what_only_the_engine_writes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="EgizCore's own"):
        read_assignment(text)


def test_many_assignments_are_one_patch() -> None:
    typed = ["thermal.setpoint=195", "thermal.fan.left=null", "metadata.name=One", "status={}"]
    assert patch_of(map(read_assignment, typed)) == {
        "features": {
            "thermal": {"desiredState": {"setpoint": 195, "fan": {"left": None}}},
            "status": {"desiredState": {}},
        },
        "metadata": {"name": "One"},
    }


@given(st.lists(KEYS, min_size=1, max_size=4))
def test_a_patch_says_all_that_was_typed_or_is_refused(paths: list[list[str]]) -> None:
    wanted = [read_assignment(f"f.{'.'.join(path)}={n}") for n, path in enumerate(paths)]
    clash = any(
        one[: len(other)] == other
        for place, one in enumerate(paths)
        for other in paths[:place] + paths[place + 1 :]
    )
    if clash:
        with pytest.raises(ValueError, match="is set twice"):
            patch_of(wanted)
    else:
        patch = patch_of(wanted)
        assert [find(patch, one.path) for one in wanted] == [one.value for one in wanted]


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("f.zones.0", "f.desiredState.zones"),
        ("f.zones.0.a", "f.desiredState.zones"),
        ("f.fans.x", "f.desiredState.fans"),
        ("f.properties.zones.1", "f.properties.zones"),
        ("metadata.tags.0", "metadata.tags"),
        ("f.zones", None),
        ("f.numbers.0", None),
        ("g.zones.0", None),
    ],
)
def test_a_place_in_an_array_is_found_out(typed: str, where: str | None) -> None:
    thing = {
        "metadata": {"tags": ["a"]},
        "features": {
            "f": {
                "properties": {"zones": [1, 2], "numbers": {"0": 1}},
                "desiredState": {"fans": [1]},
            }
        },
    }
    found = array_on_the_way(thing, read_path(typed, "desiredState"))
    assert (found and found[0]) == (where and read_path(where, "desiredState"))


def test_only_numbers_can_be_places() -> None:
    assert may_lead_into_array(read_path("f.zones.0", "desiredState"))
    assert not may_lead_into_array(read_path("f.zones.a.01", "desiredState"))
