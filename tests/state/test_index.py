"""The indexes against looking at each Thing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from egizcore.state import incoming
from egizcore.state.index import Index
from egizcore.thing.model import Relationship, Thing

IDS = ("f:a", "f:b", "f:c")
ids = st.sampled_from(IDS)
links = st.lists(st.builds(Relationship, st.sampled_from(("partOf", "feeds")), ids), max_size=3)
steps = st.lists(st.tuples(ids, st.sampled_from(("oven", "mixer", None)), links), max_size=20)


@given(steps)
def test_an_index_is_what_looking_at_each_thing_gives(steps: list[Any]) -> None:
    index, things = Index(), dict[str, Thing]()
    for thing_id, kind, relationships in steps:
        before = things.pop(thing_id, None)
        if kind is None:
            if before is not None:
                index.remove(before)
        else:
            after = things[thing_id] = Thing(thing_id, kind, 1, 0)
            after.relationships = tuple(relationships)
            if before is None:
                index.add(after)
            else:
                index.replace(before, after)
        assert index.ids == sorted(things)
        assert index.by_type == {
            one: sorted(t.id for t in things.values() if t.type == one)
            for one in {t.type for t in things.values()}
        }
        for target in IDS:
            found = [(i, link) for i in sorted(things) for link in things[i].relationships]
            assert incoming(things, index, target) == [
                (source, link) for source, link in found if link.target_id == target
            ]
    for thing in things.values():
        index.remove(thing)
    assert not index.ids
    assert not index.by_type
    assert not index._incoming
