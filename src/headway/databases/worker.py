"""The process that SQL runs in. It is started by its path, so it needs the standard library alone.

    python -I -S worker.py FILE IMMUTABLE LIMIT_S          queries, until standard input ends
    python -I -S worker.py FILE IMMUTABLE LIMIT_S schema   the schema as one line, then it ends

In and out go JSON lines: `{"sql"}` comes in, `{"columns", "rows", "more", "error"}` goes out, after
a first `{"ready": true}` or `{"error"}`. Whoever started it kills it when a query takes too long;
an alarm does the same where nobody is left to.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS = 200
BYTES = 64_000  # of rows and column names as JSON
CELL = 2000  # characters of one value
NAME = 200  # characters of a column's name
BLOB = 32  # bytes of a binary value that are shown
MEMORY = 1 << 30  # bytes of address space
HEAP = 128 << 20  # bytes that SQLite may hold
SAMPLES = 3
SCHEMA = 12_000  # characters
SAMPLING_S = 5.0  # for all samples and counts; what is not known by then is left out

# A statement's first word, after comments.
HEAD = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))*([A-Za-z]*)", re.DOTALL)
# What reads, and the functions among it that reach beyond the database.
ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
DENIED = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """SQLite asks this of every part of a statement before it runs."""
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in DENIED:
        return sqlite3.SQLITE_DENY
    if action in ALLOWED:
        return sqlite3.SQLITE_OK
    # Asked for inner work of json_each() and of full-text search: to declare a virtual table, and
    # to see whether anything was written since. The schema itself is written by no statement.
    inner = (action, first) == (sqlite3.SQLITE_UPDATE, "sqlite_master") or (
        (action, first, second) == (sqlite3.SQLITE_PRAGMA, "data_version", None)
    )
    return sqlite3.SQLITE_OK if inner else sqlite3.SQLITE_DENY


def limit_process() -> None:
    """Bound memory, and forbid files to grow, where the system can."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0)):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):
            continue


def connect(file: str, immutable: bool) -> sqlite3.Connection:
    """The database, to be read only. Raises sqlite3.Error where it is none."""
    uri = f"{Path(file).as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    found = sqlite3.connect(uri, uri=True, isolation_level=None)
    for pragma in (
        "query_only = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
        f"hard_heap_limit = {HEAP}",
    ):
        found.execute(f"PRAGMA {pragma}")
    found.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
    found.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000)
    found.setlimit(sqlite3.SQLITE_LIMIT_COLUMN, 256)
    found.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    found.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
    found.text_factory = lambda raw: raw.decode("utf-8", "replace")
    found.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return found


def plain(value: Any) -> Any:
    """A value as JSON can hold it: long texts cut, bytes as hexadecimal, no infinities."""
    if isinstance(value, bytes):
        more = f"... ({len(value)} bytes)" if len(value) > BLOB else ""
        return f"x'{value[:BLOB].hex()}'{more}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str) and len(value) > CELL:
        return f"{value[:CELL]}... ({len(value)} characters)"
    return value


def size(data: Any) -> int:
    """Bytes of data as JSON."""
    return len(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def query(database: sqlite3.Connection, sql: str) -> dict[str, Any]:
    """What one SELECT gives, as much as is handed over."""
    head = HEAD.match(sql)
    if head is None or head[1].upper() not in ("SELECT", "WITH", "VALUES"):
        return {"error": "only SELECT, WITH and VALUES are run"}
    try:
        cursor = database.execute(sql)
        columns = [str(column[0])[:NAME] for column in cursor.description or ()]
        rows: list[list[Any]] = []
        left = BYTES - size(columns)
        more = False
        for row in cursor:
            values = [plain(value) for value in row]
            left -= size(values)
            if len(rows) == ROWS or left < 0:
                more = True
                break
            rows.append(values)
        cursor.close()
        if more and not rows:
            return {"error": f"one row is more than {BYTES // 1000} kB"}
        return {"columns": columns, "rows": rows, "more": more}
    except MemoryError:
        return {"error": "out of memory"}
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        return {"error": str(error) or type(error).__name__}


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


class Sampler:
    """Looks into tables for a bounded time: what takes longer is left out."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.stops = self.end = time.monotonic() + SAMPLING_S
        database.set_progress_handler(lambda: int(time.monotonic() > self.stops), 10_000)

    def rows(self, sql: str, *values: str) -> list[Any]:
        """The rows, or none where they cannot be had in half a second."""
        self.stops = min(self.end, time.monotonic() + 0.5)
        try:
            return self.database.execute(sql, values).fetchall()
        except (sqlite3.Error, ValueError, OverflowError):
            return []

    def comments(self, table: str) -> Iterator[str]:
        """How many rows a table has, and the first few values of each column."""
        counted = self.rows(f"SELECT count(*) FROM {quoted(table)}")
        if counted:
            yield f"-- {counted[0][0]} {'row' if counted[0][0] == 1 else 'rows'}"
        for column in self.columns(table):
            name = quoted(column)
            found = self.rows(
                f"SELECT DISTINCT {name} FROM {quoted(table)}"
                f" WHERE {name} IS NOT NULL LIMIT {SAMPLES}"
            )
            if found:
                said = ", ".join(literal(row[0]) for row in found)
                yield f"-- {' '.join(column.split())}: {said}"

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table or view."""
        return [row[0] for row in self.rows("SELECT name FROM pragma_table_info(?)", table)]


def literal(value: Any) -> str:
    """A value as SQL writes it, on one line, cut where it is long."""
    if not isinstance(value, str):
        return str(plain(value))
    text = " ".join(value.split()).replace("'", "''")
    return f"'{text[:40]}...'" if len(text) > 40 else f"'{text}'"


def schema(database: sqlite3.Connection) -> str:
    """CREATE statements with sizes and samples as comments, at most SCHEMA characters: samples go
    first, then the last tables."""
    made = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql IS NOT NULL ORDER BY rowid"
    ).fetchall()
    sampler = Sampler(database)
    hidden = sampler.rows("SELECT name FROM pragma_table_list WHERE type = 'shadow'")
    shadows = {row[0] for row in hidden}  # the inner tables of a full-text index
    tables = [(str(name), f"{sql};") for name, sql in made if name not in shadows]
    text = "\n\n".join("\n".join([sql, *sampler.comments(name)]) for name, sql in tables)
    if len(text) <= SCHEMA:
        return text
    kept: list[str] = []
    room = SCHEMA - 100
    for _, sql in tables:
        room -= len(sql) + 2
        if room < 0:
            kept.append(f"-- {len(tables) - len(kept)} more tables are left out")
            break
        kept.append(sql)
    return "\n\n".join(kept)


def say(data: Any) -> None:
    """One line out."""
    # ASCII, so that no half character can break the pipe.
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def main(file: str, immutable: str, limit_s: str, *what: str) -> None:
    """Serve one file."""
    limit_process()
    try:
        database = connect(file, immutable == "1")
        if what:
            say({"schema": schema(database)})
            return
    except (sqlite3.Error, OSError, MemoryError) as error:
        say({"error": str(error) or type(error).__name__})
        return
    database.set_authorizer(authorize)
    say({"ready": True})
    alarm = getattr(signal, "alarm", lambda seconds: None)
    for line in sys.stdin:
        alarm(math.ceil(float(limit_s)) + 2)
        said = query(database, json.loads(line)["sql"])
        alarm(0)
        say(said)


if __name__ == "__main__":
    main(*sys.argv[1:])
