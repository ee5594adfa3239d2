"""Which column of a table is which: as the user says, else by the names that people use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headway.core.catalogue import did_you_mean
from headway.core.errors import InputError


def names_of(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> list[str]:
    """All columns, in their order: fields of JSON lines may be left out of some rows."""
    return list(dict.fromkeys(name for _, row in rows for name in row))


def matched(
    found: list[str], asked: Mapping[str, str], known: Mapping[str, tuple[str, ...]], file: Path
) -> dict[str, str]:
    """Our name -> the column's, each column once. asked: what the user says. known: the names that
    people use, best first. Raises InputError for a column that is not there."""
    for ours, theirs in asked.items():
        if theirs not in found:
            raise InputError(
                f"there is no column {theirs!r} (for the {ours})",
                where=str(file),
                valid=did_you_mean(theirs, found),
            )
    names = dict(asked)
    lower = {name.strip().lower(): name for name in reversed(found)}
    for ours, likely in known.items():
        free = [lower[n] for n in likely if n in lower and lower[n] not in names.values()]
        if ours not in names and free:
            names[ours] = free[0]
    return names
