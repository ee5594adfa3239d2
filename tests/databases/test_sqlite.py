"""SQLite files: the contract, and what only a process of its own can promise."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError
from headway.core.protocols import Database
from headway.core.task import Task, TaskSpec
from headway.databases import SQLiteDatabase, open_databases
from headway.databases.sqlite import _environment
from headway.testing.databases import BOXES, DatabaseContract

ENDLESS = DatabaseContract.endless[0]
LIMIT_S = 1.0


def fill(file: Path, *more: str, wal: bool = False) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    made = sqlite3.connect(file)
    if wal:
        made.execute("PRAGMA journal_mode = WAL")
    made.execute("CREATE TABLE boxes (name TEXT, weight REAL)")
    made.executemany("INSERT INTO boxes VALUES (?, ?)", BOXES)
    for statement in more:
        made.execute(statement)
    made.commit()
    made.close()
    return file


def processes(database: SQLiteDatabase) -> set[int]:
    """Those started for this database that are still there."""
    return {one.pid for one in (*database._idle, *database._busy)}


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def until(what: Callable[[], bool]) -> None:
    for _ in range(100):
        if what():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SQLiteDatabase]:
    made = SQLiteDatabase(fill(tmp_path / "boxes.sqlite"), time_limit_s=LIMIT_S)
    yield made
    await made.close()
    assert processes(made) == set()


class TestSQLite(DatabaseContract):
    limit_s = LIMIT_S
    forbidden = (
        "ATTACH 'other.sqlite' AS other",
        "ATTACH DATABASE ':memory:' AS other",
        "DETACH main",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA table_info(boxes)",
        "SELECT * FROM pragma_table_info('boxes')",
        "SELECT * FROM pragma_database_list",
        "EXPLAIN SELECT 1",
        "REINDEX",
        "ANALYZE",
        "SELECT load_extension('evil')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('x', 'y')",
        "VACUUM INTO 'copy.sqlite'",
        "REPLACE INTO boxes VALUES ('a', 1)",
        "WITH x AS (SELECT 1) UPDATE sqlite_master SET sql = ''",
        "SELECT zeroblob(1000000000)",
        "SELECT hex(zeroblob(1000000000))",
        "SELECT group_concat(hex(randomblob(100000)), '') FROM boxes a, boxes b, boxes c",
        "WITH RECURSIVE n(i, s) AS (SELECT 1, '' UNION ALL SELECT i + 1, hex(randomblob(400000))"
        " FROM n) SELECT * FROM n ORDER BY s",
        "SELECT " + ", ".join(["printf('%.2000c', 'x')"] * 100),
    )
    endless = (
        ENDLESS,
        "SELECT count(*) FROM " + ", ".join(f"boxes b{n}" for n in range(30)),
        # One long call into C, in which SQLite looks at nothing else.
        "SELECT instr(hex(zeroblob(490000)), hex(zeroblob(240000)) || '1')",
    )

    @pytest.fixture
    def database(self, database: SQLiteDatabase) -> Database:
        return database


async def test_a_stopped_query_leaves_no_process(database: SQLiteDatabase) -> None:
    slow = asyncio.create_task(database.query(ENDLESS))
    await until(lambda: bool(database._busy))
    (pid,) = processes(database)
    assert not gone(pid)
    start = time.monotonic()
    assert (await slow).error == "stopped: it took longer than 1 s"
    assert time.monotonic() - start < LIMIT_S + 1
    assert gone(pid)


async def test_a_process_is_used_again(database: SQLiteDatabase) -> None:
    await database.query("SELECT 1")
    first = processes(database)
    for _ in range(3):
        await database.query("SELECT no_such")
        await database.query("SELECT 2")
    assert processes(database) == first
    await asyncio.gather(*(database.query(f"SELECT {n}") for n in range(20)))
    assert len(processes(database)) <= 4


async def test_a_cancelled_query_ends_its_process(database: SQLiteDatabase) -> None:
    slow = asyncio.create_task(database.query(ENDLESS))
    await until(lambda: bool(database._busy))
    (pid,) = processes(database)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    await until(lambda: gone(pid))


async def test_closing_leaves_no_process(database: SQLiteDatabase) -> None:
    slow = [asyncio.create_task(database.query(ENDLESS)) for _ in range(6)]
    await until(lambda: len(database._busy) == 4)
    pids = processes(database)
    await database.close()
    assert all(found.error for found in await asyncio.gather(*slow))
    assert all(map(gone, pids))
    assert processes(database) == set()


async def test_a_process_that_died_is_replaced(database: SQLiteDatabase) -> None:
    await database.query("SELECT 1")
    (pid,) = processes(database)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not any(one.alive for one in database._idle))
    assert (await database.query("SELECT 2")).rows == ((2,),)
    slow = asyncio.create_task(database.query(ENDLESS))
    await until(lambda: bool(database._busy))
    os.kill(*processes(database), signal.SIGKILL)
    assert "ended its process" in (await slow).error


def test_another_event_loop_starts_anew(tmp_path: Path) -> None:
    made = SQLiteDatabase(fill(tmp_path / "boxes.sqlite"))

    async def once() -> Any:
        return (await made.query("SELECT count(*) FROM boxes")).rows

    assert asyncio.run(once()) == ((5,),)
    assert asyncio.run(once()) == ((5,),)
    asyncio.run(made.close())


async def test_values_of_every_kind(database: SQLiteDatabase) -> None:
    found = await database.query(
        "SELECT x'00ff', zeroblob(40), 9e999, -9e999, CAST(x'ff41' AS TEXT), printf('%.5000c', 'x')"
    )
    short, long, high, low, broken, text = found.rows[0]
    assert short == "x'00ff'"
    assert long == f"x'{'00' * 32}'... (40 bytes)"
    assert (high, low) == ("Infinity", "-Infinity")
    assert broken == "\ufffdA"
    assert text == "x" * 2000 + "... (5000 characters)"


async def test_what_reads_is_run(database: SQLiteDatabase) -> None:
    for sql in (
        "VALUES (1), (2)",
        "WITH n(i) AS (SELECT 1) SELECT i FROM n",
        "  /* why */ -- because\n select 1",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT name FROM sqlite_master",
        "SELECT row_number() OVER (ORDER BY weight) FROM boxes",
        "SELECT 'a;b'; -- done",
    ):
        found = await database.query(sql)
        assert found.error == "", sql
        assert found.rows, sql


# --- files ----------------------------------------------------------------------------------------


def task(folder: Path) -> Task:
    return Task(folder=folder, spec=TaskSpec(name="t"), examples=())


async def test_databases_of_a_task(tmp_path: Path) -> None:
    assert open_databases(task(tmp_path)) == {}
    fill(tmp_path / "databases" / "b.sqlite")
    fill(tmp_path / "databases" / "a b'#?.sqlite")
    (tmp_path / "databases" / "notes.txt").write_text("no database")
    found = open_databases(task(tmp_path))
    assert list(found) == ["a b'#?", "b"]
    for database in found.values():
        assert (await database.query("SELECT count(*) FROM boxes")).rows == ((5,),)
        await database.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\x00"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "databases").mkdir()
    (tmp_path / "databases" / "broken.sqlite").write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.sqlite"):
        open_databases(task(tmp_path))


def test_a_damaged_page_is_an_error(tmp_path: Path) -> None:
    file = fill(tmp_path / "boxes.sqlite")
    data = bytearray(file.read_bytes())
    data[100:4096] = bytes(3996)
    file.write_bytes(data)
    with pytest.raises(InputError, match="malformed"):
        SQLiteDatabase(file)


async def test_a_file_in_write_ahead_mode(tmp_path: Path) -> None:
    file = fill(tmp_path / "boxes.sqlite", wal=True)
    made = SQLiteDatabase(file)
    assert (await made.query("SELECT count(*) FROM boxes")).rows == ((5,),)
    await made.close()
    assert os.listdir(tmp_path) == ["boxes.sqlite"]
    writer = sqlite3.connect(file)
    writer.execute("INSERT INTO boxes VALUES ('late', 1)")
    writer.commit()
    with pytest.raises(InputError, match="not yet written"):
        SQLiteDatabase(file)
    writer.close()


def test_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    file = fill(tmp_path / "a.sqlite")
    (tmp_path / "b.sqlite").write_bytes(file.read_bytes())
    same = SQLiteDatabase(tmp_path / "b.sqlite")
    assert SQLiteDatabase(file).fingerprint == same.fingerprint
    other = SQLiteDatabase(fill(tmp_path / "c.sqlite", "INSERT INTO boxes VALUES ('x', 1)"))
    assert other.fingerprint != same.fingerprint


def test_the_schema_shows_tables_views_and_values(tmp_path: Path) -> None:
    file = fill(
        tmp_path / "a.sqlite",
        'CREATE TABLE "odd ""name""" ("a column" TEXT, data BLOB)',
        """INSERT INTO "odd ""name\"\"\" VALUES ('it''s' || char(10) || 'two lines', x'00')""",
        "CREATE VIEW heavy AS SELECT name FROM boxes WHERE weight > 3",
        "CREATE VIEW broken AS SELECT a FROM nowhere",
        f"CREATE VIEW endless AS {ENDLESS}",
        "CREATE VIRTUAL TABLE words USING fts5(body)",
    )
    start = time.monotonic()
    schema = SQLiteDatabase(file).schema()
    assert time.monotonic() - start < 8
    assert "CREATE TABLE boxes (name TEXT, weight REAL);\n-- 5 rows\n-- name: 'red'," in schema
    assert "-- a column: 'it''s two lines'\n-- data: x'00'" in schema
    assert "CREATE VIEW heavy AS" in schema
    assert "-- name: 'grün', '箱'" in schema
    assert "words_content" not in schema
    assert len(schema.split("-- weight: ")[1].split("\n")[0].split(",")) == 3


def test_a_long_schema_loses_its_values_then_tables(tmp_path: Path) -> None:
    columns = ", ".join(f"a_long_name_for_a_column_{n} TEXT" for n in range(40))
    tables = [f"CREATE TABLE t{n} ({columns})" for n in range(20)]
    schema = SQLiteDatabase(fill(tmp_path / "a.sqlite", *tables)).schema()
    assert len(schema) <= 12_000
    assert "'red'" not in schema
    assert "tables are left out" in schema


async def test_full_text_search_reads(tmp_path: Path) -> None:
    file = fill(
        tmp_path / "a.sqlite",
        "CREATE VIRTUAL TABLE words USING fts5(body)",
        "INSERT INTO words VALUES ('hello world')",
    )
    made = SQLiteDatabase(file)
    found = await made.query("SELECT body FROM words WHERE words MATCH 'hello'")
    assert found.rows == (("hello world",),)
    await made.close()


def test_the_worker_sees_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    assert "SOME_API_KEY" not in _environment()
