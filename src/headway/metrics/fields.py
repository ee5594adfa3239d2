"""JSON output: whether it is JSON, and whether its fields are the reference's."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, ClassVar

import orjson

from headway.core.protocols import Scored
from headway.core.record import Record
from headway.core.task import Example

Path = tuple[str | int, ...]
_NOT_JSON = object()


def parsed(record: Record) -> Any:
    """The output as data; `_NOT_JSON` where the answer is none."""
    if record.output is not None and not isinstance(record.output, str):
        return record.output
    text = record.output if record.output is not None else record.answer
    try:
        return orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return _NOT_JSON


def wanted(example: Example) -> list[Any]:
    """Acceptable outputs as data: a list means any of them; a text that is JSON is read."""
    if example.reference is None:
        return []
    many = example.reference if isinstance(example.reference, list) else [example.reference]
    return [_read(item) for item in many]


def _read(item: Any) -> Any:
    if not isinstance(item, str):
        return item
    try:
        return orjson.loads(item)
    except orjson.JSONDecodeError:
        return item


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, value) of everything that holds nothing else; an empty object or list is one."""
    items: Iterator[tuple[str | int, Any]]
    if isinstance(data, dict) and data:
        items = iter(data.items())
    elif isinstance(data, list) and data:
        items = iter(enumerate(data))
    else:
        yield path, data
        return
    for key, value in items:
        yield from leaves(value, (*path, key))


def _plain(value: Any) -> Any:
    """A value for comparing. Texts by NFKC and folded white space; true is not 1, 1 is 1.0."""
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).split())
    return ("bool", value) if isinstance(value, bool) else value


def _leaf_map(data: Any) -> dict[Path, Any]:
    return {path: _plain(value) for path, value in leaves(data)}


def field_share(found: Any, reference: Any) -> float:
    """Share of the reference's fields, nested ones by path, that have the same value."""
    there, right = _leaf_map(found), _leaf_map(reference)
    missing = object()
    same = sum(bool(there.get(path, missing) == value) for path, value in right.items())
    return same / len(right)


class JsonValid:
    """1 where the answer is JSON. That it also fits the task's schema is the output contract: a
    record that breaks it is `invalid` and scores 0."""

    name: ClassVar[str] = "json_valid"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = True

    async def score(self, scored: Scored) -> float | None:
        """0 or 1."""
        return float(parsed(scored.record) is not _NOT_JSON)


class FieldAccuracy:
    """Share of the reference's fields that are right; fields beyond them do not count."""

    name: ClassVar[str] = "field_accuracy"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = False

    async def score(self, scored: Scored) -> float | None:
        """0 to 1; the best over the references."""
        references = wanted(scored.example)
        if not references:
            return None
        found = parsed(scored.record)
        if found is _NOT_JSON:
            return 0.0
        return max(field_share(found, reference) for reference in references)


class JsonExact:
    """1 where output and reference have the same fields with the same values, and no others."""

    name: ClassVar[str] = "json_exact"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = True

    async def score(self, scored: Scored) -> float | None:
        """0 or 1."""
        references = wanted(scored.example)
        if not references:
            return None
        found = parsed(scored.record)
        if found is _NOT_JSON:
            return 0.0
        there = _leaf_map(found)
        return float(any(there == _leaf_map(reference) for reference in references))
