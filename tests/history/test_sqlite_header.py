"""The header says what SQLite itself would, and the store then does."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from egizcore.history import refusal_of
from egizcore.history.sqlite_file import Refused, StoreFile
from egizcore.history.sqlite_header import APPLICATION

OURS = f"PRAGMA application_id = {APPLICATION}"
TABLE = "CREATE TABLE a (b)"
ANOTHER = "is a database of another application"


def make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)


def serve(path: Path) -> str:
    """Why the engine would not use it; empty: it does."""
    file = StoreFile.open(str(path))
    try:
        file.prepare(1 << 30)
    except Refused as error:
        return str(error)
    finally:
        file.close()
    return ""


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ((), ""),
        (("PRAGMA journal_mode = WAL",), ""),
        ((TABLE, "DROP TABLE a"), ""),
        ((TABLE,), ANOTHER),
        (("PRAGMA journal_mode = WAL", TABLE), ANOTHER),
        (tuple(f"CREATE TABLE a{n} (b{'c' * 200})" for n in range(40)), ANOTHER),
        (("PRAGMA application_id = -5", TABLE), ANOTHER),
        (("PRAGMA application_id = 5", TABLE), ANOTHER),
        (("PRAGMA application_id = 5", "PRAGMA user_version = 1"), ANOTHER),
        ((OURS, "PRAGMA user_version = 1", TABLE), ""),
        ((OURS, "PRAGMA user_version = 2", TABLE), "has version 2 of the schema"),
        ((OURS, "PRAGMA user_version = -1", TABLE), "has version -1 of the schema"),
    ],
)  # fmt: skip
def test_it_says_what_the_store_will_say(
    tmp_path: Path, statements: tuple[str, ...], told: str
) -> None:
    path = tmp_path / "a.db"
    make(path, *statements)
    found = refusal_of(path)
    assert found == serve(path)
    assert told in found
    assert bool(found) == bool(told)


def test_a_file_at_which_an_engine_is_just_now_is_no_strangers(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    file = StoreFile.open(str(path))
    file.prepare(1 << 30)
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    assert refusal_of(path) == ""
    file.close()
    assert refusal_of(path) == ""


@pytest.mark.parametrize("content", [b"my diary", b"SQLite format 3\0", b"x" * 4096])
def test_what_is_no_database_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    assert refusal_of(path) is None


def test_to_ask_needs_no_sqlite() -> None:
    program = "import sys, egizcore.history; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "egizcore.history.sqlite_header" in loaded
    assert "sqlite3" not in loaded
