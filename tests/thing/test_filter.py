import json
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.thing.samples import (
    ABSENT,
    TIME,
    deep_copy,
    dotted,
    elements,
    naive_read,
    objects,
    paths,
    scalars,
    spellings,
    things,
    values,
)

from egizcore.errors import BadFilter
from egizcore.thing.filter import compile_filter
from egizcore.thing.model import Feature, Relationship, Thing
from egizcore.thing.path import parse_path, pointer

# A naive evaluator: the table of contract.md, section 2, read aloud over whole documents.


def typed(value: Any) -> Any:
    """Equal for equal JSON, and ``true`` apart from 1."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, list):
        return ("array", *map(typed, value))
    if isinstance(value, dict):
        return frozenset((name, typed(member)) for name, member in value.items())
    return (value,)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def compares(operator: str, operand: Any, value: Any) -> bool:
    match operator:
        case "$exists":
            return (value is not ABSENT) is operand
        case "$eq" if operand is None:
            return value is ABSENT or value is None
        case "$ne":
            return not compares("$eq", operand, value)
        case "$nin":
            return not compares("$in", operand, value)
    if value is ABSENT:
        return False
    match operator:
        case "$eq":
            return bool(typed(value) == typed(operand))
        case "$in":
            return typed(value) in [typed(one) for one in operand]
        case "$like":
            wild = re.escape(operand).replace(r"\*", ".*").replace(r"\?", ".")
            return isinstance(value, str) and bool(re.fullmatch(wild, value, re.DOTALL))
    both = [operand, value]
    if not (all(map(is_number, both)) or all(isinstance(one, str) for one in both)):
        return False
    return bool(
        {
            "$gt": value > operand,
            "$gte": value >= operand,
            "$lt": value < operand,
            "$lte": value <= operand,
        }[operator]
    )


def evaluates(document: Any, thing: Any) -> bool:
    return all(holds(key, operand, thing) for key, operand in document.items())


def holds(key: str, operand: Any, thing: Any) -> bool:
    match key:
        case "$and":
            return all(evaluates(part, thing) for part in operand)
        case "$or":
            return any(evaluates(part, thing) for part in operand)
        case "$not":
            return not evaluates(operand, thing)
    value = naive_read(thing, parse_path(key))
    if isinstance(operand, dict) and any(name.startswith("$") for name in operand):
        return all(compares(operator, one, value) for operator, one in operand.items())
    return compares("$eq", operand, value)


orderable = scalars.filter(lambda value: not isinstance(value, bool))
operators = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("$eq", "$ne"), values | elements),
        **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), orderable),
        **dict.fromkeys(("$in", "$nin"), st.lists(values | elements, max_size=4)),
        "$exists": st.booleans(),
        "$like": st.sampled_from(("*", "?", "a*", "*b", "f:?", "oven")),
    },
).map(lambda chosen: dict(list(chosen.items())[:2]) or {"$exists": True})
keys = st.tuples(spellings, paths).map(lambda pair: pair[0](pair[1]))
registry_terms = st.sampled_from(
    [
        {"type": "oven"},
        {"type": {"$in": ["oven", "fan"]}},
        {"id": {"$like": "f:*"}},
        {"relationships.0.type": "partOf"},
        {"createdAt": {"$gt": "2026-01-27T10:30:00Z"}},
        {"features.a.lastUpdated": "2026-01-27T11:30:00+01:00"},
    ]
)
terms = st.dictionaries(keys, operators | values | st.none(), max_size=2) | registry_terms
filters = st.recursive(
    terms,
    lambda below: st.one_of(
        st.builds(lambda parts: {"$and": parts}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda parts: {"$or": parts}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda part: {"$not": part}, below),
        st.builds(lambda part, other: {**part, "$or": [other]}, terms, below),
    ),
    max_leaves=4,
)


def normal_times(document: Any) -> Any:
    """What the naive evaluator cannot know: times are compared as they are stored."""
    text = json.dumps(document).replace("11:30:00+01:00", "10:30:00.000Z")
    return json.loads(text.replace("10:30:00Z", "10:30:00.000Z"))


@given(filters, st.lists(things(), min_size=1, max_size=4))
def test_a_filter_agrees_with_the_naive_evaluator(document: Any, some: list[Thing]) -> None:
    compiled = compile_filter(document)
    naive = normal_times(document)
    assert [compiled.matches(thing) for thing in some] == [
        evaluates(naive, thing.document()) for thing in some
    ]


def respelled(document: Any, chance: random.Random) -> Any:
    """The same filter: other order, other spelling of paths, ``$eq``, numbers and ands."""
    members = [respelled_member(key, operand, chance) for key, operand in document.items()]
    chance.shuffle(members)
    if any(key in dict(members[:place]) for place, (key, _) in enumerate(members)):
        return {"$and": [{key: operand} for key, operand in members]}
    return {"$and": [dict(members)]} if chance.random() < 0.3 else dict(members)


def respelled_member(key: str, operand: Any, chance: random.Random) -> tuple[str, Any]:
    if key == "$not":
        return key, respelled(operand, chance)
    if key in ("$and", "$or"):
        parts = [respelled(part, chance) for part in operand]
        return key, chance.sample([*parts, parts[0]], len(parts) + 1)
    path = parse_path(key)
    key = dotted(path) if chance.random() < 0.5 else pointer(*path)
    if isinstance(operand, dict) and any(name.startswith("$") for name in operand):
        items = [(name, respelled_value(one, chance)) for name, one in operand.items()]
        items = [(name, one[::-1] if name in ("$in", "$nin") else one) for name, one in items]
        return key, dict(items[::-1])
    value = respelled_value(operand, chance)
    return key, {"$eq": value} if chance.random() < 0.5 else value


def respelled_value(value: Any, chance: random.Random) -> Any:
    if is_number(value):
        return float(value) if chance.random() < 0.5 else value
    if isinstance(value, list):
        return [respelled_value(one, chance) for one in value]
    if isinstance(value, dict):
        return {name: respelled_value(one, chance) for name, one in reversed(value.items())}
    return value


@given(filters, st.randoms(use_true_random=False), things())
def test_the_same_filter_in_another_spelling_has_the_same_text(
    document: Any, chance: random.Random, thing: Thing
) -> None:
    one, other = compile_filter(document), compile_filter(respelled(document, chance))
    assert one.canonical == other.canonical
    assert one.matches(thing) is other.matches(thing)


@given(filters)
def test_the_canonical_text_is_a_filter_with_this_text(document: Any) -> None:
    canonical = compile_filter(document).canonical
    assert compile_filter(json.loads(canonical)).canonical == canonical


small_terms = st.dictionaries(
    st.sampled_from(("type", "/type", "metadata.p", "version")),
    st.sampled_from([1, 1.0, True, "oven", {"$ne": 1}, {"$in": [1, 2]}, {"$in": [2, 1.0]}]),
    max_size=2,
)


@given(small_terms, small_terms, things())
def test_filters_of_equal_text_give_equal_answers(one: Any, other: Any, thing: Thing) -> None:
    left, right = compile_filter(one), compile_filter(other)
    assert left.canonical != right.canonical or left.matches(thing) is right.matches(thing)


@given(filters, things(), objects, st.integers(1, 5))
def test_only_features_that_are_read_change_the_answer(
    document: Any, thing: Thing, properties: dict[str, Any], later: int
) -> None:
    compiled = compile_filter(document)
    assert compiled.static is (compiled.reads == frozenset())
    reads = compiled.reads
    if reads is None:
        return
    before = compiled.matches(thing)
    after = deep_copy(thing)
    after.version += later
    for name in {"a", "b", "c"} - reads:
        feature = after.features.setdefault(name, Feature(TIME))
        feature.properties = properties
        feature.desired_state = properties
        feature.reported_at = feature.desired_at = TIME + later
    assert compiled.matches(after) is before
    for name in {"a", "b", "c"} - reads:
        del after.features[name]
    assert compiled.matches(after) is before


@given(filters, things())
def test_every_match_has_the_filters_type(document: Any, thing: Thing) -> None:
    compiled = compile_filter(document)
    if compiled.kind is not None and compiled.matches(thing):
        assert thing.type == compiled.kind


@pytest.mark.parametrize(
    ("document", "kind", "reads"),
    [
        ({}, None, set()),
        ({"type": "oven"}, "oven", set()),
        ({"/type": {"$eq": "oven"}, "metadata.location": "line-a"}, "oven", set()),
        ({"$and": [{"id": "f:a"}, {"$and": [{"type": "oven"}]}]}, "oven", set()),
        ({"$or": [{"type": "oven"}]}, "oven", set()),
        ({"$or": [{"type": "oven"}, {"type": "mixer"}]}, None, set()),
        ({"$or": [{"type": "oven"}, {"id": "f:a"}]}, None, set()),
        ({"$not": {"type": "oven"}}, None, set()),
        ({"type": {"$ne": "oven"}}, None, set()),
        ({"type": 5}, None, set()),
        ({"type": None}, None, set()),
        ({"createdAt": "x", "relationships.0.type": "partOf"}, None, set()),
        ({"features.a.properties.p": 1, "features.b.desiredState.p": 1}, None, {"a", "b"}),
        ({"$not": {"features.a.lastUpdated": 1}}, None, {"a"}),
        ({"type": "oven", "features.a.properties.p": 1}, "oven", {"a"}),
        ({"features.a": None}, None, {"a"}),
        ({"features": {}}, None, None),
        ({"version": 1, "features.a.properties.p": 1}, None, None),
        ({"lastUpdated": {"$gt": "2026"}}, None, None),
    ],
)
def test_a_filter_says_what_it_reads(
    document: Any, kind: str | None, reads: set[str] | None
) -> None:
    compiled = compile_filter(document)
    assert compiled.kind == kind
    assert (None if compiled.reads is None else set(compiled.reads)) == reads
    assert compiled.static is (reads == set())


def oven() -> Thing:
    thing = Thing("factory:oven-001", "oven", 1234, TIME)
    thing.metadata = {"name": "Main Oven #1", "location": "line-a", "address": {"city": "X"}}
    thing.relationships = (Relationship("partOf", "factory:line-a"),)
    thermal = Feature(TIME + 123)
    thermal.properties = {"temperature_zones": [185.0, None], "a.b": True, "$gt": 1}
    thermal.desired_state = {"setpoint": 195}
    thing.features["thermal"] = thermal
    return thing


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": "oven", "metadata.location": "line-a"},
        {"metadata.address": {"city": "X"}},
        {"metadata.address": {"$eq": {"city": "X"}}},
        {"metadata.address": {"$ne": {}}},
        {
            "features.thermal.properties": {
                "$eq": {"$gt": 1, "a.b": True, "temperature_zones": [185, None]}
            }
        },
        {"features.thermal.properties.temperature_zones.0": {"$gt": 180, "$lt": 190}},
        {"features.thermal.properties.temperature_zones.1": None},
        {"features.thermal.properties.temperature_zones.1": {"$exists": True}},
        {"features.thermal.properties.temperature_zones.2": {"$exists": False}},
        {"features.thermal.properties.a\\.b": True},
        {"/features/thermal/properties/a.b": True},
        {"/features/thermal/desiredState/setpoint": 195.0},
        {"features.thermal.unknown": None},
        {"relationships.0": {"type": "partOf", "targetId": "factory:line-a"}},
        {"relationships.0.targetId": {"$like": "*line-?"}},
        {"type": "oven", "/type": {"$ne": "mixer"}},
        {"type": "oven", "$or": [{"version": 1}, {"version": {"$in": [1234]}}]},
        {"$not": {"$and": [{"type": "oven"}, {"version": 1}]}},
        {"createdAt": "2026-01-27T10:30:00Z"},
        {"createdAt": {"$in": ["2026-01-27T11:30:00.0+01:00"]}},
        {"lastUpdated": {"$gt": "2026-01-27T10:30:00.122999Z", "$lte": "2026-01-27T10:30:00.123Z"}},
        {"features.thermal.lastUpdated": {"$like": "2026-01-*"}},
    ],
)
def test_it_finds_the_oven(document: Any) -> None:
    assert compile_filter(document).matches(oven())


@pytest.mark.parametrize(
    "document",
    [
        {"metadata.address": {}},
        {"metadata.address.city": {}},
        {"features.thermal.properties.a\\.b": 1},
        {"features.thermal.properties.temperature_zones.01": {"$exists": True}},
        {"features.thermal.properties.temperature_zones.-1": {"$exists": True}},
        {"features.thermal.properties.temperature_zones": 185},
        {"id.0": {"$exists": True}},
        {"version": "1234"},
        {"type": {"$in": []}},
        {"$not": {}},
        {"createdAt": {"$like": "2026-01-27T10:30:00Z"}},
        {"createdAt": {"$gt": "9999-12-31T23:59:59-23:59"}},
    ],
)
def test_it_does_not_find_the_oven(document: Any) -> None:
    assert not compile_filter(document).matches(oven())


def nots(levels: int) -> Any:
    document: Any = {"type": "oven"}
    for _ in range(levels):
        document = {"$not": document}
    return document


@pytest.mark.parametrize(
    ("document", "at"),
    [
        (None, ""),
        ([], ""),
        ("type", ""),
        ({"kind": 1}, "/kind"),
        ({"": 1}, "/"),
        ({"/a~1b": 1}, "/~1a~01b"),
        ({"metadata" + ".a" * 24: 1}, "/metadata" + ".a" * 24),
        ({"type": {"$regex": "a"}}, "/type/$regex"),
        ({"type": {"$not": {"$eq": "a"}}}, "/type/$not"),
        ({"type": {"$and": []}}, "/type/$and"),
        ({"$gt": 1}, "/$gt"),
        ({"$nor": [{}]}, "/$nor"),
        ({"type": {"$gt": True}}, "/type/$gt"),
        ({"type": {"$in": "oven"}}, "/type/$in"),
        ({"type": {"$in": [0] * 1_001}}, "/type/$in"),
        ({"type": {"$like": "*" * 257}}, "/type/$like"),
        ({"metadata.a/b": {"$exists": 1}}, "/metadata.a~1b/$exists"),
        ({"metadata.a": {"$gt": 1, "name": 2}}, "/metadata.a/name"),
        ({"metadata.a": {"a/b": 1, "$gt": 2}}, "/metadata.a/a~1b"),
        ({"metadata.a": {"$eq": float("nan")}}, "/metadata.a/$eq"),
        ({"metadata.a": [float("inf")]}, "/metadata.a"),
        ({"$and": []}, "/$and"),
        ({"$or": []}, "/$or"),
        ({"$or": {}}, "/$or"),
        ({"$and": [{}, 5]}, "/$and/1"),
        ({"$and": [{"$or": [{"type": 1}, {"x": 1}]}]}, "/$and/0/$or/1/x"),
        ({"$not": []}, "/$not"),
        ({"$not": None}, "/$not"),
        (nots(17), "/$not" * 17),
        (nots(500), "/$not" * 17),
        ({"$and": [{"version": place} for place in range(65)]}, "/$and/64/version"),
        ({"$or": [{}] * 1_000}, "/$or/64"),
        ({f"metadata.{place}": {"$gt": 1, "$lt": 2} for place in range(33)}, "/metadata.32/$gt"),
    ],
)
def test_a_bad_filter_is_told_with_its_place(document: Any, at: str) -> None:
    with pytest.raises(BadFilter) as caught:
        compile_filter(document)
    assert [fault.pointer for fault in caught.value.faults] == [at]


def test_16_levels_and_64_terms_pass() -> None:
    assert compile_filter(nots(16)).matches(oven())
    every = compile_filter({"$and": [{"version": {"$gt": place}} for place in range(64)]})
    assert every.matches(oven())
    assert compile_filter({"id": {"$in": [*map(str, range(999)), "factory:oven-001"]}}).matches(
        oven()
    )
