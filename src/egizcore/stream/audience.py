"""Who is told the same: clients with the same set of subscriptions share every frame."""

from typing import NamedTuple, Protocol, final

from egizcore.stream.command import Selector
from egizcore.stream.conflation import Pending
from egizcore.thing import Thing


@final
class Selection:
    """What a subscription selects, one for all clients that say the same.

    Where the filter reads what telemetry changes, *matching* holds the Things that match now,
    so that an event is selected if its Thing matches before or after it.
    """

    __slots__ = ("filter", "key", "matches", "matching", "number", "reads", "thing_id", "uses")

    def __init__(self, selector: Selector, number: int) -> None:
        self.key = selector.key
        self.thing_id = selector.thing_id
        self.filter = found = selector.filter
        self.matches = self._is_it if found is None else found.matches
        self.reads = frozenset[str]() if found is None else found.reads
        self.number = number  # later ones have higher numbers
        self.uses = 0
        self.matching: set[str] = set()

    @property
    def is_dynamic(self) -> bool:
        """Whether an event can change the answer without the registry."""
        return self.filter is not None and not self.filter.static

    def may_match(self, thing: Thing) -> bool:
        """Static: whether *thing* matches. Dynamic: whether it can, by what the registry knows."""
        found = self.filter
        if found is None or found.static:
            return self.matches(thing)
        return found.kind is None or found.kind == thing.type

    def _is_it(self, thing: Thing) -> bool:
        return thing.id == self.thing_id


class Interest(NamedTuple):
    """A selection with the features that one client wants of it; None is all."""

    selection: Selection
    features: frozenset[str] | None


class Member(Protocol):
    """A client as the hub sees it."""

    start: int
    """How many of its audience's gathered frames it already has."""

    is_slow: bool
    """Whether it takes no frames for now."""

    def deliver(self, frames: list[bytes], joined: bytes) -> None:
        """Take *frames*; *joined* is all of them in one."""
        ...

    def miss(self, frames: list[bytes], missed: Pending | None) -> Pending | None:
        """Note the events of *frames*, all of a flush, to be told later.

        *missed* is what those who fall behind with this flush share, None if nobody did so far;
        the answer is the same for the next client.
        """
        ...


@final
class Audience:
    """The clients with one set of interests, and what was gathered for them."""

    __slots__ = ("clients", "frames", "interests", "number")

    def __init__(self, interests: frozenset[Interest], number: int) -> None:
        self.interests = interests
        self.number = number  # later ones have higher numbers
        self.clients: dict[Member, None] = {}
        self.frames: list[bytes] = []  # until the next flush, which comes at FLUSH_AT bytes

    @property
    def filtered(self) -> bool:
        """Whether it can want Things that it does not name."""
        return any(one.selection.filter is not None for one in self.interests)
