"""What an importer gives, whatever the format: examples, documents, and the form of an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Kind = Literal["text", "label", "json", "passages"]

UNANSWERABLE = "unanswerable"  # the tag of an example whose right answer is the phrase below
ABSTAIN = "The passages do not say."


@dataclass(frozen=True)
class Options:
    """How to import.

    columns: of a table, {our name: the column's name}; ours are question, messages, files,
    reference, id, context, document, evidence, title, group, tags. output: `text`, `label` or
    `json`, where the guess is wrong. split: of BEIR judgements (a file's name without .tsv); all,
    if not given. group: what keeps related SQuAD questions on one side of a split. limit: at most
    so many examples. name: of the task; the folder's, if not given.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    output: Kind | None = None
    split: str | None = None
    group: Literal["title", "passage", "none"] = "passage"
    limit: int | None = None
    name: str | None = None


class Skipped:
    """What was passed over, counted by reason, with the first few places."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}
        self._told: list[str] = []

    def add(self, reason: str, place: str) -> None:
        """One more for a reason."""
        self._counts[reason] += 1
        places = self._places.setdefault(reason, [])
        if len(places) < 3:
            places.append(place)

    def tell(self, line: str) -> None:
        """What is no single thing passed over, in its own words."""
        self._told.append(line)

    def lines(self) -> tuple[str, ...]:
        """One line a reason: how many, why, where the first ones are; then what else was told."""
        counted = (
            f"{count} passed over: {reason} ({', '.join(self._places[reason])}"
            f"{', ...' if count > len(self._places[reason]) else ''})"
            for reason, count in self._counts.items()
        )
        return (*counted, *self._told)


@dataclass
class Contents:
    """A source, opened. Examples and documents are read once, as they are written: documents
    first. What is only known at the end (skipped, labels) is filled in on the way.

    examples: as in `examples.jsonl`. documents: {_id, title, text}; None where there are none.
    files: what examples show beside the question, by its name in the task folder.
    """

    description: str
    examples: Iterable[dict[str, Any]]
    documents: Iterable[dict[str, str]] | None = None
    kind: Kind = "text"
    labels: set[str] = field(default_factory=set)
    schema: dict[str, Any] = field(default_factory=dict)
    abstain: str | None = None
    skipped: Skipped = field(default_factory=Skipped)
    files: dict[str, Path] = field(default_factory=dict)


class Importer(Protocol):
    """One format. recognises() looks at names and first bytes only."""

    @staticmethod
    def recognises(source: Path) -> bool: ...

    @staticmethod
    def open(source: Path, options: Options) -> Contents: ...
