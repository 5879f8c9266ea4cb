"""JSON documents of all shapes."""

from typing import Any

from hypothesis import strategies as st

names = st.sampled_from(["a", "b", "c", "__proto__", "constructor", "toString", "ü"])
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=4)
