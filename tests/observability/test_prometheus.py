"""What a scrape shows of plain integers."""

from contextlib import ExitStack
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from egizcore.observability.prometheus import LATENCY_BOUNDS, Exposition, Histogram


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


def test_a_counter_shows_the_number_of_the_moment_of_the_scrape() -> None:
    count = 0
    exposition = Exposition()
    exposition.counter("egizcore_things_total", "Things.", lambda: {(): count})
    assert samples(exposition.text()) == {("egizcore_things_total", ()): 0}
    count = 7
    assert samples(exposition.text()) == {("egizcore_things_total", ()): 7}


def test_labels_stand_in_the_order_of_their_names() -> None:
    exposition = Exposition()
    exposition.counter(
        "egizcore_mqtt_messages_total",
        "Messages.",
        lambda: {("mqtt", "applied"): 3, ("endpoint", "bad_json"): 0},
        ("source", "outcome"),
    )
    assert samples(exposition.text()) == {
        ("egizcore_mqtt_messages_total", (("outcome", "applied"), ("source", "mqtt"))): 3,
        ("egizcore_mqtt_messages_total", (("outcome", "bad_json"), ("source", "endpoint"))): 0,
    }


def test_a_label_cannot_forge_a_line() -> None:
    exposition = Exposition()
    exposition.gauge("egizcore_mqtt_connected", "Up.", lambda: {('a"\n\\b',): 1}, ("broker",))
    assert samples(exposition.text()) == {("egizcore_mqtt_connected", (("broker", 'a"\n\\b'),)): 1}


def test_every_family_has_help_and_type_and_no_created_series() -> None:
    exposition = Exposition()
    exposition.counter("a_total", "An a.", lambda: {(): 1})
    exposition.gauge("b", "A b.", lambda: {(): 1})
    exposition.histogram("c_seconds", "A c.", lambda: {(): Histogram()})
    text = exposition.text().decode()
    assert "# HELP a_total An a.\n# TYPE a_total counter\n" in text
    assert "# HELP b A b.\n# TYPE b gauge\n" in text
    assert "# HELP c_seconds A c.\n# TYPE c_seconds histogram\n" in text
    assert "_created" not in text


def test_a_histogram_exists_at_zero() -> None:
    exposition = Exposition()
    exposition.histogram("c_seconds", "A c.", lambda: {(): Histogram()})
    found = samples(exposition.text())
    assert found[("c_seconds_bucket", (("le", "0.2"),))] == 0
    assert found[("c_seconds_count", ())] == 0
    assert found[("c_seconds_sum", ())] == 0


@given(
    st.lists(
        st.tuples(
            st.floats(0, 10, allow_nan=False) | st.sampled_from(LATENCY_BOUNDS),
            st.integers(1, 1000),
        )
    )
)
def test_buckets_count_what_is_at_most_their_bound(seen: list[tuple[float, int]]) -> None:
    histogram = Histogram()
    for value, weight in seen:
        histogram.observe(value, weight)
    for name, count in histogram.cumulative():
        assert count == sum(weight for value, weight in seen if value <= float(name))
    assert abs(histogram.sum - sum(value * weight for value, weight in seen)) < 1e-6


def test_what_is_told_of_the_process_is_renewed_by_a_look_not_by_a_scrape(tmp_path: Path) -> None:
    exposition = Exposition(with_process=True)
    before = samples(exposition.text())
    with ExitStack() as stack:
        for number in range(50):
            stack.enter_context((tmp_path / str(number)).open("w"))
        assert samples(exposition.text()) == before
        exposition.look_at_process()
        after = samples(exposition.text())
    assert after["process_open_fds", ()] >= before["process_open_fds", ()] + 50
    assert after["process_resident_memory_bytes", ()] > 1 << 20
