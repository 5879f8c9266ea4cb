"""What goes wrong with the file: who asks is told, the log has a line, and it comes back."""

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.history.stores import NOW, Clock, everything, names, pack_all, sample, small, tidy_all

from egizcore.errors import HistoryUnavailable
from egizcore.history import sqlite, sqlite_file, sqlite_header
from egizcore.history.sqlite import SqliteArchive
from egizcore.history.sqlite_fault import Faults


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.05)
    monkeypatch.setattr(sqlite, "RETRY", 0.0)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[SqliteArchive]:
    archive = SqliteArchive(small(tmp_path), Clock())
    yield archive
    await archive.close()


async def fails(archive: SqliteArchive) -> str:
    """Neither a question nor a batch is answered; what the archive says of it."""
    with pytest.raises(HistoryUnavailable) as asked:
        await archive.page(everything())
    with pytest.raises(HistoryUnavailable) as written:
        await archive.write([sample(NOW)])
    assert archive.message
    assert archive.message in asked.value.detail
    assert archive.message in written.value.detail
    return archive.message


async def works(archive: SqliteArchive, count: int = 1) -> None:
    await archive.write([sample(NOW)])
    assert len(await archive.page(everything())) == count
    assert archive.message == ""


async def test_a_corrupt_file_is_set_aside_and_a_new_one_begun(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    content = b"this was a database once" * 1000
    (tmp_path / "history.db").write_bytes(content)
    (tmp_path / "history.db-wal").write_bytes(b"and its log")
    with capture_logs() as logs:
        await archive.open()
        await works(archive)
    aside = names(tmp_path, "*.corrupt-*")
    assert (tmp_path / aside[0]).read_bytes() == content
    assert f"{aside[0]}-wal" in aside
    (line,) = [one for one in logs if one["log_level"] == "error"]
    assert line["set_aside"].endswith(aside[0])


@pytest.mark.parametrize("asks_first", [False, True])
async def test_a_file_that_goes_bad_meanwhile_is_set_aside(
    archive: SqliteArchive,
    tmp_path: Path,
    asks_first: bool,  # noqa: FBT001
) -> None:
    first = SqliteArchive(small(tmp_path), Clock())
    await first.open()
    points = [sample(NOW + at, thing=f"f:{at % 50}") for at in range(5000)]
    await first.write(points)
    await first._write("upkeep", pack_all)
    await first.close()
    path = tmp_path / "history.db"
    content = path.read_bytes()
    # The first page, which tells where all is, stays; so the file opens.
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with capture_logs() as logs:
        await archive.open()
        for _ in range(3):
            try:
                if asks_first:
                    await archive.page(everything("f:1"))
                await archive.write([sample(NOW)])
            except HistoryUnavailable:
                continue
    await works(archive)
    assert len(names(tmp_path, "*.corrupt-*Z")) == 1
    assert len([one for one in logs if "set_aside" in one]) == 1


async def test_a_damaged_block_is_left_out_and_told_of_once(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    await archive.open()
    for start in (0, 10):
        await archive.write([sample(NOW + start + at) for at in range(10)])
        await archive._write("upkeep", pack_all)
    other = sqlite3.connect(tmp_path / "history.db")
    with other:
        other.execute("UPDATE block SET data = x'00' WHERE id = 1")
    other.close()
    with capture_logs() as logs:
        for _ in range(3):
            assert [item.at - NOW for item in await archive.page(everything())] == [*range(10, 20)]
    assert [one["block"] for one in logs] == [1]


async def test_a_head_that_makes_no_sense_is_set_aside(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    await archive.open()
    await archive.write([sample(NOW)])
    other = sqlite3.connect(tmp_path / "history.db")
    with other:
        other.execute("UPDATE head SET data = x'5b5b5b'")
    other.close()
    with pytest.raises(HistoryUnavailable):
        await archive.page(everything())
    await works(archive)
    assert names(tmp_path, "*.corrupt-*")


async def test_while_another_program_has_locked_it_nothing_is_written(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    await archive.open()
    await works(archive)
    other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(HistoryUnavailable, match="another program has locked"):
                await archive.write([sample(NOW + 1)])
        assert "locked" in archive.message
        assert len(await archive.page(everything())) == 1  # who only asks does not mind
        assert "locked" in archive.message
        other.execute("ROLLBACK")
        other.close()
        await works(archive)
    assert [one["log_level"] for one in logs] == ["error", "info"]


async def test_a_folder_that_is_not_there_yet_is_waited_for(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    late = SqliteArchive(small(tmp_path / "late"), Clock())
    await late.open()
    assert "late" in await fails(late)
    (tmp_path / "late").mkdir()
    await works(late)
    await late.close()


async def test_a_folder_in_its_place_is_no_file(archive: SqliteArchive, tmp_path: Path) -> None:
    (tmp_path / "history.db").mkdir()
    await archive.open()
    await fails(archive)
    (tmp_path / "history.db").rmdir()
    await works(archive)


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (["CREATE TABLE theirs (a)", "INSERT INTO theirs VALUES (1)"], "another application"),
        (["PRAGMA application_id = 7"], "another application"),
        (
            [
                f"PRAGMA application_id = {sqlite_header.APPLICATION}",
                "PRAGMA user_version = 2",
                "CREATE TABLE series (later)",
            ],
            "version 2",
        ),
    ],
)
async def test_a_file_that_is_not_for_us_is_left_as_it_is(
    archive: SqliteArchive, tmp_path: Path, statements: list[str], why: str
) -> None:
    path = tmp_path / "history.db"
    other = sqlite3.connect(path)
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()
    content = path.read_bytes()
    await archive.open()
    assert why in await fails(archive)
    assert path.read_bytes() == content


async def test_a_second_egizcore_on_the_file_has_no_history(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    first = SqliteArchive(small(tmp_path), Clock())
    await first.open()
    await first.write([sample(NOW + 1)])
    await archive.open()
    assert "another EgizCore" in await fails(archive)
    assert len(await first.page(everything())) == 1
    await first.close()
    await works(archive, 2)


async def test_a_file_that_is_taken_away_is_begun_anew(
    archive: SqliteArchive, tmp_path: Path
) -> None:
    await archive.open()
    await archive.write([sample(NOW + 1)])
    for name in names(tmp_path, "history.db*"):
        (tmp_path / name).unlink()
    with pytest.raises(HistoryUnavailable, match="gone"):
        await archive.write([sample(NOW)])
    await works(archive)


async def test_a_bug_costs_the_one_answer_only(
    archive: SqliteArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.open()
    await archive.write([sample(NOW)])
    assert archive._tending is not None
    archive._tending.cancel()  # it would ask too, and find that all is well
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr("egizcore.history.sqlite_reader._bounds", lambda *_: 1 / 0)
        for _ in range(2):
            with pytest.raises(HistoryUnavailable, match="ZeroDivisionError"):
                await archive.page(everything())
    assert [one["log_level"] for one in logs] == ["error"]
    await works(archive)


async def until_well(archive: SqliteArchive) -> None:
    async with asyncio.timeout(5):
        while archive.message:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_a_reader_that_failed_once_is_tried_though_nobody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "RETRY", 0.01)
    monkeypatch.setattr(sqlite, "GLANCE", 0.01)
    archive = SqliteArchive(small(tmp_path), Clock())
    await archive.open()
    tries = 0

    def refuse(_: str) -> Any:
        nonlocal tries
        tries += 1
        raise sqlite3.OperationalError("unable to open database file")

    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr("egizcore.history.sqlite_reader.connect_reader", refuse)
            with pytest.raises(HistoryUnavailable):
                await archive.page(everything())
            async with asyncio.timeout(5):
                while tries < 3:  # noqa: ASYNC110 - a thread counts
                    await asyncio.sleep(0.01)
            assert "unable to open" in archive.message
        await until_well(archive)
    assert [one["event"] for one in logs] == ["history is down", "history works again"]
    await archive.close()


async def test_upkeep_outlives_what_nobody_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "RETRY", 0.01)
    archive = SqliteArchive(small(tmp_path), Clock())
    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            await archive._write("upkeep", lambda _: None)
            again = asyncio.Event()

            async def fail(*_: Any) -> None:
                if logs:
                    again.set()
                raise RuntimeError("can't start new thread")

            patch.setattr(archive, "_write", fail)
            tending = asyncio.create_task(archive._tend())
            async with asyncio.timeout(5):
                await again.wait()
        assert not tending.done()
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
    assert logs[0]["event"] == "upkeep of history failed and is tried again"
    assert logs[0]["log_level"] == "error"
    await archive.close()


# A full disk --------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1M", "egizcore-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def bulky(batch: int) -> list[Any]:
    return [
        sample(NOW + batch * 100 + at)._replace(properties={"text": f"{batch}/{at}" * 50})
        for at in range(100)
    ]


async def test_a_full_disk_costs_history_only_until_there_is_room(disk: Path) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(512 << 10))
    archive = SqliteArchive(small(disk), Clock())
    await archive.open()
    written = 0
    with capture_logs() as logs:
        while not archive.message:
            with suppress(HistoryUnavailable):
                await archive.write(bulky(written))
                written += 1
        assert "no room" in archive.message
        with pytest.raises(HistoryUnavailable):
            await archive.write(bulky(written))
        assert len(await archive.page(everything())) == min(written * 100, 10_000)
        ballast.unlink()
        await archive.write(bulky(written))
    assert archive.message == ""
    assert len(await archive.page(everything())) == min((written + 1) * 100, 10_000)
    assert [one["log_level"] for one in logs] == ["error", "info"]
    await archive.close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR | 19 << 8, sqlite3.SQLITE_CANTOPEN])
@pytest.mark.parametrize(("free", "words"), [(0, "there is no room left for"), (1, "cannot be")])
def test_a_full_disk_is_told_as_one_whatever_sqlite_calls_it(
    code: int, free: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statvfs(folder: Path) -> Any:
        assert folder == tmp_path
        return SimpleNamespace(f_bavail=free)

    monkeypatch.setattr("os.statvfs", statvfs)
    faults = Faults(str(tmp_path / "history.db"))
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    assert words in faults.failed("upkeep", error).detail


async def test_a_disk_that_is_full_at_the_start_is_told_of(disk: Path) -> None:
    with suppress(OSError):
        (disk / "ballast").write_bytes(bytes(1 << 20))
    archive = SqliteArchive(small(disk), Clock())
    await archive.open()
    said = await fails(archive)
    assert "no room left" in said or "No space left" in said
    (disk / "ballast").unlink()
    await works(archive)
    await archive.close()


async def test_a_disk_that_cannot_be_written_is_told_of(disk: Path) -> None:
    archive = SqliteArchive(small(disk), Clock())
    await archive.open()
    await archive.write([sample(NOW)])
    await archive.close()
    remount(disk, "ro")
    again = SqliteArchive(small(disk), Clock())
    await again.open()
    await fails(again)
    remount(disk, "rw")
    await works(again)
    await again.close()


async def test_upkeep_that_fails_is_tried_again(
    archive: SqliteArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "RETRY", 0.01)
    await archive.open()
    await archive.write([sample(NOW)])
    other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryUnavailable):
        await archive._write("upkeep", tidy_all)
    other.execute("ROLLBACK")
    other.close()
    archive._wake.set()
    await until_well(archive)
