"""The live state of every Thing. In: changes. Out: events on the bus, Things to read.

Never: I/O, a lock, an await between the check and the write.
"""

from egizcore.state.index import incoming
from egizcore.state.reading import APPLIED, LATE, UNCHANGED, Plan, Reading, settle, weigh
from egizcore.state.registry import Precondition, Registry
from egizcore.state.settings import LimitSettings, StateSettings
from egizcore.state.store import Store

__all__ = [
    "APPLIED",
    "LATE",
    "UNCHANGED",
    "LimitSettings",
    "Plan",
    "Precondition",
    "Reading",
    "Registry",
    "StateSettings",
    "Store",
    "incoming",
    "settle",
    "weigh",
]
