"""The store: what is kept, when it is seen, and what is said when the file cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.core.errors import HeadwayError, InputError
from headway.store import Store
from headway.store.migrations import MIGRATIONS, migrate


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / ".headway" / "store.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    made = Store(file)
    yield made
    made.close()


def put(store: Store, key: str, value: bytes = b"v", **how: object) -> None:
    given = {"journey": None, "model": "m", "tokens": 10, "usd": 0.5, **how}
    store.put_reply(key, value, **given)  # type: ignore[arg-type]


def committed(file: Path, sql: str) -> list[tuple[object, ...]]:
    """What another process would see now."""
    with sqlite3.connect(file) as db:
        return db.execute(sql).fetchall()


# --- the schema -----------------------------------------------------------------------------------


def test_migrations_twice_change_nothing(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(db)
    db.execute("INSERT INTO runs VALUES ('r', 0, 'p', 'dev', 'as_is', '{}')")
    before = db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    migrate(db)
    assert db.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    assert db.execute("SELECT COUNT(*) FROM runs").fetchone() == (1,)
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_an_older_file_is_brought_up_to_date(file: Path) -> None:
    file.parent.mkdir(parents=True)
    db = sqlite3.connect(file, isolation_level=None)
    MIGRATIONS[0](db)
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO replies VALUES ('k', NULL, 'm', x'61', 1, 0, 0)")
    db.close()
    store = Store(file)
    assert store.reply("k") == b"a"
    assert store.journeys() == []
    store.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (x)")
        raise RuntimeError("in the middle")

    db = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(db)
    monkeypatch.setattr("headway.store.migrations.MIGRATIONS", (*MIGRATIONS, half))
    with pytest.raises(RuntimeError):
        migrate(db)
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert db.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []


# --- writing and reading --------------------------------------------------------------------------


def test_a_reply_is_seen_before_it_is_committed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    commit = store._commit

    def held(*given: object) -> None:
        gate.wait(10)
        commit(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_commit", held)
    put(store, "k", b"answer")
    assert store.reply("k") == b"answer"
    assert committed(store.file, "SELECT * FROM replies") == []
    gate.set()
    store.flush()
    assert committed(store.file, "SELECT value FROM replies") == [(b"answer",)]
    assert store.reply("k") == b"answer"
    assert store._waiting == {}


def test_writes_are_committed_in_groups_and_soon(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    commit = store._commit

    def counted(db: sqlite3.Connection, batch: list[object]) -> None:
        sizes.append(len(batch))
        commit(db, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_commit", counted)
    for number in range(500):
        put(store, str(number))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # without a flush, the window alone commits
        if committed(store.file, "SELECT COUNT(*) FROM replies") == [(500,)]:
            break
        time.sleep(0.01)
    assert sum(sizes) == 500
    assert len(sizes) < 50


def test_the_first_reply_of_a_key_stands(store: Store) -> None:
    put(store, "k", b"first")
    store.flush()
    put(store, "k", b"second")
    store.flush()
    assert store.reply("k") == b"first"
    assert store.reply("nobody") is None


def test_what_a_journey_spent(store: Store) -> None:
    put(store, "a", journey="j", tokens=10, usd=0.5)
    put(store, "b", journey="j", tokens=5, usd=0.25)
    put(store, "c", journey="other", tokens=99, usd=9.0)
    put(store, "d")
    assert store.spent("j") == (2, 15, 0.75)
    assert store.spent("nobody") == (0, 0, 0)
    put(store, "e", journey="j", usd=None)
    assert store.spent("j") == (3, 25, None)


def test_records_by_pipeline_probe_example_and_repeat(store: Store) -> None:
    store.put_record("p", "as_is", "e1", 0, b"a")
    store.put_record("p", "as_is", "e1", 1, b"b")
    store.put_record("p", "closed", "e1", 0, b"c")
    store.put_record("q", "as_is", "e1", 0, b"d")
    assert store.records("p", "as_is") == {("e1", 0): b"a", ("e1", 1): b"b"}
    store.put_record("p", "as_is", "e1", 0, b"new")
    assert store.records("p", "as_is")["e1", 0] == b"new"
    assert store.records("p", "nothing") == {}


def test_prefixes_are_letters_and_no_patterns(store: Store) -> None:
    for name in ("abc1", "abc2", "b%_x"):
        store.put_pipeline(name, {"is": name})
        store.put_run(name, name, "dev", "as_is", {"is": name})
    assert [name for name, _ in store.pipeline("abc")] == ["abc1", "abc2"]
    assert store.pipeline("abc1") == [("abc1", {"is": "abc1"})]
    assert store.pipeline("%") == []
    assert store.pipeline("b%") == [("b%_x", {"is": "b%_x"})]
    assert store.pipeline("'; DROP TABLE runs; --") == []
    assert [r["is"] for r in store.run("abc")] == ["abc2", "abc1"]  # newest first
    assert store.run("a_c1") == []


def test_a_pipeline_stays_and_a_run_is_renewed(store: Store) -> None:
    for number in (1, 2):
        store.put_pipeline("p", number)
        store.put_run("r", "p", "dev", "as_is", number)
    assert store.pipeline("p") == [("p", 1)]
    assert store.run("r") == [2]


def test_journeys_and_their_ledger(store: Store) -> None:
    store.put_journey("j1", "q", {"a": 1})
    store.put_journey("j2", "other", {})
    store.put_journey("j1", "q", {"a": 2})
    assert store.journeys("q") == [("j1", {"a": 2})]
    assert [id for id, _ in store.journeys()] == ["j2", "j1"]
    for name in ("z", "a", "m"):
        store.put_entry("j1", name, {"is": name})
    store.put_entry("j1", "z", "a second one")
    assert list(store.entries("j1").items()) == [(n, {"is": n}) for n in ("z", "a", "m")]
    assert store.entries("j2") == {}


def test_answers_in_order_and_unique(store: Store) -> None:
    store.put_answer("c", 0, "n", journey="j", candidate="x", level=0.01)
    assert committed(store.file, "SELECT answer, level FROM answers") == [("n", 0.01)]
    store.put_answer("c", 1, "k", journey="j", candidate="y", level=0.005)
    store.put_answer("other", 0, "k", journey="j", candidate="z", level=0.01)
    assert store.answers("c") == [("n", "j", "x"), ("k", "j", "y")]
    with pytest.raises(HeadwayError, match="another journey asked") as found:
        store.put_answer("c", 1, "n", journey="j2", candidate="w", level=0.005)
    assert "one journey of a task at a time" in str(found.value)
    assert store.answers("c")[1] == ("k", "j", "y")


def test_an_opening_counts_once_a_journey_and_pipeline(store: Store) -> None:
    assert store.openings("t") == (0, None)
    assert store.open_test("t", "p", "j") == 1
    assert store.open_test("t", "p", "j") == 1  # a killed run goes on
    assert store.open_test("t", "q", "j") == 2
    assert store.open_test("t", "p", "j2") == 3
    assert store.open_test("t", "p", None) == 4
    assert store.open_test("t", "p", None) == 5  # by hand, every time counts
    assert store.openings("t") == (5, "p")
    assert store.open_test("another", "p", "j") == 1


def test_capabilities(store: Store) -> None:
    assert store.capabilities("m") is None
    store.put_capabilities("m", {"schema": True})
    store.put_capabilities("m", {"schema": False})
    assert store.capabilities("m") == {"schema": False}


def test_all_is_there_after_closing(file: Path) -> None:
    store = Store(file)
    for number in range(100):
        put(store, str(number))
    store.close()
    again = Store(file)
    assert again.reply("99") == b"v"
    again.close()


# --- several at once ------------------------------------------------------------------------------


def test_several_open_a_new_file_at_once(file: Path) -> None:
    stores: list[Store] = []
    failed: list[BaseException] = []

    def open_it() -> None:
        try:
            stores.append(Store(file))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert failed == []
    assert len(stores) == 8


def test_two_stores_on_one_file(file: Path) -> None:
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            store = Store(file)
            for number in range(300):
                put(store, f"{name}{number}", journey=name)
                store.put_record("p", "as_is", f"{name}{number}", 0, b"r")
                if number % 100 == 0:
                    store.put_answer(name, number, "n", journey=name, candidate="c", level=0.01)
            store.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    store = Store(file)
    assert [store.spent(name)[0] for name in "abc"] == [300] * 3
    assert len(store.records("p", "as_is")) == 900
    assert all(len(store.answers(name)) == 3 for name in "abc")
    store.close()


def test_one_store_sees_what_another_committed(store: Store) -> None:
    other = Store(store.file)
    put(other, "k", b"theirs")
    other.flush()
    assert store.reply("k") == b"theirs"
    other.close()


# --- files that cannot be used --------------------------------------------------------------------


def test_a_file_that_is_no_database(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is not a database, and long enough to be read as one. " * 100)
    with pytest.raises(HeadwayError, match="cannot be read") as found:
        Store(file)
    assert found.value.where == str(file)
    assert "move the file away" in str(found.value)


def test_a_file_that_is_damaged_inside(file: Path) -> None:
    store = Store(file)
    for number in range(400):
        put(store, f"{number:04}", b"x" * 500)
    store.close()
    data = bytearray(file.read_bytes())
    data[8192:] = b"\x5a" * (len(data) - 8192)
    file.write_bytes(data)

    def read_all() -> None:
        store = Store(file)
        try:
            for number in range(400):
                store.reply(f"{number:04}")
        finally:
            store.close()

    with pytest.raises(HeadwayError, match="cannot be read"):
        read_all()


def test_a_folder_in_its_place(file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.raises(HeadwayError, match="cannot be used"):
        Store(file)


def test_a_file_in_place_of_its_folder(file: Path) -> None:
    file.parent.parent.mkdir(parents=True)
    file.parent.write_text("in the way")
    with pytest.raises(InputError, match="this is a file"):
        Store(file)


def limit(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    """Databases that may not grow: SQLite then fails as it does on a full disk."""
    connect = Store._connect

    def limited(self: Store) -> sqlite3.Connection:
        db = connect(self)
        db.execute(f"PRAGMA max_page_count = {pages}")
        return db

    monkeypatch.setattr(Store, "_connect", limited)


@pytest.mark.parametrize("pages", [1, 3, 5])
def test_a_disk_that_is_full_from_the_start(
    file: Path, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    limit(monkeypatch, pages)
    with pytest.raises(HeadwayError, match="the disk is full"):
        Store(file)


FULL: dict[str, Callable[[Store], object]] = {
    "flush": lambda s: s.flush(),
    "a read that flushes": lambda s: s.spent("j"),
    "the next write": lambda s: put(s, "later"),
    "an answer": lambda s: s.put_answer("c", 0, "k", journey="j", candidate="x", level=0.1),
    "an opening": lambda s: s.open_test("t", "p", None),
    "close": lambda s: s.close(),
}


@pytest.mark.parametrize("then", FULL)
def test_a_full_disk_is_said(file: Path, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    limit(monkeypatch, 40)
    store = Store(file)
    put(store, "safe", b"kept")
    store.flush()
    for number in range(40):
        put(store, f"big{number}", b"x" * 20_000)
    store._queue.put(event := threading.Event())
    assert event.wait(10)
    with pytest.raises(HeadwayError, match="the disk is full") as found:
        FULL[then](store)
    assert "make room" in str(found.value)
    if then != "close":
        assert store.reply("safe") == b"kept"
        with pytest.raises(HeadwayError, match="the disk is full"):
            store.close()
    # Made room: what was committed is there, and the store goes on.
    assert committed(file, "SELECT value FROM replies WHERE key = 'safe'") == [(b"kept",)]


KILLED = """
import os, signal, sys
from pathlib import Path
from headway.store import Store
store = Store(Path(sys.argv[1]))
store.put_reply("flushed", b"v", journey=None, model="m", tokens=1, usd=0.0)
store.flush()
store.put_answer("c", 0, "k", journey="j", candidate="x", level=0.01)
store.open_test("t", "p", "j")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_nothing_that_is_done(file: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    assert done.returncode == -9
    store = Store(file)
    assert store.reply("flushed") == b"v"
    assert store.answers("c") == [("k", "j", "x")]
    assert store.openings("t") == (1, "p")
    store.close()
