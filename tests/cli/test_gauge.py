from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egizcore.cli.gauge import TAKEN, gauges, growth, percentile, read_scrape
from egizcore.ingest import OUTCOMES
from egizcore.state import APPLIED, LATE, UNCHANGED

BOUNDS = (0.001, 0.01, 0.1, 1.0, float("inf"))


def page(messages: int, rejected: int, *, fast: int = 0, slow: int = 0) -> str:
    return f"""
egizcore_mqtt_messages_total{{outcome="applied",source="mqtt"}} {messages}
egizcore_mqtt_messages_total{{outcome="no_route",source="mqtt"}} {rejected}
egizcore_mqtt_messages_total{{outcome="bad_json",source="endpoint"}} {rejected}
egizcore_mqtt_messages_total{{outcome="what comes later",source="endpoint"}} {rejected}
egizcore_history_queue_depth 7
# TYPE egizcore_event_latency_seconds histogram
egizcore_event_latency_seconds_bucket{{le="0.001"}} {fast}
egizcore_event_latency_seconds_bucket{{le="0.01"}} {fast + slow}
egizcore_event_latency_seconds_bucket{{le="+Inf"}} {fast + slow}
egizcore_mqtt_connected{{broker="mqtt"}} 1
egizcore_mqtt_connected{{broker="plant"}} 0
egizcore_things 40
egizcore_ws_clients 5
egizcore_ws_slow_clients 2
"""


def test_rates_are_a_seconds() -> None:
    before = read_scrape(page(100, 0), 10.0)
    told = gauges(before, read_scrape(page(200, 4, fast=98, slow=2), 12.0))
    assert told["messagesPerSecond"] == 56.0
    assert told["rejectedPerSecond"] == 6.0
    assert told["historyQueueDepth"] == 7
    assert told["things"] == 40
    assert (told["clients"], told["slowClients"]) == (5, 2)
    assert told["links"] == {"mqtt": True, "plant": False}
    assert (told["latencyP50Ms"], told["latencyP99Ms"]) == (0.51, 5.5)


def test_a_message_counts_as_taken_or_as_rejected() -> None:
    """Whatever the engine says of it."""
    outcomes = {APPLIED, UNCHANGED, LATE}
    assert set(TAKEN) == outcomes < set(OUTCOMES)


def test_what_nobody_observed_has_no_latency() -> None:
    scrape = read_scrape(page(1, 1, fast=5), 0.0)
    told = gauges(scrape, scrape._replace(at=1.0))
    assert told["latencyP50Ms"] is None


def test_a_restart_counts_from_zero() -> None:
    before, now = read_scrape(page(100, 0), 0.0), read_scrape(page(7, 0), 1.0)
    assert gauges(before, now)["messagesPerSecond"] == 7.0
    assert min(growth(before.series, now.series).values()) >= 0


@given(st.lists(st.floats(0, 0.999), min_size=1), st.sampled_from([0.01, 0.5, 0.99, 1.0]))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    counts = {bound: float(sum(value <= bound for value in values)) for bound in BOUNDS}
    found = percentile(counts, share)
    rank = max(0, -int(-share * len(values) // 1) - 1)
    bound = bisect_left(BOUNDS, sorted(values)[rank])
    assert found is not None
    assert (0, *BOUNDS)[bound] * 0.999 <= found <= BOUNDS[bound] * 1.001


def test_past_the_last_bound_the_bound_is_given() -> None:
    assert percentile({1.0: 0, float("inf"): 5}, 0.5) == 1.0


@pytest.mark.parametrize("buckets", [{}, {1.0: 0.0, float("inf"): 0.0}])
def test_no_observation_no_percentile(buckets: dict[float, float]) -> None:
    assert percentile(buckets, 0.5) is None
