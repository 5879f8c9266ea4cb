"""What Things reported, kept. In: samples, queries. Out: items in the shape of a live event.

Never in the way of live state: a store that is down, slow or full costs history only. A store's
own modules (sqlite, influx) load when it is configured, not before.
"""

from egizcore.history.archive import Archive, Written
from egizcore.history.choice import archive_of
from egizcore.history.point import Key, Leaf, Point, flatten, nest, spellings, split
from egizcore.history.query import AGGREGATES, NUMERIC, Aggregate, Item, Place, Query
from egizcore.history.reader import Reader
from egizcore.history.recorder import Recorder
from egizcore.history.settings import HistorySettings, InfluxSettings, MappingSettings, see_influx
from egizcore.history.traced import TracedArchive

__all__ = [
    "AGGREGATES",
    "NUMERIC",
    "Aggregate",
    "Archive",
    "HistorySettings",
    "InfluxSettings",
    "Item",
    "Key",
    "Leaf",
    "MappingSettings",
    "Place",
    "Point",
    "Query",
    "Reader",
    "Recorder",
    "TracedArchive",
    "Written",
    "archive_of",
    "flatten",
    "nest",
    "see_influx",
    "spellings",
    "split",
]
