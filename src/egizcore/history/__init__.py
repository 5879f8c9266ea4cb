"""What Things reported, kept. In: samples, queries. Out: items in the shape of a live event.

Never in the way of live state: a store that is down, slow or full costs history only. A store's
own modules (sqlite, influx) load when it is configured, not before.
"""

from egizcore.history.archive import Answers, Archive, Written
from egizcore.history.choice import archive_of
from egizcore.history.point import Key, Leaf, Point, flatten, nest, split
from egizcore.history.query import AGGREGATES, NUMERIC, Aggregate, Item, Place, Query
from egizcore.history.reader import Reader
from egizcore.history.recorder import Recorder
from egizcore.history.settings import HistorySettings, InfluxSettings, see_influx
from egizcore.history.sqlite_header import refusal_of
from egizcore.history.traced import TracedAnswers

__all__ = [
    "AGGREGATES",
    "NUMERIC",
    "Aggregate",
    "Answers",
    "Archive",
    "HistorySettings",
    "InfluxSettings",
    "Item",
    "Key",
    "Leaf",
    "Place",
    "Point",
    "Query",
    "Reader",
    "Recorder",
    "TracedAnswers",
    "Written",
    "archive_of",
    "flatten",
    "nest",
    "refusal_of",
    "see_influx",
    "split",
]
