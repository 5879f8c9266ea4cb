"""``egizcore doctor``: would the engine run well here, with these settings?

In: settings. Out: one line a check on stdout, with the mend, and an exit code. Never: a change of
anything, a message published, a wait without a bound.
"""

from egizcore.doctor.broker import links
from egizcore.doctor.finding import Check, Finding, examine, told
from egizcore.doctor.machine import clock, descriptors
from egizcore.doctor.port import doors, pulse
from egizcore.doctor.store import stores
from egizcore.ingest import overlaps
from egizcore.settings import Settings

CHECK_SECONDS = 5.0
PULSE_SECONDS = 2.0

__all__ = ["doctor"]


def doctor(settings: Settings, *, quick: bool) -> int:
    """Print what was found; 1 if anything fails, else 0.

    *quick* is the health check of a container: does the engine of these settings answer?
    """
    if quick:
        checks = [Check("engine", lambda: [pulse(settings.http)])]
    else:
        from egizcore.observability import configure

        configure("error", "console")  # what a link would log is told here, with its mend
        checks = [
            Check("settings", lambda: _settings(settings)),
            *links(settings),
            *stores(settings),
            *doors(settings),
            Check("file descriptors", lambda: [descriptors(settings)]),
            Check("clock", lambda: [clock()]),
        ]
    failed = False
    for finding in examine(checks, PULSE_SECONDS if quick else CHECK_SECONDS):
        told(finding)
        failed = failed or finding.level == "FAIL"
    return int(failed)


def _settings(settings: Settings) -> list[Finding]:
    """They have been read, or we would not be here; what remains is what they risk."""
    found = [Finding("warn", "settings", warning) for warning in overlaps(settings.mqtt)]
    if settings.auth.allow_insecure:
        found.append(
            Finding(
                "warn",
                "settings",
                "auth.allow_insecure is on: whoever reaches this machine may read and write",
                "Keep it behind a proxy that asks who comes, or in a network that you trust.",
            )
        )
    return found or [Finding("ok", "settings", "read, and they go together")]
