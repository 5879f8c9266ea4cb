"""``history``: what a Thing reported, as rows of numbers with their course, or for programs."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import click

from egizcore.cli.options import asked_of, output_option, url_option
from egizcore.cli.output import (
    GAP,
    Document,
    Rows,
    cell,
    form_for,
    number,
    say,
    write_json,
    write_table,
)
from egizcore.cli.sparkline import Course
from egizcore.history import AGGREGATES, flatten
from egizcore.thing import parse_rfc3339

PAGE: Final = 10_000
"""Items in one answer at most (contract.md, section 5)."""
COLUMNS: Final = 32
NARROW: Final = 8
WIDE: Final = 80
"""Columns of a sparkline: in a pipe, and at least and at most on a terminal."""


@click.command()
@click.argument("thing")
@click.option(
    "--from", "start", metavar="TIME", help="-1h, or 2026-01-27T00:00:00Z.  [default: -1h]"
)
@click.option("--to", "end", metavar="TIME", help="The end, exclusive.  [default: now]")
@click.option("--feature", multiple=True, help="Only this feature. May repeat.")
@click.option(
    "--property",
    "paths",
    multiple=True,
    metavar="PATH",
    help="Only this property and what is below it. May repeat.",
)
@click.option("--every", metavar="DURATION", help="One value for each 10s, 1m, 1h, ...")
@click.option("--aggregate", type=click.Choice(AGGREGATES), help="Which value.  [default: mean]")
@click.option("--order", type=click.Choice(("asc", "desc")), help="Oldest or newest first.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=PAGE),
    metavar="N",
    help="At most that many items in all.  [default: all]",
)
@click.option(
    "--shape",
    type=click.Choice(("long", "wide")),
    help="Of CSV: a row a value (long), or a column a property.",
)
@output_option
@url_option
def history(
    thing: str,
    *,
    start: str | None,
    end: str | None,
    feature: tuple[str, ...],
    paths: tuple[str, ...],
    every: str | None,
    aggregate: str | None,
    order: str | None,
    limit: int | None,
    shape: str | None,
    form: str | None,
    url: str,
) -> None:
    """Show what a Thing reported.

    The table has a row for each property: how many values there are, the least, the mean, the
    greatest and the newest of them, and how they went. The other forms have every value.

    \b
      egizcore history factory:oven-001 --feature thermal
      egizcore history factory:oven-001 --from -1d --every 10m --aggregate max
      egizcore history factory:oven-001 -o csv > oven.csv
    """  # noqa: D301 - click wraps no paragraph that begins with this
    if aggregate is not None and every is None:
        raise click.UsageError("--aggregate goes together with --every.")
    told = form_for(form)
    if shape is not None and told != "csv":
        raise click.UsageError("--shape is for -o csv.")
    asked = {
        "from": start,
        "to": end,
        "feature": feature,
        "property": paths,
        "every": every,
        "aggregate": aggregate or ("mean" if every else None),
        "order": order,
        "limit": limit,
        "shape": shape,
    }
    given = {name: value for name, value in asked.items() if value}
    with asked_of(url) as api:
        if told in ("csv", "ndjson"):
            for some in api.stream("things", thing, "history", format=told, **given):
                sys.stdout.buffer.write(some)
            return
        pages = _pages(lambda more: api.get("things", thing, "history", **{**given, **more}), limit)
        if told == "json":
            write_json(pages)
        else:
            _write_courses(pages)


def _pages(ask: Callable[[dict[str, Any]], Document], limit: int | None) -> Iterator[Document]:
    """The pages of the whole range; with a *limit*, one."""
    page = ask({} if limit else {"limit": PAGE})
    yield page
    while limit is None and page["nextCursor"] is not None:
        page = ask({"limit": PAGE, "cursor": page["nextCursor"]})
        yield page


def _write_courses(pages: Iterator[Document]) -> None:
    courses: dict[tuple[str, str], Course] = {}
    reach: tuple[int, int] | None = None
    items = 0
    page: Document = {}
    for page in pages:
        items += len(page["items"])
        reach = reach or _reach(page)
        for item in page["items"]:
            at, feature = parse_rfc3339(item["timestamp"]), item["feature"]
            for key, value in flatten(item["properties"]).items():
                course = courses.get((feature, key))
                if course is None:
                    course = courses[feature, key] = Course(*reach)
                course.add(at, value)
    if not items:
        say(f"Nothing from {page['from']} to {page['to']}.")
        return
    write_table(_table(courses))
    more = "" if page["nextCursor"] is None else " There is more: see --limit."
    say(f"{items:,} samples of features from {page['from']} to {page['to']}.{more}")


def _reach(page: Document) -> tuple[int, int]:
    """From when to when (ms) the courses go, by the first *page*: not over empty hours.

    Where other pages follow, nobody knows yet how far they go: as far as was asked for.
    """
    start, end = parse_rfc3339(page["from"]), parse_rfc3339(page["to"])
    times = [parse_rfc3339(item["timestamp"]) for item in page["items"]]
    if not times:
        return start, end
    if page["nextCursor"] is None:
        return min(times), max(times) + 1
    return (start, times[0] + 1) if times[0] > times[-1] else (times[0], end)


def _table(courses: Mapping[tuple[str, str], Course]) -> Rows:
    names = ("property", "count", "min", "mean", "max", "last", "course")
    ordered = sorted(courses.items())
    rows = [_facts(f"{feature}.{key}", course) for (feature, key), course in ordered]
    columns = COLUMNS
    if sys.stdout.isatty():
        taken = sum(
            max(len(cell(value)) for value in column) + GAP
            for column in zip(names[:-1], *rows, strict=True)
        )
        columns = min(max(shutil.get_terminal_size().columns - taken, NARROW), WIDE)
    whole = [(*row, course.line(columns)) for row, (_, course) in zip(rows, ordered, strict=True)]
    return Rows(names, whole, right=("count", "min", "mean", "max"), kept=("course",))


def _facts(name: str, course: Course) -> Sequence[object]:
    if not course.numbers:
        return name, course.count, None, None, None, course.last
    numbers = (number(value) for value in (course.least, course.mean, course.most))
    return name, course.count, *numbers, course.last
