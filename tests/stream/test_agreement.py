"""Whatever happens in whatever order, each client's copy is the server's state.

A naive evaluator stands beside the hub on the bus: it looks at each subscription for each event,
and so knows what every client must be told.
"""

import copy
from typing import Any, final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.stream.plant import Json, Plant, Screen
from tests.thing.samples import deep_copy

from egizcore.thing.event import DesiredStateChanged, Event, FeatureDeleted, StateChanged
from egizcore.thing.model import Thing

IDS = ("f:a", "f:b", "f:c", "f:d")
PAD = "x" * 70_000  # a slice of a snapshot has one such Thing
OF_FEATURES = (StateChanged, DesiredStateChanged, FeatureDeleted)
SELECTORS: tuple[Json, ...] = (
    {"filter": {}},
    {"thingId": "f:a"},
    {"thingId": "f:b"},
    {"filter": {"type": "oven"}},
    {"filter": {"metadata.place": "x"}},
    {"filter": {"features.p.properties.n": {"$gt": 1}}},
    {"filter": {"type": "oven", "features.q.properties.n": 2}},
    {"filter": {"$not": {"features.p.properties.n": 2}}},
    {"filter": {"$or": [{"metadata.place": "y"}, {"features.q": {"$exists": True}}]}},
    {"filter": {"version": {"$gt": 4}}},
)
ids = st.sampled_from(IDS)
kinds = st.sampled_from(["oven", "mixer"])
names = st.sampled_from(["p", "q"])
numbers = st.integers(0, 3)
metadata = st.fixed_dictionaries(
    {}, optional={"place": st.sampled_from(["x", "y", None]), "pad": st.sampled_from(["x", None])}
)
limits = st.sampled_from([None, ["p"], ["q"], ["p", "q"]])
which = st.integers(0, 2)


@final
class Watcher:
    """One client, what it should have been told, and the copy that it made of it."""

    def __init__(self, plant: Plant) -> None:
        self.screen: Screen = plant.screen()
        self.expected: dict[int, Event] = {}  # what its subscriptions select, by seq
        self.missed: dict[str, int] = {}  # seq of the newest event of a Thing that they do not
        self.asked: list[tuple[int, Json]] = []
        self.answered: list[int] = []
        self.copies: dict[str, Json] = {}
        self.base: dict[str, int] = {}  # the seq at which a copy was whole
        self.seq = 0
        self.told: dict[str, int] = {}  # events a Thing, conflated ones by what they stand for
        self.versions: dict[str, int] = {}
        self.snapshot: str | None = None  # the subscription whose snapshot must end first
        self.limit: list[str] | None = None  # of that snapshot

    def selects(self, event: Event, before: Thing | None, after: Thing | None) -> bool:
        feature = getattr(event, "feature", None)
        for one in self.screen.client.subscriptions.values():
            limited = isinstance(event, OF_FEATURES) and one.features is not None
            if limited and feature not in (one.features or ()):
                continue
            if one.selection.filter is None:
                if one.selection.thing_id == event.thingId:
                    return True
                continue
            matches = one.selection.filter.matches
            if any(thing is not None and matches(thing) for thing in (before, after)):
                return True
        return False

    def read(self, states: list[dict[str, Json]]) -> None:
        seqs = self.screen.seqs.copy()
        for message, now in zip(self.screen.take(), seqs, strict=True):
            kind = message["event"]
            if kind == "Snapshot":
                self._read_snapshot(message, states[message["seq"]])
            elif "thingId" in message:
                self._read_event(message)
            elif kind != "Heartbeat":
                assert self.snapshot is None, "an answer came before the snapshot's end"
                number, command = self.asked[len(self.answered)]
                assert message["id"] == number, "one answer each, in order"
                self.answered.append(number)
                if kind in ("Subscribed", "Unsubscribed"):
                    self._expects_nothing_up_to(now)
                if kind == "Subscribed" and command["snapshot"]:
                    self.snapshot = message["subscription"]
                    self.limit = command.get("features")
            else:
                self._expects_nothing_up_to(message["seq"])

    def _expects_nothing_up_to(self, seq: int) -> None:
        """Nothing overtakes: all that was selected so far was told."""
        assert all(one > seq or one <= self.seq for one in self.expected)

    def _read_snapshot(self, message: Json, state: dict[str, Json]) -> None:
        name = message["subscription"]
        assert self.snapshot == name
        limit = self.limit
        assert message["seq"] >= self.seq
        for thing in message["things"]:
            wanted = dict(state[thing["id"]])
            if limit is not None:
                wanted["features"] = {k: v for k, v in wanted["features"].items() if k in limit}
            assert thing == wanted, "the state at its seq"
            if limit is None:
                self.copies[thing["id"]] = copy.deepcopy(thing)
                self.base[thing["id"]] = message["seq"]
        if message["last"]:
            self.snapshot = None

    def _read_event(self, event: Json) -> None:
        assert self.snapshot is None, "an event came before the snapshot's end"
        thing_id, seq, count = event["thingId"], event["seq"], event.get("conflated", 1)
        assert seq in self.expected, "nobody asked for it"
        assert seq > self.seq, "each once, in order"
        assert event["version"] == self.expected[seq].version
        assert event["version"] > self.versions.get(thing_id, 0)
        self.seq = seq
        self.versions[thing_id] = event["version"]
        self.told[thing_id] = self.told.get(thing_id, 0) + count
        self._merge(event, thing_id)

    def _merge(self, event: Json, thing_id: str) -> None:
        """As a client would (contract.md, section 3)."""
        kind = event["event"]
        if kind == "ThingDeleted":
            self.copies.pop(thing_id, None)
        elif kind == "ThingCreated":
            self.copies[thing_id] = copy.deepcopy(event["thing"])
            self.base[thing_id] = event["seq"]
        elif thing_id in self.copies:
            thing = self.copies[thing_id]
            thing["version"] = event["version"]
            whole = "conflated" in event
            if kind == "ThingUpdated":
                changed = event["changed"]
                for name in changed.keys() & {"type", "relationships"}:
                    thing[name] = changed[name]
                if "metadata" in changed:
                    old = {} if whole else thing["metadata"]
                    thing["metadata"] = merged(old, changed["metadata"])
            elif kind == "FeatureDeleted":
                thing["features"].pop(event["feature"], None)
            else:
                member = "properties" if kind == "StateChanged" else "desiredState"
                feature = thing["features"].setdefault(
                    event["feature"], {"properties": {}, "desiredState": {}}
                )
                feature[member] = merged({} if whole else feature[member], event[member])

    def check(self, state: dict[str, Json]) -> None:
        """It has caught up: the counts add up, and what it could know it knows."""
        selected: dict[str, int] = {}
        for event in self.expected.values():
            selected[event.thingId] = selected.get(event.thingId, 0) + 1
        assert self.told == selected
        assert len(self.answered) == len(self.asked)
        for thing_id, seq in self.base.items():
            if seq > self.missed.get(thing_id, -1):
                assert plain(self.copies.get(thing_id)) == plain(state.get(thing_id))


def merged(old: Json, patch: Json) -> Json:
    new = {**old, **patch}
    return {name: value for name, value in new.items() if value is not None}


def plain(thing: Json | None) -> Json | None:
    """Without the times, which events do not all carry."""
    if thing is None:
        return None
    features = {
        name: (one["properties"], one["desiredState"]) for name, one in thing["features"].items()
    }
    kept = {name: thing[name] for name in ("type", "metadata", "relationships", "version")}
    return {**kept, "features": features}


@final
class Agreement(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.plant = Plant()
        self.number = 0
        self.before: dict[str, Thing] = {}
        self.states: list[dict[str, Json]] = [{}]  # by seq
        self.plant.bus.attach(self.judge)
        self.watchers: list[Watcher | None] = [None, None, None]

    def judge(self, event: Event, _: Thing | None, after: Thing | None) -> None:
        before = self.before.get(event.thingId)
        for one in self.watchers:
            if one is None:
                continue
            if one.selects(event, before, after):
                one.expected[event.seq] = event
            else:
                one.missed[event.thingId] = event.seq
        state = dict(self.states[-1])
        if after is None:
            del self.before[event.thingId]
            del state[event.thingId]
        else:
            self.before[event.thingId] = deep_copy(after)
            state[event.thingId] = copy.deepcopy(after.document())
        self.states.append(state)

    def has(self, thing_id: str) -> bool:
        return thing_id in self.plant.store.things

    @initialize(
        selectors=st.lists(st.sampled_from(SELECTORS), min_size=2, max_size=2),
        limit=limits,
        snapshot=st.booleans(),
        things=st.lists(st.tuples(ids, kinds, metadata, names, numbers), max_size=3),
        stalled=st.booleans(),
    )
    def begin(
        self,
        selectors: list[Json],
        limit: list[str] | None,
        snapshot: bool,  # noqa: FBT001
        things: list[tuple[str, str, Json, str, int]],
        stalled: bool,  # noqa: FBT001
    ) -> None:
        for thing in things:
            self.put(*thing)
        for at, selector in enumerate(selectors):
            self.subscribe(at, selector, limit if at else None, snapshot)
        if stalled:
            self.stall(0)
            self.subscribe(2, selectors[0], None, snapshot)
            self.stall(2)

    # What changes the state ------------------------------------------------------------------

    @rule(thing_id=ids, kind=kinds, metadata=metadata, feature=names, n=numbers)
    def put(self, thing_id: str, kind: str, metadata: Json, feature: str, n: int) -> None:
        features = {feature: {"properties": {"n": n}}} if n else {}
        if metadata.get("pad"):
            metadata = {**metadata, "pad": PAD}
        self.plant.put(thing_id, type=kind, metadata=metadata, features=features)

    @rule(thing_id=ids, kind=kinds, metadata=metadata)
    def merge(self, thing_id: str, kind: str, metadata: Json) -> None:
        if self.has(thing_id):
            self.plant.merge(thing_id, type=kind, metadata=metadata)

    @rule(thing_id=ids)
    def delete(self, thing_id: str) -> None:
        if self.has(thing_id):
            self.plant.delete(thing_id)

    @rule(thing_id=ids, feature=names, n=numbers)
    def report(self, thing_id: str, feature: str, n: int) -> None:
        self.plant.report(thing_id, feature, n=n)

    @rule(thing_id=ids, feature=names, n=numbers | st.none(), m=numbers)
    def write(self, thing_id: str, feature: str, n: int | None, m: int) -> None:
        if self.has(thing_id):
            self.plant.write(thing_id, feature, properties={"n": n}, desiredState={"m": m})

    @rule(thing_id=ids, feature=names)
    def delete_feature(self, thing_id: str, feature: str) -> None:
        if self.has(thing_id) and feature in self.plant.store.things[thing_id].features:
            self.plant.delete_feature(thing_id, feature)

    # What clients do -------------------------------------------------------------------------

    def watcher(self, at: int) -> Watcher:
        one = self.watchers[at]
        if one is None:
            one = self.watchers[at] = Watcher(self.plant)
        return one

    def say(self, at: int, **command: Any) -> None:
        one = self.watcher(at)
        self.number += 1
        one.asked.append((self.number, command))
        one.screen.say(id=self.number, **command)

    @rule(at=which, selector=st.sampled_from(SELECTORS), limit=limits, snapshot=st.booleans())
    def subscribe(self, at: int, selector: Json, limit: list[str] | None, snapshot: bool) -> None:  # noqa: FBT001
        features = {} if limit is None else {"features": limit}
        self.say(at, action="subscribe", snapshot=snapshot, **selector, **features)

    @rule(at=which, selector=st.sampled_from(({}, {"subscription": "s1"}, *SELECTORS)))
    def unsubscribe(self, at: int, selector: Json) -> None:
        self.say(at, action="unsubscribe", **selector)

    @rule(at=which, action=st.sampled_from(["ping", "dance"]))
    def ping(self, at: int, action: str) -> None:
        self.say(at, action=action)

    @rule(at=which)
    def heartbeat(self, at: int) -> None:
        one = self.watcher(at)
        if not one.screen.client.is_slow:
            one.screen.client.heartbeat(0)

    @rule(at=which)
    def stall(self, at: int) -> None:
        one = self.watcher(at)
        if not one.screen.stalled:
            one.screen.stall()

    @rule(at=which, room=st.sampled_from([None, 1, 500, 40_000]))
    def drain(self, at: int, room: int | None) -> None:
        one = self.watcher(at)
        if one.screen.stalled:
            one.screen.drain(room)
        else:
            one.screen.room = room

    @rule(at=which)
    def leave(self, at: int) -> None:
        one = self.watchers[at]
        if one is not None:
            one.screen.leave()
            one.read(self.states)
            self.watchers[at] = None

    @rule()
    def turn(self) -> None:
        self.plant.loop.turn()

    @rule()
    def flush(self) -> None:
        self.plant.hub.flush()

    @precondition(lambda self: any(one is not None for one in self.watchers))
    @rule()
    def rest(self) -> None:
        """Everybody catches up."""
        for one in self.watchers:
            if one is not None:
                one.screen.room = None
                if one.screen.stalled:
                    one.screen.drain()
        self.plant.loop.run()
        for one in self.watchers:
            if one is not None:
                assert not one.screen.client.is_slow
                one.read(self.states)
                one.check(self.states[-1])

    @invariant()
    def nothing_is_wrong_so_far(self) -> None:
        for one in self.watchers:
            if one is not None:
                one.read(self.states)

    def teardown(self) -> None:
        self.rest()
        for at in range(3):
            self.leave(at)
        self.plant.loop.run()
        assert self.plant.traces() == {}
        assert self.plant.bus.listeners == (self.judge,)
        assert self.plant.tally.clients == 0


Agreement.TestCase.settings = settings(settings.default, max_examples=60, stateful_step_count=50)
TestAgreement = Agreement.TestCase
