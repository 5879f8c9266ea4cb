"""What EgizCore tells of itself.

In: log calls from every room. Out: redacted lines on stderr. Never: telemetry of the plant, a
payload or a secret.

Other rooms may import what stands here and ``structlog.get_logger``.
"""

from egizcore.observability.settings import LogFormat, LogLevel, ObservabilitySettings

__all__ = ["LogFormat", "LogLevel", "ObservabilitySettings"]
