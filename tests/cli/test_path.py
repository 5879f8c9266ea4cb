from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.cli.path import Member, dotted, find, leaves, must_find, nearest, read_path, shown
from egizcore.errors import StartupFailed
from egizcore.thing import MISSING, ROOTS, parse_path

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
TRICKY = NAMES | st.sampled_from(["properties", "desiredState", "a.b", "\\", "0", "features", "id"])
WORDS = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True) | st.sampled_from(ROOTS)
PATHS = st.one_of(
    st.tuples(st.sampled_from(ROOTS)),
    st.tuples(st.just("metadata"), TRICKY, TRICKY),
    st.tuples(st.just("features"), WORDS),
    st.tuples(st.just("features"), WORDS, TRICKY),
    st.tuples(st.just("features"), WORDS, st.sampled_from(["properties", "desiredState"]), TRICKY),
    st.tuples(st.just("features"), WORDS, st.just("properties"), TRICKY, TRICKY),
)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
DOCUMENTS = st.dictionaries(
    TRICKY,
    st.recursive(
        VALUES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TRICKY, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
THING: dict[str, Any] = {
    "id": "f:a",
    "type": "oven",
    "metadata": {"name": "One"},
    "features": {
        "thermal": {"properties": {"setpoint": 1.0, "zones": [1, 2]}, "desiredState": {"fan": 3}}
    },
}


@pytest.mark.parametrize(
    ("text", "member", "path"),
    [
        ("thermal", "properties", "/features/thermal"),
        ("thermal", "desiredState", "/features/thermal/desiredState"),
        ("thermal.setpoint", "properties", "/features/thermal/properties/setpoint"),
        ("thermal.setpoint", "desiredState", "/features/thermal/desiredState/setpoint"),
        ("thermal.zones.0", "properties", "/features/thermal/properties/zones/0"),
        (r"thermal.a\.b", "desiredState", "/features/thermal/desiredState/a.b"),
        ("thermal.desiredState.setpoint", "properties", "/features/thermal/desiredState/setpoint"),
        ("thermal.properties", "desiredState", "/features/thermal/properties"),
        ("metadata.name", "desiredState", "/metadata/name"),
        ("type", "desiredState", "/type"),
        ("features.thermal", "desiredState", "/features/thermal"),
        ("features.type.properties.a", "desiredState", "/features/type/properties/a"),
        ("/features/thermal/properties/a~1b", "desiredState", "/features/thermal/properties/a~1b"),
    ],
)
def test_what_is_typed_means(text: str, member: Member, path: str) -> None:
    assert read_path(text, member) == parse_path(path)


@pytest.mark.parametrize(
    "text", ["", ".", "thermal.", "a b.c", r"thermal.a\b", "/nowhere", "/", "ä"]
)
def test_what_cannot_be_a_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        read_path(text, "properties")


@given(PATHS)
def test_a_path_as_it_is_shown_can_be_typed(path: tuple[str, ...]) -> None:
    if shown(path).startswith("/"):  # no Thing has a member or feature of such a name
        return
    assert read_path(shown(path), "properties") == path


@given(PATHS)
def test_the_api_reads_a_path_as_we_do(path: tuple[str, ...]) -> None:
    assert parse_path(dotted(path)) == path


@given(DOCUMENTS)
def test_each_leaf_stands_where_its_path_says(document: dict[str, Any]) -> None:
    found = dict(leaves(document))
    assert all(find(document, path) == value for path, value in found.items())
    assert not any(isinstance(value, dict | list) and value for value in found.values())


@given(DOCUMENTS)
def test_without_arrays_an_array_is_a_leaf(document: dict[str, Any]) -> None:
    def arrays(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else ()
        return isinstance(value, list) + sum(map(arrays, inner))

    found = [value for _, value in leaves(document, arrays=False)]
    assert sum(isinstance(value, list) for value in found) == arrays(document)


@pytest.mark.parametrize("path", ["thermal.zones.2", "thermal.zones.-1", "thermal.setpoint.x", "b"])
def test_what_is_not_there_is_missing(path: str) -> None:
    assert find(THING, read_path(path, "properties")) is MISSING


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("thermal.setpont", "thermal.setpoint"),
        ("termal.setpoint", "thermal.setpoint"),
        ("metadata.nam", "metadata.name"),
        ("thermal.desiredState.fam", "thermal.desiredState.fan"),
        ("thermal.pressure", None),
    ],
)
def test_what_is_nearest_is_named(typed: str, near: str | None) -> None:
    path = read_path(typed, "properties")
    assert nearest(THING, path) == near
    with pytest.raises(StartupFailed) as told:
        must_find(THING, path)
    assert told.value.detail == f"Thing 'f:a' has no '{typed}'."
    assert near is None or f"Did you mean '{near}'?" in told.value.mend
