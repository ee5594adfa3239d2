"""Objects with names of their own, with the line in every message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headway.core.errors import InputError
from headway.core.reading import read_lines


def identity(data: dict[str, Any], key: str, where: str) -> str:
    """A field that names the object. Raises InputError where it is missing."""
    found = data.get(key)
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found == "":
        raise InputError(f"the field {key!r} is missing", where=where, valid=f'"{key}": "..."')
    return str(found)


class Ids:
    """Ids seen, each with the line it stood in."""

    def __init__(self, file: Path) -> None:
        self._file, self._lines = file, dict[str, int]()

    def add(self, name: str, line: int) -> None:
        """Raises InputError for an id that was there before."""
        if name in self._lines:
            raise InputError(
                f"the id {name!r} stands in line {self._lines[name]} already",
                where=f"{self._file}:{line}",
            )
        self._lines[name] = line


def corpus(file: Path) -> Iterator[dict[str, str]]:
    """Documents of a `corpus.jsonl`, one at a time, with only the fields that we keep."""
    seen = Ids(file)
    for line, data in read_lines(file):
        where = f"{file}:{line}"
        name = identity(data, "_id", where)
        seen.add(name, line)
        if not isinstance(data.get("text"), str):
            raise InputError("the field 'text' is missing", where=where)
        yield {"_id": name, "title": str(data.get("title") or ""), "text": data["text"]}
