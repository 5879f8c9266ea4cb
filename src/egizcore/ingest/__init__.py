"""Telemetry: topics and payloads become changes of Things.

In: batches of publications. Out: changes of the state, counters, the lists of what was refused.
Never: a socket, an await, an exception for bad input.
"""

from egizcore.ingest.intake import OUTCOMES, Intake
from egizcore.ingest.route import Routes, Target, overlaps
from egizcore.ingest.settings import DEFAULT_ROUTES, MqttSettings, RouteSettings
from egizcore.ingest.trial import IngestView

__all__ = [
    "DEFAULT_ROUTES",
    "OUTCOMES",
    "IngestView",
    "Intake",
    "MqttSettings",
    "RouteSettings",
    "Routes",
    "Target",
    "overlaps",
]
