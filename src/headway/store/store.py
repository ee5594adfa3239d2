"""One SQLite file a task. Done means committed; commits are grouped for up to 50 ms.

Writes go to a queue and return at once; a thread of ours commits them in groups, so that at most
the calls in flight and those of the last window are made again after a kill. Reads see what waits
in the queue. `flush()` waits for the commit. WAL lets several processes share the file; its
`synchronous = NORMAL` keeps every commit across a killed process, and after a power cut may lose
the last ones, never the file.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from headway.core.errors import HeadwayError, InputError
from headway.store.migrations import migrate

WINDOW_S = 0.05
WAIT_S = 60.0  # for another process that writes
Statement = tuple[str, tuple[Any, ...]]

_PUT_REPLY = "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_RECORD = "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)"


class Store:
    """All of our SQL. Use from one event loop or thread; `close()` when done."""

    def __init__(self, file: Path) -> None:
        """Open or make the file. Raises HeadwayError where it cannot be used."""
        self.file = file
        self._failure: BaseException | None = None
        self._waiting: dict[str, bytes] = {}  # replies queued and not committed yet
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Statement | threading.Event | None] = queue.SimpleQueue()
        if file.parent.exists() and not file.parent.is_dir():
            raise InputError(
                "a folder is wanted here, and this is a file", where=str(file.parent),
                do=f"mv {file.parent.name} {file.parent.name}.old   (there, and the command again)",
            )  # fmt: skip
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._connect()
            migrate(self._db)
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from None
        self._thread = threading.Thread(target=self._write_loop, name="headway-store", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.file,
            timeout=WAIT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        # Turning WAL on asks for the whole file, and SQLite does not wait for that by itself.
        until = time.monotonic() + WAIT_S
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.02)
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _error(self, error: BaseException) -> HeadwayError:
        text = str(error)
        if "full" in text or getattr(error, "errno", None) == 28:
            return HeadwayError(
                "the disk is full; what was committed is safe",
                where=str(self.file),
                do="make room, then run the same command again: it goes on from here",
            )
        if "malformed" in text or "not a database" in text:
            return HeadwayError(
                f"the store cannot be read ({text})",
                where=str(self.file),
                do="move the file away to start a fresh one; its cache is lost, nothing else",
            )
        return HeadwayError(
            f"the store cannot be used ({text})",
            where=str(self.file),
            do="check the folder's permissions and free space",
        )

    # --- the writer ---------------------------------------------------------------------------

    def _write_loop(self) -> None:
        db = self._connect()
        stop = False
        while not stop:
            batch: list[Statement] = []
            waiters: list[threading.Event] = []
            item = self._queue.get()
            until = time.monotonic() + WINDOW_S
            while True:
                if item is None:
                    stop = True
                elif isinstance(item, threading.Event):
                    waiters.append(item)
                else:
                    batch.append(item)
                if stop or waiters:
                    break
                try:
                    item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
            try:
                if batch and self._failure is None:
                    self._commit(db, batch)
            except BaseException as error:  # kept, and raised at the next write or flush
                self._failure = error
            for event in waiters:
                event.set()
        db.close()

    def _commit(self, db: sqlite3.Connection, batch: list[Statement]) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            for sql, values in batch:
                db.execute(sql, values)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        with self._lock:
            for sql, values in batch:
                if sql is _PUT_REPLY:
                    self._waiting.pop(values[0], None)

    def _write(self, sql: str, *values: Any) -> None:
        if self._failure is not None:
            raise self._error(self._failure)
        self._queue.put((sql, values))

    def flush(self) -> None:
        """Wait until all that was written is committed. Raises HeadwayError where it could not."""
        event = threading.Event()
        self._queue.put(event)
        event.wait()
        if self._failure is not None:
            raise self._error(self._failure)

    def close(self) -> None:
        """Commit and close."""
        self._queue.put(None)
        self._thread.join()
        self._db.close()
        if self._failure is not None:
            raise self._error(self._failure)

    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._error(error) from None

    # --- replies: the cache -------------------------------------------------------------------

    def reply(self, key: str) -> bytes | None:
        """A cached reply, or None."""
        with self._lock:
            waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting
        rows = self._read("SELECT value FROM replies WHERE key = ?", key)
        return rows[0][0] if rows else None

    def put_reply(
        self,
        key: str,
        value: bytes,
        *,
        journey: str | None,
        model: str,
        tokens: int,
        usd: float | None,
    ) -> None:
        """Keep a reply. The journey that paid for it is kept too: a budget is a sum over these."""
        with self._lock:
            self._waiting[key] = value
        self._write(_PUT_REPLY, key, journey, model, value, tokens, usd, time.time())

    def spent(self, journey: str) -> tuple[int, int, float | None]:
        """Calls, tokens and dollars that a journey has paid for; dollars None if any is unknown."""
        self.flush()
        rows = self._read(
            "SELECT COUNT(*), COALESCE(SUM(tokens), 0), COALESCE(SUM(usd), 0), "
            "COUNT(*) - COUNT(usd) FROM replies WHERE journey = ?",
            journey,
        )
        calls, tokens, usd, unknown = rows[0]
        return calls, tokens, None if unknown else usd

    # --- records ------------------------------------------------------------------------------

    def records(self, pipeline: str, probe: str) -> dict[tuple[str, int], bytes]:
        """All records of a pipeline under a probe, by (example fingerprint, repeat)."""
        self.flush()
        rows = self._read(
            "SELECT example, repeat, value FROM records WHERE pipeline = ? AND probe = ?",
            pipeline,
            probe,
        )
        return {(example, repeat): value for example, repeat, value in rows}

    def put_record(
        self, pipeline: str, probe: str, example: str, repeat: int, value: bytes
    ) -> None:
        """Keep a record."""
        self._write(_PUT_RECORD, pipeline, probe, example, repeat, value)

    # --- pipelines and runs -------------------------------------------------------------------

    def put_pipeline(self, fingerprint: str, value: Any) -> None:
        """Keep a pipeline's data under its fingerprint."""
        self._write(
            "INSERT OR IGNORE INTO pipelines VALUES (?, ?)", fingerprint, orjson.dumps(value)
        )

    def pipeline(self, prefix: str) -> list[tuple[str, Any]]:
        """Pipelines whose fingerprint starts with the prefix."""
        self.flush()
        rows = self._read(
            "SELECT fingerprint, value FROM pipelines WHERE substr(fingerprint, 1, ?) = ?",
            len(prefix),
            prefix,
        )
        return [(name, orjson.loads(value)) for name, value in rows]

    def put_run(self, id: str, pipeline: str, split: str, probe: str, value: Any) -> None:
        """Keep a run's summary."""
        self._write(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
            id,
            time.time(),
            pipeline,
            split,
            probe,
            orjson.dumps(value),
        )

    def run(self, prefix: str) -> list[dict[str, Any]]:
        """Summaries of runs whose id starts with the prefix, newest first."""
        self.flush()
        rows = self._read(
            "SELECT value FROM runs WHERE substr(id, 1, ?) = ? ORDER BY at DESC",
            len(prefix),
            prefix,
        )
        return [orjson.loads(value) for (value,) in rows]

    # --- journeys -----------------------------------------------------------------------------

    def put_journey(self, id: str, question: str, state: Any) -> None:
        """Keep a journey's state; `question` says which command and data it answers."""
        self._write(
            "INSERT INTO journeys VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            id,
            time.time(),
            question,
            orjson.dumps(state),
        )

    def journeys(self, question: str | None = None) -> list[tuple[str, Any]]:
        """Journeys, newest first, of one question or of all."""
        self.flush()
        where, values = ("WHERE question = ?", (question,)) if question else ("", ())
        rows = self._read(f"SELECT id, state FROM journeys {where} ORDER BY at DESC", *values)
        return [(id, orjson.loads(state)) for id, state in rows]

    def put_entry(self, journey: str, name: str, value: Any) -> None:
        """Keep one entry of a ledger; the first one of a name stands."""
        self._write(
            "INSERT OR IGNORE INTO ledger VALUES (?, ?, ?)", journey, name, orjson.dumps(value)
        )

    def entries(self, journey: str) -> dict[str, Any]:
        """A journey's ledger, by name, in the order written."""
        self.flush()
        rows = self._read(
            "SELECT name, value FROM ledger WHERE journey = ? ORDER BY rowid", journey
        )
        return {name: orjson.loads(value) for name, value in rows}

    def answers(self, confirm: str) -> list[tuple[str, str, str]]:
        """What confirm has answered so far: (answer, journey, candidate), oldest first."""
        self.flush()
        return [
            (answer, journey, candidate)
            for answer, journey, candidate in self._read(
                "SELECT answer, journey, candidate FROM answers WHERE confirm = ? ORDER BY number",
                confirm,
            )
        ]

    def put_answer(
        self, confirm: str, number: int, answer: str, *, journey: str, candidate: str, level: float
    ) -> None:
        """Keep what confirm answered, with the level spent on it; committed on return.

        Raises HeadwayError where another process asked the same confirm at the same time.
        """
        self.flush()
        try:
            self._db.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (confirm, number, answer, journey, candidate, level),
            )
        except sqlite3.IntegrityError:
            raise HeadwayError(
                "another journey asked these examples at the same time",
                where=str(self.file),
                do="run one journey of a task at a time; run this command again to go on",
            ) from None
        except sqlite3.Error as error:
            raise self._error(error) from None

    def open_test(self, test: str, pipeline: str, journey: str | None) -> int:
        """Count one opening of the sealed test, committed on return; returns how many there were.

        The same pipeline of the same journey counts once, so that a killed run goes on.
        """
        self.flush()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            same = self._db.execute(
                "SELECT COUNT(*) FROM openings WHERE test = ? AND pipeline = ? AND journey IS ?",
                (test, pipeline, journey),
            ).fetchone()[0]
            if not (same and journey):
                self._db.execute(
                    "INSERT INTO openings (at, test, pipeline, journey) VALUES (?, ?, ?, ?)",
                    (time.time(), test, pipeline, journey),
                )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._error(error) from None
        return self.openings(test)[0]

    def openings(self, test: str) -> tuple[int, str | None]:
        """How often the test was opened, and the pipeline last tested."""
        rows = self._read("SELECT pipeline FROM openings WHERE test = ? ORDER BY id", test)
        return len(rows), rows[-1][0] if rows else None

    # --- references in doubt -------------------------------------------------------------------

    def put_suspects(self, suspects: Sequence[Mapping[str, Any]]) -> None:
        """Replace the references that are doubted: `Suspect`s as plain data."""
        self._write("DELETE FROM suspects")
        for suspect in suspects:
            self._write(
                "INSERT OR REPLACE INTO suspects VALUES (?, ?, ?)",
                suspect["example"],
                time.time(),
                orjson.dumps(suspect),
            )

    def suspects(self) -> list[dict[str, Any]]:
        """The references that are doubted, the most doubtful first."""
        self.flush()
        found = [orjson.loads(value) for (value,) in self._read("SELECT value FROM suspects")]
        return sorted(found, key=lambda s: (-s["doubt"], s["example"]))

    # --- judges ---------------------------------------------------------------------------------

    def put_judged(self, metric: str, about: str, value: Any) -> None:
        """Keep how far a metric agrees with people; `about` is the judge it was set up with."""
        self._write(
            "INSERT OR REPLACE INTO judges VALUES (?, ?, ?, ?)",
            metric,
            about,
            time.time(),
            orjson.dumps(value),
        )

    def judged(self, metric: str, about: str) -> dict[str, Any] | None:
        """How far a metric agrees with people, or None where that was never measured."""
        self.flush()
        rows = self._read("SELECT value FROM judges WHERE metric = ? AND about = ?", metric, about)
        found: dict[str, Any] | None = orjson.loads(rows[0][0]) if rows else None
        return found

    # --- what endpoints do --------------------------------------------------------------------

    def put_capabilities(self, model: str, value: Any) -> None:
        """Keep what an endpoint was found to do."""
        self._write(
            "INSERT OR REPLACE INTO capabilities VALUES (?, ?, ?)",
            model,
            time.time(),
            orjson.dumps(value),
        )

    def capabilities(self, model: str) -> Any | None:
        """What an endpoint was found to do, or None."""
        self.flush()
        rows = self._read("SELECT value FROM capabilities WHERE model = ?", model)
        return orjson.loads(rows[0][0]) if rows else None
