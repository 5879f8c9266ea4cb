"""``get`` and ``query``: Things, read over REST."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import click

from egizcore.cli import rows
from egizcore.cli.options import Command, asked_of, output_option, read_filter, url_option
from egizcore.cli.output import (
    Document,
    Form,
    form_for,
    say,
    write_document,
    write_pages,
    write_value,
)
from egizcore.cli.path import Member, dotted, must_find, read_path
from egizcore.thing import Path

PAGE: Final = 1000
"""Things in one answer at most (contract.md, section 2)."""
LIMIT: Final = 100

Ask: TypeAlias = Callable[[dict[str, Any]], Document]


def list_options(command: Command) -> Command:
    """Give *command* the options of a list."""
    options = (
        click.option(
            "--fields",
            metavar="PATH,...",
            help="Only these members, such as metadata.name,thermal.setpoint.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help=f"At most that many Things.  [default: {LIMIT}]",
        ),
        click.option("--all", "whole", is_flag=True, help="Every Thing, however many there are."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("thing", required=False)
@click.argument("path", required=False)
@click.option("--type", "kind", metavar="TYPE", help="List only Things of this type.")
@list_options
@output_option
@url_option
def get(
    thing: str | None,
    path: str | None,
    *,
    kind: str | None,
    fields: str | None,
    limit: int | None,
    whole: bool,
    form: str | None,
    url: str,
) -> None:
    """Show a Thing or a part of it; without THING, a list.

    PATH is a feature (thermal), a property of it (thermal.setpoint), what is desired of it
    (thermal.desiredState.setpoint), or a full path of the filter language (metadata.name).

    \b
      egizcore get
      egizcore get --type oven --fields metadata.name,thermal.setpoint
      egizcore get factory:oven-001
      egizcore get factory:oven-001 thermal.setpoint
    """  # noqa: D301 - click wraps no paragraph that begins with this
    wanted = _paths(fields)
    if thing is not None and (kind is not None or whole):
        raise click.UsageError("--type and --all are for a list: leave THING out.")
    if path is not None and wanted:
        raise click.UsageError("Give PATH or --fields, not both.")
    asked: dict[str, str] = {}
    if wanted:
        asked["fields"] = ",".join(map(dotted, wanted))
    if kind is not None:
        asked["type"] = kind
    shape = form_for(form)
    with asked_of(url) as api:
        if thing is None:
            write_list(
                lambda page: api.get("things", **asked, **page),
                shape,
                columns=wanted,
                limit=limit,
                whole=whole,
            )
        elif path is None:
            found = api.get("things", thing, **asked)
            write_document(found, shape, lambda: rows.of_thing(found))
        else:
            where = _path_of(path, "properties", "'PATH'")
            part = must_find(api.get("things", thing), where)
            write_value(part, shape, lambda: rows.of_part(part, where))


@click.command()
@click.argument("filter", default="{}")
@click.option(
    "--sort",
    "order",
    multiple=True,
    metavar="[-]PATH",
    help="Order by this; with - the greatest first. May repeat.",
)
@list_options
@click.option("--count", is_flag=True, help="Count all that match, too.")
@output_option
@url_option
def query(
    filter: str,
    *,
    order: tuple[str, ...],
    fields: str | None,
    limit: int | None,
    whole: bool,
    count: bool,
    form: str | None,
    url: str,
) -> None:
    """Find Things with the filter language. FILTER is JSON; - reads it from stdin.

    Names in FILTER are full paths; in --sort and --fields, thermal.setpoint will do.

    \b
      egizcore query '{"type": "oven", "metadata.location": "line-a"}'
      egizcore query '{"features.thermal.properties.setpoint": {"$gt": 150}}' \\
          --sort -thermal.setpoint --fields metadata.name,thermal.setpoint --limit 3
    """  # noqa: D301 - click wraps no paragraph that begins with this
    wanted = _paths(fields)
    text = sys.stdin.read() if filter == "-" else filter
    asked: dict[str, Any] = {"filter": read_filter(text, "'FILTER'"), "count": count}
    keys = [_path_of(one.removeprefix("-"), "properties", "'--sort'") for one in order]
    if order:
        asked["sort"] = [
            f"{'-' if one.startswith('-') else ''}{dotted(key)}"
            for one, key in zip(order, keys, strict=True)
        ]
    if wanted:
        asked["fields"] = [dotted(path) for path in wanted]
    with asked_of(url) as api:
        write_list(
            lambda page: api.post("query", document={**asked, **page}),
            form_for(form),
            columns=wanted,
            also=keys,
            limit=limit,
            whole=whole,
        )


def write_list(
    ask: Ask,
    form: Form,
    *,
    columns: Sequence[Path],
    also: Sequence[Path] = (),
    limit: int | None,
    whole: bool,
) -> None:
    """Write what *ask* answers, page by page: *whole*, or up to *limit*, which has a default.

    A program that gets less than there is, though it set no limit, is told so on stderr.
    """
    count = 0

    def counted() -> Iterator[Document]:
        nonlocal count
        for page in pages(ask, None if whole else limit or LIMIT):
            count += len(page["items"])
            yield page

    last = write_pages(counted(), form, lambda items: rows.of_list(items, columns, also))
    total = f" of {last['total']:,}" if "total" in last else ""
    if last["nextCursor"] is not None:
        if form == "table" or limit is None:
            say(f"The first {count:,}{total}; --all shows every one.")
    elif form == "table":
        say(f"{count:,}{total}." if count else "Nothing matches.")


def pages(ask: Ask, limit: int | None) -> Iterator[Document]:
    """The pages that *ask* answers when it is given ``limit`` and ``cursor``; *limit* ends them."""
    left = limit
    more: Mapping[str, Any] = {}
    while True:
        page = ask({"limit": PAGE if left is None else min(PAGE, left), **more})
        yield page
        if left is not None:
            left -= len(page["items"])
        if page["nextCursor"] is None or left == 0:
            return
        more = {"cursor": page["nextCursor"]}


def _paths(fields: str | None) -> list[Path]:
    texts = [] if fields is None else fields.split(",")
    return [_path_of(text, "properties", "'--fields'") for text in texts]


def _path_of(text: str, member: Member, where: str) -> Path:
    """A path as typed, see `read_path`. *where* is the option or argument that it stood in."""
    try:
        return read_path(text, member)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}", param_hint=where) from None
