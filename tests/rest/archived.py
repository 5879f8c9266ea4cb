"""An app with an archive behind it, and an oven with a past."""

import csv
import json
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any, final

import httpx
from tests.history.naive import NaiveArchive
from tests.rest.served import NOW, World

from egizcore.errors import HistoryUnavailable
from egizcore.history import Item, Query
from egizcore.history.archive import Written
from egizcore.history.point import Point

URL = "/api/v1/things/f:oven/history"
MINUTE = 60_000
HOUR = 60 * MINUTE
TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson",
}


@final
class Store:
    """An archive in memory that does *before* each question what a test wants of it.

    It is told the question's number, and may give something to wait for.
    """

    def __init__(self, before: Callable[[int], Any] | None = None) -> None:
        self.model = NaiveArchive()
        self.message = ""
        self.asked: list[Query] = []
        self.before = before

    async def open(self) -> None:
        raise AssertionError

    async def close(self) -> None:
        raise AssertionError

    async def write(self, points: Sequence[Point]) -> Written:
        return await self.model.write(points)

    async def knows(self, thing_id: str) -> bool:
        return await self.model.knows(thing_id)

    async def page(self, query: Query) -> list[Item]:
        self.asked.append(query)
        if self.before is not None:
            waiting = self.before(len(self.asked))
            if waiting is not None:
                await waiting
        return await self.model.page(query)


def down(_: int) -> None:
    raise HistoryUnavailable("The store is down.")


def point(ago: int, properties: dict[str, Any], feature: str = "thermal") -> Point:
    """A sample of the oven, *ago* milliseconds before now."""
    return Point("f:oven", "oven", feature, NOW - ago, properties)


async def served(*points: Point) -> httpx.AsyncClient:
    store = Store()
    await store.write(points)
    return World(archive=store).client()


async def got(client: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"{URL}?{query}" if query else URL)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPES["json"]
    page: dict[str, Any] = answer.json()
    return page


async def walked(client: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await got(client, query if cursor is None else f"{query}&cursor={cursor}")
        items += page["items"]
        cursor = page["nextCursor"]
        if cursor is None:
            return items
        assert page["items"]


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPES["ndjson"]
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.split("\n")[:-1]]


def rows(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == TYPES["csv"]
    return list(csv.reader(StringIO(answer.text, newline=""), strict=True))
