"""What goes wrong at InfluxDB costs history only, and is told to whoever can mend it."""

import asyncio
import contextlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.history.influxd import Influxd
from tests.history.plant import AT, HEAD, OVEN, ROW, lately, opened, sample

from egizcore.errors import EgizError, HistoryTimeout, HistoryUnavailable, LimitExceeded
from egizcore.history import InfluxSettings, influx, pivot
from egizcore.history.influx import InfluxArchive


@pytest.fixture
def archive(influxdb: InfluxArchive) -> InfluxArchive:
    return influxdb


async def refused(archive: InfluxArchive, error: type[EgizError] = HistoryUnavailable) -> str:
    """What a query says that must fail."""
    with pytest.raises(error) as told:
        await archive.page(lately())
    return str(told.value)


ENOUGH = 32 << 20
"""Bytes of a gigabyte that buffers on the way may take, the kernel's among them."""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "InfluxDB answers with status 400: sorry"),
        (401, "InfluxDB does not know the token (401): see influxdb.token_file: sorry"),
        (403, "InfluxDB's token may not do that here (403)"),
        (404, "see influxdb.url, influxdb.org and influxdb.bucket: sorry"),
        (429, "InfluxDB asks for fewer requests (429): sorry"),
        (500, "InfluxDB answers with status 500: sorry"),
        (503, "InfluxDB answers with status 503: sorry"),
    ],
)
async def test_a_refusal_is_told_until_a_call_succeeds(
    server: Influxd, archive: InfluxArchive, status: int, words: str
) -> None:
    server.refuse(status, "sorry")
    assert words in await refused(archive)
    assert words in archive.message
    with pytest.raises(HistoryUnavailable):
        await archive.knows(OVEN)
    server.fault = None
    assert await archive.page(lately()) == []
    assert archive.message == ""


async def test_a_wrong_token_and_a_missing_bucket_are_named(
    server: Influxd, influx_settings: InfluxSettings, tmp_path: Path
) -> None:
    async with opened(msgspec.structs.replace(influx_settings, bucket="nothing")) as archive:
        assert 'could not find bucket "nothing"' in await refused(archive)
        with pytest.raises(HistoryUnavailable, match='bucket "nothing" not found'):
            await archive.write([sample()])
    async with opened(msgspec.structs.replace(influx_settings, org="none")) as archive:
        assert 'organization name "none" not found' in await refused(archive)
    (tmp_path / "wrong").write_text("another-token", "ascii")
    wrong = msgspec.structs.replace(influx_settings, token_file=str(tmp_path / "wrong"))
    async with opened(wrong) as archive:
        assert "influxdb.token_file" in await refused(archive)
        assert "another-token" not in archive.message


async def test_nobody_is_there(influx_settings: InfluxSettings, unused_port: int) -> None:
    nowhere = msgspec.structs.replace(influx_settings, url=f"http://127.0.0.1:{unused_port}")
    async with opened(nowhere) as archive:
        assert await refused(archive) == "InfluxDB cannot be reached: Connection refused"
        with pytest.raises(HistoryUnavailable):
            await archive.write([sample()])


async def test_tls_where_there_is_none_is_told(
    server: Influxd, influx_settings: InfluxSettings
) -> None:
    secure = msgspec.structs.replace(influx_settings, url=server.url.replace("http:", "https:"))
    async with opened(secure) as archive:
        assert "InfluxDB speaks no TLS that we know: [SSL" in await refused(archive)


async def test_an_archive_looks_by_itself_whether_the_store_is_there(
    influx_settings: InfluxSettings, unused_port: int
) -> None:
    nowhere = msgspec.structs.replace(influx_settings, url=f"http://127.0.0.1:{unused_port}")
    async with opened(nowhere) as archive:
        async with asyncio.timeout(5):
            while not archive.message:  # noqa: ASYNC110 - a property has no event
                await asyncio.sleep(0)


async def test_the_looks_outlive_what_nobody_expected(
    unopened: InfluxArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx, "WATCH_SECONDS", 0.01)
    again = asyncio.Event()

    async def fail() -> None:
        if logs:
            again.set()
        raise RuntimeError("a bug")

    monkeypatch.setattr(unopened, "_look_once", fail)
    with capture_logs() as logs:
        await unopened.open()
        async with asyncio.timeout(5):
            await again.wait()
        await unopened.close()
    assert logs[0]["event"] == "a look at InfluxDB failed and is tried again"
    assert logs[0]["log_level"] == "error"


async def test_a_large_pivot_leaves_the_event_loop_its_turn(
    archive: InfluxArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    class Counted:
        def __call__(self) -> None:
            nonlocal turns
            turns += 1

    await archive.write([sample(AT + at) for at in range(50)])
    monkeypatch.setattr(influx, "Pace", Counted)
    monkeypatch.setattr(influx, "FEW", 0)
    assert len(await archive.page(lately())) == 50
    assert turns == 100


async def test_silence_is_a_timeout(
    server: Influxd, archive: InfluxArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx, "QUERY_SECONDS", 0.1)
    monkeypatch.setattr(influx, "WRITE_SECONDS", 0.1)
    server.be_silent()
    with pytest.raises(HistoryTimeout, match=r"InfluxDB does not answer within 0\.1 s"):
        await archive.page(lately())
    with pytest.raises(HistoryTimeout):
        await archive.write([sample()])
    server.say(HEAD.format(kind="double").encode() + ROW.encode(), pause=60)
    with pytest.raises(HistoryTimeout):
        await archive.page(lately())
    assert archive.message == "InfluxDB does not answer within 0.1 s"


async def test_an_answer_that_is_cut_off_is_no_answer(
    server: Influxd, archive: InfluxArchive
) -> None:
    whole = (HEAD.format(kind="double") + ROW).encode()
    server.say(whole, die=True)
    assert await refused(archive) == "InfluxDB broke off in mid-answer"
    server.say(whole + b",,0,2026-01-27T")
    assert "cannot be read" in await refused(archive)
    server.say(b"")
    assert await archive.page(lately()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>It works!</body></html>",
        b"\xff\xfe\x00\n\n\n,,",
        b'{"results": []}\n',
        HEAD.format(kind="double").encode() + ROW.replace("190", "warm").encode(),
        HEAD.format(kind="double").encode() + ROW.replace("2026-01-27T", "").encode(),
        HEAD.format(kind="blob").encode().replace(b"_field", b"_what") + ROW.encode(),
        HEAD.format(kind="double").encode() + ROW.replace(",,0,", ",,x,").encode(),
        HEAD.format(kind="double").encode() + ROW.replace("setpoint", "").encode(),
    ],
)
async def test_what_is_no_influxdb_is_told(
    server: Influxd, archive: InfluxArchive, body: bytes
) -> None:
    server.say(body)
    assert "is it an InfluxDB 2?" in await refused(archive)


@settings_of_hypothesis(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200), st.booleans(), st.sampled_from([200, 200, 204, 302, 404, 500]))
async def test_no_answer_brings_more_than_historys_errors(
    server: Influxd,
    archive: InfluxArchive,
    body: bytes,
    headed: bool,  # noqa: FBT001
    status: int,
) -> None:
    head = HEAD.format(kind="double").encode() if headed else b""
    server.say(head + body, status=status)
    with contextlib.suppress(HistoryUnavailable, HistoryTimeout):
        await archive.page(lately())
    with contextlib.suppress(HistoryUnavailable, HistoryTimeout):
        await archive.write([sample()])


async def test_an_error_in_mid_answer_is_told(server: Influxd, archive: InfluxArchive) -> None:
    error = "\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n"
    error += ",error,reference\r\n,panic: runtime error,897\r\n\r\n"
    server.say((HEAD.format(kind="double") + ROW + error).encode())
    assert await refused(archive) == "InfluxDB gave the query up: panic: runtime error"


async def test_an_endless_answer_is_not_held_in_memory(
    server: Influxd, archive: InfluxArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pivot, "MAX_RECORDS", 5_000)
    taken = server.pour((HEAD.format(kind="double") + ROW * 500).encode())
    assert "too large" in await refused(archive, LimitExceeded)
    assert archive.message == "", "the store is well, the question is too large"
    assert taken[0] < ENOUGH
    monkeypatch.setattr(pivot, "MAX_TEXT", 100_000)
    long = HEAD.format(kind="string") + ROW.replace("190", "x" * 1000) * 20
    taken = server.pour(long.encode())
    assert "too large" in await refused(archive, LimitExceeded)
    assert taken[0] < ENOUGH


async def test_an_endless_line_is_not_held_in_memory(
    server: Influxd, archive: InfluxArchive
) -> None:
    taken = server.pour(b"x" * 65536)
    assert "cannot be read" in await refused(archive)
    assert taken[0] < ENOUGH


async def test_an_endless_complaint_is_not_read(server: Influxd, archive: InfluxArchive) -> None:
    taken = server.pour(b"x" * 65536, status=500)
    assert (await refused(archive)).startswith("InfluxDB answers with status 500: xxxx")
    assert len(archive.message) < 500
    assert taken[0] < ENOUGH


async def test_a_token_goes_to_no_other_address(server: Influxd, archive: InfluxArchive) -> None:
    server.refuse(307, Location=f"{server.url}/health")
    assert "status 307" in await refused(archive)


async def test_one_line_is_logged_for_each_change_of_state(
    server: Influxd, archive: InfluxArchive
) -> None:
    await archive.page(lately())
    server.refuse(500, "a\nb")
    with capture_logs() as logs:
        for _ in range(3):
            await refused(archive)
        server.fault = None
        for _ in range(3):
            await archive.page(lately())
    assert [one["log_level"] for one in logs] == ["warning", "info"]
    assert logs[0]["reason"] == "InfluxDB answers with status 500: a b"


async def test_reading_that_works_does_not_hide_that_writing_fails(
    server: Influxd, archive: InfluxArchive
) -> None:
    server.refuse(403, "write:buckets is unauthorized")
    with pytest.raises(HistoryUnavailable):
        await archive.write([sample()])
    server.fault = None
    await archive.page(lately())
    assert "write:buckets is unauthorized" in archive.message
    await archive.write([sample()])
    assert archive.message == ""
