"""Settings of section ``observability`` (contract.md, section 7)."""

from typing import Literal, TypeAlias, final

from msgspec import Struct

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["console", "json"]


@final
class ObservabilitySettings(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What EgizCore tells of itself on stderr: from *log_level* up, in *log_format*."""

    log_level: LogLevel = "info"
    log_format: LogFormat = "console"
