"""The file: whose it is, and how it is made."""

import sqlite3
from pathlib import Path

import pytest
from tests.history.stores import names

from egizcore.history import sqlite_header
from egizcore.history.sqlite_file import Refused, StoreFile, connect_reader, set_aside

SIZE = 16 << 20


def opened(folder: Path) -> StoreFile:
    file = StoreFile.open(str(folder / "history.db"))
    try:
        file.prepare(SIZE)
    except BaseException:
        file.close()
        raise
    return file


def told(connection: sqlite3.Connection, pragma: str) -> object:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def test_a_new_file_says_whose_it_is_and_how_it_is_kept(tmp_path: Path) -> None:
    file = opened(tmp_path)
    found = {
        pragma: told(file.connection, pragma)
        for pragma in ("application_id", "user_version", "journal_mode", "synchronous")
    }
    assert found == {
        "application_id": sqlite_header.APPLICATION,
        "user_version": sqlite_header.VERSION,
        "journal_mode": "wal",
        "synchronous": 1,
    }
    assert told(file.connection, "auto_vacuum") == 2
    assert told(file.connection, "max_page_count") == SIZE // 4096
    file.close()


@pytest.mark.parametrize("content", [b"", None])
def test_a_file_that_was_only_begun_is_made_anew(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "history.db"
    if content is None:
        begun = sqlite3.connect(path)
        begun.execute("PRAGMA journal_mode = WAL")
        begun.close()
    else:
        path.write_bytes(content)
    file = opened(tmp_path)
    assert told(file.connection, "user_version") == sqlite_header.VERSION
    file.close()


def test_only_one_may_have_it_and_then_the_next(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(Refused, match="another EgizCore"):
        opened(tmp_path)
    assert told(first.connection, "user_version") == sqlite_header.VERSION
    first.close()
    opened(tmp_path).close()


def test_it_knows_when_it_is_no_longer_under_its_name(tmp_path: Path) -> None:
    file = opened(tmp_path)
    assert file.is_there
    name = set_aside(file.path)
    assert not file.is_there
    (tmp_path / "history.db").touch()
    assert not file.is_there
    file.close()
    assert Path(name).name in names(tmp_path)


def test_what_is_set_aside_keeps_its_log_when_it_is_closed(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.connection.execute("INSERT INTO series VALUES (1, 'f:1', 'x')")
    name = set_aside(file.path)
    again = sqlite3.connect(tmp_path / "history.db")
    again.execute("PRAGMA journal_mode = WAL")
    again.execute("CREATE TABLE mine (a)")
    log = (tmp_path / "history.db-wal").stat().st_size
    file.close()
    assert (tmp_path / "history.db-wal").stat().st_size == log > 0
    again.close()
    old = sqlite3.connect(name)
    assert old.execute("SELECT thing_id FROM series").fetchall() == [("f:1",)]
    old.close()


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    file = opened(tmp_path)
    reader = connect_reader(file.path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO series VALUES (1, 'f:1', 'x')")
    reader.close()
    file.close()
