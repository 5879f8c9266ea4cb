"""Ids, names, and what a reader may keep of a Thing that changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.thing.samples import TIME, things

from egizcore.thing.model import NEVER, Feature, Thing, is_name, is_thing_id, is_word


@pytest.mark.parametrize("text", ["a:b", "factory:oven-001", "a:b:c", "A_1.x-:.", "a" * 254 + ":b"])
def test_an_id_is_a_namespace_and_a_name(text: str) -> None:
    assert is_thing_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", ":a", "a:", "a::b", "a:b\n", "a b:c", "a:b/c", "ä:b", "a:٣", "a" * 255 + ":b"],
)
def test_all_else_is_no_id(text: str) -> None:
    assert not is_thing_id(text)


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("oven_1-A", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a.b", False),
        ("a\n", False),
        ("é", False),
        ("a b", False),
    ],
)
def test_a_type_or_feature_is_a_word(text: str, legal: bool) -> None:  # noqa: FBT001
    assert is_word(text) is legal


@pytest.mark.parametrize("text", ["a", " ", "a.b/c~d", "température", "𝄞" * 128, "\xa0", "\u2028"])
def test_a_property_has_any_name_of_128_characters(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize("text", ["", "a" * 129, "𝄞" * 129, "a\n", "\0", "\x1f", "\x7f", "\x9f"])
def test_an_empty_or_long_name_or_one_with_control_characters_is_none(text: str) -> None:
    assert not is_name(text)


def test_a_document_has_every_member_of_the_contract() -> None:
    thing = Thing("factory:oven-001", "oven", 7, TIME)
    thing.features["thermal"] = feature = Feature(TIME + 1)
    feature.properties = {"setpoint": 190.0}
    assert thing.document() == {
        "id": "factory:oven-001",
        "type": "oven",
        "metadata": {},
        "features": {
            "thermal": {
                "properties": {"setpoint": 190.0},
                "desiredState": {},
                "lastUpdated": "2026-01-27T10:30:00.001Z",
            }
        },
        "relationships": [],
        "version": 7,
        "createdAt": "2026-01-27T10:30:00.000Z",
        "lastUpdated": "2026-01-27T10:30:00.001Z",
    }


def test_a_part_that_never_changed_has_no_say_in_the_time_of_its_feature() -> None:
    assert Feature(5).updated_at == 5
    assert Feature(NEVER, 7).updated_at == 7
    assert Feature(9, 7).updated_at == 9


@given(things(), st.integers(0, 3))
def test_a_thing_is_as_new_as_its_newest_part(thing: Thing, later: int) -> None:
    thing.changed_at = TIME + later
    times = [thing.changed_at, *(feature.updated_at for feature in thing.features.values())]
    assert thing.updated_at == max(times)


@given(things())
def test_a_still_is_shared_until_the_next_change_and_stays_what_it_was(thing: Thing) -> None:
    first = thing.frozen()
    assert first.thing is thing
    assert thing.frozen() is first
    before = thing.document()
    thing.keep_still()
    thing.features["new"] = Feature(TIME)
    thing.version += 1
    assert first.thing.document() == before
    assert thing.frozen().thing.document() == thing.document() != before
