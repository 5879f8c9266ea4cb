import csv
import io
import json
from typing import Any

import pytest
from tests.cli.conftest import Terminal

from egizcore.cli.things import pages

NAMES = ["f:1", "f:2", "f:3", "f:mixer"]


def ids(text: str) -> list[str]:
    return [item["id"] for item in json.loads(text)["items"]]


async def test_without_an_id_all_things_are_listed(terminal: Terminal) -> None:
    told = await terminal.type("get")
    assert (told.code, told.err) == (0, "")
    assert ids(told.out) == NAMES
    assert json.loads(told.out)["nextCursor"] is None
    told = await terminal.type("get", "--type", "oven", "-o", "ndjson")
    assert [json.loads(line)["id"] for line in told.out.splitlines()] == NAMES[:3]


async def test_a_list_as_a_table(terminal: Terminal) -> None:
    told = await terminal.type("get", "-o", "table")
    head, first, *_, last = told.out.splitlines()
    assert head.split() == ["id", "type", "name", "version", "updated"]
    assert first.split()[:4] == ["f:1", "oven", "One", "2"]
    assert last.split()[:2] == ["f:mixer", "mixer"]
    assert told.err == "4 of 4.\n"
    told = await terminal.type("get", "--type", "none", "-o", "table")
    assert told.err == "Nothing matches.\n"


async def test_who_sets_a_limit_knows_of_it(terminal: Terminal) -> None:
    told = await terminal.type("get", "--limit", "2")
    assert ids(told.out) == NAMES[:2]
    assert json.loads(told.out)["nextCursor"]
    assert told.err == ""
    told = await terminal.type("get", "--limit", "2", "-o", "table")
    assert told.err == "The first 2 of 4; --all shows every one.\n"


async def test_what_the_default_leaves_out_is_said(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.cli.things.LIMIT", 3)
    told = await terminal.type("get")
    assert ids(told.out) == NAMES[:3]
    assert told.err == "The first 3 of 4; --all shows every one.\n"


async def test_all_follows_the_cursor(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egizcore.cli.things.PAGE", 3)
    assert ids((await terminal.type("get", "--all", "--limit", "1")).out) == NAMES
    assert ids((await terminal.type("query", "--all")).out) == NAMES
    assert ids((await terminal.type("get", "--limit", "4")).out) == NAMES


async def test_fields_may_be_short(terminal: Terminal) -> None:
    fields = ("--fields", "metadata.name,thermal.setpoint")
    told = await terminal.type("get", "--type", "oven", *fields, "-o", "csv")
    head, *rows = csv.reader(io.StringIO(told.out))
    assert head == ["id", "metadata.name", "features.thermal.properties.setpoint"]
    assert rows == [[f"f:{n}", "One", f"{190.0 + n}"] for n in (1, 2, 3)]
    told = await terminal.type("get", "f:1", *fields)
    assert json.loads(told.out)["features"] == {"thermal": {"properties": {"setpoint": 191.0}}}
    told = await terminal.type("query", *fields, "-o", "table")
    assert told.out.splitlines()[1].split() == ["f:1", "One", "191"]


async def test_a_thing_is_told_as_the_api_tells_it(terminal: Terminal) -> None:
    api = (await terminal.engine.http.get("/api/v1/things/f:1")).json()
    for form in ("json", "ndjson"):
        told = await terminal.type("get", "f:1", "-o", form)
        assert json.loads(told.out) == api
        assert told.err == ""
    told = await terminal.type("get", "f:1", "-o", "table")
    assert ["thermal.setpoint", "191", "190"] in [row.split() for row in told.out.splitlines()]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("thermal.setpoint", 191.0),
        ("thermal.desiredState.setpoint", 190.0),
        ("thermal.zones", [185.0, 186.5]),
        ("thermal.zones.1", 186.5),
        ("thermal.properties", {"setpoint": 191.0, "zones": [185.0, 186.5]}),
        ("metadata.name", "One"),
        ("type", "oven"),
        ("/features/status/properties/state", "running"),
    ],
)
async def test_a_part_is_told_alone(terminal: Terminal, path: str, value: Any) -> None:
    told = await terminal.type("get", "f:1", path)
    assert (told.code, json.loads(told.out)) == (0, value)


async def test_a_single_value_on_a_terminal_is_bare(terminal: Terminal) -> None:
    assert (await terminal.type("get", "f:1", "metadata.name", "-o", "table")).out == "One\n"
    assert (await terminal.type("get", "f:1", "thermal.setpoint", "-o", "table")).out == "191.0\n"


async def test_what_is_not_there_is_told_in_one_line(terminal: Terminal) -> None:
    told = await terminal.type("get", "f:1", "thermal.setpont")
    assert (told.code, told.out) == (1, "")
    assert told.err.endswith(
        "Thing 'f:1' has no 'thermal.setpont'. Did you mean 'thermal.setpoint'?\n"
    )
    told = await terminal.type("get", "f:none")
    assert told.code == 1
    assert "There is no Thing 'f:none'. GET /api/v1/things" in told.err


async def test_a_query_filters_sorts_and_counts(terminal: Terminal) -> None:
    wanted = '{"features.thermal.properties.setpoint": {"$gt": 191}}'
    told = await terminal.type(
        "query", wanted, "--sort", "-thermal.setpoint", "--count", "--limit", "1"
    )
    assert ids(told.out) == ["f:3"]
    assert json.loads(told.out)["total"] == 2
    told = await terminal.type("query", wanted, "--sort", "type", "--sort", "-id", "-o", "table")
    assert [line.split()[0] for line in told.out.splitlines()] == ["id", "f:3", "f:2"]
    assert told.err == "2.\n"


async def test_a_filter_may_come_from_stdin(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"type": "mixer"}\n'))
    assert ids((await terminal.type("query", "-")).out) == ["f:mixer"]


async def test_a_wrong_filter_is_told_in_the_apis_words(terminal: Terminal) -> None:
    told = await terminal.type("query", '{"tpe": "oven"}')
    assert (told.code, told.out) == (1, "")
    assert "/filter/tpe: a path begins with one of id, type" in told.err
    assert told.err.count("\n") == 1


def test_pages_end_with_the_limit_or_the_cursor() -> None:
    asked = []

    def ask(page: dict[str, Any]) -> dict[str, Any]:
        asked.append(page)
        return {"items": [{}] * min(page["limit"], 700), "nextCursor": "c"}

    list(pages(ask, 1500))
    assert asked == [
        {"limit": 1000},
        {"limit": 800, "cursor": "c"},
        {"limit": 100, "cursor": "c"},
    ]
