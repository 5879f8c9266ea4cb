"""The text of a question has no value of a caller in it, and the parameters have them exactly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.history.flux_engine import FluxError, Parser

from egizcore.history import AGGREGATES, Aggregate
from egizcore.history.flux import (
    Flux,
    Selection,
    Span,
    anything,
    buckets,
    milliseconds,
    moment,
    samples,
)
from egizcore.history.line import EARLIEST, LATEST

ANY = st.text() | st.sampled_from(
    ('") |> drop()', "${x}", "\\", "\n", 'x" or true or "', "//", "'; DROP", "\x00", "rangeStart")
)
TIMES = st.integers(EARLIEST, LATEST)
SELECTION = st.builds(
    Selection,
    st.just("thing_id"),
    st.lists(ANY, min_size=1, max_size=3),
    st.lists(ANY, max_size=3),
    st.lists(ANY, max_size=3),
    st.lists(ANY, max_size=3),
)
FORM = st.fixed_dictionaries({"rows": st.integers(1, 10_002), "descending": st.booleans()})
BUCKETS = st.fixed_dictionaries(
    {
        "aggregate": st.sampled_from(AGGREGATES),
        "numeric": st.booleans(),
        "rows": st.integers(1, 10_002),
        "descending": st.booleans(),
    }
)
EVERY = st.integers(1, 100 * 365 * 86_400_000)


def blank(selection: Selection) -> Selection:
    """As many values, all the same."""
    return Selection(selection.tag, *(["x"] * len(part) for part in selection[1:]))


@given(ANY, SELECTION, TIMES, TIMES, FORM)
def test_no_value_changes_the_text_of_a_question_for_samples(
    bucket: str, selection: Selection, start: int, end: int, form: dict[str, Any]
) -> None:
    text, _ = samples(bucket, selection, Span(start, end), **form)
    plain, _ = samples("b", blank(selection), Span(0, 1), **{**form, "rows": 1})
    assert text == plain
    Parser(text).query()


@given(ANY, SELECTION, TIMES, EVERY, BUCKETS)
def test_no_value_changes_the_text_of_a_question_for_buckets(
    bucket: str, selection: Selection, start: int, every: int, form: dict[str, Any]
) -> None:
    text, params = buckets(bucket, selection, Span(start, LATEST), every=every, **form)
    plain = buckets("b", blank(selection), Span(0, 1), every=1, **{**form, "rows": 1})
    assert text == plain.text
    assert params["every"] == timedelta(milliseconds=every)
    Parser(text).query()


@given(ANY, SELECTION, TIMES, TIMES, FORM)
def test_the_parameters_have_each_value_exactly(
    bucket: str, selection: Selection, start: int, end: int, form: dict[str, Any]
) -> None:
    _, params = samples(bucket, selection, Span(start, end), **form)
    wanted: dict[str, Any] = {"bucketName": bucket, "rows": form["rows"]}
    for name, values in zip(
        ("tagValue", "measurement", "field", "below"), selection[1:], strict=True
    ):
        wanted |= {f"{name}{place}": value for place, value in enumerate(values)}
    assert {k: v for k, v in params.items() if not k.startswith("range")} == wanted
    for name, at in (("rangeStart", start), ("rangeStop", end)):
        told = params[name]
        assert isinstance(told, datetime)
        assert milliseconds(told) == at


@given(SELECTION)
def test_a_name_in_the_text_is_a_parameter_or_flux(selection: Selection) -> None:
    text, params = anything("b", selection)
    assert set(params) >= {"bucketName", "rangeStart", "rangeStop"}
    for name in params:
        assert name.isidentifier()
        assert name in text


WHOLE = Selection("thing_id", ["factory:oven-001"], ["thermal"], ["zones"], ["zones.", "zones["])


def test_a_question_for_samples_reads_as_documented() -> None:
    assert samples("b", WHOLE, Span(0, 1), rows=3, descending=False).text == (
        'import "strings"\n'
        "from(bucket: bucketName)\n"
        "    |> range(start: rangeStart, stop: rangeStop)\n"
        '    |> filter(fn: (r) => r["thing_id"] == tagValue0)\n'
        "    |> filter(fn: (r) => r._measurement == measurement0)\n"
        "    |> filter(fn: (r) => r._field == field0"
        " or strings.hasPrefix(v: r._field, prefix: below0)"
        " or strings.hasPrefix(v: r._field, prefix: below1))\n"
        "    |> limit(n: rows)\n"
        '    |> drop(columns: ["_start", "_stop"])'
    )


def test_newest_first_takes_each_series_from_its_end() -> None:
    assert "|> tail(n: rows)" in samples("b", WHOLE, Span(0, 1), rows=3, descending=True).text


def test_numbers_alone_are_aggregated_where_only_numbers_can_be() -> None:
    for aggregate in AGGREGATES:
        question = asked(aggregate)
        assert ("types.isType" in question.text) == (aggregate not in ("last", "count"))
        assert ('import "types"' in question.text) == ("types." in question.text)


def asked(aggregate: Aggregate) -> Flux:
    return buckets("b", WHOLE, Span(0, 1), every=1, aggregate=aggregate, rows=1, descending=False)


@pytest.mark.parametrize("at", [EARLIEST - 1, -(1 << 70)])
def test_times_before_influxdbs_are_its_first(at: int) -> None:
    assert moment(at) == moment(EARLIEST) >= datetime(1677, 9, 21, tzinfo=UTC)
    assert moment(-at) == moment(LATEST) < datetime(2262, 4, 12, tzinfo=UTC)


def test_a_bucket_longer_than_all_time_is_as_long_as_that() -> None:
    form: dict[str, Any] = {"aggregate": "last", "rows": 1, "descending": False}
    _, params = buckets("b", WHOLE, Span(0, 1), every=1 << 70, **form)
    assert params["every"] == timedelta(milliseconds=LATEST)


def test_the_test_servers_parser_refuses_what_is_no_flux() -> None:
    for text in ('from(bucket: "a") |>', "from(bucket: 'a')", "from bucket", "from(a: 1, a: 2)"):
        with pytest.raises((FluxError, IndexError)):
            Parser(text).query()
