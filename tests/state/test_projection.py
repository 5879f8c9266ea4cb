from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.thing.samples import TIME, naive_read, paths, spellings, things

from egizcore.errors import ValidationFailed
from egizcore.state.projection import Projection, parse_fields
from egizcore.thing.model import Feature, Relationship, Thing


@pytest.fixture
def thing() -> Thing:
    oven = Thing("factory:oven-001", "oven", 7, TIME)
    oven.metadata = {"name": "Main Oven #1", "a.b": {}}
    oven.relationships = (Relationship("partOf", "f:a"), Relationship("feeds", "f:b"))
    thermal = Feature(TIME)
    thermal.properties = {"setpoint": 190.0, "zones": [185.0, {"t": 1}, None]}
    oven.features = {"thermal": thermal, "status": Feature(TIME)}
    return oven


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], {}),
        (["id"], {}),
        (
            ["id", "type", "features.thermal.properties.setpoint"],
            {"type": "oven", "features": {"thermal": {"properties": {"setpoint": 190.0}}}},
        ),
        (["version", "createdAt"], {"version": 7, "createdAt": "2026-01-27T10:30:00.000Z"}),
        (["/metadata/a.b"], {"metadata": {"a.b": {}}}),
        (["metadata.a\\.b.c", "metadata.nope", "features.fan", "id.x", "type.0"], {}),
        (
            ["features.thermal.properties.zones.0"],
            {"features": {"thermal": {"properties": {"zones": [185.0]}}}},
        ),
        (
            ["features.thermal.properties.zones.1.t"],
            {"features": {"thermal": {"properties": {"zones": [None, {"t": 1}]}}}},
        ),
        (["features.thermal.properties.zones.3", "features.thermal.properties.zones.00"], {}),
        (["relationships.1.targetId"], {"relationships": [None, {"targetId": "f:b"}]}),
        (
            ["features.status"],
            {
                "features": {
                    "status": {
                        "properties": {},
                        "desiredState": {},
                        "lastUpdated": "2026-01-27T10:30:00.000Z",
                    }
                }
            },
        ),
        (["features.status.properties"], {"features": {"status": {"properties": {}}}}),
    ],
)
def test_what_is_asked_for_comes_in_the_shape_of_the_thing(
    thing: Thing, fields: list[str], expected: dict[str, Any]
) -> None:
    assert parse_fields(fields).apply(thing) == {"id": "factory:oven-001", **expected}


@pytest.mark.parametrize("narrow", ["features.thermal.properties.zones.0", "features.thermal"])
def test_of_two_paths_in_each_other_the_wider_wins(thing: Thing, narrow: str) -> None:
    whole = {"id": thing.id, "features": thing.document()["features"]}
    assert parse_fields([narrow, "features"]).apply(thing) == whole
    assert parse_fields(["/features", narrow]).apply(thing) == whole


@given(things(), st.lists(paths, max_size=5))
def test_each_path_reads_the_same_in_the_thing_and_in_its_part(
    thing: Thing, asked: list[tuple[str, ...]]
) -> None:
    document = thing.document()
    part = Projection(asked).apply(thing)
    for path in [("id",), *asked]:
        assert naive_read(part, path) == naive_read(document, path)


def leaves(value: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every place in *value* that holds no object or array, or an empty one."""
    if isinstance(value, dict) and value:
        return [leaf for name, below in value.items() for leaf in leaves(below, (*at, name))]
    if isinstance(value, list) and value:
        return [leaf for i, below in enumerate(value) for leaf in leaves(below, (*at, str(i)))]
    return [at]


@given(things(), st.lists(paths, max_size=5))
def test_nothing_comes_that_was_not_asked_for(thing: Thing, asked: list[tuple[str, ...]]) -> None:
    part = Projection(asked).apply(thing)
    for leaf in leaves(part):
        wanted = any(leaf[: len(path)] == path for path in [("id",), *asked])
        assert wanted or naive_read(part, leaf) is None  # what stands before an element


@given(st.lists(st.tuples(spellings, paths), max_size=5), things())
def test_fields_are_paths_in_either_spelling(
    spelt: list[tuple[Any, tuple[str, ...]]], thing: Thing
) -> None:
    fields = [spell(path) for spell, path in spelt]
    assert parse_fields(fields).apply(thing) == Projection([path for _, path in spelt]).apply(thing)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        (["id"] * 65, "/fields"),
        (["id", ""], "/fields/1"),
        (["thermal"], "/fields/0"),
        (["metadata..a"], "/fields/0"),
    ],
)
def test_bad_fields_are_told_with_their_place(fields: list[str], at: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse_fields(fields)
    assert [fault.pointer for fault in caught.value.faults] == [at]


def test_64_fields_pass(thing: Thing) -> None:
    assert parse_fields([f"metadata.{place}" for place in range(64)]).apply(thing) == {
        "id": thing.id
    }
