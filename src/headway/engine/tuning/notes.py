"""Small JSON files that a tuning keeps beside its trainings: speeds, schedules, what is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from headway.core.files import in_full


def read(file: Path) -> dict[str, Any]:
    """What is kept; empty where the file is not there, or not whole."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def write(file: Path, value: Mapping[str, Any]) -> None:
    """A reader sees all of it or nothing."""
    with in_full(file) as draft:
        draft.write_bytes(orjson.dumps(value))


def add(file: Path, key: str, value: Any) -> None:
    """Keep one more entry."""
    write(file, {**read(file), key: value})
