"""Questions in turn, in time, and told apart from those that nobody can answer."""

import asyncio
from typing import final

import pytest
from tests.history.naive import NaiveArchive

from egizcore.errors import (
    EgizError,
    HistoryTimeout,
    HistoryUnavailable,
    LimitExceeded,
    ThingNotFound,
)
from egizcore.history import Item, Place, Query, Reader, reader
from egizcore.history.archive import Written
from egizcore.history.point import Point

QUERY = Query("f:oven", 0, 1000, limit=2)


@final
class Gate:
    """A store whose answers wait until it is opened."""

    def __init__(self) -> None:
        self.message = ""
        self.model = NaiveArchive()
        self.limits: list[int] = []
        self.within = 0
        self.most = 0
        self.gate = asyncio.Event()

    async def open(self) -> None:
        self.gate.set()

    async def close(self) -> None:
        self.gate.clear()

    async def write(self, points: list[Point]) -> Written:
        return await self.model.write(points)

    async def knows(self, thing_id: str) -> bool:
        return await self.model.knows(thing_id)

    async def page(self, query: Query) -> list[Item]:
        self.limits.append(query.limit)
        self.within += 1
        self.most = max(self.most, self.within)
        try:
            await self.gate.wait()
        finally:
            self.within -= 1
        return await self.model.page(query)


def points(number: int) -> list[Point]:
    return [Point("f:oven", "oven", "thermal", at, {"a": at}) for at in range(number)]


async def opened(number: int) -> tuple[Gate, Reader, list[float]]:
    gate = Gate()
    seconds: list[float] = []
    await gate.open()
    await gate.write(points(number))
    return gate, Reader(gate, seconds.append, lambda: 1000), seconds


@pytest.mark.parametrize(("number", "items", "more"), [(1, 1, False), (2, 2, False), (3, 2, True)])
async def test_it_says_whether_there_is_more(number: int, items: int, more: bool) -> None:  # noqa: FBT001
    gate, asked, seconds = await opened(number)
    found = await asked.page(QUERY, is_live=False)
    assert (len(found.items), found.more) == (items, more)
    assert gate.limits == [3]
    assert len(seconds) == 1


async def test_what_is_neither_live_nor_known_is_not_there() -> None:
    _, asked, seconds = await opened(0)
    with pytest.raises(ThingNotFound):
        await asked.page(QUERY, is_live=False)
    assert await asked.page(QUERY, is_live=True) == ([], False)
    assert await asked.page(QUERY._replace(after=Place(1, "a")), is_live=False) == ([], False)
    assert len(seconds) == 3


async def test_an_empty_range_of_what_is_known_is_empty() -> None:
    _, asked, _ = await opened(3)
    assert await asked.page(QUERY._replace(start=500), is_live=False) == ([], False)


@pytest.mark.parametrize(
    ("error", "failures"),
    [
        (HistoryUnavailable("down"), 1),
        (HistoryTimeout("late"), 1),
        (LimitExceeded("too large"), 0),
    ],
)
async def test_answers_that_the_store_owes_are_counted(
    monkeypatch: pytest.MonkeyPatch, error: EgizError, failures: int
) -> None:
    gate, asked, seconds = await opened(3)

    async def fail(_: object) -> list[Item]:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(gate, "page", fail)
        with pytest.raises(type(error)):
            await asked.page(QUERY, is_live=True)
    assert asked.failures == failures
    assert len(seconds) == 1
    await asked.page(QUERY, is_live=True)
    assert asked.failures == failures


@pytest.mark.parametrize("is_live", [True, False])
async def test_without_a_store_history_is_unavailable_of_whatever_thing(
    is_live: bool,  # noqa: FBT001
) -> None:
    asked = Reader(None, lambda _: None, lambda: 0)
    with pytest.raises(HistoryUnavailable, match=r"history\.backend is none"):
        await asked.page(QUERY, is_live=is_live)


async def test_a_store_that_is_late_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SECONDS", 0.02)
    gate, asked, seconds = await opened(3)
    await gate.close()
    with pytest.raises(HistoryTimeout):
        await asked.page(QUERY, is_live=True)
    assert gate.within == 0
    assert len(seconds) == 1
    assert asked.failures == 1
    await gate.open()
    assert len((await asked.page(QUERY, is_live=True)).items) == 2


async def test_several_questions_may_share_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "SECONDS", 0.1)
    gate, asked, _ = await opened(3)

    async def ask_on() -> None:
        async with asked.in_time():
            while True:
                await asked.page(QUERY, is_live=True)
                await asyncio.sleep(0.01)

    with pytest.raises(HistoryTimeout):
        await ask_on()
    assert len(gate.limits) > 1
    assert asked.failures == 1


async def test_the_store_has_eight_questions_before_it_at_most() -> None:
    gate, asked, _ = await opened(1)
    await gate.close()
    many = [asyncio.create_task(asked.page(QUERY, is_live=True)) for _ in range(30)]
    await asyncio.sleep(0.01)
    assert gate.within == reader.AT_ONCE == 8
    await gate.open()
    assert [len((await one).items) for one in many] == [1] * 30
    assert gate.most == 8


async def test_one_that_waits_too_long_for_its_turn_is_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "TURN_SECONDS", 0.02)
    gate, asked, seconds = await opened(1)
    await gate.close()
    first = [asyncio.create_task(asked.page(QUERY, is_live=True)) for _ in range(8)]
    await asyncio.sleep(0)
    with pytest.raises(HistoryUnavailable, match="Too many"):
        await asked.page(QUERY, is_live=True)
    await gate.open()
    await asyncio.gather(*first)
    assert (await asked.page(QUERY, is_live=True)).items
    assert len(seconds) == 9


async def test_a_flood_of_questions_does_not_pile_up() -> None:
    gate, asked, _ = await opened(1)
    await gate.close()
    room = reader.AT_ONCE + reader.MAX_WAITING
    many = [asyncio.create_task(asked.page(QUERY, is_live=True)) for _ in range(room)]
    await asyncio.sleep(0.01)
    with pytest.raises(HistoryUnavailable, match="Too many"):
        await asked.page(QUERY, is_live=True)
    await gate.open()
    assert len(await asyncio.gather(*many)) == room
    assert asked.failures == 0, "the store is well"


async def test_whoever_gives_up_makes_room() -> None:
    gate, asked, _ = await opened(1)
    await gate.close()
    many = [asyncio.create_task(asked.page(QUERY, is_live=True)) for _ in range(20)]
    await asyncio.sleep(0.01)
    for one in many:
        one.cancel()
    await asyncio.gather(*many, return_exceptions=True)
    await gate.open()
    assert (await asked.page(QUERY, is_live=True)).items
