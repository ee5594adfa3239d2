"""How hard solved examples are, in at most four classes, read from their references.

SQL by the shape of the query, after the rule of the Spider benchmark (Yu et al., 2018, "Spider: A
Large-Scale Human-Labeled Dataset for Complex and Cross-Domain Semantic Parsing and Text-to-SQL
Task"). Everything else by the steps to the answer, where they differ, or by its length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from headway.core.sentences import sentence_spans
from headway.core.task import Example, Output

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|--[^\n]*")
_CLAUSES = re.compile(r"\b(?:where|group\s+by|order\s+by|limit|join|or|like)\b")
_AGGREGATES = re.compile(r"\b(?:count|sum|avg|min|max)\s*\(")
_SELECTED = re.compile(r"\bselect\b(.*?)\bfrom\b", re.DOTALL)
_GROUPED = re.compile(
    r"\bgroup\s+by\b([^()]*?)(?=\bhaving\b|\border\b|\blimit\b|[);]|$)", re.DOTALL
)
_CONDITIONS = re.compile(r"\b(?:and|or)\b")


def hardness(examples: Sequence[Example], output: Output) -> list[str]:
    """A class for each example, in order; none at all where they cannot be told apart."""
    if output.kind == "sql":
        made = [sql_hardness(" ".join(e.references[:1])) for e in examples]
        return made if len(set(made)) > 1 else []
    if output.kind == "label":  # one word is as hard as another: the reference does not say
        return []
    for measure in (_steps, _words):
        classes = _thirds([measure(e) for e in examples])
        if len(set(classes)) > 1:
            return classes
    return []


def sql_hardness(sql: str) -> str:
    """easy, medium, hard or extra, by the clauses of a query, what is nested in it, and whether it
    has more than one aggregate, column, condition or grouping."""
    text = _QUOTED.sub(" ' ", sql.lower())
    clauses = len(_CLAUSES.findall(text))
    nested = len(re.findall(r"\bselect\b", text)) - 1
    selected = _SELECTED.search(text)
    grouped = _GROUPED.search(text)
    more = sum((
        len(_AGGREGATES.findall(text)) > 1,
        bool(selected and "," in re.sub(r"\([^()]*\)", "", selected[1])),
        bool(_CONDITIONS.search(text)),
        bool(grouped and "," in grouped[1]),
    ))  # fmt: skip
    if nested <= 0:
        if clauses <= 1 and more == 0:
            return "easy"
        if (clauses <= 1 and more <= 2) or (clauses <= 2 and more < 2):
            return "medium"
        if clauses <= 2 or (clauses <= 3 and more <= 2):
            return "hard"
        return "extra"
    return "hard" if nested == 1 and clauses <= 1 and more == 0 else "extra"


def _steps(example: Example) -> int:
    """Pieces of evidence to bring together, fields to fill, or sentences on the way."""
    reference = example.reference
    if isinstance(reference, dict):
        return _filled(reference)
    text = " ".join(example.references[:1])
    return max(len(example.evidence), len(list(sentence_spans(text))), text.count("\n") + 1)


def _words(example: Example) -> int:
    return len(" ".join(example.references[:1]).split())


def _filled(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_filled(v) for v in value.values())
    if isinstance(value, list):
        return sum(_filled(v) for v in value)
    return int(value not in (None, "", False))


def _thirds(numbers: Sequence[int]) -> list[str]:
    """easy, medium or hard by thirds; equal numbers are in the same class."""
    if not numbers:
        return []
    ordered = sorted(numbers)
    low, high = (ordered[(len(ordered) - 1) * part // 3] for part in (1, 2))
    return ["easy" if n <= low else "medium" if n <= high else "hard" for n in numbers]
