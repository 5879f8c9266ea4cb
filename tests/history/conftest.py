"""An archive on InfluxDB, opened on a test server of its own."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.history.influxd import BUCKET, ORG, TOKEN, Influxd, influxd

from egizcore.history import InfluxSettings
from egizcore.history.influx import InfluxArchive


@pytest.fixture
async def server() -> AsyncIterator[Influxd]:
    async with influxd() as running:
        yield running


@pytest.fixture
def influx_settings(server: Influxd, tmp_path: Path) -> InfluxSettings:
    (tmp_path / "token").write_text(f"{TOKEN}\n", "ascii")
    return InfluxSettings(
        url=server.url, org=ORG, bucket=BUCKET, token_file=str(tmp_path / "token")
    )


@pytest.fixture
def unopened(influx_settings: InfluxSettings) -> InfluxArchive:
    """Built outside the loop, for it reads the token's file."""
    return InfluxArchive(influx_settings, {}, {})


@pytest.fixture
async def influxdb(unopened: InfluxArchive) -> AsyncIterator[InfluxArchive]:
    await unopened.open()
    yield unopened
    await unopened.close()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port
