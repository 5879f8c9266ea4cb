"""Metrics and spans as OpenTelemetry's collectors take them (OTLP 1, protobuf); pure encoding.

The metrics are those of ``/metrics``, under the same names, cumulative since the start of the
process. Loaded only with ``observability.otlp_endpoint``: protobuf is heavy.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from egizcore.observability.prometheus import Histogram, Labels, Series
from egizcore.observability.tracing import Span

METRICS_PATH: Final = "/v1/metrics"
TRACES_PATH: Final = "/v1/traces"
SCOPE: Final = "egizcore"
CUMULATIVE: Final = metrics.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_HAS_IS_REMOTE: Final = trace.SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_IS_REMOTE: Final = trace.SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_KINDS: Final = {"server": trace.Span.SPAN_KIND_SERVER, "client": trace.Span.SPAN_KIND_CLIENT}

Identity: TypeAlias = Mapping[str, str]
"""Attributes of the resource: ``service.name``, ``service.version``, ``service.instance.id``."""


def metrics_request(
    identity: Identity, series: Iterable[Series], started: int, now: int
) -> ExportMetricsServiceRequest:
    """What every metric is at *now*, since *started*; both in ns since 1970 UTC."""
    scope = metrics.ScopeMetrics(
        scope=InstrumentationScope(name=SCOPE),
        metrics=[_metric(one, started, now) for one in series],
    )
    whole = metrics.ResourceMetrics(resource=_resource(identity), scope_metrics=[scope])
    return ExportMetricsServiceRequest(resource_metrics=[whole])


def trace_request(identity: Identity, spans: Iterable[Span]) -> ExportTraceServiceRequest:
    """*spans*, each of which has ended."""
    scope = trace.ScopeSpans(
        scope=InstrumentationScope(name=SCOPE), spans=[_span(one) for one in spans]
    )
    whole = trace.ResourceSpans(resource=_resource(identity), scope_spans=[scope])
    return ExportTraceServiceRequest(resource_spans=[whole])


def refused(path: str, answer: bytes, count: int) -> tuple[int, str]:
    """How many of the *count* items sent to *path* the collector says it lost, and why.

    0 and an empty reason: it took all.
    """
    try:
        if path == METRICS_PATH:
            of_metrics = ExportMetricsServiceResponse.FromString(answer).partial_success
            lost, message = of_metrics.rejected_data_points, of_metrics.error_message
        else:
            of_spans = ExportTraceServiceResponse.FromString(answer).partial_success
            lost, message = of_spans.rejected_spans, of_spans.error_message
    except DecodeError:
        return count, "what answers there is no collector"
    lost = max(lost, 0)
    return lost, f"it refused {lost} of them: {message}" if lost else ""


def _metric(one: Series, started: int, now: int) -> metrics.Metric:
    # No unit but seconds: of any other, translators to Prometheus would make a suffix.
    whole = metrics.Metric(
        name=one.name, description=one.about, unit="s" if one.name.endswith("_seconds") else ""
    )
    found = one.read().items()
    if one.kind == "histogram":
        whole.histogram.aggregation_temporality = CUMULATIVE
        whole.histogram.data_points.extend(
            _buckets(one, values, histogram, started, now)
            for values, histogram in found
            if isinstance(histogram, Histogram)
        )
        return whole
    points = [
        _number(one, values, number, started, now)
        for values, number in found
        if not isinstance(number, Histogram)
    ]
    if one.kind == "counter":
        whole.sum.is_monotonic = True
        whole.sum.aggregation_temporality = CUMULATIVE
        whole.sum.data_points.extend(points)
    else:
        whole.gauge.data_points.extend(points)
    return whole


def _number(
    one: Series, values: Labels, number: float, started: int, now: int
) -> metrics.NumberDataPoint:
    point = metrics.NumberDataPoint(
        attributes=_attributes(zip(one.labels, values, strict=True)), time_unix_nano=now
    )
    if one.kind == "counter":
        point.start_time_unix_nano = started
    if isinstance(number, int):
        point.as_int = number
    else:
        point.as_double = number
    return point


def _buckets(
    one: Series, values: Labels, histogram: Histogram, started: int, now: int
) -> metrics.HistogramDataPoint:
    return metrics.HistogramDataPoint(
        attributes=_attributes(zip(one.labels, values, strict=True)),
        start_time_unix_nano=started,
        time_unix_nano=now,
        count=sum(histogram.counts),
        sum=histogram.sum,
        explicit_bounds=histogram.bounds,
        bucket_counts=histogram.counts,
    )


def _span(one: Span) -> trace.Span:
    is_remote = one.kind == "server" and one.parent is not None
    span = trace.Span(
        trace_id=one.context.trace_id,
        span_id=one.context.span_id,
        trace_state=one.context.state,
        flags=_HAS_IS_REMOTE | (_IS_REMOTE if is_remote else 0) | int(one.context.is_sampled),
        name=one.name,
        kind=_KINDS[one.kind],
        start_time_unix_nano=one.started,
        end_time_unix_nano=one.ended,
        attributes=_attributes(one.attributes.items()),
    )
    if one.parent is not None:
        span.parent_span_id = one.parent.span_id
    if one.failed:
        span.status.code = trace.Status.STATUS_CODE_ERROR
        span.attributes.extend(_attributes([("error.type", one.failed)]))
    return span


def _resource(identity: Identity) -> Resource:
    return Resource(attributes=_attributes(identity.items()))


def _attributes(pairs: Iterable[tuple[str, str | float]]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in pairs]


def _value(value: str | float) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)
