"""The store against a naive model, under any interleaving of REST and telemetry."""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.state import naive
from tests.state.plant import Mirror, Plant, exact, json_copy

from egizcore.errors import EgizError
from egizcore.ingest import RouteSettings
from egizcore.quantity import Size
from egizcore.state import LimitSettings
from egizcore.thing.moment import rfc3339

SIZE: Final = 900
FEATURES: Final = 3
PROPERTIES: Final = 2

DEVICES: Final = ("d1", "d2")
ids: Final = st.sampled_from([f"factory:{device}" for device in DEVICES])
# A Thing that has such a name takes the careful road for good, so they are rare.
feature_names: Final = st.sampled_from(("a", "b", "telemetry") * 7 + ("desiredState",))
property_names: Final = st.sampled_from(("x", "y") * 10 + ("properties", "desiredState"))
scalars: Final = st.sampled_from([0, 1, 1.0, True, False, "t", 190, 190.0, -0.0, 10**15, 1e15])
TOPICS: Final = ("sensors/{}/telemetry", "apply/{}", "skip/{}", "clock/{}", "both/{}")
values: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | scalars,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(property_names, below, max_size=2),
    max_leaves=4,
)
flat_values: Final = st.one_of(
    scalars,
    st.dictionaries(st.sampled_from("pq"), scalars, max_size=2),
    st.sampled_from([[1e15] * 16, [None, 1.5], []]),
)
flat: Final = st.dictionaries(st.sampled_from("xyz"), flat_values, min_size=1, max_size=2)
objects: Final = st.dictionaries(property_names, values, max_size=3)
parts: Final = st.fixed_dictionaries(
    {}, optional={"properties": st.none() | objects, "desiredState": st.none() | objects}
)
relationships: Final = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(("partOf", "feeds")), "targetId": ids}),
    max_size=2,
)
features: Final = st.dictionaries(feature_names, st.none() | parts, max_size=2)
own: Final = {
    "metadata": st.none() | objects,
    "relationships": relationships,
    "features": st.none() | features,
}
things: Final = st.fixed_dictionaries(
    {"id": ids, "type": st.sampled_from(("oven", "mixer"))}, optional=own
)
patches: Final = st.fixed_dictionaries(
    {"id": ids}, optional={"type": st.sampled_from(("oven", "mixer")), **own}
)
payloads: Final = st.one_of(
    st.dictionaries(st.sampled_from("ab"), flat, min_size=1, max_size=2),
    st.dictionaries(
        feature_names,
        parts.map(lambda both: {k: v for k, v in both.items() if v is not None}),
        max_size=2,
    ),
    st.dictionaries(
        st.sampled_from(("a", "b", "x", "telemetry", "desiredState")), values, max_size=3
    ),
    flat,
)
versions: Final = st.sampled_from([None, None, None, 0, -1])
"""None: not named; else how far from what the Thing has."""


class StoreAgainstNaive(RuleBasedStateMachine):
    skip = False

    def __init__(self) -> None:
        super().__init__()
        clock = "payload.ts"
        self.plant = Plant(
            RouteSettings(topic="sensors/{device}/telemetry", thing="factory:{device}"),
            RouteSettings(topic="skip/{device}", thing="factory:{device}", unchanged="skip"),
            RouteSettings(topic="apply/{device}", thing="factory:{device}", unchanged="apply"),
            RouteSettings(topic="clock/{device}", thing="factory:{device}", time=clock),
            RouteSettings(
                topic="both/{device}", thing="factory:{device}", time=clock, unchanged="skip"
            ),
            limits=LimitSettings(thing=Size(SIZE), features=FEATURES, properties=PROPERTIES),
            skip=self.skip,
        )  # fmt: skip
        self.mirror = Mirror()
        self.plant.bus.attach(self.mirror.hear)
        self.naive = naive.Naive(
            size=SIZE, features=FEATURES, properties=PROPERTIES, skip=self.skip
        )
        self.frozen: list[tuple[Any, Any]] = []
        self.counted = 0

    def step(self, expected: Callable[[], object], done: Callable[[], object]) -> None:
        """Do the same on both sides; a rejected step changes nothing."""
        self.naive.told = []
        self.plant.events.clear()
        before = self.state()
        refused = _code(expected)
        assert _code(done) == refused
        assert refused is None or self.state() == before
        told = [
            (type(one).__name__, getattr(one, "feature", None), one.timestamp)
            for one in self.plant.events
        ]
        assert told == [(kind, feature, rfc3339(at)) for kind, feature, at in self.naive.told]

    def state(self) -> object:
        store = self.plant.store
        return (
            {thing_id: json_copy(thing.document()) for thing_id, thing in store.things.items()},
            store.applied,
            self.plant.bus.seq,
        )

    def at(self, thing_id: str, offset: int | None) -> int | None:
        thing = self.naive.things.get(thing_id)
        return None if offset is None or thing is None else thing.version + offset

    @initialize()
    def begin(self) -> None:
        """With machines as they are: some features of some properties."""
        inside = {"x": 1, "y": {"p": 1, "q": 2.0}}
        features = {name: {"properties": inside} for name in ("a", "b")}
        for device in DEVICES:
            self.create({"id": f"factory:{device}", "type": "oven", "features": features})

    # REST -------------------------------------------------------------------------------------

    @rule(document=things)
    def create_one(self, document: dict[str, Any]) -> None:
        self.create(document)

    def create(self, document: dict[str, Any]) -> None:
        self.step(
            lambda: self.naive.create(document, self.plant.now),
            lambda: self.plant.create(document),
        )

    @rule(document=things, offset=versions)
    def put(self, document: dict[str, Any], offset: int | None) -> None:
        version = self.at(document["id"], offset)
        self.step(
            lambda: self.naive.put(document, version, self.plant.now),
            lambda: self.plant.put(_with(document, version)),
        )

    @rule(document=patches, offset=versions)
    def merge(self, document: dict[str, Any], offset: int | None) -> None:
        version = self.at(document["id"], offset)
        self.step(
            lambda: self.naive.merge(document, version, self.plant.now),
            lambda: self.plant.merge(document["id"], _with(document, version)),
        )

    @rule(thing_id=ids, name=feature_names, both=parts, offset=versions)
    def merge_feature(
        self, thing_id: str, name: str, both: dict[str, Any], offset: int | None
    ) -> None:
        version = self.at(thing_id, offset)
        self.step(
            lambda: self.naive.merge_feature(thing_id, name, both, version, self.plant.now),
            lambda: self.plant.merge_feature(thing_id, name, _with(both, version)),
        )

    @rule(thing_id=ids, name=st.none() | feature_names)
    def delete(self, thing_id: str, name: str | None) -> None:
        registry = self.plant.registry
        if name is None:
            self.step(
                lambda: self.naive.delete(thing_id, self.plant.now),
                lambda: registry.delete(thing_id),
            )
        else:
            self.step(
                lambda: self.naive.delete_feature(thing_id, name, self.plant.now),
                lambda: registry.delete_feature(thing_id, name),
            )

    # Telemetry --------------------------------------------------------------------------------

    @rule(
        device=st.sampled_from(DEVICES),
        payload=payloads,
        topic=st.sampled_from(TOPICS),
        retained=st.sampled_from((False, False, False, True)),
    )
    def report(self, device: str, payload: dict[str, Any], topic: str, retained: bool) -> None:  # noqa: FBT001
        self.send(topic, device, payload, None, retained=retained)

    @rule(
        device=st.sampled_from(DEVICES),
        payload=payloads,
        topic=st.sampled_from(("clock/{}", "both/{}")),
        age=st.sampled_from((0, 1, 2, 3, 3, 60_000, -60_000, -300_001, 10**12)),
        retained=st.booleans(),
    )
    def sample(
        self,
        device: str,
        payload: dict[str, Any],
        topic: str,
        age: int,
        retained: bool,  # noqa: FBT001
    ) -> None:
        self.send(topic, device, payload, self.plant.now - age, retained=retained)

    def send(
        self, topic: str, device: str, payload: dict[str, Any], clock: int | None, *, retained: bool
    ) -> None:
        now = self.plant.now
        route = topic.partition("/")[0]
        if route not in ("clock", "both"):
            clock = None
        sane = clock is not None and 1_577_836_800_000 <= clock <= now + 300_000
        skip = route in ("skip", "both") or (self.skip and route != "apply")
        outcome = ""

        def expected() -> None:
            nonlocal outcome
            outcome = self.naive.report(
                f"factory:{device}", naive.reading_of(payload), now,
                sample=clock if sane else None, skip=skip, retained=retained,
            )  # fmt: skip

        def done() -> None:
            body = payload if clock is None else {**payload, "ts": clock}
            got = self.plant.publish(topic.format(device), body, retained=retained)
            self.counted += 1
            if got == "limit_exceeded":
                raise LimitReached
            assert got == outcome
            if clock is not None:
                quality = None if sane else "bad-clock"
                assert all(
                    one.quality == quality for one in self.plant.events if hasattr(one, "quality")
                )

        self.step(expected, done)

    @rule(
        data=st.data(),
        device=st.sampled_from(DEVICES),
        messages=st.lists(
            st.tuples(
                st.sampled_from(TOPICS),
                st.booleans(),
                st.sampled_from((None, None, 0, 1, 2)),
                st.sampled_from((False, False, True)),
            ),
            min_size=1,
            max_size=4,
        ),
    )
    def report_what_is_known(self, data: st.DataObject, device: str, messages: list[Any]) -> None:
        """Most of all telemetry: other values, or the same, for names that are there."""
        for topic, same, age, retained in messages:
            thing = self.naive.things.get(f"factory:{device}")
            features = {} if thing is None else thing.features
            names = st.sets(st.sampled_from(sorted(features))) if features else st.just(set[str]())
            payload = {
                name: {
                    key: value if same else data.draw(flat_values)
                    for key, value in features[name].parts["properties"].items()
                }
                for name in sorted(data.draw(names))
            }
            clock = None if age is None else self.plant.now - age
            self.send(topic, device, payload, clock, retained=retained)

    # Time and readers -------------------------------------------------------------------------

    @rule(milliseconds=st.sampled_from((1, 2, 1000)))
    def wait(self, milliseconds: int) -> None:
        self.plant.now += milliseconds

    @rule(thing_id=ids)
    def read(self, thing_id: str) -> None:
        thing = self.plant.store.things.get(thing_id)
        if thing is not None:
            self.frozen.append((thing.frozen(), json_copy(thing.document())))

    @invariant()
    def all_copies_agree(self) -> None:
        store, mirror = self.plant.store, self.mirror
        assert store.things.keys() == mirror.things.keys() == self.naive.things.keys()
        for thing_id, thing in store.things.items():
            wanted = self.naive.things[thing_id]
            assert exact(thing.document()) == exact(mirror.things[thing_id])
            assert exact(thing.document()) == exact(naive.document(wanted, wanted.version))
            times = json_copy(thing.document())
            assert times["createdAt"] == rfc3339(wanted.created)
            assert times["lastUpdated"] == rfc3339(wanted.updated())
            for name, feature in wanted.features.items():
                newest = max(feature.times.values())
                assert times["features"][name]["lastUpdated"] == rfc3339(newest)

    @invariant()
    def the_indexes_equal_what_they_index(self) -> None:
        index, found = self.plant.store.index, list(self.plant.store.things.values())
        assert index.ids == sorted(thing.id for thing in found)
        assert index.by_type == {
            kind: sorted(thing.id for thing in found if thing.type == kind)
            for kind in {thing.type for thing in found}
        }
        for target in [f"factory:{device}" for device in DEVICES]:
            assert index.sources(target) == sorted(
                thing.id
                for thing in found
                if any(link.target_id == target for link in thing.relationships)
            )

    @invariant()
    def each_message_counts_once(self) -> None:
        assert sum(self.plant.intake.counts["endpoint"].values()) == self.counted
        assert (
            self.plant.bus.seq == len(self.mirror.events) == sum(self.plant.bus.counts().values())
        )

    def teardown(self) -> None:
        self.mirror.assert_untouched()
        for snapshot, document in self.frozen:
            assert json_copy(snapshot.thing.document()) == document


class LimitReached(EgizError):
    code = "limit_exceeded"

    def __init__(self) -> None:
        super().__init__("")


def _code(step: Callable[[], object]) -> str | None:
    """The code of the error that *step* ends with."""
    try:
        step()
    except (EgizError, naive.Rejected) as error:
        return error.code
    return None


def _with(document: dict[str, Any], version: int | None) -> dict[str, Any]:
    return document if version is None else {**document, "version": version}


class SkippingStoreAgainstNaive(StoreAgainstNaive):
    skip = True


SCALE: Final = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStoreAgainstNaive = StoreAgainstNaive.TestCase
TestStoreAgainstNaive.settings = SCALE
TestSkippingStoreAgainstNaive = SkippingStoreAgainstNaive.TestCase
TestSkippingStoreAgainstNaive.settings = SCALE
