"""The benchmark itself: it must count right, or it measures nothing."""

import asyncio
import shutil
from pathlib import Path

import pytest
from bench.picture import picture
from bench.result import Results
from bench.scenario import highest
from tests.running import running

from bench import tools

THINGS = 50


def test_the_highest_rate_is_found_from_below_and_from_above() -> None:
    for start in (10.0, 1000.0):
        found = highest(lambda rate: rate <= 300, start, steps=8)
        assert 295 < found <= 300


def test_what_never_holds_has_no_highest_rate() -> None:
    assert highest(lambda _rate: False, 100.0) == 0


def test_a_table_tells_the_medians_their_range_and_the_ratios(tmp_path: Path) -> None:
    results = Results()
    for value in (100.0, 300.0, 200.0):
        results.add("flood", "messages", "/s", "egizcore", value)
    results.add("flood", "messages", "/s", "go", 400.0)
    table = results.table()
    assert "200 (100 to 300) /s" in table
    assert "egizcore/go 0.50" in table
    picture(results, tmp_path)
    assert "flood: messages" in (tmp_path / "results.svg").read_text()


def test_a_hiccup_does_not_end_the_search() -> None:
    seen: set[float] = set()

    def trial(rate: float) -> bool:
        is_second = rate in seen
        seen.add(rate)
        return is_second and rate <= 300

    assert 280 < highest(trial, 10.0) <= 300


def test_a_curve_tells_each_system_beside_its_own_first_point(tmp_path: Path) -> None:
    results = Results()
    for size, cost in ((100, 2.0), (1000, 3.0)):
        results.point("cost by Things", size, "µs", "egizcore", cost)
    results.point("cost by Things", 1000, "µs", "go", 5.0)  # it had no first point
    assert "egizcore x 1.50" in results.table()
    assert "go x" not in results.table()
    results.write(tmp_path / "results.json")
    assert '"to the first": {\n    "egizcore": 1.5' in (tmp_path / "results.json").read_text()
    picture(results, tmp_path)
    assert "<polyline" in (tmp_path / "results.svg").read_text()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
async def test_every_message_is_counted_once_by_every_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "BUILT", tmp_path)
    await asyncio.to_thread(tools.build)
    async with running() as it:
        listener = await asyncio.to_thread(tools.Listener, it.engine.server.port, 7, "all")
        sent = 40 * THINGS
        await asyncio.to_thread(
            tools.publish, it.mqtt_port, sent, devices=THINGS, payload="timed", rate=50_000.0
        )
        told = await asyncio.to_thread(listener.result, 7 * sent)
    assert told["changes"] == 7 * sent
    assert told["broken"] == 0
    assert 0 < told["p50"] <= told["p99"] <= told["max"]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
async def test_every_puback_is_counted_and_silent_subscriptions_are_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "BUILT", tmp_path)
    await asyncio.to_thread(tools.build)
    async with running() as it:
        port = it.engine.server.port
        silent = await asyncio.to_thread(tools.Listener, port, 2, "silent", devices=30)
        terms = await asyncio.to_thread(tools.Listener, port, 2, "terms", devices=10)
        sent = 1500 * THINGS  # more than there are packet identifiers
        told = await asyncio.to_thread(
            tools.publish, it.mqtt_port, sent, devices=THINGS, at_qos1=True
        )
        heard = [await asyncio.to_thread(one.result, 0) for one in (silent, terms)]
    assert (told["acknowledged"], told["disorder"]) == (sent, 0)
    assert [one["events"] for one in heard] == [0, 0]
