"""Who gets what: each event is encoded once and gathered for the audiences that want it.

A flush writes to each client once, all frames that its audience gathered. It comes at the end of
the loop turn when the last one is long enough ago, else as soon as flushing would cost no more
than about half of the time: a lone event leaves at once, a flood is batched by itself.
"""

from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final, Protocol, TypeVar, final

from egizcore.state import Store
from egizcore.stream.audience import Audience, Interest, Member, Selection
from egizcore.stream.command import Selector
from egizcore.stream.frame import frame
from egizcore.stream.route import Route
from egizcore.thing import Event, Thing

Numbered = TypeVar("Numbered", Audience, Selection)

FLUSH_AT: Final = 256 * 1024
"""Gathered bytes that are flushed at once, so that a flood cannot starve the writing."""
LONGEST: Final = 0.02
"""Seconds that a gathered frame waits at most."""
TURN: Final = 0.002
"""Seconds of a turn after which no more is begun of what clients are owed."""


class Scheduler(Protocol):
    """An asyncio loop, or what a test has for one."""

    def call_soon(self, callback: Callable[[], None], /) -> object:
        """Call it in the next turn."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        """Call it when *delay* seconds have passed."""
        ...


class Subscriber(Member, Protocol):
    """A client with its interests."""

    audience: Audience | None

    def interests(self) -> frozenset[Interest]:
        """What it wants now."""
        ...


@final
class Hub:
    """Groups clients into audiences and gathers frames for them.

    For one client, what it is told comes in the order of ``seq``. Before it gets a frame of its
    own (an answer, a snapshot) it must be settled, so that nothing overtakes.
    """

    __slots__ = (
        "_audiences",
        "_bus",
        "_by_thing",
        "_cost",
        "_ended",
        "_filtered",
        "_gathered",
        "_generation",
        "_is_attached",
        "_is_owing",
        "_mark",
        "_moved",
        "_number",
        "_observe",
        "_oldest",
        "_owed",
        "_routes",
        "_schedule",
        "_scheduled",
        "_selections",
        "_waiting",
        "_watched",
        "events",
        "store",
    )

    def __init__(
        self,
        store: Store,
        scheduler: Scheduler,
        observe: Callable[[float, int], None] = lambda _seconds, _count: None,
    ) -> None:
        """*observe* is called once for each flush.

        It takes the seconds from bytes received to frames written, and the number of events.
        """
        self.store = store
        self._bus = store.bus
        self._is_attached = False  # to the bus, while there is an audience
        self._schedule = scheduler
        self._observe = observe
        self._number = 0  # of audiences and dynamic selections together, ever rising
        self._owed: deque[Callable[[], None]] = deque()  # at most one a client
        self._is_owing = False  # a turn for it is asked for
        self._generation = 0  # of what the routes were made from, single Things apart
        self._audiences: dict[frozenset[Interest], Audience] = {}
        self._filtered: dict[int, Audience] = {}  # those with a filter, by number
        self._by_thing: dict[str, dict[Audience, None]] = {}
        self._selections: dict[str, Selection] = {}
        self._watched: dict[int, Selection] = {}  # dynamic ones, by number
        self._routes: dict[str, Route] = {}  # at most one a Thing
        self._moved: dict[Subscriber, None] = {}  # to be regrouped before the next event
        self._waiting: list[Audience] = []  # have gathered frames
        self.events: dict[int, Event] = {}  # of gathered frames, by the frame's identity
        self._gathered = 0  # bytes, flushed at FLUSH_AT
        self._scheduled = False
        self._ended = 0.0
        self._cost = 0.0
        self._mark = 0.0
        self._oldest = 0.0

    # Subscriptions ----------------------------------------------------------------------------

    def select(self, selector: Selector) -> Selection:
        """The shared selection that *selector* says, one use more."""
        selection = self._selections.get(selector.key)
        if selection is None:
            self._number += 1
            selection = self._selections[selector.key] = Selection(selector, self._number)
            if selection.is_dynamic:
                self._watched[selection.number] = selection
                self._generation += 1
                selection.matching.update(thing.id for thing in self.matching(selection))
        selection.uses += 1
        return selection

    def release(self, selection: Selection) -> None:
        """One use less."""
        selection.uses -= 1
        if selection.uses == 0:
            del self._selections[selection.key]
            if selection.is_dynamic:
                del self._watched[selection.number]
                self._generation += 1

    def matching(self, selection: Selection) -> Iterator[Thing]:
        """The Things that *selection* selects now, by id."""
        things = self.store.things
        filter_ = selection.filter
        if filter_ is None:
            thing = things.get(selection.thing_id or "")
            return iter(() if thing is None else (thing,))
        index = self.store.index
        ids = index.ids if filter_.kind is None else index.by_type.get(filter_.kind, [])
        return (things[one] for one in ids if filter_.matches(things[one]))

    def move(self, client: Subscriber) -> None:
        """*client*'s interests changed, or it goes. It is grouped anew before the next event."""
        self._moved[client] = None
        if not self._is_attached:  # nobody would tell us of the next event
            self._regroup()
        elif not self._scheduled:
            self._scheduled = True
            self._schedule.call_soon(self.flush)

    def settle(self, client: Subscriber) -> None:
        """Hand over what was gathered for *client* so far."""
        audience = client.audience
        if audience is None:
            return
        frames = audience.frames[client.start :]
        if frames:
            client.start = len(audience.frames)
            client.deliver(frames, b"".join(frames))

    def later(self, work: Callable[[], None]) -> None:
        """Do *work* in a later turn, a slice of what a client is owed.

        All who are owed something take turns, however many they are: else a hundred clients that
        catch up together would hold everybody up by a hundred slices each turn.
        """
        self._owed.append(work)
        if not self._is_owing:
            self._is_owing = True
            self._schedule.call_soon(self._pay)

    def _pay(self) -> None:
        """Let those who are owed something have a slice each, as far as the turn's time goes."""
        end = perf_counter() + TURN
        try:
            for _ in range(len(self._owed)):
                self._owed.popleft()()
                if perf_counter() >= end:
                    break
        finally:
            self._is_owing = bool(self._owed)
            if self._is_owing:
                self._schedule.call_soon(self._pay)

    # Events -----------------------------------------------------------------------------------

    def began(self) -> None:
        """Bytes were received: what they cause is as old as this moment."""
        self._mark = perf_counter()

    def publish(self, event: Event, before: Thing | None, after: Thing | None) -> None:
        """Gather *event* for those who want it (a listener of the bus)."""
        if self._moved:
            self._regroup()
            if not self._audiences:
                return
        if before is after and after is not None:
            route = self._routes.get(event.thingId)
            if route is None or route.generation != self._generation:
                route = self._route(after)
            if route.limited or route.conditional or route.watched:
                feature: str | None = getattr(event, "feature", None)
                audiences = route.chosen(feature, route.hits(event, after))
            else:
                audiences = route.plain
        else:
            audiences = self._of_whole(event, before, after)
        if audiences:
            self._gather(event, audiences)

    def flush(self) -> None:
        """Write to each client what was gathered for it."""
        self._scheduled = False
        if self._moved:
            self._regroup()
        if not self._waiting:
            return
        began = perf_counter()
        waiting, self._waiting = self._waiting, []
        for audience in waiting:
            frames, audience.frames = audience.frames, []
            joined = b"".join(frames)
            missed = None
            for client in audience.clients:
                if client.start:
                    rest = frames[client.start :]
                    client.start = 0
                    if rest:
                        client.deliver(rest, b"".join(rest))
                elif client.is_slow:
                    missed = client.miss(frames, missed)
                else:
                    client.deliver(frames, joined)
        count = len(self.events)
        self.events.clear()
        self._gathered = 0
        self._ended = perf_counter()
        self._cost = self._ended - began
        self._observe(self._ended - self._oldest, count)

    def _gather(self, event: Event, audiences: list[Audience]) -> None:
        data = frame(event)
        self.events[id(data)] = event
        for audience in audiences:
            if not audience.frames:
                self._waiting.append(audience)
            audience.frames.append(data)
        if not self._gathered:
            self._oldest = self._mark or perf_counter()
        self._gathered += len(data)
        if self._gathered >= FLUSH_AT:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            wait = self._ended + self._cost - perf_counter()
            if wait <= 0:
                self._schedule.call_soon(self.flush)
            else:
                self._schedule.call_later(min(wait, LONGEST), self.flush)

    def done(self) -> None:
        """The received bytes have had their effect."""
        self._mark = 0.0

    # Routes -----------------------------------------------------------------------------------

    def _of_whole(self, event: Event, before: Thing | None, after: Thing | None) -> list[Audience]:
        """Of a creation, a deletion, a change of own members: who wanted it before or after."""
        found: dict[Audience, None] = {}
        for thing in (before, after):
            if thing is not None:
                self._routes.pop(thing.id, None)
                route = self._route(thing)
                found.update(dict.fromkeys(route.chosen(None, route.hits(event, after))))
        if after is None:
            self._routes.pop(event.thingId, None)
        return list(found)

    def _route(self, thing: Thing) -> Route:
        """The up-to-date route of *thing*; only what is newer than it is considered."""
        route = self._routes.get(thing.id)
        if route is None:
            route = self._routes[thing.id] = Route()
            route.extend(
                thing,
                (one for one in self._by_thing.get(thing.id, ()) if not one.filtered),
            )
        else:
            route.prune()
        newest = route.newest
        route.extend(thing, _newer(self._filtered, newest))
        route.watched += [one for one in _newer(self._watched, newest) if one.may_match(thing)]
        route.newest = self._number
        route.generation = self._generation
        return route

    def _regroup(self) -> None:
        """Put each moved client into the audience of its interests."""
        moved, self._moved = self._moved, {}
        for client in moved:
            interests = client.interests()
            audience = client.audience
            if audience is not None:
                if audience.interests == interests:
                    continue
                self.settle(client)
                self._leave(client, audience)
            client.audience = None
            client.start = 0
            if interests:
                audience = self._audiences.get(interests) or self._open(interests)
                audience.clients[client] = None
                client.audience = audience
                client.start = len(audience.frames)
        if self._audiences:
            if not self._is_attached:
                self._is_attached = True
                self._bus.attach(self.publish)
        elif self._is_attached:
            self._is_attached = False
            self._bus.detach(self.publish)
            self._routes.clear()

    def _open(self, interests: frozenset[Interest]) -> Audience:
        self._number += 1
        audience = self._audiences[interests] = Audience(interests, self._number)
        for interest in interests:
            thing_id = interest.selection.thing_id
            if thing_id is not None:
                self._by_thing.setdefault(thing_id, {})[audience] = None
                self._routes.pop(thing_id, None)
        if audience.filtered:
            self._filtered[audience.number] = audience
            self._generation += 1
        return audience

    def _leave(self, client: Subscriber, audience: Audience) -> None:
        del audience.clients[client]
        if audience.clients:
            return
        del self._audiences[audience.interests]
        for interest in audience.interests:
            thing_id = interest.selection.thing_id
            if thing_id is not None:
                there = self._by_thing[thing_id]
                there.pop(audience, None)
                if not there:
                    del self._by_thing[thing_id]
                self._routes.pop(thing_id, None)
        if audience.filtered:
            del self._filtered[audience.number]
            self._generation += 1


def _newer(by_number: dict[int, Numbered], than: int) -> list[Numbered]:
    """Those with a number above *than*, oldest first."""
    found: list[Numbered] = []
    for number in reversed(by_number):
        if number <= than:
            break
        found.append(by_number[number])
    found.reverse()
    return found
