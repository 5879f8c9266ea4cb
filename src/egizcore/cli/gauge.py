"""What ``top`` shows, from two scrapes of ``/metrics``: rates, depths, percentiles."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

Series: TypeAlias = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""The value of each series, by its name and labels."""

LATENCY: Final = "egizcore_event_latency_seconds_bucket"
TAKEN: Final = ("applied", "unchanged", "late")
"""Outcomes of a message that was not rejected."""


class Scrape(NamedTuple):
    """The metrics as they stood at *at* (s, monotonic)."""

    at: float
    series: Series


def read_scrape(text: str, at: float) -> Scrape:
    """The series in *text* (Prometheus text format)."""
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(text)
    return Scrape(
        at,
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        },
    )


def gauges(before: Scrape, now: Scrape) -> dict[str, Any]:
    """What happened between two scrapes: rates are a second's, latencies milliseconds."""
    seconds = max(now.at - before.at, 1e-3)
    flow = growth(before.series, now.series)

    def rate(name: str, **labels: str) -> float:
        return round(grown(name, **labels) / seconds, 1)

    def grown(name: str, **labels: str) -> float:
        return _sum(flow, f"egizcore_{name}", labels.items())

    def level(name: str) -> int:
        return int(_sum(now.series, f"egizcore_{name}"))

    taken = sum(grown("mqtt_messages_total", outcome=outcome) for outcome in TAKEN)
    rejected = grown("mqtt_messages_total") - taken
    buckets = {
        float(dict(labels)["le"]): count
        for (name, labels), count in flow.items()
        if name == LATENCY
    }
    return {
        "things": level("things"),
        "messagesPerSecond": rate("mqtt_messages_total"),
        "rejectedPerSecond": round(rejected / seconds, 1),
        "updatesPerSecond": rate("updates_total", outcome="applied"),
        "eventsPerSecond": rate("events_total"),
        "queueDepthBytes": level("ingest_queue_depth"),
        "devices": level("endpoint_devices"),
        "links": {
            dict(labels)["broker"]: value == 1
            for (name, labels), value in sorted(now.series.items(), key=str)
            if name == "egizcore_mqtt_connected"
        },
        "reconnects": level("mqtt_reconnects_total"),
        "clients": level("ws_clients"),
        "slowClients": level("ws_slow_clients"),
        "sentPerSecond": rate("ws_events_sent_total"),
        "conflatedPerSecond": rate("ws_conflated_total"),
        "latencyP50Ms": milliseconds(percentile(buckets, 0.5)),
        "latencyP99Ms": milliseconds(percentile(buckets, 0.99)),
        "requestsPerSecond": rate("http_request_duration_seconds_count"),
        "commandsPerSecond": rate("commands_total", outcome="sent"),
        "historyPerSecond": rate("history_points_total", outcome="written"),
        "historyQueueDepth": level("history_queue_depth"),
        "historyDropped": int(
            _sum(now.series, "egizcore_history_points_total", [("outcome", "dropped")])
        ),
        "errors": level("errors_total"),
    }


def growth(before: Series, now: Series) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """By how much each series grew; one that fell began anew at zero: the engine restarted."""
    return {
        key: value - before.get(key, 0.0) if value >= before.get(key, 0.0) else value
        for key, value in now.items()
    }


def percentile(buckets: Mapping[float, float], share: float) -> float | None:
    """The value that *share* of the observations do not pass, None without any.

    *buckets* maps upper bounds to cumulative counts. Within a bucket the observations are taken
    to lie evenly, as Prometheus' ``histogram_quantile`` has it; past the last finite bound that
    bound is given.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0
    if total <= 0:
        return None
    wanted = share * total
    low, below = 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= wanted and count > below:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


def milliseconds(seconds: float | None) -> float | None:
    """For people: two digits after the point are enough."""
    return None if seconds is None else round(seconds * 1000, 2)


def _sum(series: Series, name: str, labels: Iterable[tuple[str, str]] = ()) -> float:
    wanted = frozenset(labels)
    return sum(value for (own, has), value in series.items() if own == name and wanted <= has)
