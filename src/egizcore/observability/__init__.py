"""What EgizCore tells of itself.

In: log calls from every room, functions that read counters, the spans of requests. Out: redacted
lines on stderr, the text of a scrape, metrics and spans for a collector, words for systemd. Never:
telemetry of the plant, a payload or a secret.

Other rooms may import what stands here and ``structlog.get_logger``. What a collector needs loads
when one is configured, not before.
"""

from egizcore.observability.export import Exporter
from egizcore.observability.logs import configure
from egizcore.observability.prometheus import Exposition, Histogram, Series
from egizcore.observability.settings import LogFormat, LogLevel, ObservabilitySettings
from egizcore.observability.systemd import ServiceManager
from egizcore.observability.tracing import Span, Tracer, outgoing

__all__ = [
    "Exporter",
    "Exposition",
    "Histogram",
    "LogFormat",
    "LogLevel",
    "ObservabilitySettings",
    "Series",
    "ServiceManager",
    "Span",
    "Tracer",
    "configure",
    "outgoing",
]
