import json
from typing import Any

import pytest
from tests.cli.conftest import Terminal


async def thing(terminal: Terminal, name: str = "f:1") -> dict[str, Any]:
    found: dict[str, Any] = (await terminal.engine.http.get(f"/api/v1/things/{name}")).json()
    return found


async def test_a_short_path_sets_what_is_desired(terminal: Terminal) -> None:
    told = await terminal.type("set", "f:1", "thermal.setpoint=195")
    after = await thing(terminal)
    assert (told.code, json.loads(told.out)) == (0, after)
    assert after["features"]["thermal"]["desiredState"] == {"setpoint": 195}
    assert after["features"]["thermal"]["properties"]["setpoint"] == 191.0
    assert told.err == ""


async def test_a_full_path_sets_what_it_names(terminal: Terminal) -> None:
    told = await terminal.type(
        "set", "f:1", "features.thermal.properties.setpoint=195", "metadata.name=Two",
        "metadata.tags=null", "type=kiln", "-o", "table",
    )  # fmt: skip
    after = await thing(terminal)
    assert after["features"]["thermal"]["properties"]["setpoint"] == 195
    assert (after["type"], after["metadata"]) == ("kiln", {"name": "Two"})
    rows = [line.split() for line in told.out.splitlines()]
    assert rows == [
        ["path", "value"], ["thermal.setpoint", "195"], ["metadata.name", "Two"],
        ["metadata.tags", "(deleted)"], ["type", "kiln"],
    ]  # fmt: skip


async def test_all_happens_or_nothing_does(terminal: Terminal) -> None:
    before = await thing(terminal)
    told = await terminal.type("set", "f:1", "thermal.setpoint=195", "type=null")
    assert told.code == 1
    assert await thing(terminal) == before


async def test_a_stale_version_changes_nothing(terminal: Terminal) -> None:
    told = await terminal.type("set", "f:1", "thermal.setpoint=195", "--if-version", "1")
    assert (told.code, told.out) == (1, "")
    assert "Thing 'f:1' is at version 2, not 1. Read the Thing again" in told.err
    told = await terminal.type("set", "f:1", "thermal.setpoint=195", "--if-version", "2")
    assert told.code == 0


async def test_a_wish_that_no_machine_will_follow_is_warned_of(terminal: Terminal) -> None:
    told = await terminal.type("set", "f:1", "thermal.setpont=195")
    assert told.code == 0
    assert told.err.splitlines()[0] == (
        "warning: f:1 does not report 'thermal.setpont'. Did you mean 'thermal.setpoint'? "
        "'thermal.setpont=null' takes the wish back."
    )
    told = await terminal.type("set", "f:1", "thermal.setpont=null", "-o", "table")
    assert told.err == "f:1 is at version 4.\n"
    assert "setpont" not in (await thing(terminal))["features"]["thermal"]["desiredState"]


@pytest.mark.parametrize(
    ("typed", "mend"),
    [
        ("thermal.zones.0=200", "thermal.desiredState.zones=[185.0, 186.5]"),
        ("metadata.tags.1=x", 'metadata.tags=["a", "b"]'),
    ],
)
async def test_a_place_in_an_array_is_refused_with_the_array(
    terminal: Terminal, typed: str, mend: str
) -> None:
    before = await thing(terminal)
    told = await terminal.type("set", "f:1", typed)
    assert (told.code, told.out) == (2, "")
    assert f"arrays are set whole: '{mend}' has what is there now" in told.err
    assert await thing(terminal) == before


async def test_a_number_may_be_a_name(terminal: Terminal) -> None:
    assert (await terminal.type("set", "f:1", "metadata.shifts.1=early")).code == 0
    assert (await thing(terminal))["metadata"]["shifts"] == {"1": "early"}


async def test_no_thing_comes_of_a_typing_error(terminal: Terminal) -> None:
    told = await terminal.type("set", "f:none", "thermal.setpoint=195")
    assert told.code == 1
    assert "There is no Thing 'f:none'." in told.err


async def test_null_takes_back_all_wishes_or_the_feature(terminal: Terminal) -> None:
    assert (await terminal.type("set", "f:1", "thermal=null")).code == 0
    assert (await thing(terminal))["features"]["thermal"]["desiredState"] == {}
    assert (await terminal.type("set", "f:1", "features.thermal=null")).code == 0
    assert "thermal" not in (await thing(terminal))["features"]
