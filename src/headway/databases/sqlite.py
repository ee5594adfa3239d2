"""A SQLite file as a `Database`: read only, bounded, each query in a process that can be killed.

No SQL runs in this process. Workers (`worker.py`) are started when first needed, used again, and
replaced when they had to be killed. A thread waits for each that is busy, and no event loop owns
them: one database may be asked from several loops, one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headway.core.errors import InputError
from headway.core.files import sha256_of
from headway.core.protocols import Table
from headway.databases import worker

TIME_LIMIT_S = 5.0
START_LIMIT_S = 30.0  # a busy machine starts a process slowly; that is no fault of the query
MOST_WORKERS = 4
LONGEST = 100_000  # characters of a query
CLOSED = "the database is closed"
MAGIC = b"SQLite format 3\x00"


class SQLiteDatabase:
    """One file. query() may be called concurrently; at most MOST_WORKERS run at once, and a
    query's time counts from when it is its turn."""

    def __init__(self, file: Path, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        """Read the schema. Raises InputError where the file is no database that can be read."""
        self.name = file.stem
        self.dialect = "sqlite"
        self.time_limit_s = time_limit_s
        self._file = file.resolve()
        self._immutable = _settled(file)
        self._schema = self._read_schema()
        self._threads = ThreadPoolExecutor(MOST_WORKERS, f"database-{self.name}")
        self._lock = threading.Lock()  # of all below
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False
        # Where nobody closes it, none of its processes outlives it.
        weakref.finalize(self, _end, self._idle)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the file's content."""
        return sha256_of(self._file)[:32]

    def schema(self) -> str:
        """CREATE statements of tables and views, with the number of rows and up to three values
        of each column as comments; at most some 12,000 characters."""
        return self._schema

    async def query(self, sql: str) -> Table:
        """At most 200 rows and 64 kB of what one SELECT gives; see Database."""
        if len(sql) > LONGEST:
            return Table(
                error=f"the query has {len(sql):,} characters; at most {LONGEST:,} are run"
            )
        if self._closed:
            return Table(error=CLOSED)
        job = _Job()
        asked = asyncio.wrap_future(self._threads.submit(self._run, sql, job))
        try:
            return await asked
        except asyncio.CancelledError:
            with self._lock:
                job.given_up = True
                if job.worker is not None:
                    job.worker.kill()
            raise

    async def close(self) -> None:
        """End all workers, and wait until they are gone. Queries on the way give an error."""
        with self._lock:
            self._closed = True
            for one in self._busy:
                one.kill()
        await asyncio.to_thread(self._threads.shutdown)
        _end(self._idle)

    def _run(self, sql: str, job: _Job) -> Table:
        """One query, in a thread."""
        with self._lock:
            one = self._idle.pop() if self._idle else None
        if one is not None and not one.alive:
            one.stop()
            one = None
        try:
            one = one or _Worker(self._command())
        except _Broken as problem:
            return Table(error=str(problem))
        with self._lock:
            stopped = self._closed or job.given_up
            if not stopped:
                job.worker = one
                self._busy.add(one)
        said = None if stopped else one.ask({"sql": sql}, self.time_limit_s)
        with self._lock:
            job.worker = None
            self._busy.discard(one)
            kept = said is not None and not self._closed and not job.given_up
            if kept:
                self._idle.append(one)
        if not kept:
            one.stop()
        if said is None:
            return Table(error=self._why(one))
        return Table(
            columns=tuple(said.get("columns", ())),
            rows=tuple(tuple(row) for row in said.get("rows", ())),
            error=said.get("error", ""),
            more=said.get("more", False),
        )

    def _why(self, one: _Worker) -> str:
        """Why a worker gave no answer."""
        if self._closed:
            return CLOSED
        if one.expired:
            return f"stopped: it took longer than {self.time_limit_s:g} s"
        return "the query ended its process: it crashed, or needed too much memory"

    def _command(self, *more: str) -> list[str]:
        immutable = "1" if self._immutable else "0"
        limit = f"{self.time_limit_s:g}"
        return [
            sys.executable, "-I", "-S", str(worker.__file__),
            str(self._file), immutable, limit, *more,
        ]  # fmt: skip

    def _read_schema(self) -> str:
        try:
            done = subprocess.run(
                self._command("schema"),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=START_LIMIT_S + worker.SAMPLING_S,
                check=False,
            )
            said = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            raise self._unreadable("its schema cannot be read in time") from None
        except json.JSONDecodeError:
            raise self._unreadable("reading it ended the process") from None
        if "error" in said:
            raise self._unreadable(said["error"])
        if not said["schema"]:
            raise self._unreadable("it holds no tables")
        return str(said["schema"])

    def _unreadable(self, why: str) -> InputError:
        return InputError(
            f"this database cannot be used: {why}",
            where=str(self._file),
            valid="a SQLite 3 file with tables",
        )


class _Broken(Exception):
    """A worker could not be started."""


@dataclass
class _Job:
    """A query on its way, and the worker that is busy with it."""

    worker: _Worker | None = None
    given_up: bool = False


class _Worker:
    """One process, asked one thing at a time, by threads."""

    def __init__(self, command: list[str]) -> None:
        """Start it, and wait until it is ready. Raises _Broken."""
        self.expired = False
        self._reading = threading.Lock()
        try:
            self._process = subprocess.Popen(
                command,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise _Broken(f"the query's process cannot be started: {error}") from None
        said = self._read(START_LIMIT_S)
        if said is None or "error" in said:
            self.stop()
            raise _Broken("the query's process did not start" if said is None else said["error"])

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, what: dict[str, Any], limit_s: float) -> dict[str, Any] | None:
        """One line to it, one line back; None where it ended before, or was killed at the limit."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(what).encode() + b"\n")
            stdin.flush()
        except OSError:
            return None
        return self._read(limit_s)

    def _read(self, limit_s: float) -> dict[str, Any] | None:
        stdout = self._process.stdout
        assert stdout is not None
        read = False

        def expire() -> None:
            with self._reading:
                if not read:
                    self.expired = True
                    self.kill()

        timer = threading.Timer(limit_s, expire)
        timer.daemon = True
        timer.start()
        line = stdout.readline()
        with self._reading:
            read = True
        timer.cancel()
        try:
            said = json.loads(line)
        except ValueError:  # nothing, or half a line
            return None
        return said if isinstance(said, dict) and not self.expired else None

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what it was not told, it need not hear
                if pipe is not None:
                    pipe.close()
        self._process.wait()


def _end(workers: list[_Worker]) -> None:
    """Stop workers, and forget them."""
    while workers:
        workers.pop().stop()


def _settled(file: Path) -> bool:
    """Whether the file must be opened as one that nobody changes: one in write-ahead mode, which
    could not be opened without writing beside it. Raises InputError where changes wait there."""
    try:
        with file.open("rb") as stream:
            head = stream.read(20)
    except OSError as error:
        raise InputError(f"this database cannot be read: {error}", where=str(file)) from None
    if head and not head.startswith(MAGIC):
        raise InputError(
            "this is not a SQLite 3 file", where=str(file), valid="a SQLite 3 file with tables"
        )
    if head[18:20] != b"\x02\x02":
        return False
    log = file.with_name(f"{file.name}-wal")
    if log.exists() and log.stat().st_size:
        raise InputError(
            "this database has changes that are not yet written into it",
            where=str(log),
            do=f'sqlite3 {file.name} "PRAGMA wal_checkpoint(TRUNCATE)"',
        )
    return True


def _environment() -> dict[str, str]:
    """What a process needs to start: no keys, no settings."""
    return dict(_needed())


def _needed() -> Iterator[tuple[str, str]]:
    for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"):
        if name in os.environ:
            yield name, os.environ[name]
