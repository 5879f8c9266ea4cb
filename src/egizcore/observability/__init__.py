"""What EgizCore tells of itself.

In: log calls from every room, functions that read counters. Out: redacted lines on stderr, the
text of a scrape. Never: telemetry of the plant, a
payload or a secret.

Other rooms may import what stands here and ``structlog.get_logger``.
"""

from egizcore.observability.prometheus import Exposition, Histogram
from egizcore.observability.settings import LogFormat, LogLevel, ObservabilitySettings

__all__ = ["Exposition", "Histogram", "LogFormat", "LogLevel", "ObservabilitySettings"]
