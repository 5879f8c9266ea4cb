"""The live state of every Thing. In: changes. Out: events on the bus, Things to read.

Never: I/O, a lock, an await between the check and the write.
"""

from egizcore.state.index import incoming
from egizcore.state.projection import Projection, parse_fields
from egizcore.state.query import Page, SortKey, cursor_after, parse_sort, select
from egizcore.state.reading import APPLIED, LATE, UNCHANGED, Plan, Reading, settle, weigh
from egizcore.state.registry import Precondition, Registry
from egizcore.state.settings import LimitSettings, StateSettings
from egizcore.state.store import Store

__all__ = [
    "APPLIED",
    "LATE",
    "UNCHANGED",
    "LimitSettings",
    "Page",
    "Plan",
    "Precondition",
    "Projection",
    "Reading",
    "Registry",
    "SortKey",
    "StateSettings",
    "Store",
    "cursor_after",
    "incoming",
    "parse_fields",
    "parse_sort",
    "select",
    "settle",
    "weigh",
]
