"""The machine: what an operating system gives a process, and the time."""

import ctypes
import resource
import time
from typing import Final

from egizcore.doctor.finding import Finding
from egizcore.settings import Settings

CLIENTS: Final = 1_000
"""WebSocket clients that NFR-4 promises."""
OWN: Final = 100
"""Descriptors that the engine itself needs: sockets, files, links, HTTP requests."""
LEAST: Final = 256
OLDEST: Final = 1_577_836_800
"""2020-01-01 UTC: no EgizCore is older (contract.md, section 4, Clocks)."""

_TIMEX: Final = 1024
"""Bytes, more than ``struct timex`` has anywhere; all zero asks and sets nothing."""
_UNSYNCHRONISED: Final = 5
"""``TIME_ERROR`` of adjtimex(2)."""


def descriptors(settings: Settings) -> Finding:
    """May the process hold as many connections as the settings and NFR-4 ask for?"""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    devices = max(len(settings.mqtt.devices), CLIENTS) if settings.endpoint.enabled else 0
    wanted = OWN + CLIENTS + devices
    for_whom = f"{CLIENTS:,} clients" + (f" and {devices:,} devices" if devices else "")
    subject = "file descriptors"
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return Finding("ok", subject, f"enough for {for_whom}")
    return Finding(
        "FAIL" if limit < LEAST else "warn",
        subject,
        f"{limit:,}, and {for_whom} need {wanted:,}",
        "Raise them: `ulimit -n 65536`, or LimitNOFILE= of the unit, ulimits of the container.",
    )


def clock() -> Finding:
    """Is the time one that sensors could be right about, and does somebody keep it?"""
    now = time.time()
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    if now < OLDEST:
        return Finding("FAIL", "clock", f"it says {shown}", "Set it, and let NTP keep it.")
    if _state() == _UNSYNCHRONISED:
        return Finding(
            "warn",
            "clock",
            f"it says {shown}, and nobody keeps it",
            "Run an NTP client (systemd-timesyncd, chrony): readings are ordered by time.",
        )
    return Finding("ok", "clock", f"it says {shown}")


def _state() -> int:
    """What the kernel knows of its clock: 0 to 4 it is kept, 5 it is not, -1 it does not say."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return -1
    state: int = adjtimex(ctypes.create_string_buffer(_TIMEX))
    return state
