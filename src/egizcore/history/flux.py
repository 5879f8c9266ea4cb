"""Questions to InfluxDB 2, as Flux: a text, and the values that stand for the names in it.

Every value that comes from a caller is a parameter. The text depends only on how many there are
and of what kind, so no value can change what is asked. The one name from the settings, that of
the tag, has letters that need no escape.

Each series (one field of one feature) is answered by itself, at most so many rows of it: the
first *rows* places in time are then whole, and the pivot can be ours, with bounded memory and no
trouble where two fields have different types.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from egizcore.history.line import EARLIEST, LATEST
from egizcore.history.query import NUMERIC, Aggregate

Parameter: TypeAlias = str | int | datetime | timedelta
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)

_NUMBER: Final = " or ".join(
    f'types.isType(v: r._value, type: "{kind}")' for kind in ("float", "int", "uint")
)


class Selection(NamedTuple):
    """Which series are meant; an empty part leaves all."""

    tag: str
    """Name of the tag; the only one that stands in the text."""
    values: Sequence[str]
    """What that tag may be; never empty."""
    measurements: Sequence[str] = ()
    fields: Sequence[str] = ()
    below: Sequence[str] = ()
    """Beginnings of field names that are taken beside *fields*."""


class Span(NamedTuple):
    """A range of time in milliseconds since 1970, *end* exclusive."""

    start: int
    end: int


class Flux(NamedTuple):
    """A question."""

    text: str
    params: Mapping[str, Parameter]


def samples(bucket: str, selection: Selection, span: Span, *, rows: int, descending: bool) -> Flux:
    """The first (*descending*: last) *rows* samples of each series, in the order of time."""
    cut = "tail" if descending else "limit"
    return _flux(bucket, selection, span, [f"{cut}(n: rows)"], rows=rows)


def buckets(
    bucket: str,
    selection: Selection,
    span: Span,
    *,
    every: int,
    aggregate: Aggregate,
    rows: int,
    descending: bool,
    numeric: bool = False,
) -> Flux:
    """The first *rows* buckets of each series that are not empty, in the order asked for.

    ``_time`` lies in the bucket: it is its start, cut to *span*; that of a ``last`` is the
    sample's own, so that the newest of several series can be told. *numeric* leaves out what is
    no number, as ``mean min max sum`` do in any case.
    """
    numeric = numeric or aggregate in NUMERIC
    steps = [f"filter(fn: (r) => {_NUMBER})"] if numeric else []
    if aggregate == "last":
        steps += ["window(every: every, createEmpty: false)", "last()", "window(every: inf)"]
    else:
        window = f'every: every, fn: {aggregate}, createEmpty: false, timeSrc: "_start"'
        steps.append(f"aggregateWindow({window})")
    order = "true" if descending else "false"
    steps += [f'sort(columns: ["_time"], desc: {order})', "limit(n: rows)"]
    length = timedelta(milliseconds=min(every, LATEST))  # longer than all of its time is as long
    return _flux(bucket, selection, span, steps, numeric=numeric, rows=rows, every=length)


def anything(bucket: str, selection: Selection) -> Flux:
    """The first sample of each series since 1970."""
    return _flux(bucket, selection, Span(0, LATEST), ["first()"])


def alive(bucket: str, now: int) -> Flux:
    """A question that costs next to nothing, and needs address, token and bucket to be right."""
    nothing = Selection("thing_id", ("-",))  # no Thing is called that
    return _flux(bucket, nothing, Span(now - 1, now), ["limit(n: 1)"])


def _flux(
    bucket: str,
    selection: Selection,
    span: Span,
    steps: list[str],
    *,
    numeric: bool = False,
    **params: Parameter,
) -> Flux:
    given: dict[str, Parameter] = {"bucketName": bucket}
    given["rangeStart"], given["rangeStop"] = moment(span.start), moment(span.end)
    given.update(params)
    chain = ["range(start: rangeStart, stop: rangeStop)"]
    tag = f'r["{selection.tag}"]'
    chain += _filter(given, [(f"{tag} == {{}}", "tagValue", selection.values)])
    chain += _filter(given, [("r._measurement == {}", "measurement", selection.measurements)])
    prefix = "strings.hasPrefix(v: r._field, prefix: {})"
    chain += _filter(
        given,
        [("r._field == {}", "field", selection.fields), (prefix, "below", selection.below)],
    )
    chain += [*steps, 'drop(columns: ["_start", "_stop"])']
    imports = [name for name, used in (("strings", selection.below), ("types", numeric)) if used]
    text = "".join(f'import "{name}"\n' for name in imports)
    text += "from(bucket: bucketName)\n" + "\n".join(f"    |> {step}" for step in chain)
    return Flux(text, given)


def _filter(
    given: dict[str, Parameter], kinds: Sequence[tuple[str, str, Sequence[str]]]
) -> list[str]:
    """A step that takes what any of the terms takes; each value goes to *given*. None: no step."""
    terms = []
    for term, name, values in kinds:
        for place, value in enumerate(values):
            given[f"{name}{place}"] = value
            terms.append(term.format(f"{name}{place}"))
    return [f"filter(fn: (r) => {' or '.join(terms)})"] if terms else []


def moment(at: int) -> datetime:
    """*at* as InfluxDB can tell it, for it knows no time before 1677 or after 2262."""
    return EPOCH + min(max(at, EARLIEST), LATEST) * MILLISECOND


def milliseconds(at: datetime) -> int:
    """The opposite; what is finer is cut off."""
    return (at - EPOCH) // MILLISECOND
