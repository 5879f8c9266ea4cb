"""The bakery as a whole."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.simulator.bakery import bakery, masters, places
from egizcore.simulator.machine import Machine
from egizcore.thing.model import is_thing_id

STATES = {"running", "idle", "heating", "fault", "degraded"}


def test_the_default_bakery_has_forty_things_of_every_kind() -> None:
    kinds = Counter(document["type"] for document in masters())
    assert kinds == {"oven": 12, "mixer": 8, "proofer": 8, "conveyor": 8, "line": 4}


@given(things=st.integers(1, 1500))
def test_every_device_has_a_name_of_its_own_and_a_master(things: int) -> None:
    devices = [place.device for place in places(things)]
    ids = [f"factory:{device}" for device in devices]
    assert len(set(devices)) == things
    assert [document["id"] for document in masters(things)] == ids
    assert all(is_thing_id(thing_id) for thing_id in ids)


def test_a_bakery_of_one_is_the_prds_oven() -> None:
    (document,) = masters(1)
    assert (document["id"], document["type"]) == ("factory:oven-001", "oven")
    assert document["relationships"] == [{"type": "partOf", "targetId": "factory:line-a"}]


def test_each_machine_of_a_full_line_is_part_of_a_line_that_exists() -> None:
    documents = masters(40)
    ids = {document["id"] for document in documents}
    targets = {link["targetId"] for document in documents for link in document["relationships"]}  # type: ignore[attr-defined]
    assert targets == {f"factory:line-{letter}" for letter in "abcd"}
    assert targets < ids


def test_the_same_seed_and_times_give_the_same_readings() -> None:
    one, two, other = bakery(10, seed=4), bakery(10, seed=4), bakery(10, seed=5)
    assert [m.read(3.0) for m in one] == [m.read(3.0) for m in two]
    assert one[0].read(4.0) != other[0].read(4.0)


@pytest.mark.parametrize("machine", bakery(10), ids=lambda machine: machine.device)
def test_readings_are_telemetry_of_the_first_form(machine: Machine) -> None:
    reading = machine.read(2.0)
    assert all(isinstance(feature, dict) and feature for feature in reading.values())
    assert b"null" not in msgspec.json.encode(reading)  # which would delete a property


def test_a_machine_that_was_not_asked_for_long_answers_as_if_it_had_run_on() -> None:
    for machine in bakery(10):
        reading = machine.read(3600.0)
        assert reading["status"]["operational_state"] in STATES


def test_lines_are_lettered_past_z() -> None:
    names = [place.device for place in places(280) if place.kind == "line"]
    assert (names[0], names[25], names[26]) == ("line-a", "line-z", "line-aa")
    assert all(a != b for a, b in pairwise(names))
