"""An oven, its samples, and questions about them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from egizcore.history import InfluxSettings, Query
from egizcore.history.influx import InfluxArchive
from egizcore.history.point import Point
from egizcore.thing import Thing

AT = 1_769_509_800_123
OVEN = "factory:oven-001"


def sample(at: int = AT, **properties: Any) -> Point:
    return Point(OVEN, "oven", "thermal", at, properties or {"setpoint": 190.0})


def lately(**options: Any) -> Query:
    return Query(OVEN, AT - 60_000, AT + 60_000, **options)


@contextlib.asynccontextmanager
async def opened(
    settings: InfluxSettings,
    things: Mapping[str, Thing] | None = None,
    devices: Mapping[str, str] | None = None,
) -> AsyncIterator[InfluxArchive]:
    archive = await asyncio.to_thread(InfluxArchive, settings, things or {}, devices or {})
    await archive.open()
    try:
        yield archive
    finally:
        await archive.close()


HEAD = (
    "#datatype,string,long,dateTime:RFC3339,{kind},string,string\r\n"
    "#group,false,false,false,false,true,true\r\n"
    "#default,_result,,,,,\r\n"
    ",result,table,_time,_value,_field,_measurement\r\n"
)
ROW = ",,0,2026-01-27T10:30:00.123Z,190,setpoint,thermal\r\n"
