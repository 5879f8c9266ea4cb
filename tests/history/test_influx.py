"""The archive on InfluxDB, through the official client, against the test server."""

import asyncio

import msgspec
import pytest
from tests.history.contract import ArchiveContract
from tests.history.flux_engine import Value
from tests.history.influxd import Influxd
from tests.history.plant import AT, HEAD, OVEN, ROW, lately, opened, sample

from egizcore.errors import HistoryUnavailable
from egizcore.history import InfluxSettings, Query
from egizcore.history.influx import InfluxArchive
from egizcore.history.point import Point
from egizcore.history.settings import MappingSettings
from egizcore.observability import Tracer
from egizcore.thing import Feature, Thing


@pytest.fixture
def archive(influxdb: InfluxArchive) -> InfluxArchive:
    return influxdb


class TestInfluxArchive(ArchiveContract):
    takes_mixed_kinds = False


async def test_a_question_belongs_to_the_trace_of_whoever_asks(
    server: Influxd, archive: InfluxArchive
) -> None:
    await archive.page(lately())
    assert server.traceparent == ""
    with Tracer().call("history page") as span:
        await archive.page(lately())
    assert server.traceparent == span.context.fields()["traceparent"]


class TestWriting:
    async def test_the_layout_is_the_documented_one(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        await archive.write([sample(zones=[185, None], state="on", ok=True)])
        assert server.writes[-1].decode() == (
            'thermal,thing_id=factory:oven-001,type=oven zones[0]=185.0,state="on",ok=true '
            "1769509800123"
        )

    async def test_a_conflict_of_types_costs_only_its_points(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        await archive.write([sample(v=1.0)])
        mixed = [sample(AT + at, v="text" if at % 3 == 0 else 2.0) for at in range(1, 10)]
        assert await archive.write(mixed) == (6, 3)
        assert archive.message == ""
        assert len(await archive.page(lately())) == 7

    async def test_a_batch_that_is_too_large_goes_in_halves(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        server.largest_body = 500
        points = [sample(AT + at) for at in range(50)]
        assert await archive.write([*points, sample(AT + 99, text="x" * 600)]) == (50, 1)
        assert len(await archive.page(lately())) == 50

    async def test_a_line_that_cannot_be_read_costs_only_its_point(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        bad = Point(OVEN, "", "thermal", AT, {"v": 1.0})  # no type: InfluxDB wants a tag's value
        good = [sample(AT + at) for at in range(1, 8)]
        assert await archive.write([*good[:3], bad, *good[3:]]) == (7, 1)

    async def test_times_that_influxdb_cannot_tell_are_a_conflict(
        self, archive: InfluxArchive
    ) -> None:
        assert await archive.write([sample(1 << 60), sample(), sample(-(1 << 60))]) == (1, 2)
        ages = Query(OVEN, -(1 << 60), 1 << 60)
        assert len(await archive.page(ages)) == 1
        assert await archive.page(Query(OVEN, 1 << 60, 1 << 61)) == []

    async def test_the_store_may_ask_for_a_pause(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        for asked, wanted in (("17", 17.0), ("99999999", 3600.0), ("Tue, 24 Nov 2026", None)):
            server.refuse(429, "slow down", Retry_After=asked)
            with pytest.raises(HistoryUnavailable) as told:
                await archive.write([sample()])
            assert told.value.retry_after == wanted

    async def test_what_is_refused_for_now_may_be_written_again(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        batch = [sample(AT + at) for at in range(10)]
        server.refuse(503, "starting")
        with pytest.raises(HistoryUnavailable):
            await archive.write(batch)
        server.fault = None
        assert await archive.write(batch) == (10, 0)
        assert len(await archive.page(lately())) == 10

    async def test_others_have_their_turn_while_a_batch_is_written(
        self, archive: InfluxArchive
    ) -> None:
        wide = {f"property-{number}": float(number) for number in range(10)}
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await archive.write([sample(AT + at, **wide) for at in range(5_000)])
        beside.cancel()
        assert turns > 20


class TestReading:
    async def test_an_answer_may_be_compressed(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        server.compresses = True
        await archive.write([sample(AT + at, state="°C") for at in range(100)])
        assert len(await archive.page(lately())) == 100

    async def test_others_have_their_turn_while_an_answer_comes(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        server.say((HEAD.format(kind="double") + ROW * 20_000).encode())
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await archive.page(lately(limit=100_000))
        beside.cancel()
        assert turns > 100

    @pytest.mark.parametrize("descending", [False, True])
    async def test_samples_within_a_millisecond_are_one_and_the_page_is_full(
        self,
        server: Influxd,
        archive: InfluxArchive,
        descending: bool,  # noqa: FBT001
    ) -> None:
        tags = {"thing_id": OVEN}
        for at in range(2000):  # a microsecond apart: two milliseconds
            server.keep("thermal", tags, {"v": Value("float", float(at))}, AT * 10**6 + at * 1000)
        server.keep("thermal", tags, {"w": Value("float", 1.0)}, (AT + 1) * 10**6)
        page = await archive.page(lately(limit=2, descending=descending))
        assert [(one.at - AT, one.properties) for one in page] == [
            (0, {"v": 999.0}),
            (1, {"v": 1999.0, "w": 1.0}),
        ][:: -1 if descending else 1]

    async def test_integers_of_others_are_floats_here(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        for at, kind in enumerate(("int", "uint")):
            server.keep("f", {"thing_id": OVEN}, {f"v{at}": Value(kind, 7)}, AT * 10**6)
        for options in ({}, {"every": 1000, "aggregate": "sum"}, {"every": 1, "aggregate": "last"}):
            (item,) = await archive.page(lately(**options))
            assert [type(value) for value in item.properties.values()] == [float, float]

    async def test_what_telegraf_wrote_is_read_through_a_mapping(
        self, server: Influxd, influx_settings: InfluxSettings
    ) -> None:
        """Telegraf's JSON parser as it comes: one measurement, the topic as a tag, names joined."""
        mapping = MappingSettings(
            measurement="mqtt_consumer",
            tag="topic",
            value="sensors/{device}/telemetry",
            thing="factory:{device}",
            field="{feature}_{property}",
            separator="_",
        )
        for device, offset in (("oven-001", 0.0), ("esp32-a1b2", 1.0), ("oven-002", 2.0)):
            server.keep(
                "mqtt_consumer",
                {"topic": f"sensors/{device}/telemetry", "host": "gateway"},
                {
                    "electrical_power_factor": Value("float", 0.9 + offset),
                    "electrical_voltage_a": Value("float", 220.5 + offset),
                    "thermal_temperature_zones_0": Value("float", 185.0),
                    "thermal_temperature_zones_1": Value("float", 190.0),
                },
                (AT + int(offset)) * 10**6,
            )
        live = Thing(OVEN, "oven", 1, AT)
        live.features["electrical"] = Feature()
        live.features["electrical"].properties = {"power_factor": 1.0, "voltage": {"a": 1.0}}
        mapped = msgspec.structs.replace(influx_settings, mapping=mapping)
        async with opened(mapped, {OVEN: live}, {"esp32-a1b2": OVEN}) as archive:
            assert [
                (one.at - AT, one.feature, one.properties) for one in await archive.page(lately())
            ] == [
                (0, "electrical", {"power_factor": 0.9, "voltage": {"a": 220.5}}),
                (0, "thermal", {"temperature": {"zones": [185.0, 190.0]}}),
                (1, "electrical", {"power_factor": 1.9, "voltage": {"a": 221.5}}),
                (1, "thermal", {"temperature": {"zones": [185.0, 190.0]}}),
            ]
            mean = lately(
                features=("electrical",), properties=(("voltage",),), every=60_000, aggregate="mean"
            )
            (item,) = await archive.page(mean)
            assert item.properties == {"voltage": {"a": 221.0}}
            assert await archive.knows(OVEN)
            assert await archive.knows("factory:oven-002")
            assert not await archive.knows("factory:esp32-a1b2")
            assert not await archive.knows("bakery:oven-001")

    async def test_no_value_of_a_caller_stands_in_the_text(
        self, server: Influxd, archive: InfluxArchive
    ) -> None:
        evil = '") |> drop(columns: ["_value"]) //${x}\n'
        await archive.page(lately(features=(evil,), properties=((evil,),)))
        asked = server.queries[-1]
        assert "drop(columns: [\\" not in asked["query"]
        assert "${x}" not in asked["query"]
        assert evil in [one["assignment"]["init"].get("value") for one in asked["extern"]["body"]]
