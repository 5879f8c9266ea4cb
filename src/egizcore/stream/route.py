"""Which audiences one Thing's events go to, found once and kept until it can be another answer.

Filters over id, type, metadata and relationships give the same answer until the registry or the
subscriptions change; only filters with property terms are asked again for each event.
"""

from collections.abc import Iterable
from typing import NamedTuple, final

from egizcore.stream.audience import Audience, Interest, Selection
from egizcore.thing import Event, Thing


class Limited(NamedTuple):
    """An audience that wants only some features of the Thing."""

    audience: Audience
    features: frozenset[str]


class Conditional(NamedTuple):
    """An audience whose interest in the Thing depends, in part, on its state."""

    audience: Audience
    interests: tuple[Interest, ...]
    """Those that may match."""
    certain: frozenset[str] | None
    """The features that it wants in any case, with the Thing as a whole; None: nothing."""


@final
class Route:
    """The audiences of one Thing."""

    __slots__ = ("conditional", "generation", "limited", "newest", "plain", "watched")

    def __init__(self) -> None:
        self.plain: list[Audience] = []  # want every event
        self.limited: list[Limited] = []
        self.conditional: list[Conditional] = []
        self.watched: list[Selection] = []  # dynamic ones that may match
        self.newest = 0  # number of the newest audience or selection that was considered
        self.generation = -1

    def extend(self, thing: Thing, audiences: Iterable[Audience]) -> None:
        """Consider *audiences* for *thing*."""
        for audience in audiences:
            self._place(thing, audience)

    def prune(self) -> None:
        """Forget audiences without clients and selections without use."""
        self.plain = [one for one in self.plain if one.clients]
        self.limited = [one for one in self.limited if one.audience.clients]
        self.conditional = [one for one in self.conditional if one.audience.clients]
        self.watched = [one for one in self.watched if one.uses]

    def hits(self, event: Event, thing: Thing | None) -> set[Selection]:
        """The dynamic selections that match before or after *event*; *thing* is as it is now."""
        found: set[Selection] = set()
        thing_id = event.thingId
        feature = getattr(event, "feature", None)
        for selection in self.watched:
            before = thing_id in selection.matching
            if thing is None:
                after = False
            elif feature is None or selection.reads is None or feature in selection.reads:
                after = selection.matches(thing)
            else:
                after = before
            if after != before:
                if after:
                    selection.matching.add(thing_id)
                else:
                    selection.matching.discard(thing_id)
            if before or after:
                found.add(selection)
        return found

    def chosen(self, feature: str | None, hits: set[Selection]) -> list[Audience]:
        """The audiences of an event on *feature*; None is an event on the whole Thing."""
        chosen = list(self.plain)
        chosen += [
            one.audience for one in self.limited if feature is None or feature in one.features
        ]
        for one in self.conditional:
            certain = one.certain
            if certain is not None and (feature is None or feature in certain):
                chosen.append(one.audience)
                continue
            for selection, features in one.interests:
                if selection in hits and (
                    feature is None or features is None or feature in features
                ):
                    chosen.append(one.audience)
                    break
        return chosen

    def _place(self, thing: Thing, audience: Audience) -> None:
        certain: set[str] = set()
        is_certain = False
        possible: list[Interest] = []
        for interest in audience.interests:
            if not interest.selection.may_match(thing):
                continue
            if interest.selection.is_dynamic:
                possible.append(interest)
            elif interest.features is None:
                self.plain.append(audience)
                return
            else:
                is_certain = True
                certain |= interest.features
        if possible:
            always = frozenset(certain) if is_certain else None
            self.conditional.append(Conditional(audience, tuple(possible), always))
        elif is_certain:
            self.limited.append(Limited(audience, frozenset(certain)))
