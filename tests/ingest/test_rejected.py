"""What was refused, and by whom it was sent: bounded, newest first."""

from tests.state.plant import TIME

from egizcore.ingest.rejected import CLIP, KEPT, RejectedList, UnknownList
from egizcore.thing.moment import rfc3339


def add(rejects: RejectedList, payload: bytes, topic: str = "t", at: int = TIME) -> None:
    rejects.add(at, "endpoint", topic, payload, reason="bad_json", message="why")


def test_a_reject_is_told_with_all_that_helps() -> None:
    rejects = RejectedList()
    add(rejects, b"{nonsense")
    assert rejects.items() == [
        {
            "time": rfc3339(TIME),
            "source": "endpoint",
            "topic": "t",
            "reason": "bad_json",
            "message": "why",
            "payload": "{nonsense",
            "truncated": False,
        }
    ]


def test_the_newest_come_first_and_the_oldest_go() -> None:
    rejects = RejectedList()
    for n in range(KEPT + 5):
        add(rejects, b"%d" % n)
    items = rejects.items()
    assert len(items) == KEPT
    assert [item["payload"] for item in items[:2]] == [str(KEPT + 4), str(KEPT + 3)]


def test_a_long_payload_is_clipped_and_says_so() -> None:
    rejects = RejectedList()
    add(rejects, b"x" * CLIP)
    add(rejects, b"x" * (CLIP + 1), topic="t" * 60_000)
    long, exact = rejects.items()
    assert (len(exact["payload"]), exact["truncated"]) == (CLIP, False)
    assert (len(long["payload"]), long["truncated"]) == (CLIP, True)
    assert len(long["topic"]) == CLIP


def test_a_payload_that_is_no_text_is_shown_as_far_as_it_is() -> None:
    rejects = RejectedList()
    add(rejects, b"\xffok\xc3")
    add(rejects, b"x" * (CLIP - 1) + "é".encode())
    cut, broken = rejects.items()
    assert broken["payload"] == "\N{REPLACEMENT CHARACTER}ok\N{REPLACEMENT CHARACTER}"
    assert cut["payload"] == "x" * (CLIP - 1)  # not half a character


def test_a_device_is_counted_and_the_last_to_be_seen_comes_first() -> None:
    unknown = UnknownList()
    for n, device in enumerate(("a", "b", "a")):
        unknown.add(TIME + n, device, f"x/{device}/{n}")
    assert unknown.items() == [
        {
            "device": "a",
            "count": 2,
            "firstSeen": rfc3339(TIME),
            "lastSeen": rfc3339(TIME + 2),
            "topic": "x/a/2",
        },
        {
            "device": "b",
            "count": 1,
            "firstSeen": rfc3339(TIME + 1),
            "lastSeen": rfc3339(TIME + 1),
            "topic": "x/b/1",
        },
    ]


def test_the_list_of_unknown_devices_is_bounded() -> None:
    unknown = UnknownList()
    for n in range(UnknownList.MAX + 5):
        unknown.add(TIME, f"d{n}", "t" * 60_000)
    items = unknown.items()
    assert len(items) == UnknownList.MAX
    assert items[0]["device"] == f"d{UnknownList.MAX + 4}"
    assert items[-1]["device"] == "d5"
    unknown.add(TIME, "x" * 60_000, "t")
    unknown.add(TIME, "x" * 60_000, "t")
    assert unknown.items()[0]["count"] == 2
    assert sum(len(item["device"]) + len(item["topic"]) for item in unknown.items()) < 1_100_000
