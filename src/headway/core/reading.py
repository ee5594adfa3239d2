"""What people write, as frozen data: one clear message for what is wrong in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from headway.core.errors import InputError

Parsed = TypeVar("Parsed", bound=BaseModel)


class Frozen(BaseModel):
    """Base of all that people write: unknown fields are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse(kind: type[Parsed], data: Any, where: str) -> Parsed:
    """Data as one of our kinds. Raises InputError with the place and what is valid."""
    if not isinstance(data, dict):
        raise InputError(f"expected fields by name, found {type(data).__name__}", where=where)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise invalid(error, kind, where) from None


def invalid(error: ValidationError, kind: type[BaseModel], where: str) -> InputError:
    """The first problem of a validation, in our words; the count of the others."""
    problems = error.errors(include_url=False)
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"])
    valid = None
    if first["type"] == "extra_forbidden":
        owner = _owner(kind, first["loc"][:-1])
        valid = ", ".join(owner.model_fields) if owner else None
        what = f"unknown field {field!r}"
    elif first["type"] == "missing":
        what = f"the field {field!r} is missing"
    else:
        found = repr(first.get("input"))
        found = found if len(found) <= 60 else found[:57] + "..."
        what = f"{field + ': ' if field else ''}{first['msg'].removeprefix('Value error, ')}"
        what += f" (found {found})" if field else ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return InputError(what + more, where=where, valid=valid)


def _owner(kind: type[BaseModel], path: Iterable[Any]) -> type[BaseModel] | None:
    owner: Any = kind
    for part in path:
        if isinstance(part, int):
            continue
        found = owner.model_fields.get(part) if hasattr(owner, "model_fields") else None
        if found is None:
            return None
        kinds = [found.annotation, *getattr(found.annotation, "__args__", ())]
        owner = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if owner is None:
            return None
    return owner if isinstance(owner, type) and issubclass(owner, BaseModel) else None


def read_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line that is not blank; one line in memory at a time.

    Raises InputError, with the line, for what is not one whole JSON object.
    """
    for number, line in numbered(file):
        if not line.strip():
            continue
        where, valid = f"{file}:{number}", "one whole JSON object a line, in UTF-8"
        try:
            data = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InputError(
                f"not valid JSON: {error} (found {line[:40]!r}...)", where=where, valid=valid
            ) from None
        if not isinstance(data, dict):
            raise InputError(
                f"expected an object, found {type(data).__name__}", where=where, valid=valid
            )
        yield number, data


def numbered(file: Path) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each line, without a byte-order mark. Raises InputError."""
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(file)) from None


def add_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add objects to a file of JSON lines, in one write; on the disk when this returns.

    Raises InputError where it cannot be written.
    """
    said = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    try:
        whole = not file.is_file() or not file.stat().st_size or _ends_line(file)
        with file.open("ab") as stream:
            stream.write((b"" if whole else b"\n") + said)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(file)) from None


def _ends_line(file: Path) -> bool:
    """Whether the file's last line is whole: an editor may have left its end out."""
    with file.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
