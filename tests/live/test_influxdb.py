"""The same contract on a real InfluxDB 2, where one is named by the environment.

``EGIZCORE_TEST_INFLUX_URL``, ``…_TOKEN``, ``…_ORG``, ``…_BUCKET``. The bucket may be in use: each
test has Things of its own, which it deletes at the end. Its retention must reach a few hours back.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from tests.history.asking import BASE, HOUR, MINUTE, ask, point, told
from tests.history.contract import ArchiveContract

from egizcore.errors import HistoryUnavailable
from egizcore.history import InfluxSettings, Item, Query
from egizcore.history.archive import Written
from egizcore.history.influx import InfluxArchive
from egizcore.history.point import Point
from egizcore.history.settings import MappingSettings
from egizcore.thing import Feature, Thing

NAMES = ("URL", "TOKEN", "ORG", "BUCKET")
GIVEN = {name: os.environ.get(f"EGIZCORE_TEST_INFLUX_{name}", "") for name in NAMES}

if not all(GIVEN.values()):
    pytest.skip(
        "no InfluxDB: set EGIZCORE_TEST_INFLUX_URL, _TOKEN, _ORG and _BUCKET",
        allow_module_level=True,
    )

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


class Tidy:
    """An archive that remembers whose samples it wrote."""

    def __init__(self, archive: InfluxArchive) -> None:
        self.archive = archive
        self.things: set[str] = set()

    @property
    def message(self) -> str:
        return self.archive.message

    async def open(self) -> None:
        await self.archive.open()

    async def close(self) -> None:
        await self.archive.close()

    async def page(self, query: Query) -> list[Item]:
        return await self.archive.page(query)

    async def knows(self, thing_id: str) -> bool:
        return await self.archive.knows(thing_id)

    async def write(self, points: Sequence[Point]) -> Written:
        self.things |= {one.thing_id for one in points}
        return await self.archive.write(points)


@asynccontextmanager
async def client() -> AsyncIterator[InfluxDBClientAsync]:
    async with InfluxDBClientAsync(GIVEN["URL"], GIVEN["TOKEN"], GIVEN["ORG"]) as own:
        yield own


async def delete(predicate: str) -> None:
    async with client() as own:
        await own.delete_api().delete(
            start=datetime(1970, 1, 1, tzinfo=UTC),
            stop=datetime(2200, 1, 1, tzinfo=UTC),
            predicate=predicate,
            bucket=GIVEN["BUCKET"],
        )


@pytest.fixture
def settings(tmp_path: Path) -> InfluxSettings:
    (tmp_path / "token").write_text(GIVEN["TOKEN"], "ascii")
    return InfluxSettings(
        url=GIVEN["URL"],
        org=GIVEN["ORG"],
        bucket=GIVEN["BUCKET"],
        token_file=str(tmp_path / "token"),
    )


@pytest.fixture
def unopened(settings: InfluxSettings) -> InfluxArchive:
    return InfluxArchive(settings, {}, {})


@pytest.fixture
async def archive(unopened: InfluxArchive) -> AsyncIterator[Tidy]:
    tidy = Tidy(unopened)
    await tidy.open()
    yield tidy
    await tidy.close()
    for one in tidy.things:
        await delete(f'thing_id="{one}"')


class TestInfluxdb(ArchiveContract):
    takes_mixed_kinds = False


async def test_a_thousand_points_and_a_day_of_buckets(archive: Tidy) -> None:
    one = f"test:{uuid4().hex}"
    await archive.write([point(one, at * 1000, {"number": float(at)}) for at in range(1000)])
    page = await archive.page(ask(one, limit=999, descending=True))
    assert [item[0] for item in told(page)] == [at * 1000 for at in range(999, 0, -1)]
    mean = await archive.page(ask(one, -HOUR, HOUR, every=MINUTE, aggregate="mean"))
    assert len(mean) == 17
    assert mean[0].properties == {"number": 29.5}


async def test_names_in_a_question_change_nothing(archive: Tidy) -> None:
    one = f"test:{uuid4().hex}"
    await archive.write([point(one, 0, {"number": 1.0})])
    for evil in ('") |> drop(columns: ["_value"]) //', "${bucketName}", "\\", 'x" or true or "'):
        assert await archive.page(ask(one, features=(evil,))) == []
        assert await archive.page(ask(one, properties=((evil,),))) == []
        assert not await archive.knows(evil)
    assert len(await archive.page(ask(one))) == 1


async def test_a_wrong_token_and_a_missing_bucket_are_told(
    settings: InfluxSettings, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("no-such-token", "ascii")
    for changed, words in (
        (msgspec.structs.replace(settings, token_file=str(tmp_path / "wrong")), "401"),
        (msgspec.structs.replace(settings, bucket=f"none-{uuid4().hex}"), "404"),
    ):
        archive = await asyncio.to_thread(InfluxArchive, changed, {}, {})
        await archive.open()
        with pytest.raises(HistoryUnavailable, match=words):
            await archive.page(ask("test:none"))
        assert words in archive.message
        with pytest.raises(HistoryUnavailable, match=words):
            await archive.write([point("test:none", 0, {"number": 1.0})])
        await archive.close()


async def test_what_telegrafs_json_parser_writes_is_read(settings: InfluxSettings) -> None:
    device, measurement = f"oven-{uuid4().hex}", f"mqtt_{uuid4().hex}"
    topic = f"sensors/{device}/telemetry"
    lines = [
        f"{measurement},host=gateway,topic={topic} electrical_voltage_a={220 + at},"
        f"electrical_power_factor=0.9,thermal_zones_0=185,thermal_zones_1=190i "
        f"{(BASE + at) * 1_000_000 + at}"
        for at in range(3)
    ]
    mapping = MappingSettings(
        measurement=measurement,
        tag="topic",
        value="sensors/{device}/telemetry",
        thing="test:{device}",
        field="{feature}_{property}",
        separator="_",
    )
    live = Thing(f"test:{device}", "oven", 1, 0)
    live.features["electrical"] = Feature()
    live.features["electrical"].properties = {"power_factor": 1.0, "voltage": {"a": 1.0}}
    mapped = msgspec.structs.replace(settings, mapping=mapping)
    archive = await asyncio.to_thread(InfluxArchive, mapped, {live.id: live}, {})
    await archive.open()
    async with client() as own:
        assert await own.write_api().write(GIVEN["BUCKET"], record=lines)
    try:
        assert await archive.knows(live.id)
        items = await archive.page(ask(live.id, features=("electrical",)))
        assert told(items) == [
            (at, "electrical", {"voltage": {"a": 220.0 + at}, "power_factor": 0.9})
            for at in range(3)
        ]
        last = await archive.page(
            ask(live.id, properties=(("zones",),), every=MINUTE, aggregate="last")
        )
        assert told(last) == [(0, "thermal", {"zones": [185.0, 190.0]})]
        mean = await archive.page(ask(live.id, every=MINUTE, aggregate="mean"))
        assert told(mean)[0][2] == {"voltage": {"a": 221.0}, "power_factor": pytest.approx(0.9)}
    finally:
        await archive.close()
        await delete(f'_measurement="{measurement}"')
