"""What Prometheus' own checker says of a real scrape."""

import asyncio
import shutil

import pytest
from tests.running import running

pytestmark = pytest.mark.live


async def test_promtool_finds_nothing_to_mend_in_a_scrape() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    async with running(mqtt={"url": "mqtt://127.0.0.1:9"}) as engine:
        await engine.http.get("/api/v1/things")  # its histogram is there in the next answer
        answer = await engine.http.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'route="/api/v1/things"' in answer.text
    process = await asyncio.create_subprocess_exec(
        promtool,
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate(answer.content)
    assert (process.returncode, told.decode()) == (0, "")
