from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egizcore.mqtt.reason import ProtocolError, Reason
from egizcore.mqtt.topic import (
    MAX_KEPT,
    Topics,
    check_filter,
    check_name,
    covers,
    matches,
    outermost,
    overlap,
)

LEVELS = ("a", "b", "$s", "")
NAMES = ["/".join(levels) for count in (1, 2, 3, 4) for levels in product(LEVELS, repeat=count)]
NAMES = [name for name in NAMES if name]
levels = st.sampled_from(("a", "b", "$s", "", "+"))
filters = st.builds(
    lambda parts, tail: "/".join([*parts, *tail]),
    st.lists(levels, max_size=3),
    st.sampled_from(([], ["#"])),
).filter(bool)


def naive(wanted: str, name: str) -> bool:
    """The words of section 4.7, level by level, without a shortcut."""
    if name.startswith("$") and wanted[0] in "+#":
        return False

    def walk(wants: list[str], has: list[str]) -> bool:
        if wants == ["#"]:
            return True
        if not wants or not has:
            return not wants and not has
        return wants[0] in ("+", has[0]) and walk(wants[1:], has[1:])

    return walk(wanted.split("/"), name.split("/"))


@given(filters, st.sampled_from(NAMES))
def test_a_filter_matches_as_the_standard_says(wanted: str, name: str) -> None:
    assert matches(wanted, name) == naive(wanted, name)


@given(filters, filters)
@example("/+/#", "/#")  # '/#' has no level above it: the empty name is none
@example("/#", "+")
@example("+/#", "#")
def test_covering_and_overlapping_agree_with_every_name(one: str, other: str) -> None:
    ours = {name for name in NAMES if naive(one, name)}
    theirs = {name for name in NAMES if naive(other, name)}
    assert covers(one, other) == (theirs <= ours)
    assert overlap(one, other) == bool(ours & theirs)


@pytest.mark.parametrize(
    ("wanted", "name", "selected"),
    [
        ("sport/#", "sport", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/monitor", False),
        ("+/monitor", "$SYS/monitor", False),
        ("$SYS/#", "$SYS/monitor", True),
    ],
)
def test_4_7_the_examples_of_the_standard(*, wanted: str, name: str, selected: bool) -> None:
    assert matches(wanted, name) is selected


@given(st.lists(filters, max_size=6))
def test_the_outermost_filters_select_the_same_and_none_covers_another(some: list[str]) -> None:
    kept = outermost(some)
    assert {n for n in NAMES if any(naive(f, n) for f in some)} == {
        n for n in NAMES if any(naive(f, n) for f in kept)
    }
    assert not any(covers(a, b) for a in kept for b in kept if a is not b)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", Reason.PROTOCOL_ERROR),
        ("a/+", Reason.TOPIC_NAME_INVALID),
        ("#", Reason.TOPIC_NAME_INVALID),
        ("a\0b", Reason.MALFORMED_PACKET),
        ("ä" * 32_768, Reason.MALFORMED_PACKET),
    ],
)
def test_a_name_that_4_7_forbids_is_refused(name: str, reason: Reason) -> None:
    with pytest.raises(ProtocolError) as refused:
        check_name(name)
    assert refused.value.reason is reason


@pytest.mark.parametrize("wanted", ["a/b#", "#/a", "a/#/b", "a+/b", "+a"])
def test_a_wildcard_must_have_its_level_for_itself(wanted: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        check_filter(wanted)
    assert refused.value.reason is Reason.TOPIC_FILTER_INVALID


@pytest.mark.parametrize("wanted", ["#", "+", "+/+/#", "/", "a//b", "$share/g/a", " "])
def test_a_legal_filter_passes(wanted: str) -> None:
    check_filter(wanted)


def test_a_name_is_resolved_once() -> None:
    asked: list[str] = []

    def resolve(name: str) -> str:
        asked.append(name)
        return name.upper()

    topics = Topics(resolve)
    assert [topics[b"a/b"], topics[b"a/b"]] == ["A/B", "A/B"]
    assert asked == ["a/b"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.PROTOCOL_ERROR),
        (b"a/\xff", Reason.MALFORMED_PACKET),
        (b"\xed\xa0\x80", Reason.MALFORMED_PACKET),
        (b"a\0", Reason.MALFORMED_PACKET),
        (b"a/+/b", Reason.TOPIC_NAME_INVALID),
    ],
)
def test_an_illegal_name_is_never_resolved_nor_kept(raw: bytes, reason: Reason) -> None:
    topics = Topics(pytest.fail)
    with pytest.raises(ProtocolError) as refused:
        topics[raw]
    assert refused.value.reason is reason
    assert not topics


def test_at_the_bound_all_names_are_dropped_and_counted() -> None:
    topics = Topics(str)
    for number in range(MAX_KEPT):
        topics[b"t%d" % number]
    assert (len(topics), topics.dropped) == (131_072, 0)
    assert topics[b"one more"] == "one more"
    assert (list(topics), topics.dropped) == ([b"one more"], 131_072)


def test_a_long_name_is_served_but_not_kept() -> None:
    topics = Topics(len)
    assert (topics[b"x" * 256], topics[b"x" * 257]) == (256, 257)
    assert list(topics) == [b"x" * 256]
