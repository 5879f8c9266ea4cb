"""Settings of section ``observability`` (contract.md, section 7)."""

from typing import Literal, TypeAlias, final
from urllib.parse import urlsplit

from msgspec import Struct

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["console", "json"]


@final
class ObservabilitySettings(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What EgizCore tells of itself on stderr: from *log_level* up, in *log_format*."""

    log_level: LogLevel = "info"
    log_format: LogFormat = "console"
    otlp_endpoint: str | None = None
    """Where an OpenTelemetry collector takes OTLP over HTTP, without ``/v1/metrics`` and
    ``/v1/traces``; not set: neither is made."""

    def __post_init__(self) -> None:
        """Refuse at the settings what would otherwise fail at each export."""
        if self.otlp_endpoint is not None and not _is_base(self.otlp_endpoint):
            raise ValueError("`otlp_endpoint` is a URL such as http://localhost:4318")


def _is_base(url: str) -> bool:
    """Whether a path can follow *url*; no message repeats it, it may bear a password."""
    try:
        parts = urlsplit(url)
        usable = parts.port != 0
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    is_bare = not parts.query and not parts.fragment
    return usable and is_bare and parts.scheme in ("http", "https") and bool(parts.hostname)
