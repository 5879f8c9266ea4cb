"""Answers on stdout, in the form that was asked for: a table for people, the rest for programs.

What a program reads is the same on a terminal and in a pipe. Many items are written as they come;
only a table and CSV, whose columns nobody knows before the end, wait for the last.
"""

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import click

from egizcore.cli.path import dotted, leaves

Form: TypeAlias = Literal["table", "json", "ndjson", "csv"]
Document: TypeAlias = Mapping[str, Any]

FORMS: Final = ("table", "json", "ndjson", "csv")
GAP: Final = 2  # blanks between two columns
WIDE: Final = 10_000  # columns of a "terminal" that is a pipe: nothing is cut there


class Rows(NamedTuple):
    """A table: what stands above each column, and in each row of it."""

    names: Sequence[str]
    rows: Iterable[Sequence[object]]
    right: Sequence[str] = ()
    """The columns that are numbers: of these no digit is cut off."""
    kept: Sequence[str] = ()
    """Others that are not cut."""


def form_for(asked: str | None) -> Form:
    """*asked*, or what suits where stdout goes: a table on a terminal, JSON in a pipe."""
    if asked is None:
        return "table" if sys.stdout.isatty() else "json"
    return FORMS[FORMS.index(asked)]


def say(line: str) -> None:
    """Talk: one line on stderr."""
    click.echo(printable(line), err=True)


def printable(text: str) -> str:
    """*text* without what a terminal would obey: a value may hold an escape sequence."""
    return "".join(char if char.isprintable() else "·" for char in text)


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON as we write it everywhere: in the engine's order, text as it is."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def write_document(document: Document, form: Form, rows: Callable[[], Rows]) -> None:
    """One answer; *rows* gives it as a table, which CSV is too."""
    if form == "json":
        click.echo(dumps(document, indent=2))
    elif form == "ndjson":
        click.echo(dumps(document))
    else:
        write_rows(rows(), form)


def write_rows(rows: Rows, form: Form) -> None:
    """A table, or the same as CSV."""
    if form == "csv":
        write_csv(rows)
    else:
        write_table(rows)


def write_value(value: object, form: Form, rows: Callable[[], Rows]) -> None:
    """A part of a document. A single value is a line of its own, so that a script may take it."""
    if form == "table" and not isinstance(value, dict):
        click.echo(printable(value if isinstance(value, str) else dumps(value)))
    elif form in ("json", "ndjson"):
        click.echo(dumps(value, indent=2 if form == "json" else None))
    else:
        write_rows(rows(), form)


def write_pages(
    pages: Iterable[Document], form: Form, rows: Callable[[Sequence[Document]], Rows]
) -> Document:
    """Answers with ``items``, page by page, as one; gives the last page.

    *rows* makes a table of all items. CSV has a column for each path that an item has.
    """
    if form == "json":
        return write_json(pages)
    last: Document = {}
    items: list[Document] = []
    for last in pages:
        if form == "ndjson":
            sys.stdout.writelines(f"{dumps(item)}\n" for item in last["items"])
        else:
            items.extend(last["items"])
    if form == "csv":
        write_csv(flat(items))
    elif form == "table":
        write_table(rows(items))
    return last


def write_json(pages: Iterable[Document]) -> Document:
    """One document: what the first page says, the items, one a line, and the last cursor."""
    last: Document = {}
    before = ""
    for last in pages:
        if not before:
            said = (name for name in last if name not in ("items", "nextCursor"))
            lines = ["{", *(f"  {dumps(name)}: {dumps(last[name])}," for name in said)]
            sys.stdout.write("\n".join((*lines, '  "items": [')))
            before = "\n    "
        for item in last["items"]:
            sys.stdout.write(f"{before}{dumps(item)}")
            before = ",\n    "
    end = "\n  ]" if before.startswith(",") else "]"
    cursor = dumps(last.get("nextCursor"))
    sys.stdout.write(f'{end},\n  "nextCursor": {cursor}\n}}\n')
    return last


def flat(items: Iterable[Document]) -> Rows:
    """A row an item, a column for each path in any of them, in the order of their appearance."""
    found = [
        {dotted(path): value for path, value in leaves(item) if value not in ({}, [])}
        for item in items
    ]
    names = list(dict.fromkeys(name for one in found for name in one))
    return Rows(names, [[one.get(name) for name in names] for one in found])


def write_csv(rows: Rows) -> None:
    """RFC 4180, but for the line ends, which are those of the system; a missing value is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows.names)
    writer.writerows([_csv_cell(value) for value in row] for row in rows.rows)


def write_table(rows: Rows) -> None:
    """Columns for a person. A terminal cuts what is too wide for it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for name in rows.names:
        right = name in rows.right
        # rich takes room from columns that may wrap; the texts themselves are cut, never wrapped.
        table.add_column(
            Text(printable(name), no_wrap=True, overflow="ellipsis"),
            justify="right" if right else "left",
            no_wrap=right or name in rows.kept,
        )
    for row in rows.rows:
        texts = (cell(value) for value in row)
        table.add_row(*(Text(text, no_wrap=True, overflow="ellipsis") for text in texts))
    if sys.stdout.isatty():
        Console().print(table)
        return
    plain = Console(file=io.StringIO(), width=WIDE)
    with plain.capture() as written:
        plain.print(table)
    for line in written.get().splitlines():
        click.echo(line.rstrip())


def cell(value: object) -> str:
    """*value* for a person: text as it is, numbers short, the rest as JSON."""
    if isinstance(value, str):
        return printable(value)
    if value is None:
        return ""
    return number(value) if isinstance(value, float) else printable(dumps(value))


def number(value: float) -> str:
    """Six digits of *value*, but all that stand before the point: ``21.4``, ``1234567``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 5 - math.floor(math.log10(abs(value))))
    return f"{round(value, decimals):.15g}"


def _csv_cell(value: object) -> object:
    return value if isinstance(value, str) or value is None else dumps(value)
