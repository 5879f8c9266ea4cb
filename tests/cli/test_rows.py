import time
from typing import Any

import pytest

from egizcore.cli import rows
from egizcore.cli.output import write_table
from egizcore.cli.path import read_path
from egizcore.thing import rfc3339

THING: dict[str, Any] = {
    "id": "f:a",
    "type": "oven",
    "metadata": {"name": "One"},
    "features": {
        "thermal": {
            "properties": {"setpoint": 190.0, "zones": [1, 2], "deep": {"a": 1}},
            "desiredState": {"setpoint": 195.0, "fan": 3},
            "lastUpdated": "2026-01-27T10:30:00.000Z",
        },
        "empty": {"properties": {}, "desiredState": {}},
    },
    "relationships": [],
    "version": 7,
    "lastUpdated": "2026-01-27T10:30:00.000Z",
}


def test_a_list_has_what_most_want_to_know() -> None:
    now = {**THING, "lastUpdated": rfc3339(int(time.time() * 1000) - 130_000)}
    told = rows.of_list([now], [])
    assert told.names == ["id", "type", "name", "version", "updated"]
    assert told.rows == [["f:a", "oven", "One", 7, "2 min ago"]]
    assert "version" in told.right


def test_what_is_typed_again_is_not_cut_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    wide = "factory:conveyor-north-hall-0001"
    thing = THING | {"id": wide, "metadata": {"name": "The conveyor of the hall in the north"}}
    thing["features"] = {"thermal": {"properties": {"temperature-of-zone-1": "x" * 60}}}
    write_table(rows.of_list([thing], []))
    assert wide in capsys.readouterr().out
    path = read_path("thermal", "properties")
    for told in (rows.of_thing(thing), rows.of_part(thing["features"]["thermal"], path)):
        write_table(told)
        assert "thermal.temperature-of-zone-1" in capsys.readouterr().out


def test_a_list_of_chosen_fields_has_just_those() -> None:
    paths = [read_path(text, "properties") for text in ("id", "thermal.setpoint", "metadata.nope")]
    told = rows.of_list([{"id": "f:a", "features": THING["features"]}], paths)
    assert told.names == ["id", "thermal.setpoint", "metadata.nope"]
    assert told.rows == [["f:a", 190.0, None]]


def test_the_id_alone_may_be_chosen() -> None:
    told = rows.of_list([{"id": "f:a"}], [("id",)])
    assert (told.names, told.rows) == (["id"], [["f:a"]])


def test_what_a_list_is_sorted_by_is_shown_too() -> None:
    also = [read_path("thermal.setpoint", "properties"), ("type",), ("id",)]
    told = rows.of_list([THING], [], also)
    assert told.names == ["id", "type", "name", "version", "updated", "thermal.setpoint"]
    assert next(iter(told.rows))[-1] == 190.0


def test_an_empty_list_has_its_columns() -> None:
    assert rows.of_list([], []).rows == []


def test_a_thing_is_a_row_a_value_with_what_is_desired() -> None:
    told = rows.of_thing(THING)
    assert told.names == ("path", "value", "desired")
    assert list(told.rows) == [
        ["id", "f:a", None],
        ["type", "oven", None],
        ["metadata.name", "One", None],
        ["relationships", [], None],
        ["version", 7, None],
        ["lastUpdated", "2026-01-27T10:30:00.000Z", None],
        ["thermal.setpoint", 190.0, 195.0],
        ["thermal.zones", [1, 2], None],
        ["thermal.deep.a", 1, None],
        ["thermal.fan", None, 3],
    ]


def test_a_feature_has_the_rows_that_it_has_in_its_thing() -> None:
    part = rows.of_part(THING["features"]["thermal"], ("features", "thermal"))
    assert list(part.rows) == list(rows.of_thing(THING).rows)[6:]


def test_any_other_part_is_a_row_a_value() -> None:
    told = rows.of_part({"a": 1}, ("features", "thermal", "properties", "deep"))
    assert told.rows == [("thermal.deep.a", 1)]
    assert rows.of_part(5, ("version",)).rows == [("version", 5)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7199, "1 h ago"), (2e5, "2 d ago")],
)
def test_ago(seconds: float, text: str) -> None:
    assert rows.ago("1970-01-01T00:00:00Z", seconds) == text
