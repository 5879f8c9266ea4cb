"""Things for property-based tests: few names and values, so that paths and filters often hit."""

import copy
from typing import Any, Final

from hypothesis import strategies as st

from egizcore.thing.model import Feature, Relationship, Thing
from egizcore.thing.path import pointer

TIME: Final = 1_769_509_800_000  # 2026-01-27T10:30:00Z
TYPES: Final = ("oven", "mixer")
FEATURES: Final = ("a", "b")
NAMES: Final = ("p", "q", "0", "x.y", "s/~\\")

scalars: Final = st.one_of(
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, 1.0, 1.5, -0.0, 1e300]),
    st.sampled_from(["", "a", "ab", "b", "1", "true", "é", "𝄞"]),
)
elements: Final = scalars | st.none()
names: Final = st.sampled_from(NAMES)
values: Final[st.SearchStrategy[Any]] = st.recursive(
    scalars,
    lambda below: st.one_of(
        st.lists(below | st.none(), max_size=3), st.dictionaries(names, below, max_size=3)
    ),
    max_leaves=5,
)
objects: Final = st.dictionaries(names, values, max_size=3)


@st.composite
def features(draw: st.DrawFn) -> Feature:
    feature = Feature(TIME + draw(st.integers(0, 2)))
    feature.properties = draw(objects)
    feature.desired_state = draw(objects)
    return feature


@st.composite
def things(draw: st.DrawFn, thing_id: str | None = None) -> Thing:
    at = TIME + draw(st.integers(0, 2))
    name = thing_id or f"f:{draw(st.sampled_from('abc'))}"
    thing = Thing(name, draw(st.sampled_from(TYPES)), draw(st.integers(1, 2)), at)
    thing.metadata = draw(objects)
    thing.features = draw(st.dictionaries(st.sampled_from(FEATURES), features(), max_size=2))
    links = st.builds(Relationship, st.sampled_from(("partOf", "feeds")), st.just("f:a"))
    thing.relationships = tuple(draw(st.lists(links, max_size=2)))
    return thing


def deep_copy(thing: Thing) -> Thing:
    twin = thing.copy()
    twin.metadata = copy.deepcopy(thing.metadata)
    for feature in twin.features.values():
        feature.properties = copy.deepcopy(feature.properties)
        feature.desired_state = copy.deepcopy(feature.desired_state)
    return twin


names_below: Final = st.lists(st.sampled_from((*NAMES, "1", "01", "lastUpdated")), max_size=3)
paths: Final[st.SearchStrategy[tuple[str, ...]]] = st.one_of(
    st.sampled_from([(root,) for root in ("id", "type", "version", "createdAt", "lastUpdated")]),
    st.sampled_from([("metadata",), ("features",), ("relationships",), ("id", "p"), ("type", "0")]),
    names_below.map(lambda below: ("metadata", *below)),
    st.tuples(
        st.just("features"),
        st.sampled_from((*FEATURES, "c")),
        st.sampled_from(("properties", "desiredState", "lastUpdated", "id")),
    ).flatmap(lambda path: names_below.map(lambda below: (*path, *below))),
    st.sampled_from(FEATURES).map(lambda name: ("features", name)),
    st.sampled_from(
        [("relationships", "0", "type"), ("relationships", "1", "targetId"), ("relationships", "0")]
    ),
)


def dotted(path: tuple[str, ...]) -> str:
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in path)


spellings: Final = st.sampled_from([dotted, lambda path: pointer(*path)])


ABSENT: Final = object()


def naive_read(document: Any, path: tuple[str, ...]) -> Any:
    """What *path* names in a Thing's whole document, or ``ABSENT``."""
    value = document
    for name in path:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name in [str(place) for place in range(len(value))]:
            value = value[int(name)]
        else:
            return ABSENT
    return value
