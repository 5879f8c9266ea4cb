"""Who a request belongs to, as it goes from service to service (W3C Trace Context, level 1)."""

import re
from secrets import token_bytes
from typing import Final, NamedTuple, Self

_FORM: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE_LONGEST: Final = 512
"""Characters of ``tracestate`` that everyone passes on (section 3.3.1.5); a longer one is not."""
_SAMPLED: Final = 0x01


class SpanContext(NamedTuple):
    """One step of a trace."""

    trace_id: bytes
    """16 bytes, not all zero."""
    span_id: bytes
    """8 bytes, not all zero."""
    is_sampled: bool
    """Whether its trace is recorded; who begins it decides for all."""
    state: str = ""
    """``tracestate``, which belongs to others: passed on as it came."""

    def child(self) -> Self:
        """A new step of the same trace."""
        return self._replace(span_id=token_bytes(8))

    def fields(self) -> dict[str, str]:
        """The header fields of a request that this step makes."""
        flags = _SAMPLED if self.is_sampled else 0
        parent = f"00-{self.trace_id.hex()}-{self.span_id.hex()}-{flags:02x}"
        return {"traceparent": parent} | ({"tracestate": self.state} if self.state else {})


def begin() -> SpanContext:
    """The first step of a new trace."""
    return SpanContext(token_bytes(16), token_bytes(8), is_sampled=True)


def read(parent: bytes, state: bytes = b"") -> SpanContext | None:
    """The caller's step; None: *parent* is ill-formed, and a new trace begins (section 4.3)."""
    found = _FORM.fullmatch(parent)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == b"ff" or (version == b"00" and more):
        return None
    if not trace_id.strip(b"0") or not span_id.strip(b"0"):
        return None
    kept = state.decode("ascii", "replace") if len(state) <= _STATE_LONGEST else ""
    return SpanContext(
        bytes.fromhex(trace_id.decode()),
        bytes.fromhex(span_id.decode()),
        is_sampled=bool(int(flags, 16) & _SAMPLED),
        state=kept if kept.isascii() and kept.isprintable() else "",
    )
