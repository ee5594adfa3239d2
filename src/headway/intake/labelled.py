"""Answers that people have judged, from a table: JSONL, CSV or Parquet, Ragas' names too."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import orjson

from headway.core.errors import InputError
from headway.core.rating import Labelled, LabelledFile, Labels
from headway.core.record import Passage
from headway.core.task import Example, digest
from headway.intake.columns import matched, names_of
from headway.intake.ragas import question_in
from headway.intake.table import READABLE, listed, rows

# Names that people use, best first; `user_input`, `response` and `retrieved_contexts` are Ragas'.
NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "_id", "key"),
    "question": ("question", "user_input", "query", "prompt", "user_query", "input"),
    "answer": ("answer", "response", "answer_a", "response_a", "model_answer", "output"),
    "other": ("answer_b", "response_b", "other"),
    "contexts": ("contexts", "retrieved_contexts", "passages", "context"),
    "reference": ("reference", "ground_truth", "gold_answer", "expected"),
    "label": ("label", "human_label", "human", "rating", "human_rating", "prefer", "preference"),
    "votes": ("votes", "ratings", "human_votes"),
    "group": ("group", "question_id"),
}
_YES = {"yes", "true", "y", "correct", "right", "faithful", "supported", "good", "pass", "1"}
_NO = {"no", "false", "n", "incorrect", "wrong", "unfaithful", "unsupported", "bad", "fail", "0"}
_SIDES = {"a": 1.0, "b": 0.0, "tie": 0.5, "first": 1.0, "second": 0.0, "both": 0.5}


def read_labelled(
    file: Path,
    columns: Mapping[str, str] | None = None,
    *,
    yes: str | None = None,
    scale: tuple[float, float] | None = None,
    limit: int | None = None,
) -> LabelledFile:
    """Read the answers. columns: our name -> the file's. yes: the label that means yes, where they
    are words of the file's own; all others mean no. scale: the lowest and highest rating; found
    from the file where not given. Raises InputError with file and line.
    """
    if not file.is_file() or file.suffix.lower() not in READABLE:
        raise InputError(
            "this is no table of labelled answers" if file.is_file() else "there is no such file",
            where=str(file),
            valid=f"a file ({', '.join(READABLE)}) with an answer and people's label in each row",
        )
    found = list(rows(file))
    if not found:
        raise InputError("there are no rows in this file", where=str(file))
    names = _columns(names_of(found), columns or {}, file)
    pairs = "other" in names
    read: list[tuple[str, dict[str, Any], float | None, tuple[float, ...]]] = []
    for line, row in found:
        where = f"{file}:{line}"
        votes = tuple(_number(v, yes, where, pairs) for v in _listed(_cell(row, names, "votes")))
        label = _cell(row, names, "label")
        value = None if label in (None, "") else _number(label, yes, where, pairs)
        read.append((where, row, value, votes))
    values = [v for *_, label, votes in read for v in (label, *votes) if v is not None]
    labels, ends = _scale(values, pairs, scale, file)
    answers, skipped = [], 0
    for where, row, value, votes in read:
        scaled = tuple(_place(v, ends, where) for v in votes)
        if value is None and not votes:
            skipped += 1
            continue
        mean = sum(scaled) / len(scaled) if scaled else 0.0
        if labels == "yes_no":
            mean = float(mean > 0.5)
        if labels == "pairs":  # the side that most prefer; a tie where as many prefer each
            mean = 0.5 if mean == 0.5 else float(mean > 0.5)
            if value not in (None, 0.0, 0.5, 1.0):
                raise InputError(
                    f"a preference is for one side or a tie, and this is {value:g}", where=where,
                    valid="a, b or tie",
                )  # fmt: skip
        own = mean if value is None else _place(value, ends, where)
        answers.append(_labelled(row, names, own, scaled, where))
    if not answers:
        raise InputError("no row has a label", where=str(file), do="name its column: --label NAME")
    taken = tuple(answers[:limit])
    if labels == "yes_no" and len({a.label for a in taken}) < 2:
        raise InputError(
            f"all labels are {'yes' if taken[0].label else 'no'}: nothing can agree with what does"
            " not vary",
            where=str(file),
            do=f"take more than {limit} of {len(answers)} rows (--limit), or shuffle them"
            if len(taken) < len(answers)
            else None,
        )
    notices = [f"{skipped} rows without a label were left out."] if skipped else []
    if labels == "scale" and scale is None:
        notices.append(f"Ratings are read as a scale from {ends[0]:g} to {ends[1]:g}, as found.")
    return LabelledFile(taken, labels, ends, tuple(notices))


def _columns(found: list[str], asked: Mapping[str, str], file: Path) -> dict[str, str]:
    names = matched(found, asked, NAMES, file)
    if "answer" not in names or not {"label", "votes"} & set(names):
        missing = "answer" if "answer" not in names else "label"
        raise InputError(
            f"no column holds the {'answer' if missing == 'answer' else 'people’s label'}"
            f" (found: {', '.join(found)})",
            where=str(file),
            valid=f"a column named {', '.join(NAMES[missing])}",
            do=f"headway judge {file} --metric NAME --{missing} COLUMN",
        )
    return names


def _number(value: Any, yes: str | None, where: str, pairs: bool) -> float:
    """A label as a number: yes/no words are 1 and 0."""
    word = str(value).strip().lower()
    if yes is not None:
        return float(word == yes.strip().lower())
    if pairs and word in _SIDES:
        return _SIDES[word]
    if isinstance(value, bool) or word in _YES | _NO:
        return float(word in _YES)
    try:
        if isfinite(number := float(word)):
            return number
        raise ValueError
    except ValueError:
        raise InputError(
            f"the label {str(value)[:40]!r} is neither yes or no nor a number",
            where=where,
            valid="yes, no, true, false, correct, incorrect, or a number"
            + ("; for pairs a, b or tie" if pairs else ""),
            do="say which label means yes: --yes VALUE",
        ) from None


def _scale(
    values: list[float], pairs: bool, given: tuple[float, float] | None, file: Path
) -> tuple[Labels, tuple[float, float]]:
    if pairs:
        return "pairs", (0.0, 1.0)
    if given is None and set(values) <= {0.0, 1.0}:
        return "yes_no", (0.0, 1.0)
    low, high = given or (min(values, default=0.0), max(values, default=1.0))
    if given is None and low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    if given is not None and not low < high:
        raise InputError(f"the scale goes from {low:g} to {high:g}", valid="--scale LOW HIGH")
    if not low < high:
        raise InputError(
            f"all labels are {low:g}: nothing can agree with what does not vary", where=str(file)
        )
    return "scale", (low, high)


def _place(value: float, ends: tuple[float, float], where: str) -> float:
    low, high = ends
    if not low <= value <= high:
        raise InputError(f"the rating {value:g} is not from {low:g} to {high:g}", where=where)
    return (value - low) / (high - low)


def _listed(value: Any) -> list[Any]:
    """A list, as such or written in a cell; one value is a list of one."""
    value = listed(value)
    if value in (None, ""):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _cell(row: Mapping[str, Any], names: Mapping[str, str], name: str) -> Any:
    """What stands in the column that holds this; None where none does. A table may well have a
    column without a name, which holds nothing of ours."""
    return row.get(names[name]) if name in names else None


def _labelled(
    row: Mapping[str, Any], names: Mapping[str, str], label: float, votes: tuple[float, ...],
    where: str,
) -> Labelled:  # fmt: skip
    def cell(name: str) -> Any:
        return _cell(row, names, name)

    asked = question_in(cell("question"), where) or str(cell("question") or "").strip()
    inputs = {"question" if isinstance(asked, str) else "messages": asked}
    reference = cell("reference")
    line = where.rpartition(":")[2]
    given = cell("id")
    # Two rows may be about one question: the line tells their answers apart.
    id = line if given in (None, "") else f"{given}:{line}"
    group = cell("group")
    if group in (None, "") and asked:  # answers to one question belong together
        group = asked if isinstance(asked, str) else digest(asked)
    passages = tuple(
        Passage(document=f"context {i}", text=str(text), end=len(str(text)))
        for i, text in enumerate(_listed(cell("contexts")), start=1)
    )
    other = cell("other")
    return Labelled(
        example=Example(
            id=id, inputs=inputs, reference=None if reference in (None, "") else reference
        ),
        answer=_text(cell("answer")),
        label=label,
        votes=votes,
        passages=passages,
        group=None if group in (None, "") else str(group),
        other=None if other is None else _text(other),
        where=where,
    )


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
