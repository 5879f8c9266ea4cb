from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from tests.stream.plant import Json, messages, payloads
from tests.thing.samples import things

from egizcore.stream.snapshot import MAX_BYTES, snapshot
from egizcore.thing.model import Still, Thing

HEAD = {"event": "Snapshot", "subscription": "s1", "epoch": "e", "seq": 7}


def parts(found: list[Thing], features: frozenset[str] | None = None) -> list[bytes]:
    return list(
        snapshot((one.frozen() for one in found), features, subscription="s1", epoch="e", seq=7)
    )


def padded(number: int, size: int) -> Thing:
    thing = Thing(f"f:{number}", "oven", 1, 0)
    thing.metadata = {"pad": "é" * (size // 2)}
    return thing


def test_no_thing_is_one_message_that_is_the_last() -> None:
    (part,) = parts([])
    assert messages(part) == [HEAD | {"things": [], "last": True}]


@given(st.lists(st.integers(0, 20_000), max_size=12))
def test_a_message_has_at_most_16_kib_or_one_thing(sizes: list[int]) -> None:
    found = [padded(*one) for one in enumerate(sizes)]
    told: list[Json] = []
    for part in parts(found):
        (payload,), (message,) = payloads(part), messages(part)
        assert len(payload) <= MAX_BYTES or len(message["things"]) == 1
        told.append(message)
    assert [one["last"] for one in told] == [False] * (len(told) - 1) + [True]
    assert [thing for one in told for thing in one["things"]] == [one.document() for one in found]
    assert all(HEAD.items() <= one.items() for one in told)


def test_things_share_messages_as_far_as_they_fit() -> None:
    assert len(parts([padded(number, 1000) for number in range(100)])) == 8


@given(things())
def test_features_limit_what_is_told(thing: Thing) -> None:
    (part,) = parts([thing], frozenset({"a"}))
    (told,) = messages(part)[0]["things"]
    assert told["features"].keys() == thing.features.keys() & {"a"}
    assert told["metadata"] == thing.metadata


def test_each_part_is_made_when_it_is_asked_for() -> None:
    seen: list[str] = []

    def one_by_one() -> Iterator[Still]:
        for number in range(3):
            seen.append(str(number))
            yield padded(number, 15_000).frozen()

    making = snapshot(one_by_one(), None, subscription="s1", epoch="e", seq=7)
    next(making)
    assert seen == ["0", "1"]
