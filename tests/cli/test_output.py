import csv
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.cli.output import (
    Form,
    Rows,
    cell,
    flat,
    form_for,
    number,
    write_document,
    write_pages,
    write_rows,
    write_value,
)
from egizcore.cli.path import leaves

ITEMS: list[dict[str, Any]] = [
    {"id": "f:a", "metadata": {"name": 'Öfen, "1"\nx', "a.b": 1}},
    {"id": "f:b", "n": 1.5, "on": True, "features": {}, "list": [1, None]},
]
PAGES: list[dict[str, Any]] = [
    {"items": ITEMS[:1], "nextCursor": "c", "total": 2},
    {"items": ITEMS[1:], "nextCursor": None},
]
ROWS = Rows(("name", "value"), [("a", 1), ("b", None), ("c\x1b[2J", "x\ny")], right=("value",))


def test_a_pipe_gets_json_and_a_terminal_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert form_for(None) == "json"
    assert form_for("csv") == "csv"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert form_for(None) == "table"


def test_pages_are_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_pages(PAGES, "json", lambda _: ROWS) == PAGES[1]
    told = capsys.readouterr().out
    assert json.loads(told) == {"total": 2, "items": ITEMS, "nextCursor": None}
    assert len(told.splitlines()) == 8


def test_a_page_without_items_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    write_pages([{"items": [], "nextCursor": None}], "json", lambda _: ROWS)
    assert json.loads(capsys.readouterr().out) == {"items": [], "nextCursor": None}
    write_pages([{"total": 0, "items": [], "nextCursor": None}], "json", lambda _: ROWS)
    assert json.loads(capsys.readouterr().out) == {"total": 0, "items": [], "nextCursor": None}


def test_ndjson_is_an_item_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_pages(PAGES, "ndjson", lambda _: ROWS)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ITEMS


def test_csv_has_a_column_for_each_path_of_any_item(capsys: pytest.CaptureFixture[str]) -> None:
    write_pages(PAGES, "csv", lambda _: ROWS)
    head, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert head == ["id", "metadata.name", r"metadata.a\.b", "n", "on", "list.0", "list.1"]
    assert rows == [
        ["f:a", 'Öfen, "1"\nx', "1", "", "", "", ""],
        ["f:b", "", "", "1.5", "true", "1", ""],
    ]


def test_a_table_has_all_items(capsys: pytest.CaptureFixture[str]) -> None:
    write_pages(PAGES, "table", lambda items: Rows(["id"], [[one["id"]] for one in items]))
    assert capsys.readouterr().out == "id\nf:a\nf:b\n"


def test_a_document_is_indented_for_people_and_a_line_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_document(ITEMS[0], "json", lambda: ROWS)
    write_document(ITEMS[0], "ndjson", lambda: ROWS)
    told = capsys.readouterr().out
    indented = json.dumps(ITEMS[0], indent=2, ensure_ascii=False)
    assert told == f"{indented}\n{json.dumps(ITEMS[0], ensure_ascii=False)}\n"


def test_a_table_in_a_pipe_is_never_cut_nor_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(Rows(("a", "b"), [("x" * 300, "[red]y")]), "table")
    assert capsys.readouterr().out == f"a{' ' * 301}b\n{'x' * 300}  [red]y\n"


def test_a_value_may_hold_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(ROWS, "table")
    assert capsys.readouterr().out == "name   value\na          1\nb\nc·[2J    x·y\n"


@pytest.mark.parametrize(
    ("value", "form", "told"),
    [
        ("one", "table", "one"), ("one", "json", '"one"'), (190.0, "table", "190.0"),
        (True, "ndjson", "true"), ([1, 2], "table", "[1, 2]"), ([1], "json", "[\n  1\n]"),
        ({"a": 1}, "ndjson", '{"a": 1}'), (5, "csv", 'name,value\na,1\nb,\nc\x1b[2J,"x\ny"'),
        ({"a": 1}, "table", "name   value\na          1\nb\nc·[2J    x·y"),
    ],
)  # fmt: skip
def test_a_part_of_a_document(
    value: object, form: Form, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_value(value, form, lambda: ROWS)
    assert capsys.readouterr().out == f"{told}\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (190.0, "190"), (21.400000000000002, "21.4"), (1234567.0, "1234567"),
        (0.000123456789, "0.000123457"), (-3.14159265, "-3.14159"), (1e300, "1e+300"),
        (math.inf, "inf"), (math.nan, "nan"), (5e-324, "4.94065645841247e-324"),
    ],
)  # fmt: skip
def test_a_number_for_people(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(-1e307, 1e307))
def test_a_number_for_people_is_about_the_number(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("a\tb", "a·b"), (5, "5"), (True, "true"), ([1.5], "[1.5]"), (1.5, "1.5")],
)
def test_a_cell(value: object, text: str) -> None:
    assert cell(value) == text


def test_what_holds_nothing_has_no_column() -> None:
    rows = flat(ITEMS)
    assert "features" not in rows.names
    assert len(rows.names) == len({path for item in ITEMS for path, value in leaves(item)}) - 1
