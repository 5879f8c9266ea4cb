"""Metrics for Prometheus: plain integers all over the engine, read when someone scrapes.

The hot path adds to integers of its own; what is registered here are the functions that read
them. ``prometheus-client`` writes the text, and is loaded at the first scrape.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, final

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

Labels: TypeAlias = tuple[str, ...]
"""Values of labels, in the order of their names."""
Numbers: TypeAlias = Callable[[], Mapping[Labels, float]]

LATENCY_BOUNDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds; 0.2 is the bound of NFR-1."""


@final
class Histogram:
    """Observations in seconds, counted by inclusive upper bounds."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = LATENCY_BOUNDS) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, weight: int = 1) -> None:
        """*weight* observations of *value*."""
        self.counts[bisect_left(self.bounds, value)] += weight
        self.sum += value * weight

    def cumulative(self) -> list[tuple[str, float]]:
        """How many were at most each bound, the last of which is ``+Inf``."""
        names = [*(str(bound) for bound in self.bounds), "+Inf"]
        total = 0
        rows = []
        for name, count in zip(names, self.counts, strict=True):
            total += count
            rows.append((name, float(total)))
        return rows


Histograms: TypeAlias = Callable[[], Mapping[Labels, Histogram]]
Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


class Series(NamedTuple):
    """A metric with all its labels; *read* gives what it is at this moment."""

    kind: Kind
    name: str
    about: str
    labels: Labels
    read: Numbers | Histograms


@final
class Exposition:
    """All series of the process; *about* is the HELP text, *labels* are the labels' names.

    *with_process* adds what every exporter tells of its process: memory, CPU, files.
    """

    def __init__(self, *, with_process: bool = False) -> None:
        import prometheus_client.exposition  # noqa: F401 - now, so that no scrape waits for it
        from prometheus_client.process_collector import ProcessCollector

        self.series: list[Series] = []
        self._read_process = ProcessCollector(registry=None).collect if with_process else list
        self._process = list(self._read_process())

    def counter(self, name: str, about: str, read: Numbers, labels: Labels = ()) -> None:
        """What only grows; *name* ends in ``_total``."""
        self.series.append(Series("counter", name, about, labels, read))

    def gauge(self, name: str, about: str, read: Numbers, labels: Labels = ()) -> None:
        """What comes and goes."""
        self.series.append(Series("gauge", name, about, labels, read))

    def histogram(self, name: str, about: str, read: Histograms, labels: Labels = ()) -> None:
        """How large the single ones were."""
        self.series.append(Series("histogram", name, about, labels, read))

    def text(self) -> bytes:
        """The answer to a scrape (text format 0.0.4)."""
        from prometheus_client.exposition import generate_latest
        from prometheus_client.registry import CollectorRegistry

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self.series, self._process))
        return generate_latest(registry)

    def look_at_process(self) -> None:
        """Renew what is told of the process. Not for a loop: 10,000 open files take 20 ms."""
        self._process = list(self._read_process())


@final
class _Collector:
    """Gives prometheus-client what it writes; no ``_created`` series."""

    def __init__(self, series: list[Series], process: list["Metric"]) -> None:
        self._series = series
        self._process = process

    def collect(self) -> Iterator["Metric"]:
        for one in self._series:
            yield _family(one)
        yield from self._process

    def describe(self) -> Iterator["Metric"]:
        """Nothing is read before it is scraped."""
        return iter(())


def _family(one: Series) -> "Metric":
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    if one.kind == "histogram":
        histograms = HistogramMetricFamily(one.name, one.about, labels=one.labels)
        for values, found in one.read().items():
            if isinstance(found, Histogram):
                histograms.add_metric(values, found.cumulative(), found.sum)
        return histograms
    family = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
    numbers = family(one.name, one.about, labels=one.labels)
    for values, number in one.read().items():
        if not isinstance(number, Histogram):
            numbers.add_metric(values, number)
    return numbers
