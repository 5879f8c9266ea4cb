"""Spans: whose child each is, and which are kept."""

import asyncio

import pytest

from egizcore.observability import Tracer, outgoing
from egizcore.observability.tracing import BATCH, WAITING

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def spans(tracer: Tracer, count: int) -> None:
    for number in range(count):
        with tracer.request(str(number), {}):
            pass


def test_a_request_belongs_to_the_trace_of_its_caller() -> None:
    tracer = Tracer()
    with tracer.request("GET", {b"traceparent": PARENT, b"tracestate": b"a=b"}) as span:
        passed_on = outgoing()
    assert span.parent is not None
    assert span.parent.span_id.hex() == "b7ad6b7169203331"
    assert span.context.trace_id == span.parent.trace_id
    own = span.context.span_id.hex()
    assert passed_on == {
        "traceparent": f"00-0af7651916cd43dd8448eb211c80319c-{own}-01",
        "tracestate": "a=b",
    }
    assert tracer.take() == [span]
    assert span.ended >= span.started > 1_600_000_000 * 10**9


def test_a_call_is_below_the_request_that_makes_it() -> None:
    tracer = Tracer()
    with tracer.request("GET", {}) as request, tracer.call("query") as call:
        pass
    assert (request.parent, call.parent) == (None, request.context)
    assert call.context.trace_id == request.context.trace_id
    assert [one.kind for one in tracer.take()] == ["client", "server"]


def test_a_call_of_nobody_begins_a_trace() -> None:
    tracer = Tracer()
    with tracer.call("query") as call:
        pass
    assert call.parent is None


def test_outside_of_a_span_nothing_is_passed_on() -> None:
    with Tracer().request("GET", {}):
        assert outgoing()
    assert outgoing() == {}


def test_a_trace_that_its_caller_does_not_record_is_passed_on_but_not_kept() -> None:
    tracer = Tracer()
    with tracer.request("GET", {b"traceparent": PARENT[:-1] + b"0"}), tracer.call("query"):
        assert outgoing()["traceparent"].endswith("-00")
    assert tracer.waiting == 0


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_a_failure_is_told_and_goes_on(error: type[BaseException]) -> None:
    tracer = Tracer()
    with pytest.raises(error), tracer.call("query"):
        raise error
    assert [one.failed for one in tracer.take()] == [error.__name__]


async def test_requests_at_the_same_time_do_not_mix() -> None:
    tracer = Tracer()
    gate = asyncio.Event()

    async def request() -> bool:
        with tracer.request("GET", {}) as span:
            await gate.wait()
            with tracer.call("query") as call:
                await asyncio.sleep(0)
            return call.parent == span.context

    tasks = [asyncio.create_task(request()) for _ in range(10)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*tasks) == [True] * 10


def test_past_the_bound_the_oldest_spans_go_and_are_counted() -> None:
    tracer = Tracer()
    spans(tracer, WAITING + 3)
    assert (tracer.waiting, tracer.dropped) == (WAITING, 3)
    assert [one.name for one in tracer.take()][:2] == ["3", "4"]


def test_what_could_not_be_sent_waits_in_its_order() -> None:
    tracer = Tracer()
    spans(tracer, BATCH + 1)
    assert tracer.many.is_set()
    first = tracer.take()
    tracer.give_back(first)
    assert tracer.take() == first
    assert (tracer.waiting, tracer.dropped) == (1, 0)


def test_what_is_given_back_to_a_full_tracer_loses_the_oldest() -> None:
    tracer = Tracer()
    spans(tracer, WAITING)
    taken = tracer.take()
    spans(tracer, BATCH - 2)
    tracer.give_back(taken)
    assert (tracer.waiting, tracer.dropped) == (WAITING, BATCH - 2)
    assert tracer.take()[0] is taken[BATCH - 2]
    tracer.give_back(taken)
    assert tracer.waiting == WAITING
