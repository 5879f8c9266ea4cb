"""The nouns: Things, what changes them, what asks for them, and what is told of them.

In: bytes of JSON, documents, patches, filters. Out: Things and their parts, checked drafts,
planned changes, compiled filters, events in the form of the wire. Never: I/O, a clock, a lock,
asyncio; and no value that was handed out is ever changed in place.
"""

from egizcore.thing.change import (
    Desired,
    Dropped,
    Members,
    Part,
    Reported,
    created,
    merging,
    merging_feature,
    replacing,
)
from egizcore.thing.document import Int64, read_json, write_json
from egizcore.thing.draft import NESTING, FeatureDraft, ThingDraft, read_feature, read_thing
from egizcore.thing.event import (
    EVENTS,
    DesiredStateChanged,
    Event,
    FeatureDeleted,
    StateChanged,
    ThingCreated,
    ThingDeleted,
    ThingUpdated,
)
from egizcore.thing.filter import Filter, compile_filter
from egizcore.thing.model import (
    FAR,
    MAX_ID,
    MAX_NAME,
    NEVER,
    Feature,
    Relationship,
    Still,
    Thing,
    is_name,
    is_thing_id,
    is_word,
)
from egizcore.thing.moment import parse_rfc3339, rfc3339
from egizcore.thing.patch import changes_nothing, merge
from egizcore.thing.path import (
    MISSING,
    ROOTS,
    Path,
    Read,
    array_index,
    parse_path,
    pointer,
    reader,
)

__all__ = [
    "EVENTS",
    "FAR",
    "MAX_ID",
    "MAX_NAME",
    "MISSING",
    "NEVER",
    "NESTING",
    "ROOTS",
    "Desired",
    "DesiredStateChanged",
    "Dropped",
    "Event",
    "Feature",
    "FeatureDeleted",
    "FeatureDraft",
    "Filter",
    "Int64",
    "Members",
    "Part",
    "Path",
    "Read",
    "Relationship",
    "Reported",
    "StateChanged",
    "Still",
    "Thing",
    "ThingCreated",
    "ThingDeleted",
    "ThingDraft",
    "ThingUpdated",
    "array_index",
    "changes_nothing",
    "compile_filter",
    "created",
    "is_name",
    "is_thing_id",
    "is_word",
    "merge",
    "merging",
    "merging_feature",
    "parse_path",
    "parse_rfc3339",
    "pointer",
    "read_feature",
    "read_json",
    "read_thing",
    "reader",
    "replacing",
    "rfc3339",
    "write_json",
]
