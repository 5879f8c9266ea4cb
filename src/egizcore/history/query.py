"""What is asked of history, and what it answers (contract.md, section 5)."""

from typing import Any, Final, Literal, NamedTuple, TypeAlias

from egizcore.history.point import Key

Aggregate: TypeAlias = Literal["mean", "min", "max", "last", "count", "sum"]
AGGREGATES: Final[tuple[Aggregate, ...]] = ("mean", "min", "max", "last", "count", "sum")
NUMERIC: Final[frozenset[Aggregate]] = frozenset({"mean", "min", "max", "sum"})
"""These take numbers only, and leave out whatever else there is; ``last`` and ``count`` do not."""


class Place(NamedTuple):
    """Where an item stands: items are ordered by time, those of one time by feature."""

    at: int
    feature: str


class Query(NamedTuple):
    """One page of what a Thing reported. Times are milliseconds since 1970 UTC."""

    thing_id: str
    start: int
    end: int
    """Exclusive."""
    features: tuple[str, ...] = ()
    """Empty: all."""
    properties: tuple[Key, ...] = ()
    """Paths within a feature, each with all below it. Empty: all."""
    every: int = 0
    """Length of the buckets, aligned to 1970; 0: samples as they are."""
    aggregate: Aggregate | None = None
    limit: int = 1000
    descending: bool = False
    """The whole order reversed, that of features too."""
    after: Place | None = None
    """Only items beyond this one, in the order asked for."""


class Item(NamedTuple):
    """A sample, or a bucket: stamped with its start, which can lie before ``Query.start``."""

    at: int
    feature: str
    properties: dict[str, Any]
    """Nested, never empty; the numbers are floats, those of ``count`` integers."""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.at, self.feature)
