"""The tables of `databases/handbook.sqlite`: what the documents do not count.

Machines on trial, planned services and business trips of 2024 and 2025 are invented row by row, the
same ones each time; offices, machines and daily allowances repeat facts of the documents, to join
with.
"""

import hashlib
import sqlite3
from pathlib import Path

from .facts import MODELS, OFFICES, PER_DIEM

YEARS = (2024, 2025)
COUNTRIES = {
    "leeds": "United Kingdom",
    "lisbon": "Portugal",
    "gdansk": "Poland",
    "cork": "Ireland",
    "ghent": "Belgium",
}
FAMILIES = {"tamber": "coffee machine", "rill": "water dispenser", "skerry": "glasswasher"}
# Machines put on trial in a usual month: by office and by model, multiplied
BUSY = {"leeds": 1.5, "lisbon": 1.2, "gdansk": 0.8, "cork": 0.5, "ghent": 1.0}
USUAL = {
    "tamber-2": 6,
    "tamber-4": 3,
    "rill-30": 11,
    "rill-60": 5,
    "skerry-400": 5,
    "skerry-500": 2,
}
MINUTES = {
    "tamber-2": 55,
    "tamber-4": 95,
    "rill-30": 30,
    "rill-60": 40,
    "skerry-400": 60,
    "skerry-500": 80,
}
CONTRACTS = ("Basic", "Basic", "Plus", "Plus", "Plus", "Prime")
PURPOSES = ("customer visit", "customer visit", "training", "trade fair", "internal meeting")
VERSION = 3040000  # written into the file, so that its bytes do not tell the library's version

SCHEMA = """
CREATE TABLE offices (
  office TEXT PRIMARY KEY,
  country TEXT NOT NULL
);
CREATE TABLE machines (
  model TEXT PRIMARY KEY,
  family TEXT NOT NULL, -- coffee machine, water dispenser or glasswasher
  weight_kg INTEGER NOT NULL,
  width_cm INTEGER NOT NULL
);
CREATE TABLE trials ( -- machines lent on trial, one row for each office, model and month
  office TEXT NOT NULL REFERENCES offices,
  model TEXT NOT NULL REFERENCES machines,
  year INTEGER NOT NULL,
  month INTEGER NOT NULL, -- 1 to 12
  lent INTEGER NOT NULL,
  kept INTEGER NOT NULL -- of those lent
);
CREATE TABLE services ( -- planned services carried out, one row each
  id INTEGER PRIMARY KEY,
  day TEXT NOT NULL, -- YYYY-MM-DD
  office TEXT NOT NULL REFERENCES offices,
  model TEXT NOT NULL REFERENCES machines,
  contract TEXT NOT NULL, -- Basic, Plus or Prime
  minutes INTEGER NOT NULL,
  parts_eur INTEGER NOT NULL
);
CREATE TABLE trips ( -- business trips, one row each
  id INTEGER PRIMARY KEY,
  start TEXT NOT NULL, -- YYYY-MM-DD
  office TEXT NOT NULL REFERENCES offices, -- of the person who travels
  country TEXT NOT NULL, -- where to
  purpose TEXT NOT NULL, -- customer visit, training, trade fair or internal meeting
  nights INTEGER NOT NULL,
  cost_eur INTEGER NOT NULL
);
CREATE TABLE allowances ( -- daily allowances of a country in a year
  country TEXT NOT NULL,
  year INTEGER NOT NULL,
  full_day_eur INTEGER NOT NULL,
  half_day_eur INTEGER NOT NULL,
  hotel_limit_eur INTEGER NOT NULL
);
"""


def _draw(low: int, high: int, *of: object) -> int:
    """A number from low to high that depends on nothing but what it is drawn for."""
    digest = hashlib.sha256(":".join(map(str, of)).encode()).digest()
    return low + int.from_bytes(digest[:8], "big") % (high - low + 1)


def _trials() -> list[tuple]:
    rows = []
    for year in YEARS:
        for month in range(1, 13):
            for office in OFFICES:
                for model in MODELS:
                    usual = BUSY[office] * USUAL[model] * (1.15 if year == 2025 else 1.0)
                    case = (office, model, year, month)
                    lent = round(usual * _draw(40, 160, "lent", *case) / 100)
                    kept = lent * _draw(25, 80, "kept", *case) // 100
                    rows.append((OFFICES[office], MODELS[model]["name"], year, month, lent, kept))
    return rows


def _services() -> list[tuple]:
    rows = []
    for number in range(1, 421):
        office = list(OFFICES)[_pick(BUSY, "office", number)]
        model = list(MODELS)[_pick(USUAL, "machine", number)]
        year = YEARS[number > 200]
        day = f"{year}-{_draw(1, 12, 'm', number):02}-{_draw(1, 28, 'd', number):02}"
        minutes = MINUTES[model] + _draw(-15, 40, "minutes", number)
        parts = max(0, _draw(-40, 160, "parts", number))
        contract = CONTRACTS[_draw(0, 5, "contract", number)]
        rows.append((day, OFFICES[office], MODELS[model]["name"], contract, minutes, parts))
    return [(number, *row) for number, row in enumerate(sorted(rows), start=1)]


def _trips() -> list[tuple]:
    rows = []
    countries = list(PER_DIEM[2025])
    for number in range(1, 361):
        office = list(OFFICES)[_pick(BUSY, "traveller", number)]
        away = [country for country in countries if country != COUNTRIES[office]]
        country = away[_draw(0, len(away) - 1, "to", number)]
        year = YEARS[number > 165]
        start = f"{year}-{_draw(1, 12, 'tm', number):02}-{_draw(1, 28, 'td', number):02}"
        purpose = PURPOSES[_draw(0, len(PURPOSES) - 1, "purpose", number)]
        nights = _draw(0, 6, "nights", number)
        cost = 140 + nights * _draw(85, 160, "hotel", number) + _draw(0, 320, "fare", number)
        rows.append((start, OFFICES[office], country, purpose, nights, cost))
    return [(number, *row) for number, row in enumerate(sorted(rows), start=1)]


def _pick(weights: dict[str, float], *of: object) -> int:
    """The place of one of several, drawn by their weights."""
    at = _draw(0, round(10 * sum(weights.values())) - 1, *of)
    for place, weight in enumerate(weights.values()):
        at -= round(10 * weight)
        if at < 0:
            return place
    raise AssertionError(of)


TABLES: dict[str, list[tuple]] = {
    "offices": [(OFFICES[office], COUNTRIES[office]) for office in OFFICES],
    "machines": [
        (facts["name"], FAMILIES[model.split("-")[0]], facts["kg"], facts["width"])
        for model, facts in MODELS.items()
    ],
    "trials": _trials(),
    "services": _services(),
    "trips": _trips(),
    "allowances": [
        (country, year, *amounts)
        for year in PER_DIEM
        for country, amounts in PER_DIEM[year].items()
    ],
}


def fill(database: sqlite3.Connection) -> None:
    """Make the tables in an empty database."""
    database.executescript(f"BEGIN;{SCHEMA}COMMIT;")
    with database:
        for name, rows in TABLES.items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


def write(file: Path) -> None:
    """The tables as a SQLite file, the same bytes each time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file)
    database.execute("PRAGMA page_size = 4096")
    database.execute("PRAGMA journal_mode = MEMORY")
    fill(database)
    database.close()
    data = bytearray(file.read_bytes())
    data[96:100] = VERSION.to_bytes(4, "big")
    file.write_bytes(data)
