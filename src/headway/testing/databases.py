"""What every Database must do. Subclass, give a database, and pytest runs the checks:

    class TestMine(DatabaseContract):
        @pytest.fixture
        async def database(self, tmp_path):
            database = MyDatabase(fill(tmp_path))
            yield database
            await database.close()

It must hold a table `boxes (name TEXT, weight REAL)` with the rows of BOXES, and stop a query after
at most `limit_s`.
"""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

import orjson
import pytest

from headway.core.protocols import Database, Table

BOXES: tuple[tuple[str, float | None], ...] = (
    ("red", 2.5), ("blue", None), ("grün", 4.0), ("'); DROP TABLE boxes; --", 0.1), ("箱", 7.25),
)  # fmt: skip
# All that writes, or reaches beyond the database: to be answered by an error.
FORBIDDEN = (
    "",
    ";",
    "   -- nothing but a comment",
    "no SQL at all",
    "DELETE FROM boxes",
    "UPDATE boxes SET weight = 0",
    "INSERT INTO boxes VALUES ('new', 1)",
    "DROP TABLE boxes",
    "CREATE TABLE more (a)",
    "CREATE TEMP TABLE more AS SELECT * FROM boxes",
    "ALTER TABLE boxes RENAME TO cases",
    "WITH x AS (SELECT 1) DELETE FROM boxes",
    "WITH x AS (SELECT 'n', 1) INSERT INTO boxes SELECT * FROM x",
    "/* SELECT */ DELETE FROM boxes",
    "SELECT 1; DELETE FROM boxes",
    "SELECT * FROM boxes; SELECT * FROM boxes",
    "BEGIN; DELETE FROM boxes; COMMIT",
    "BEGIN",
    "VACUUM",
    "SELECT * FROM no_such_table",
    "SELECT no_such_column FROM boxes",
    "SELECT FROM WHERE",
    "SELECT (",
    "SELECT 1\x00",
    "SELECT '\ud800'",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT 1" + " " * 1_000_000,
)


class DatabaseContract:
    """Checks of `headway.core.protocols.Database`. Provide a fixture `database`.

    forbidden: more of the dialect that must be refused. endless: queries that never end. huge: one
    whose rows are far more than is handed over. limit_s: after so long a query must be stopped.
    """

    forbidden: ClassVar[tuple[str, ...]] = ()
    endless: ClassVar[tuple[str, ...]] = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    )
    huge: ClassVar[str] = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)"
        " SELECT i, 'some words to fill the line' FROM n"
    )
    limit_s: ClassVar[float] = 5.0

    async def _whole(self, database: Database) -> None:
        """All rows are still there, and can be read."""
        found = await database.query("SELECT name, weight FROM boxes")
        assert found.error == ""
        assert sorted(map(str, found.rows)) == sorted(map(str, BOXES))

    async def test_says_what_it_is(self, database: Database) -> None:
        assert database.name
        assert database.dialect
        assert database.fingerprint
        assert database.fingerprint == database.fingerprint
        assert "boxes" in database.schema()
        assert "weight" in database.schema()
        assert len(database.schema()) < 20_000

    async def test_answers(self, database: Database) -> None:
        found = await database.query("SELECT name, weight FROM boxes WHERE weight > 3 ORDER BY 2")
        assert found == Table(("name", "weight"), (("grün", 4.0), ("箱", 7.25)))
        assert (await database.query("SELECT count(*) FROM boxes;")).rows == ((5,),)
        assert (await database.query("SELECT name FROM boxes WHERE 1 = 0")).rows == ()

    async def test_values_can_be_kept(self, database: Database) -> None:
        found = await database.query("SELECT name, weight, NULL, 1, 2.5, 'é' FROM boxes")
        assert orjson.loads(orjson.dumps(found.rows))
        assert found.rows[0][2] is None

    async def test_nothing_is_written(self, database: Database) -> None:
        before = database.fingerprint
        for sql in (*FORBIDDEN, *self.forbidden):
            found = await database.query(sql)
            assert found.error, sql[:100]
            assert found.rows == (), sql[:100]
        await self._whole(database)
        assert database.fingerprint == before

    async def test_large_results_are_cut(self, database: Database) -> None:
        found = await database.query(self.huge)
        assert found.error == ""
        assert found.more
        assert 0 < len(found.rows) <= 200
        assert len(orjson.dumps(found.rows)) <= 64_000

    async def test_what_never_ends_is_stopped(self, database: Database) -> None:
        for sql in self.endless:
            start = time.monotonic()
            found = await database.query(sql)
            assert found.error, sql
            assert time.monotonic() - start < self.limit_s + 5
        await self._whole(database)

    async def test_many_at_once(self, database: Database) -> None:
        found = await asyncio.gather(
            *(database.query(f"SELECT {n}, count(*) FROM boxes") for n in range(10))
        )
        assert [table.rows for table in found] == [((n, 5),) for n in range(10)]

    async def test_one_that_never_ends_spoils_no_other(self, database: Database) -> None:
        slow = asyncio.create_task(database.query(self.endless[0]))
        others = await asyncio.gather(*(database.query(f"SELECT {n}") for n in range(6)))
        assert [table.rows for table in others] == [((n,),) for n in range(6)]
        assert (await slow).error

    async def test_a_cancelled_query_leaves_it_usable(self, database: Database) -> None:
        for wait_s in (0, 0.05, 0.3):
            given_up = asyncio.create_task(database.query(self.endless[0]))
            await asyncio.sleep(wait_s)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
        await self._whole(database)

    async def test_closing_ends_what_is_on_the_way(self, database: Database) -> None:
        slow = asyncio.create_task(database.query(self.endless[0]))
        await asyncio.sleep(0.3)
        await database.close()
        assert (await slow).error
        assert (await database.query("SELECT 1")).error
        await database.close()
