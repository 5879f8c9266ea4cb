import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.thing.samples import ABSENT, TIME, TYPES, elements, naive_read

from egizcore.errors import BadCursor, ValidationFailed
from egizcore.state.index import Index
from egizcore.state.query import MAX_CURSOR, Page, cursor_after, parse_sort, select
from egizcore.thing.filter import compile_filter
from egizcore.thing.model import Thing
from egizcore.thing.path import parse_path


class Plant:
    """Things and their index, as the store keeps them."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.index = Index()

    def add(self, name: str, kind: str = "oven", **metadata: Any) -> Thing:
        thing = Thing(f"f:{name}", kind, 1, TIME)
        thing.metadata = {name: value for name, value in metadata.items() if value is not ABSENT}
        self.things[thing.id] = thing
        self.index.add(thing)
        return thing

    def drop(self, thing_id: str) -> None:
        self.index.remove(self.things.pop(thing_id))

    def page(self, filter_: Any = None, sort: list[str] | None = None, **rest: Any) -> Page:
        where = None if filter_ is None else compile_filter(filter_)
        return select(
            self.things, self.index, where=where, sort=parse_sort(sort or []), **{"limit": 3} | rest
        )

    def ids(self, *arguments: Any, **rest: Any) -> list[str]:
        return [thing.id.removeprefix("f:") for thing in self.page(*arguments, **rest).things]


@pytest.fixture
def plant() -> Plant:
    return Plant()


# A naive order: the sentence of contract.md, section 2, read aloud.


def naive_rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1 + value, 0)
    if isinstance(value, int | float):
        return (3, value)
    return (4, value) if isinstance(value, str) else (5, 0)


def compare(left: Thing, right: Thing, sort: list[str]) -> int:
    """Negative: *left* comes first."""
    for key in [*sort, "id"]:
        path = parse_path(key.removeprefix("-"))
        one, other = (naive_read(thing.document(), path) for thing in (left, right))
        if (one is ABSENT) is not (other is ABSENT):
            return 1 if one is ABSENT else -1
        if one is ABSENT or naive_rank(one) == naive_rank(other):
            continue
        less = naive_rank(one) < naive_rank(other)
        return -1 if less is not key.startswith("-") else 1
    return 0


def naive_sorted(some: list[Thing], sort: list[str]) -> list[Thing]:
    def compared(one: Thing, other: Thing) -> int:
        return compare(one, other, sort)

    return sorted(some, key=cmp_to_key(compared))


FILTERS = [None, {}, {"type": "oven"}, {"metadata.n": {"$ne": 1}}, {"type": "fan"}]
sorts = st.lists(
    st.sampled_from(
        [
            "metadata.n",
            "-metadata.n",
            "metadata.m",
            "-metadata.m.0",
            "-id",
            "type",
            "-type",
            "createdAt",
            "metadata.absent",
        ]
    ),
    max_size=3,
)
sort_values = st.one_of(
    elements, st.just(ABSENT), st.lists(elements, max_size=2), st.just({}), st.just("x" * 300)
)
fresh = st.tuples(st.integers(0, 999), st.sampled_from(TYPES), sort_values, sort_values)


def grow(plant: Plant, seeds: list[tuple[int, str, Any, Any]], *, prefix: str) -> None:
    for number, kind, first, second in seeds:
        if f"f:{prefix}{number}" not in plant.things:
            plant.add(f"{number}{prefix}", kind, n=first, m=second)


@given(st.data(), st.sampled_from(FILTERS), sorts, st.integers(1, 4))
def test_pages_agree_with_a_naive_sort_while_things_come_and_go(
    data: st.DataObject, filter_: Any, sort: list[str], limit: int
) -> None:
    plant = Plant()
    unique: Any = {"unique_by": lambda seed: seed[0]}
    grow(plant, data.draw(st.lists(fresh, max_size=12, **unique)), prefix="a")
    cursor, last, seen, turn = None, None, [], 0
    while True:
        matching = [
            thing
            for thing in plant.things.values()
            if filter_ is None or compile_filter(filter_).matches(thing)
        ]
        ordered = naive_sorted(matching, sort)
        expected = [thing for thing in ordered if last is None or compare(last, thing, sort) < 0]
        page = plant.page(filter_, sort, limit=limit, cursor=cursor, count=True)
        assert page.things == expected[:limit]
        assert page.total == len(matching)
        assert (page.next_cursor is None) is (len(expected) <= limit)
        seen += page.things
        if page.next_cursor is None:
            break
        cursor, last = page.next_cursor, page.things[-1]
        turn += 1
        for thing_id in data.draw(
            st.lists(st.sampled_from(sorted(plant.things)), unique=True, max_size=3)
        ):
            plant.drop(thing_id)
        grow(plant, data.draw(st.lists(fresh, max_size=2, **unique)), prefix="b" * turn)
        if turn == 6:
            break
    assert len({thing.id for thing in seen}) == len(seen)


def test_mixed_values_have_one_order_and_missing_stands_last(plant: Plant) -> None:
    values = [["x"], "b", "a", 1.5, 1, True, False, ABSENT]
    for place, value in enumerate(values):
        plant.add(str(place), n=value)
    plant.add("null", n=[None])
    assert plant.ids({}, ["metadata.n"], limit=9) == [
        "6",
        "5",
        "4",
        "3",
        "2",
        "1",
        "0",
        "null",
        "7",
    ]
    assert plant.ids({}, ["-metadata.n"], limit=9) == [
        "0",
        "null",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
    ]
    assert plant.ids({}, ["metadata.n.0"], limit=3) == ["null", "0", "1"]


def test_without_a_sort_the_order_is_by_id(plant: Plant) -> None:
    for name in "cab":
        plant.add(name)
    assert plant.ids() == ["a", "b", "c"]
    assert plant.page(limit=3).next_cursor is None
    assert plant.page(limit=2).next_cursor is not None


def test_the_total_counts_all_that_match_and_only_when_asked(plant: Plant) -> None:
    for name in "abcd":
        plant.add(name, "oven" if name < "c" else "mixer")
    assert plant.page({"type": "oven"}, limit=1, count=True).total == 2
    assert plant.page({"type": "fan"}, count=True).total == 0
    assert plant.page(limit=1, count=True).total == 4
    assert plant.page(limit=1).total is None


def test_a_page_can_be_cut_after_any_thing(plant: Plant) -> None:
    for name in "abcd":
        plant.add(name, n=1)
    sort = parse_sort(["-metadata.n"])
    cut = cursor_after(plant.things["f:b"], where=None, sort=sort)
    assert plant.ids(None, ["-metadata.n"], cursor=cut) == ["c", "d"]


def test_the_cursor_survives_the_death_of_its_thing(plant: Plant) -> None:
    for name in "abcd":
        plant.add(name)
    cursor = plant.page(limit=2).next_cursor
    plant.drop("f:b")
    assert plant.ids(cursor=cursor) == ["c", "d"]


def test_a_cursor_stays_small_whatever_it_is_sorted_by(plant: Plant) -> None:
    huge = "\0𝄞" * 100_000
    for name in "abc":
        plant.add(name, n=huge + name)
    sort = ["metadata.n"] * 8
    cursor = plant.page(None, sort, limit=1).next_cursor
    assert cursor is not None
    assert len(cursor) < MAX_CURSOR
    assert plant.ids(None, sort, cursor=cursor) == ["b", "c"]


def test_the_largest_cursor_is_read_back(plant: Plant) -> None:
    for name in "ab":
        plant.add(name * 250, n="\0" * 300)
    sort = ["metadata.n"] * 8
    cursor = plant.page(None, sort, limit=1).next_cursor
    assert plant.ids(None, sort, cursor=cursor) == ["b" * 250]


@pytest.mark.parametrize(
    ("filter_", "sort"),
    [
        ({"type": "mixer"}, ["metadata.n"]),
        ({}, ["metadata.n"]),
        (None, ["metadata.n"]),
        ({"type": "oven"}, []),
        ({"type": "oven"}, ["-metadata.n"]),
        ({"type": "oven"}, ["metadata.m"]),
        ({"type": "oven"}, ["metadata.n", "id"]),
    ],
)
def test_a_cursor_belongs_to_its_filter_and_sort(
    plant: Plant, filter_: Any, sort: list[str]
) -> None:
    for name in "abc":
        plant.add(name, n=1)
    cursor = plant.page({"type": "oven"}, ["metadata.n"], limit=1).next_cursor
    assert plant.ids({"/type": {"$eq": "oven"}}, ["/metadata/n"], cursor=cursor) == ["b", "c"]
    with pytest.raises(BadCursor):
        plant.page(filter_, sort, cursor=cursor)


def written(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "a",
        "x" * 10,
        "é",
        "\udc80",
        "A" * 1_000_000,
        written(None),
        written([]),
        written(["", [], "f:a"]),
        written(["", [[3, "x"]], "f:a"]),
        written(["", [[4, 1]], "f:a"]),
        written(["", [[10**30, 10**30]], "f:a"]),
        written(["", [[3, 1, 2]], "f:a"]),
        written([["["] * 500]),
        urlsafe_b64encode(b"[" * 20_000).decode(),
        urlsafe_b64encode(b'["", [], "\xff"]').decode(),
        urlsafe_b64encode(b'["", [[3, 1e999]], "f:a"]').decode(),
    ],
)
@pytest.mark.parametrize("sort", [[], ["metadata.n"]], ids=str)
def test_a_foreign_cursor_is_refused(plant: Plant, cursor: str, sort: list[str]) -> None:
    plant.add("a", n=1)
    with pytest.raises(BadCursor):
        plant.page(None, sort, cursor=cursor)


@given(st.data())
def test_a_cursor_that_was_touched_is_refused(data: st.DataObject) -> None:
    plant = Plant()
    for name in "abc":
        plant.add(name, n="text", m=1.5)
    sort = ["metadata.n", "-metadata.m"]
    cursor = plant.page(None, sort, limit=1).next_cursor
    assert cursor is not None
    place = data.draw(st.integers(0, len(cursor) - 1))
    replaced = data.draw(st.sampled_from(["", "A", "b", "9", "_", "=", "\n", cursor]))
    touched = cursor[:place] + replaced + cursor[place + 1 :]
    if touched != cursor:
        with pytest.raises(BadCursor):
            plant.page(None, sort, cursor=touched)


def test_a_forged_checksum_compares_no_number_with_a_text(plant: Plant) -> None:
    plant.add("a", n=1)
    plant.add("b", n=2)
    cursor = plant.page(None, ["metadata.n"], limit=1).next_cursor
    assert cursor is not None
    checksum, _, thing_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for ranks in ([[3, "text"]], [[4, 1]], [], [[3, 1], [3, 1]]):
        with pytest.raises(BadCursor):
            plant.page(None, ["metadata.n"], cursor=written([checksum, ranks, thing_id]))


@pytest.mark.parametrize(
    ("texts", "at"),
    [
        (["id"] * 9, "/sort"),
        (["id", "-"], "/sort/1"),
        ([""], "/sort/0"),
        (["--id"], "/sort/0"),
        (["id", "type", "name"], "/sort/2"),
        (["metadata" + ".a" * 24], "/sort/0"),
    ],
)
def test_a_bad_sort_is_told_with_its_place(texts: list[str], at: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse_sort(texts)
    assert [fault.pointer for fault in caught.value.faults] == [at]


def test_eight_sort_keys_pass() -> None:
    assert len(parse_sort(["-metadata.a\\.b"] * 8)) == 8
