"""The live table."""

import io
from typing import Any

import pytest
from rich.console import Console

from egizcore.console.table import Board, Pulse, age, plain, values


def thing(name: str, **features: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"f:{name}",
        "type": "oven",
        "metadata": {},
        "features": {key: {"properties": value} for key, value in features.items()},
        "version": 7,
        "lastUpdated": "2026-01-27T10:30:00.000Z",
    }


def board(*things: dict[str, Any]) -> Board:
    shown = Board()
    shown.take({"event": "Snapshot", "seq": 1, "things": list(things), "last": True}, 0.0)
    return shown


def text(shown: Board, *, height: int = 40, width: int = 160, now: float = 0.0) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(shown.table(height, now))
    return out.getvalue()


def test_things_stand_in_the_order_of_their_ids() -> None:
    seen = text(board(thing("b"), thing("a"), thing("c")))
    assert seen.index("f:a") < seen.index("f:b") < seen.index("f:c")


def test_the_table_fits_the_screen_and_says_what_it_leaves_out() -> None:
    seen = text(board(*(thing(f"oven-{n:03d}") for n in range(100))), height=20)
    assert len(seen.splitlines()) <= 20
    assert "85 more" in seen


def test_a_row_has_values_version_age_and_rate() -> None:
    shown = board(thing("a", thermal={"temperature_zones": [185.0, 190.5]}))
    event = {"event": "StateChanged", "thingId": "f:a", "feature": "thermal", "timestamp": "t"}
    for version in range(8, 28):
        shown.take(event | {"version": version, "properties": {}}, now=10.0 + version / 4)
    seen = text(shown, now=20.0)
    assert "temperature_zones 185/190.5" in seen
    assert "27" in seen
    assert "3 s" in seen
    assert "/s" in seen


def test_an_anomaly_is_told_in_words_too() -> None:
    assert "! running" in text(
        board(thing("a", status={"operational_state": "running", "anomaly": True}))
    )


def test_what_the_machine_measures_comes_before_what_the_mains_do() -> None:
    document = thing("a", electrical={"voltage": {"a": 220}}, thermal={"setpoint": 190})
    assert list(values(document)) == ["setpoint 190", "voltage 220"]


def test_a_terminal_gets_nothing_that_it_would_obey() -> None:
    evil = "\x1b]0;owned\x07\x9b31m"
    assert "\x1b" not in plain(evil)
    seen = text(board(thing("a", status={"operational_state": evil}, x={"v": evil})))
    assert not any(char in seen for char in "\x1b\x07\x9b")


def test_a_thing_that_goes_leaves_the_table() -> None:
    shown = board(thing("a"))
    shown.take({"event": "ThingDeleted", "thingId": "f:a", "version": 8, "timestamp": "t"}, 1.0)
    assert "f:a" not in text(shown)


def test_a_pulse_comes_to_the_rate_and_fades() -> None:
    pulse = Pulse()
    for step in range(400):
        pulse.add(step / 10)
    assert pulse.read(40.0) == pytest.approx(10.0, rel=0.05)
    assert pulse.read(100.0) < 0.01


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5.0, "0 s"), (59.9, "59 s"), (60.0, "1 min"), (7200.0, "2 h"), (200_000.0, "2 d")],
)
def test_ages_are_short(seconds: float, shown: str) -> None:
    assert age(seconds) == shown
