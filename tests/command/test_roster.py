"""Who reports for which Thing, against a model that keeps every report."""

from hypothesis import given
from hypothesis import strategies as st
from tests.command.plant import Line, link

from egizcore.command.roster import ENDPOINT, Roster
from egizcore.thing.model import Thing

ORIGINS = (Line("one"), Line("two"), Line("two"), link())
steps = st.lists(
    st.tuples(
        st.sampled_from(["t1", "t2", "t3"]),
        st.sampled_from(["d1", "d2", "d3", None]),
        st.sampled_from(ORIGINS),
    ),
    max_size=40,
)


@given(steps)
def test_the_roster_knows_the_last_reporter_of_each_thing_and_no_more(
    reports: list[tuple[str, str | None, Line]],
) -> None:
    roster = Roster()
    things = {name: Thing(name, "oven", 1, 0) for name in ("t1", "t2", "t3")}
    last: dict[str, str] = {}
    came: dict[str, Line] = {}
    for name, device, origin in reports:
        if device is None:
            roster.leave(things[name])
            last.pop(name, None)
        else:
            roster.note(things[name], device, origin)
            last[name], came[device] = device, origin
            assert roster.knows(things[name], device, origin)
    assert {name: thing.reporter for name, thing in things.items() if thing.reporter} == last
    for device in ("d1", "d2", "d3"):
        known = roster.device(device)
        reported = {name for name, by in last.items() if by == device}
        assert (known is not None) == bool(reported)
        if known is not None:
            assert set(known.things) == reported
            assert known.origin is came[device]
    for client_id in ("one", "two"):
        assert {device.name for device in roster.published(client_id)} == {
            device
            for device in last.values()
            if (came[device].source, came[device].client_id) == (ENDPOINT, client_id)
        }


def test_what_nobody_reports_for_any_more_leaves_nothing_behind() -> None:
    roster, thing = Roster(), Thing("t", "oven", 1, 0)
    roster.note(thing, "d", Line("c"))
    roster.leave(thing)
    assert (roster._devices, roster._published) == ({}, {})


def test_a_device_of_the_table_stays_and_is_found_where_it_last_came() -> None:
    roster, thing = Roster({"d": "t"}), Thing("t", "oven", 1, 0)
    roster.note(thing, "d", Line("one"))
    roster.note(thing, "other", Line("one"))
    assert [device.name for device in roster.published("one")] == ["d", "other"]
    roster.note(thing, "d", line := Line("two"))
    roster.leave(thing)
    known = roster.device("d")
    assert known is not None
    assert (known.origin, known.things) == (line, {})
    assert not roster._published.get("one")
