import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from structlog.testing import capture_logs
from tests.mqtt.peers import until

from egizcore import backoff
from egizcore.bus import Bus
from egizcore.errors import HistoryTimeout, HistoryUnavailable
from egizcore.history import HistorySettings, Point, Recorder, Written, recorder
from egizcore.quantity import Duration
from egizcore.state import LimitSettings, Reading, Registry, Store, settle
from egizcore.thing import read_feature, read_thing, rfc3339

START = 1_790_000_000_000
OVEN = "factory:oven-001"


class Shelf:
    """An archive that keeps points in a list, as long as it is up."""

    message = ""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.is_down = False
        self.tried = asyncio.Event()
        self.conflict = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def page(self, query: Any) -> Any: ...

    async def knows(self, thing_id: str) -> bool:
        return any(point.thing_id == thing_id for point in self.points)

    async def write(self, points: Sequence[Point]) -> Written:
        self.tried.set()
        if self.is_down:
            raise HistoryUnavailable("The shelf is down.", retry_after=0.01)
        self.points += points
        return Written(len(points) - self.conflict, self.conflict)

    def of(self, feature: str = "thermal") -> list[tuple[int, Any]]:
        return [
            (point.at - START, point.properties)
            for point in self.points
            if point.feature == feature
        ]


class Plant:
    """A store with one recorder, and a clock that the test moves."""

    def __init__(self, **settings: Any) -> None:
        self.at = START
        self.shelf = Shelf()
        self.recorder = Recorder(HistorySettings(backend="sqlite", **settings), self.shelf)
        self.store = Store(Bus("epoch"), LimitSettings())
        self.store.record_with(self.recorder.due, self.recorder.late)
        self.registry = Registry(self.store, lambda: self.at)

    def report(self, at: int, properties: dict[str, Any], feature: str = "thermal") -> None:
        """Telemetry without a device clock, *at* milliseconds after the start."""
        self.at = now = START + at
        reading = {feature: properties}
        thing = self.store.things.get(OVEN)
        if thing is None or not self.store.report(thing, reading, 40, now, rfc3339(now)):
            settle(self.store, OVEN, "oven", Reading(reading, now))

    def sample(self, at: int, properties: dict[str, Any]) -> str:
        """Telemetry with a device clock."""
        now = START + at
        return settle(self.store, OVEN, "oven", Reading({"thermal": properties}, self.at, now))

    async def rest(self, looks: int = 3) -> None:
        for _ in range(looks):
            await self.recorder.look()

    async def end(self) -> list[tuple[int, Any]]:
        await self.recorder.finish(5)
        return self.shelf.of()


async def test_the_first_report_is_kept_and_then_one_a_second() -> None:
    plant = Plant()
    for tenth in range(25):
        plant.report(tenth * 100, {"t": tenth})
        if tenth % 3 == 2:
            await plant.recorder.look()
    kept = await plant.end()
    assert [at for at, _ in kept] == [0, 1000, 2000, 2400]
    assert kept[-1] == (2400, {"t": 24})


async def test_a_sample_holds_the_whole_feature_not_the_patch() -> None:
    plant = Plant()
    plant.report(0, {"t": 1, "u": {"a": 1}})
    plant.report(1500, {"t": 2})
    assert await plant.end() == [(0, {"t": 1, "u": {"a": 1}}), (1500, {"t": 2, "u": {"a": 1}})]


async def test_the_last_state_before_a_rest_is_kept_within_a_second() -> None:
    plant = Plant()
    plant.report(0, {"t": 1})
    plant.report(200, {"t": 2})
    plant.report(300, {"t": 3})
    await plant.rest(2)
    assert plant.recorder.waiting == 1
    await plant.rest(1)
    assert plant.recorder.waiting == 2
    await plant.rest(9)
    assert await plant.end() == [(0, {"t": 1}), (300, {"t": 3})]


async def test_two_reports_a_second_are_no_rest() -> None:
    plant = Plant()
    for half in range(8):
        plant.report(half * 500, {"t": half})
        await plant.rest(2 if half % 2 else 1)
    assert [at for at, _ in plant.shelf.of()] == []
    await plant.recorder.finish(5)
    assert [at for at, _ in plant.shelf.of()] == [0, 1000, 2000, 3000, 3500]


async def test_a_feature_that_rested_is_due_at_once_and_is_no_longer_watched() -> None:
    plant = Plant(sample=Duration(60))
    plant.report(0, {"t": 1})
    await plant.rest(8)
    plant.report(2_000, {"t": 2})  # it rested for two seconds: too soon
    assert plant.recorder.waiting == 1
    await plant.rest(3 + 9)
    assert plant.recorder._watched == {}
    plant.report(10_000, {"t": 3})
    assert [at for at, _ in await plant.end()] == [0, 2_000, 10_000]


async def test_a_clock_that_is_set_back_costs_one_look_not_the_time_it_was_set_back_by() -> None:
    plant = Plant()
    plant.report(0, {"t": 0})
    for half in range(1, 11):
        plant.report(half * 500 - 3_600_000, {"t": half})
        await plant.rest(2)
    kept = [at + 3_600_000 for at, _ in (await plant.end())[1:]]
    assert kept == [1000, 2000, 3000, 4000, 5000]


async def test_a_store_that_is_slow_gets_smaller_and_smaller_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant = Plant(sample=Duration(0))
    sizes: list[int] = []

    async def write(points: Sequence[Point]) -> Written:
        sizes.append(len(points))
        if len(points) > 30:
            raise HistoryTimeout("That took too long.")
        return Written(len(points))

    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(plant.shelf, "write", write)
    tasks = [asyncio.create_task(run()) for run in (plant.recorder.watch, plant.recorder.write)]
    for at in range(100):
        plant.report(at, {"t": at})
    await until(lambda: plant.recorder.written == 100)
    assert sizes == [100, 50, 25, 50, 25, 50, 25, 25]
    await _cancelled(tasks)


async def test_a_batch_ends_where_it_holds_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "BATCH_LEAVES", 10)
    plant = Plant(sample=Duration(0))
    sizes: list[int] = []

    async def write(points: Sequence[Point]) -> Written:
        sizes.append(len(points))
        return Written(len(points))

    monkeypatch.setattr(plant.shelf, "write", write)
    for at in range(5):
        plant.report(at, {"t": [at] * 4})
    await plant.recorder.finish(5)
    assert sizes == [2, 2, 1]


async def test_with_no_sample_time_each_change_is_kept() -> None:
    plant = Plant(sample=Duration(0))
    for at in (0, 0, 1, 1, 5):
        plant.report(at, {"t": at})
    assert [at for at, _ in await plant.end()] == [0, 0, 1, 1, 5]


async def test_a_feature_may_have_a_sample_time_of_its_own() -> None:
    plant = Plant(sample_features={"status": Duration(0)})
    for at in (0, 100, 200):
        plant.report(at, {"on": True}, "status")
        plant.report(at, {"t": at})
    await plant.recorder.finish(5)
    assert [at for at, _ in plant.shelf.of("status")] == [0, 100, 200]
    assert [at for at, _ in plant.shelf.of()] == [0, 200]


async def test_the_time_between_samples_is_the_devices() -> None:
    plant = Plant()
    for at in (-60_000, -59_500, -59_000, -58_000):  # a buffer that is sent at once
        assert plant.sample(at, {"t": at}) == "applied"
    assert [at for at, _ in await plant.end()] == [-60_000, -59_000, -58_000]


async def test_late_samples_are_kept_with_their_own_time() -> None:
    plant = Plant()
    plant.sample(5000, {"t": 5, "u": 1})
    assert plant.sample(3000, {"t": 3}) == "late"
    assert plant.sample(4000, {"t": 4, "u": None}) == "late"
    assert await plant.end() == [
        (5000, {"t": 5, "u": 1}),
        (3000, {"t": 3}),
        (4000, {"t": 4, "u": None}),
    ]


async def test_what_rest_writes_is_kept_too() -> None:
    plant = Plant()
    document = {"id": OVEN, "type": "oven", "features": {"thermal": {"properties": {"t": 1}}}}
    plant.registry.create(read_thing(document, versioned=False))
    plant.at += 2000
    draft = read_feature({"properties": {"t": 2}})
    plant.registry.merge_feature(OVEN, "thermal", draft)
    assert await plant.end() == [(0, {"t": 1}), (2000, {"t": 2})]


async def test_desired_states_and_empty_features_are_no_samples() -> None:
    plant = Plant()
    document = {"id": OVEN, "type": "oven", "features": {"thermal": {}}}
    plant.registry.create(read_thing(document, versioned=False))
    plant.registry.merge_feature(OVEN, "thermal", read_feature({"desiredState": {"t": 2}}))
    await plant.rest()
    assert await plant.end() == []


async def test_a_deleted_thing_leaves_its_last_state_and_nothing_behind() -> None:
    plant = Plant()
    plant.report(0, {"t": 1})
    plant.report(500, {"t": 2})
    plant.registry.delete(OVEN)
    await plant.rest(20)
    assert plant.recorder._watched == {}
    assert await plant.end() == [(0, {"t": 1}), (500, {"t": 2})]


@given(some.lists(some.one_of(some.integers(1, 3000), some.just("look")), min_size=1, max_size=60))
async def test_samples_keep_their_distance_and_the_newest_state_is_never_lost(
    steps: list[Any],
) -> None:
    plant = Plant()
    reports = [0]
    plant.report(0, {"t": 0})
    for step in steps:
        if step == "look":
            await plant.recorder.look()
        else:
            reports.append(reports[-1] + step)
            plant.report(reports[-1], {"t": reports[-1]})
    kept = await plant.end()
    times = [at for at, _ in kept]
    assert all(properties == {"t": at} for at, properties in kept)
    assert times == sorted(set(times))
    assert set(times) <= set(reports)
    assert times[-1] == reports[-1]
    # Of each second that had reports one is kept; no report is further than that from a sample.
    for at in reports:
        assert any(at - 1000 < one <= at or one == at for one in times) or at > times[-1]


async def test_points_reach_the_store_soon_and_in_order() -> None:
    plant = Plant(sample=Duration(0))
    tasks = [asyncio.create_task(run()) for run in (plant.recorder.watch, plant.recorder.write)]
    for at in range(3):
        plant.report(at, {"t": at})
    await asyncio.wait_for(plant.shelf.tried.wait(), 5)
    assert [at for at, _ in plant.shelf.of()] == [0, 1, 2]
    assert (plant.recorder.written, plant.recorder.waiting) == (3, 0)
    await _cancelled(tasks)


async def test_a_store_that_comes_back_gets_everything_that_waited() -> None:
    plant = Plant(sample=Duration(0))
    plant.shelf.is_down = True
    tasks = [asyncio.create_task(run()) for run in (plant.recorder.watch, plant.recorder.write)]
    for at in range(3):
        plant.report(at, {"t": at})
    await asyncio.wait_for(plant.shelf.tried.wait(), 5)
    plant.report(3, {"t": 3})
    plant.shelf.is_down = False
    await until(lambda: not plant.recorder.waiting and len(plant.shelf.points) == 4)
    assert [at for at, _ in plant.shelf.of()] == [0, 1, 2, 3]
    assert plant.recorder.dropped == 0
    assert plant.recorder.failures > 0
    await _cancelled(tasks)


async def test_while_the_store_is_down_the_oldest_samples_go_and_are_counted() -> None:
    plant = Plant(sample=Duration(0), outbox=10)
    plant.shelf.is_down = True
    tasks = [asyncio.create_task(run()) for run in (plant.recorder.watch, plant.recorder.write)]
    for at in range(7):
        plant.report(at, {"t": at})
    await asyncio.wait_for(plant.shelf.tried.wait(), 5)
    for at in range(7, 15):
        plant.report(at, {"t": at})
    assert (plant.recorder.dropped, plant.recorder.waiting) == (5, 10)
    assert "5 of the oldest" in plant.recorder.message
    plant.shelf.is_down = False
    await until(lambda: not plant.recorder.message)
    assert [at for at, _ in plant.shelf.of()] == list(range(5, 15))
    await _cancelled(tasks)


async def test_refused_points_are_counted_and_not_tried_again() -> None:
    plant = Plant(sample=Duration(0))
    plant.shelf.conflict = 1
    plant.report(0, {"t": 0})
    plant.report(1, {"t": "hot"})
    await plant.recorder.finish(5)
    assert (plant.recorder.written, plant.recorder.conflict) == (1, 1)


async def test_at_the_end_what_cannot_be_written_is_counted_as_dropped() -> None:
    plant = Plant(sample=Duration(0))
    plant.shelf.is_down = True
    for at in range(3):
        plant.report(at, {"t": at})
    await plant.recorder.finish(5)
    assert (plant.recorder.dropped, plant.recorder.waiting) == (3, 0)


async def test_a_store_that_asks_for_no_time_is_left_alone_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backoff, "FIRST", 0.1)
    plant = Plant(sample=Duration(0))
    tries = 0

    async def write(points: Sequence[Point]) -> Written:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise HistoryUnavailable("The shelf is down.")
        return Written(len(points))

    monkeypatch.setattr(plant.shelf, "write", write)
    tasks = [asyncio.create_task(run()) for run in (plant.recorder.watch, plant.recorder.write)]
    plant.report(0, {"t": 0})
    await until(lambda: plant.recorder.written > 0)
    assert plant.recorder.failures == 2
    await _cancelled(tasks)


async def test_a_store_that_says_come_back_at_once_is_not_asked_in_a_tight_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant = Plant(sample=Duration(0))

    async def write(points: Sequence[Point]) -> Written:
        raise HistoryUnavailable("The shelf is down.", retry_after=0.0)

    monkeypatch.setattr(plant.shelf, "write", write)
    tasks = [asyncio.create_task(run()) for run in (plant.recorder.watch, plant.recorder.write)]
    plant.report(0, {"t": 0})
    await asyncio.sleep(1)
    assert 1 <= plant.recorder.failures <= 20
    await _cancelled(tasks)


async def test_a_bug_of_a_store_costs_the_last_samples_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant = Plant(sample=Duration(0))

    async def write(points: Sequence[Point]) -> Written:
        raise ZeroDivisionError

    monkeypatch.setattr(plant.shelf, "write", write)
    plant.report(0, {"t": 0})
    with capture_logs():
        await plant.recorder.finish(5)
    assert (plant.recorder.dropped, plant.recorder.waiting) == (1, 0)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
