import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.history.influxd import BUCKET, ORG, TOKEN, influxd
from tests.history.naive import NaiveArchive
from tests.live.servers import free_port

from egizcore.doctor.finding import Finding, examine
from egizcore.doctor.store import asked, stores
from egizcore.errors import HistoryTimeout, HistoryUnavailable
from egizcore.history import InfluxSettings
from egizcore.history.influx import InfluxArchive
from egizcore.history.sqlite_file import StoreFile
from egizcore.settings import Settings


def look(**history: Any) -> list[Finding]:
    given = {"history": {"backend": "sqlite"} | history}
    return list(examine(stores(msgspec.convert(given, Settings, strict=False)), 5.0))


class Usage(NamedTuple):
    free: int


def test_without_history_there_is_nothing_to_look_at() -> None:
    assert stores(Settings()) == []


def test_a_folder_that_can_be_written_is_well_and_stays_empty(tmp_path: Path) -> None:
    found = look(path=str(tmp_path / "h.db"))
    assert found[0] == Finding("ok", "history", f"{tmp_path}/h.db can be written")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_fails(tmp_path: Path) -> None:
    found = look(path=str(tmp_path / "no" / "h.db"))
    assert found[0].level == "FAIL"
    assert "history.path" in found[0].mend


def test_a_folder_that_is_read_only_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    found = look(path=str(tmp_path / "h.db"))
    assert found[0].level == "FAIL"
    assert "cannot be written" in found[0].what


def test_our_own_database_is_well_while_an_engine_has_it(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    file = StoreFile.open(str(path))
    file.prepare(1 << 30)
    assert look(path=str(path))[0].level == "ok"
    file.close()
    assert look(path=str(path))[0].level == "ok"


@pytest.mark.parametrize(
    ("pragma", "told"),
    [
        ("PRAGMA user_version = 0", "is a database of another application: set history.path"),
        (f"PRAGMA application_id = {0x4567697A}", "this EgizCore knows 1: use the EgizCore that"),
    ],
)
def test_a_database_that_serve_would_refuse_fails_in_the_same_words(
    pragma: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "h.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE a (b)")
        database.execute(pragma)
    found = look(path=str(path))[0]
    assert found.level == "FAIL"
    assert told in found.what


def test_a_folder_or_a_pipe_in_the_place_of_the_file_fails(tmp_path: Path) -> None:
    found = look(path=str(tmp_path))[0]
    assert found == Finding("FAIL", "history", f"{tmp_path} is a folder", "Correct history.path.")
    os.mkfifo(tmp_path / "pipe")
    found = look(path=str(tmp_path / "pipe"))[0]
    assert (found.level, found.what) == ("FAIL", f"{tmp_path}/pipe is no plain file")


def test_a_file_that_we_may_not_read_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.db"
    path.touch()
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.R_OK)
    found = look(path=str(path))[0]
    assert (found.level, found.what) == ("FAIL", f"{path} cannot be read and written")


def test_a_file_that_is_no_database_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    path.write_text("my diary")
    assert look(path=str(path))[0].level == "warn"
    assert path.read_text() == "my diary"


@pytest.mark.parametrize(
    ("free", "level"), [(3 << 30, "ok"), (1 << 30, "warn"), (63 << 20, "FAIL")]
)
def test_the_disk_has_room_for_what_the_file_may_become(
    free: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    found = look(path=str(tmp_path / "h.db"))[1]
    assert found.level == level
    assert f"{free >> 20:,} MiB free" in found.what


def test_an_influxdb_that_is_not_there_is_told_with_its_address_and_the_mend(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("secret")
    url = f"http://127.0.0.1:{free_port()}"
    influxdb = {"url": url, "org": "o", "bucket": "b", "token_file": str(tmp_path / "token")}
    given = {"history": {"backend": "influxdb"}, "influxdb": influxdb}
    (found,) = examine(stores(msgspec.convert(given, Settings, strict=False)), 5.0)
    assert found.level == "FAIL"
    assert url in found.mend
    assert "influxdb.url" in found.mend


async def test_a_store_that_answers_is_well() -> None:
    assert (await asked(NaiveArchive())).level == "ok"


@pytest.mark.parametrize("error", [HistoryUnavailable("no such bucket"), HistoryTimeout("slow")])
async def test_a_store_that_does_not_answer_says_what_to_correct(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bool:
        raise error

    archive = NaiveArchive()
    monkeypatch.setattr(archive, "knows", fail)
    assert await asked(archive) == Finding("FAIL", "history", str(error))


@pytest.mark.parametrize(
    ("bucket", "token", "told"),
    [
        (BUCKET, TOKEN, "the store answered"),
        (BUCKET, "forged", "influxdb.token_file"),
        ("nowhere", TOKEN, "influxdb.bucket"),
    ],
)
async def test_influxdb_is_asked_by_the_engines_own_client(
    bucket: str, token: str, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    await asyncio.to_thread(file.write_text, token)
    async with influxd() as server:
        given = InfluxSettings(url=server.url, org=ORG, bucket=bucket, token_file=str(file))
        archive = await asyncio.to_thread(InfluxArchive, given, {}, {})
        found = await asked(archive)
    assert told in found.what
    assert found.level == ("ok" if told.startswith("the store") else "FAIL")
