"""People's verdicts on answers from a table, as they come out of labelling tools."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headway.core.catalogue import did_you_mean
from headway.core.errors import InputError
from headway.core.rating import FLAGS, Verdict, verdict_of
from headway.core.task import Task
from headway.intake.columns import matched, names_of
from headway.intake.table import READABLE, rows

NAMES: dict[str, tuple[str, ...]] = {
    "example": ("example", "example_id", "id"),
    "question": ("question", "user_input", "query"),
    "answer": ("answer", "response", "output"),
    "pipeline": ("pipeline", "system"),
    "rating": ("rating", "stars", "score"),
    "flag": ("flag", "verdict", "label"),
    "a": ("a", "pipeline_a", "system_a"),
    "b": ("b", "pipeline_b", "system_b"),
    "prefer": ("prefer", "preference", "winner", "better"),
    "by": ("by", "annotator", "rater", "author", "labeller", "annotator_id"),
    "at": ("at", "date", "time"),
}
_FLAGS = {
    "hallucination": "hallucination", "hallucinated": "hallucination", "made up": "hallucination",
    "wrong": "wrong", "incorrect": "wrong", "bad": "wrong",
    "fine": "fine", "ok": "fine", "good": "fine", "correct": "fine", "right": "fine",
}  # fmt: skip
_SIDES = {"a": "a", "b": "b", "tie": "tie", "both": "tie", "neither": "tie", "draw": "tie"}


def read_rated(
    file: Path,
    task: Task,
    answers: Mapping[str, str],
    columns: Mapping[str, str] | None = None,
    *,
    by: str = "",
    scale: tuple[float, float] = (1.0, 5.0),
) -> list[Verdict]:
    """The verdicts of a table. answers: by example, for rows that hold no answer's words. by: for
    rows that do not say who rated. Raises InputError with file and line.
    """
    if not file.is_file() or file.suffix.lower() not in READABLE:
        raise InputError(
            "this is no table of verdicts" if file.is_file() else "there is no such file",
            where=str(file),
            valid=f"a file ({', '.join(READABLE)}) with the columns example, answer, rating or"
            " flag, by; or example, a, b, prefer, by",
        )
    found = list(rows(file))
    if not found:
        raise InputError("there are no rows in this file", where=str(file))
    names = _columns(names_of(found), columns or {}, file)
    ids = {e.id for e in task.examples}
    asked = {e.question.strip(): e.id for e in reversed(task.examples)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    verdicts = []
    for line, row in found:
        where = f"{file}:{line}"
        said = {ours: row[n] for ours, n in names.items() if row.get(n) not in (None, "")}
        if not {"rating", "flag", "prefer"} & set(said):
            continue  # nobody said anything
        example = str(said.get("example", asked.get(str(said.get("question", "")).strip(), "")))
        if example not in ids:
            raise InputError(
                f"the task has no example {example!r}"
                if example else "no example of the task has this question",
                where=where,
                valid=did_you_mean(example, sorted(ids)) if example else "the id of an example",
            )  # fmt: skip
        made: dict[str, Any] = {
            "example": example, "by": str(said.get("by", by)), "at": str(said.get("at", now)),
        }  # fmt: skip
        made |= (
            _pair(said, where)
            if "prefer" in said
            else _single(said, answers.get(example), scale, where, task)
        )
        verdicts.append(verdict_of(made, where))
    return verdicts


def _columns(found: list[str], asked: Mapping[str, str], file: Path) -> dict[str, str]:
    names = matched(found, asked, NAMES, file)
    if not {"rating", "flag", "prefer"} & set(names) or not {"example", "question"} & set(names):
        raise InputError(
            f"no column says what people thought of which example (found: {', '.join(found)})",
            where=str(file),
            valid="example (or question), and rating, flag or prefer",
        )
    return names


def _pair(said: Mapping[str, Any], where: str) -> dict[str, Any]:
    word = str(said["prefer"]).strip()
    side = _SIDES.get(word.lower())
    if side is None:  # the winner by its name
        side = {said.get("a"): "a", said.get("b"): "b"}.get(word)
    if side is None:
        raise InputError(f"{word[:40]!r} is no side", where=where, valid="a, b or tie")
    return {"a": said.get("a", "a"), "b": said.get("b", "b"), "prefer": side}


def _single(
    said: Mapping[str, Any], kept: str | None, scale: tuple[float, float], where: str, task: Task
) -> dict[str, Any]:
    answer = said.get("answer", kept)
    if answer is None:
        raise InputError(
            "this verdict does not say on which answer it is, and the store holds none",
            where=where,
            valid="a column answer, with the words that were rated",
            do=f"headway evaluate {task.typed}   (then rows without an answer mean the baseline's)",
        )
    made: dict[str, Any] = {"answer": str(answer)}
    if "pipeline" in said:
        made["pipeline"] = str(said["pipeline"])
    if "flag" in said:
        word = str(said["flag"]).strip().lower()
        if word not in _FLAGS:
            raise InputError(
                f"the flag {word[:40]!r} is not known", where=where, valid=", ".join(FLAGS)
            )
        made["flag"] = _FLAGS[word]
    if "rating" in said:
        try:
            made |= {"rating": float(said["rating"]), "scale": scale}
        except ValueError:
            raise InputError(
                f"the rating {str(said['rating'])[:40]!r} is not a number", where=where
            ) from None
    return made
