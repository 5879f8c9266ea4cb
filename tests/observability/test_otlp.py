"""What a collector decodes is what a scrape shows."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1 import trace_pb2
from tests.observability.collector import values

from egizcore.observability import Exposition, Histogram, Tracer
from egizcore.observability.otlp import (
    CUMULATIVE,
    METRICS_PATH,
    TRACES_PATH,
    metrics_request,
    refused,
    trace_request,
)

IDENTITY = {"service.name": "egizcore", "service.instance.id": "epoch1"}
STARTED, NOW = 1_700_000_000 * 10**9, 1_700_000_060 * 10**9
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def exported(exposition: Exposition) -> dict[str, Metric]:
    """Encoded and decoded."""
    raw = metrics_request(IDENTITY, exposition.series, STARTED, NOW).SerializeToString()
    request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(raw)
    (resource,) = request.resource_metrics
    assert values(resource.resource.attributes) == IDENTITY
    (scope,) = resource.scope_metrics
    return {one.name: one for one in scope.metrics}


def test_a_counter_is_a_monotonic_sum_since_the_start() -> None:
    exposition = Exposition()
    exposition.counter("a_total", "An a.", lambda: {("x", "y"): 2**53 + 1}, ("one", "two"))
    metric = exported(exposition)["a_total"]
    assert (metric.description, metric.unit) == ("An a.", "")
    assert metric.sum.is_monotonic
    assert metric.sum.aggregation_temporality == CUMULATIVE
    (point,) = metric.sum.data_points
    assert values(point.attributes) == {"one": "x", "two": "y"}
    assert (point.start_time_unix_nano, point.time_unix_nano) == (STARTED, NOW)
    assert point.as_int == 2**53 + 1


def test_a_gauge_is_what_it_is_now() -> None:
    exposition = Exposition()
    exposition.gauge("b", "A b.", lambda: {(): 0.5})
    exposition.gauge("c", "A c.", lambda: {(): 0})
    found = exported(exposition)
    (point,) = found["b"].gauge.data_points
    assert (point.as_double, point.start_time_unix_nano, point.time_unix_nano) == (0.5, 0, NOW)
    (zero,) = found["c"].gauge.data_points
    assert zero.WhichOneof("value") == "as_int"


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 1000))))
def test_a_histogram_has_the_buckets_of_the_scrape(seen: list[tuple[float, int]]) -> None:
    histogram = Histogram()
    for value, weight in seen:
        histogram.observe(value, weight)
    exposition = Exposition()
    exposition.histogram("c_seconds", "A c.", lambda: {(): histogram})
    metric = exported(exposition)["c_seconds"]
    assert metric.unit == "s"
    assert metric.histogram.aggregation_temporality == CUMULATIVE
    (point,) = metric.histogram.data_points
    assert (point.start_time_unix_nano, point.time_unix_nano) == (STARTED, NOW)
    total, rows = 0, []
    for bound, count in zip(
        [*point.explicit_bounds, float("inf")], point.bucket_counts, strict=True
    ):
        total += count
        rows.append((bound, total))
    assert rows == [(float(name), count) for name, count in histogram.cumulative()]
    assert point.count == total == sum(weight for _, weight in seen)
    assert point.sum == histogram.sum


def test_a_series_without_values_is_still_told() -> None:
    exposition = Exposition()
    exposition.gauge("egizcore_mqtt_connected", "Up.", dict, ("broker",))
    assert not exported(exposition)["egizcore_mqtt_connected"].gauge.data_points


def test_spans_keep_ids_times_parents_and_failures() -> None:
    tracer = Tracer()
    with tracer.request("GET /x", {b"traceparent": PARENT, b"tracestate": b"a=b"}) as request:
        request.attributes = {"http.response.status_code": 500, "url.path": "/x", "share": 0.5}
        request.failed = "500"
        with tracer.call("query") as call:
            pass
    raw = trace_request(IDENTITY, tracer.take()).SerializeToString()
    (resource,) = trace_service_pb2.ExportTraceServiceRequest.FromString(raw).resource_spans
    assert values(resource.resource.attributes) == IDENTITY
    below, above = resource.scope_spans[0].spans
    assert (above.name, above.kind) == ("GET /x", trace_pb2.Span.SPAN_KIND_SERVER)
    assert (below.name, below.kind) == ("query", trace_pb2.Span.SPAN_KIND_CLIENT)
    assert above.trace_id == below.trace_id == bytes.fromhex(PARENT[3:35].decode())
    assert above.parent_span_id == bytes.fromhex(PARENT[36:52].decode())
    assert below.parent_span_id == above.span_id == request.context.span_id
    assert (above.flags, below.flags) == (0x301, 0x101)  # remote parent, sampled; local, sampled
    assert above.trace_state == "a=b"
    assert (above.start_time_unix_nano, above.end_time_unix_nano) == (
        request.started,
        request.ended,
    )
    assert values(above.attributes) == {**request.attributes, "error.type": "500"}
    assert above.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert below.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    assert call.context.span_id == below.span_id


def test_a_first_span_has_no_parent() -> None:
    tracer = Tracer()
    with tracer.request("GET", {}):
        pass
    (span,) = trace_request(IDENTITY, tracer.take()).resource_spans[0].scope_spans[0].spans
    assert (span.parent_span_id, span.flags) == (b"", 0x101)


def test_an_answer_tells_what_was_refused() -> None:
    of_metrics = metrics_service_pb2.ExportMetricsServiceResponse()
    of_metrics.partial_success.rejected_data_points = 3
    of_metrics.partial_success.error_message = "too old"
    assert refused(METRICS_PATH, of_metrics.SerializeToString(), 9) == (
        3,
        "it refused 3 of them: too old",
    )
    of_spans = trace_service_pb2.ExportTraceServiceResponse()
    of_spans.partial_success.rejected_spans = 1
    told = refused(TRACES_PATH, of_spans.SerializeToString(), 9)
    assert told == (1, "it refused 1 of them: ")
    of_spans.partial_success.rejected_spans = -1
    assert refused(TRACES_PATH, of_spans.SerializeToString(), 9) == (0, "")
    for path in (METRICS_PATH, TRACES_PATH):
        assert refused(path, b"", 9) == (0, "")
        assert refused(path, b"<html>", 9) == (9, "what answers there is no collector")
