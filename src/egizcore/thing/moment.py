"""Points in time: integers in the engine, RFC 3339 text outside.

The engine counts milliseconds since 1970 UTC; the text is UTC with exactly three decimals and
``Z``, so texts sort as their times do (contract.md, section 1).
"""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_last: tuple[int, str] = (0, "1970-01-01T00:00:00.000Z")


def rfc3339(at: int) -> str:
    """The text of *at*. All events of a socket read share one time, so the last is kept."""
    global _last  # noqa: PLW0603 - one pair, replaced whole: a reader sees the old or the new
    if at == _last[0]:
        return _last[1]
    seconds, milliseconds = divmod(at, 1000)
    text = f"{(_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]}.{milliseconds:03d}Z"
    _last = (at, text)
    return text


def parse_rfc3339(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time with its offset; finer digits are cut off.

    Raises:
        ValueError: it is no such time (RFC 3339, section 5.6), or no such day.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no RFC 3339 time such as 2026-01-27T10:30:00Z")
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = found.groups()
    leap = second == "60"  # RFC 3339 allows a leap second: the last moment of its minute
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour),
        int(minute),
        59 if leap else int(second),
        tzinfo=UTC,
    )
    if sign is not None:
        if int(off_hour) > 23 or int(off_minute) > 59:
            raise ValueError(f"{text!r} has an offset that is no time of day")
        offset = timedelta(hours=int(off_hour), minutes=int(off_minute))
        try:
            moment = moment - offset if sign == "+" else moment + offset
        except OverflowError:
            raise ValueError(f"{text!r} is outside the years 1 to 9999") from None
    milliseconds = 999 if leap else int(f"{fraction or '0':0<3.3}")
    return (moment - _EPOCH) // timedelta(milliseconds=1) + milliseconds
