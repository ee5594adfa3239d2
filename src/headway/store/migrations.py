"""The store's schema, as a list of small functions applied in order. Never edit one; append."""

from __future__ import annotations

import sqlite3


def m001_first_tables(db: sqlite3.Connection) -> None:
    """Replies are keyed by what was asked; records by pipeline, probe, example and repeat."""
    db.execute(
        "CREATE TABLE replies (key TEXT PRIMARY KEY, journey TEXT, model TEXT, value BLOB,"
        " tokens INTEGER, usd REAL, at REAL) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX replies_by_journey ON replies (journey) WHERE journey IS NOT NULL")
    db.execute(
        "CREATE TABLE records (pipeline TEXT, probe TEXT, example TEXT, repeat INTEGER,"
        " value BLOB, PRIMARY KEY (pipeline, probe, example, repeat)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE pipelines (fingerprint TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE runs (id TEXT PRIMARY KEY, at REAL, pipeline TEXT, split TEXT, probe TEXT,"
        " value BLOB)"
    )


def m002_journeys(db: sqlite3.Connection) -> None:
    """Ledgers, what confirm was asked, and every opening of the sealed test."""
    db.execute("CREATE TABLE journeys (id TEXT PRIMARY KEY, at REAL, question TEXT, state BLOB)")
    db.execute(
        "CREATE TABLE ledger (journey TEXT, name TEXT, value BLOB, PRIMARY KEY (journey, name))"
    )
    db.execute(
        "CREATE TABLE answers (confirm TEXT, number INTEGER, answer TEXT, journey TEXT,"
        " candidate TEXT, level REAL, PRIMARY KEY (confirm, number))"
    )
    db.execute(
        "CREATE TABLE openings (id INTEGER PRIMARY KEY, at REAL, test TEXT, pipeline TEXT,"
        " journey TEXT)"
    )
    db.execute("CREATE TABLE capabilities (model TEXT PRIMARY KEY, at REAL, value BLOB)")


def m003_suspects(db: sqlite3.Connection) -> None:
    """References that are doubted, by example: the review queue's own part."""
    db.execute("CREATE TABLE suspects (example TEXT PRIMARY KEY, at REAL, value BLOB)")


def m004_judges(db: sqlite3.Connection) -> None:
    """How far a metric, with the judge and rubric it was set up with, agrees with people."""
    db.execute(
        "CREATE TABLE judges (metric TEXT, about TEXT, at REAL, value BLOB,"
        " PRIMARY KEY (metric, about)) WITHOUT ROWID"
    )


MIGRATIONS = (m001_first_tables, m002_journeys, m003_suspects, m004_judges)


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database up to date; each step in its own transaction, two processes at once safe."""
    for number, step in enumerate(MIGRATIONS, start=1):
        db.execute("BEGIN IMMEDIATE")
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] < number:
                step(db)
                db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # on a full disk SQLite has rolled back by itself
                db.execute("ROLLBACK")
            raise
