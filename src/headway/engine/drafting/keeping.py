"""Drafts become lines of `examples.jsonl`, each once; what every kind of drafting tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headway.core.findings import Finding, Spent
from headway.core.reading import add_lines
from headway.core.task import Example, Task


class Drafted(Finding):
    """What drafting tells however it is done: the new examples, where they stand, what it took."""

    spent: Spent = Spent()
    file: str = ""
    examples: tuple[Example, ...] = ()
    notices: tuple[str, ...] = ()


def written(task: Task) -> frozenset[str]:
    """Ids that `examples.jsonl` holds, whatever people ruled on them."""
    return frozenset(e.id for e in (*task.examples, *task.reviews.ambiguous))


def keep(task: Task, drafts: Sequence[Example]) -> tuple[Example, ...]:
    """Write those that are not there yet; which these were. Raises InputError."""
    there = written(task)
    new = tuple(e for e in drafts if e.id not in there)
    if new:
        add_lines(task.folder / "examples.jsonl", [_line(e) for e in new])
    return new


def _line(example: Example) -> dict[str, Any]:
    """An example as a line, without what it does not say."""
    data = example.model_dump(mode="json", exclude_none=True)
    return {k: v for k, v in data.items() if v not in ([], ())}
