"""``set``: Things, changed over REST in one atomic step."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from egizcore.cli.assignment import (
    Assignment,
    array_on_the_way,
    may_lead_into_array,
    patch_of,
    read_assignment,
)
from egizcore.cli.options import asked_of, output_option, url_option
from egizcore.cli.output import Rows, dumps, form_for, say, write_document
from egizcore.cli.path import find, nearest, shown
from egizcore.thing import MISSING


@click.command("set")
@click.argument("thing")
@click.argument("assignments", nargs=-1, required=True, metavar="PATH=VALUE...")
@click.option(
    "--if-version",
    "version",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only if the Thing is at this version still.",
)
@output_option
@url_option
def set_values(
    thing: str, assignments: tuple[str, ...], *, version: int | None, form: str | None, url: str
) -> None:
    """Change a Thing. All that is given happens in one step, or nothing does.

    PATH thermal.setpoint sets what is DESIRED of the machine: it goes to the device, which reports
    the property when it has followed. metadata.name, type and features.thermal.properties.setpoint
    are full paths, and set what they name.

    VALUE is JSON (195, true, '"195"', '{"a": 1}'), else text; what looks like a number and is none
    is refused, unless it is in quotes: '"3rd"'. null deletes. thermal=null wishes
    nothing of the feature any more, features.thermal=null removes it.

    \b
      egizcore set factory:oven-001 thermal.setpoint=195
      egizcore set factory:oven-001 metadata.location=line-b metadata.note=null
    """  # noqa: D301 - click wraps no paragraph that begins with this
    wanted = [_assignment(one) for one in assignments]
    try:
        patch = patch_of(wanted)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    if version is not None:
        patch["version"] = version
    shape = form_for(form)
    with asked_of(url) as api:
        if any(may_lead_into_array(one.path) for one in wanted):
            _refuse_places_in_arrays(api.get("things", thing), wanted)
        after = api.patch("things", thing, patch=patch)
    write_document(after, shape, lambda: _rows(after, wanted))
    for one in wanted:
        _warn(after, one)
    if shape == "table":
        say(f"{thing} is at version {after['version']}.")


def _assignment(text: str) -> Assignment:
    try:
        return read_assignment(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}", param_hint="'PATH=VALUE'") from None


def _refuse_places_in_arrays(thing: Mapping[str, Any], wanted: Sequence[Assignment]) -> None:
    for one in wanted:
        found = array_on_the_way(thing, one.path)
        if found is not None:
            where, value = found
            raise click.UsageError(
                f"'{one.typed}' is a place in an array, and arrays are set whole: "
                f"'{shown(where)}={dumps(value)}' has what is there now."
            )


def _warn(after: Mapping[str, Any], wanted: Assignment) -> None:
    """Whoever mistypes a wish gets one that no machine will ever follow."""
    path = wanted.path
    if path[0] != "features" or path[2:3] != ("desiredState",) or wanted.value is None:
        return
    reported = (*path[:2], "properties", *path[3:])
    if find(after, reported) is MISSING:
        near = nearest(after, reported)
        mend = f"Did you mean '{near}'? " if near else ""
        say(
            f"warning: {after['id']} does not report '{shown(reported)}'. "
            f"{mend}'{wanted.typed}=null' takes the wish back."
        )


def _rows(after: Mapping[str, Any], wanted: Sequence[Assignment]) -> Rows:
    values = [(shown(one.path), find(after, one.path)) for one in wanted]
    gone = "(deleted)"
    told = [(path, gone if value is MISSING else value) for path, value in values]
    return Rows(("path", "value"), told, kept=("path",))
