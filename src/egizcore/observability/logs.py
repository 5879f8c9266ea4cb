"""The log: one line a change of state, on stderr, for a person (console) or a collector (json).

`structlog.get_logger()` and the standard library's loggers (uvicorn's, asyncio's) end in the
same handler, so every line is redacted (SEC-7), cannot be forged by a CR or LF in its values,
and is dropped, counted in `Log.lost`, when nobody can take it: a full disk or a closed pipe.
"""

import logging
import os
import re
import sys
from typing import Any, TextIO, final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from egizcore.observability.settings import LogFormat, LogLevel

_SECRET_NAME = re.compile(
    r"passw|secret|token|credential|authori[sz]ation|cookie|api[-_]?key|payload", re.IGNORECASE
)
_SECRET_TEXT = (
    (re.compile(r"(?<=://)[^/\s@]*:.*@(?=[^/\s@]*)"), "***@"),
    (
        re.compile(
            r"((?:token|api[-_]?key|passw\w*|secret)[\"']?\s*[=:]\s*[\"']?)[^&\s\"',}]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), r"\1 ***"),
)
# C0, DEL, C1 and the Unicode line ends: what a terminal or a line-wise reader obeys.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@final
class Log(logging.StreamHandler[TextIO]):
    """The one handler. A line that cannot be written is lost, never an error of the caller."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Count it: telling of it is what just failed."""
        self.lost += 1


def configure(level: LogLevel, form: LogFormat, stream: TextIO | None = None) -> Log:
    """Send all logs to *stream* (default: stderr), from *level* up. Call it once more to change."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
        escape,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    log = Log(stream)
    log.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(form, stream),
            ],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        )
    )
    root = logging.getLogger()
    root.handlers = [log]
    root.setLevel(level.upper())
    # uvicorn tells of start and stop in words of its own, which the engine says once; httpx and
    # httpcore tell of each request.
    for talker in ("uvicorn", "httpx", "httpcore"):
        logging.getLogger(talker).setLevel(max(logging.WARNING, root.level))
    return log


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask values whose name says secret or payload, and credentials within any text."""
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own
            event[name] = "***" if _SECRET_NAME.search(name) else _masked(value)
    return event


def escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make control characters visible; a traceback keeps its lines, each marked as its own."""
    for name, value in event.items():
        if not isinstance(value, str):
            continue
        if name == "exception":
            event[name] = "\n".join(f"  | {_visible(line)}" for line in value.splitlines())
        else:
            event[name] = _visible(value)
    return event


def _masked(value: Any) -> Any:
    """*value* with no secret in it, simple values left as they are."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    for pattern, mask in _SECRET_TEXT:
        text = pattern.sub(mask, text)
    return text


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _renderer(form: LogFormat, stream: TextIO) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    coloured = stream.isatty() and not os.environ.get("NO_COLOR")
    return structlog.dev.ConsoleRenderer(
        colors=coloured,
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
        sort_keys=False,
    )
