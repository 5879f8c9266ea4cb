import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Terminal
from tests.running import running

from egizcore.cli.sparkline import BLOCKS
from egizcore.history.point import Point
from egizcore.quantity import Duration

SAMPLES = 8
BEGIN = 1_767_225_600_000
RANGE = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T01:00:00Z")


@pytest.fixture
async def recorded(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> AsyncIterator[Terminal]:
    """An engine that knows eight seconds of ``f:oven`` on New Year's Day."""
    history = {
        "backend": "sqlite",
        "path": str(tmp_path / "history.db"),
        "keep": Duration.parse("1000w"),
    }
    async with running(history=history) as engine:
        archive = engine.engine.archive
        assert archive is not None
        await archive.write([sample(second) for second in range(SAMPLES)])
        yield Terminal(engine, capsys)


def sample(second: int) -> Point:
    properties = {"setpoint": float(second), "zones": [1.5, 2.5], "state": f"s{second}"}
    return Point("f:oven", "oven", "thermal", BEGIN + second * 1000, properties)


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


async def test_the_table_has_a_row_a_property_with_its_course(recorded: Terminal) -> None:
    told = await recorded.type("history", "f:oven", *RANGE, "-o", "table")
    head, *rows = (line.split() for line in told.out.splitlines())
    assert head == ["property", "count", "min", "mean", "max", "last", "course"]
    assert rows[0][:6] == ["thermal.setpoint", "8", "0", "3.5", "7", "7"]
    assert "".join(rows[0][6:]) == BLOCKS
    assert rows[1] == ["thermal.state", "8", "s7"]
    assert rows[2][:6] == ["thermal.zones[0]", "8", "1.5", "1.5", "1.5", "1.5"]
    assert (told.code, told.err) == (
        0,
        "8 samples of features from 2026-01-01T00:00:00.000Z to 2026-01-01T01:00:00.000Z.\n",
    )


async def test_the_sparkline_fits_the_terminal(
    recorded: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for columns, course in ((40, 8), (60, 13), (80, 33), (500, 80)):
        monkeypatch.setenv("COLUMNS", str(columns))
        told = await recorded.type("history", "f:oven", *RANGE)
        row = told.out.splitlines()[1].rstrip()
        assert len(row[row.index("▁") :]) == course
        assert row.endswith("█")


async def test_what_was_asked_for_is_what_is_told(recorded: Terminal) -> None:
    narrow = ("--property", "setpoint", "--every", "4s", "--aggregate", "max")
    told = await recorded.type("history", "f:oven", *RANGE, *narrow, "-o", "table")
    assert told.out.splitlines()[1].split()[:6] == ["thermal.setpoint", "2", "3", "5", "7", "7"]
    told = await recorded.type("history", "f:oven", *RANGE, "--every", "4s", "--order", "desc")
    items = json.loads(told.out)["items"]
    assert [item["properties"]["setpoint"] for item in items] == [5.5, 1.5]
    told = await recorded.type("history", "f:oven", *RANGE, "--feature", "none", "-o", "table")
    assert told.out == ""
    assert told.err.startswith("Nothing from 2026-01-01T00:00:00.000Z to ")


async def test_without_a_limit_all_pages_come(
    recorded: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egizcore.cli.history.PAGE", 3)
    told = await recorded.type("history", "f:oven", *RANGE)
    document = json.loads(told.out)
    assert (document["thingId"], document["nextCursor"]) == ("f:oven", None)
    assert [item["properties"]["setpoint"] for item in document["items"]] == list(range(SAMPLES))
    for order in ("asc", "desc"):
        paged = await recorded.type("history", "f:oven", *RANGE, "--order", order, "-o", "table")
        assert paged.out.splitlines()[1].split()[:6] == [
            "thermal.setpoint", "8", "0", "3.5", "7", "7",
        ]  # fmt: skip


async def test_a_limit_is_said(recorded: Terminal) -> None:
    told = await recorded.type("history", "f:oven", *RANGE, "--limit", "2", "-o", "table")
    assert told.out.splitlines()[1].split()[1] == "2"
    assert told.err.endswith("There is more: see --limit.\n")
    told = await recorded.type("history", "f:oven", *RANGE, "--limit", "2")
    assert json.loads(told.out)["nextCursor"] is not None


async def test_csv_and_ndjson_are_the_apis_own(recorded: Terminal) -> None:
    told = await recorded.type("history", "f:oven", *RANGE, "-o", "csv", "--property", "setpoint")
    head, *rows = csv.reader(io.StringIO(told.out))
    assert head == ["timestamp", "thing_id", "feature", "property", "value"]
    assert [row[4] for row in rows] == [f"{value:.1f}" for value in range(SAMPLES)]
    told = await recorded.type("history", "f:oven", *RANGE, "-o", "csv", "--shape", "wide")
    assert len(told.out.splitlines()) == SAMPLES + 1
    told = await recorded.type("history", "f:oven", *RANGE, "-o", "ndjson", "--limit", "2")
    assert [item["properties"]["state"] for item in lines(told.out)] == ["s0", "s1"]


@pytest.mark.parametrize("form", ["table", "json", "csv", "ndjson"])
async def test_an_error_is_one_line(recorded: Terminal, form: str) -> None:
    told = await recorded.type("history", "f:none", "-o", form)
    assert (told.code, told.out) == (1, "")
    assert "There is no Thing 'f:none'." in told.err
    told = await recorded.type("history", "f:oven", "--from", "yesterday", "-o", form)
    assert (told.code, told.out) == (1, "")
    assert "?from: must be an RFC 3339 time" in told.err


async def test_without_a_store_the_api_says_so(terminal: Terminal) -> None:
    told = await terminal.type("history", "f:1")
    assert told.code == 1
    assert "No history store is configured" in told.err
