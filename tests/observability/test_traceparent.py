"""``traceparent`` as W3C Trace Context, level 1, has it (section 3.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.observability.traceparent import SpanContext, begin, read

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
EXAMPLE = f"00-{TRACE}-{SPAN}-01".encode()

contexts = st.builds(
    SpanContext,
    st.binary(min_size=16, max_size=16).filter(any),
    st.binary(min_size=8, max_size=8).filter(any),
    st.booleans(),
    st.from_regex(r"[a-z][a-z0-9]{0,9}=[!-+\--<>-~]{1,20}", fullmatch=True) | st.just(""),
)


def test_the_example_of_the_recommendation_is_read() -> None:
    assert read(EXAMPLE, b"congo=t61rcWkgMzE") == SpanContext(
        bytes.fromhex(TRACE), bytes.fromhex(SPAN), is_sampled=True, state="congo=t61rcWkgMzE"
    )


@given(contexts)
def test_what_is_written_is_read_again(context: SpanContext) -> None:
    fields = context.fields()
    assert read(fields["traceparent"].encode(), fields.get("tracestate", "").encode()) == context


@given(contexts)
def test_a_child_is_a_new_step_of_the_same_trace(context: SpanContext) -> None:
    child = context.child()
    assert child.span_id != context.span_id
    assert child._replace(span_id=context.span_id) == context


def test_a_trace_that_begins_here_is_recorded() -> None:
    first, second = begin(), begin()
    assert first.is_sampled
    assert first.trace_id != second.trace_id
    assert first.fields().keys() == {"traceparent"}


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"ff-{TRACE}-{SPAN}-01".encode(),
        EXAMPLE + b"-more",
        EXAMPLE + b"\n",
        b" " + EXAMPLE,
        EXAMPLE[:-1],
        EXAMPLE.replace(b"-", b"_"),
        b"\xff" * 55,
    ],
)
def test_an_ill_formed_one_is_passed_over(parent: bytes) -> None:
    assert read(parent) is None


def test_what_a_later_version_adds_is_passed_over() -> None:
    found = read(b"01" + EXAMPLE[2:] + b"-what-ever")
    assert found is not None
    assert found.fields()["traceparent"] == EXAMPLE.decode()


@pytest.mark.parametrize(("flags", "is_sampled"), [(b"00", False), (b"03", True), (b"fe", False)])
def test_only_the_lowest_flag_says_that_it_is_recorded(flags: bytes, *, is_sampled: bool) -> None:
    found = read(EXAMPLE[:-2] + flags)
    assert found is not None
    assert found.is_sampled is is_sampled


@pytest.mark.parametrize("state", [b"a=" + b"x" * 511, b"a=\xff", b"a=b\r\nforged: 1"])
def test_a_state_that_could_do_harm_is_not_passed_on(state: bytes) -> None:
    found = read(EXAMPLE, state)
    assert found is not None
    assert found.fields().keys() == {"traceparent"}
