"""Reading JSON and JSON lines, with the line in every message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from headway.core.errors import InputError


def json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line that is not blank; one line in memory at a time.

    Raises InputError, with the line, for what is not one whole JSON object.
    """
    for number, raw in numbered(file):
        if not raw.strip():
            continue
        try:
            data = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InputError(
                f"not valid JSON: {error}",
                where=f"{file}:{number}",
                valid="one whole JSON object a line, in UTF-8",
            ) from None
        if not isinstance(data, dict):
            raise InputError(
                f"expected an object, found {type(data).__name__}", where=f"{file}:{number}"
            )
        yield number, data


def numbered(file: Path) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each line, without a byte-order mark. Raises InputError."""
    try:
        with file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                yield number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None


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
    for line, data in json_lines(file):
        where = f"{file}:{line}"
        name = identity(data, "_id", where)
        seen.add(name, line)
        if not isinstance(data.get("text"), str):
            raise InputError("the field 'text' is missing", where=where)
        yield {"_id": name, "title": str(data.get("title") or ""), "text": data["text"]}
