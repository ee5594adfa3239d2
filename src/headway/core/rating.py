"""What people say of answers: `ratings.jsonl` in the task folder, a verdict a line, meant for git.

A rating is about one very answer, so it holds its words: when a pipeline answers otherwise, it no
longer counts. A preference is about the answers of two pipelines to one example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from headway.core.reading import Frozen, add_lines, parse, read_lines
from headway.core.record import Passage
from headway.core.task import Example

FILE = "ratings.jsonl"
Labels = Literal["yes_no", "scale", "pairs"]
Flag = Literal["fine", "wrong", "hallucination"]
FLAGS: tuple[Flag, ...] = ("fine", "wrong", "hallucination")


class Rating(Frozen):
    """One person's verdict on one answer: a rating on a scale, a flag, or both."""

    example: str = Field(min_length=1)
    answer: str
    rating: float | None = None
    scale: tuple[float, float] = (1.0, 5.0)
    flag: Flag | None = None
    pipeline: str | None = None
    by: str = ""
    at: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Rating:
        low, high = self.scale
        if self.rating is None and self.flag is None:
            raise ValueError("a verdict needs a rating, a flag, or both")
        if not low < high:
            raise ValueError(f"the scale goes from {low:g} to {high:g}")
        if self.rating is not None and not low <= self.rating <= high:
            raise ValueError(f"the rating {self.rating:g} is not on the scale {low:g} to {high:g}")
        return self

    @property
    def share(self) -> float:
        """The verdict on [0, 1]: the place on the scale; without a rating 1 for fine, else 0."""
        if self.rating is None:
            return float(self.flag == "fine")
        low, high = self.scale
        return (self.rating - low) / (high - low)


class Preference(Frozen):
    """One person's verdict on two pipelines' answers to one example. a, b: pipelines, by the name
    they were asked for or their fingerprint."""

    example: str = Field(min_length=1)
    a: str = Field(min_length=1)
    b: str = Field(min_length=1)
    prefer: Literal["a", "b", "tie"]
    by: str = ""
    at: str = ""

    @model_validator(mode="after")
    def _of_two(self) -> Preference:
        if self.a == self.b:
            raise ValueError(f"{self.a} is compared with itself")
        return self

    @property
    def score(self) -> float:
        """How much of a win it is for a."""
        return {"a": 1.0, "b": 0.0, "tie": 0.5}[self.prefer]


Verdict = Rating | Preference


@dataclass(frozen=True)
class Labelled:
    """An answer that people have judged, as a labelled file gives it.

    label: on [0, 1]; 0 or 1 where labels are yes/no. votes: what single people said, on the same
    scale. group: answers to one question share it. other and prefer: of a pairwise file, the
    second answer and how much of a win people give the first.
    """

    example: Example
    answer: str
    label: float
    votes: tuple[float, ...] = ()
    passages: tuple[Passage, ...] = ()
    group: str | None = None
    other: str | None = None
    where: str = ""


@dataclass(frozen=True)
class LabelledFile:
    """The answers that carry a label. scale: what labels 0 and 1 stood for in the file."""

    answers: tuple[Labelled, ...]
    labels: Labels
    scale: tuple[float, float]
    notices: tuple[str, ...] = ()


def verdict_of(data: Mapping[str, Any], where: str) -> Verdict:
    """One row as a Rating or a Preference. Raises InputError."""
    return parse(Preference, data, where) if "prefer" in data else parse(Rating, data, where)


def read_verdicts(folder: Path) -> tuple[Verdict, ...]:
    """All of a task's `ratings.jsonl`; empty without the file. Raises InputError with the line."""
    file = folder / FILE
    if not file.is_file():
        return ()
    return tuple(verdict_of(data, f"{file}:{n}") for n, data in read_lines(file))


def add_verdicts(folder: Path, verdicts: Sequence[Verdict]) -> int:
    """Append what is new, one line each, on the disk when this returns; how many were new. A
    verdict is the same when all but its time is. Of a person the last word is held against the
    last one in the file, so that who thinks again may think so again; several without a name are
    several people, so there as many are kept as came together."""
    known = Counter(map(_same, last_words(read_verdicts(folder))))
    seen, new = Counter[str](), list[Verdict]()
    for verdict in last_words(verdicts):
        seen[_same(verdict)] += 1
        if seen[_same(verdict)] > known[_same(verdict)]:
            new.append(verdict)
    if new:
        rows = [verdict.model_dump(mode="json", exclude_none=True) for verdict in new]
        add_lines(folder / FILE, rows)
    return len(new)


def ratings_of(verdicts: Sequence[Verdict]) -> Iterator[Rating]:
    """The verdicts on single answers."""
    return (v for v in verdicts if isinstance(v, Rating))


def preferences_of(verdicts: Sequence[Verdict]) -> Iterator[Preference]:
    """The verdicts on pairs."""
    return (v for v in verdicts if isinstance(v, Preference))


def last_words(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts that count: of each person the last one on an answer, or on two pipelines'
    answers, which withdraws all that the same person said of it before; and every one that bears no
    name, as those are several people's."""
    said = {_about(v) if v.by else number: v for number, v in enumerate(verdicts)}
    return tuple(said.values())


def of_answer(ratings: Sequence[Rating], example: str, answer: str | None) -> tuple[Rating, ...]:
    """The ratings of that very answer; white space at its ends aside."""
    said = (answer or "").strip()
    return tuple(r for r in ratings if r.example == example and r.answer.strip() == said)


def _about(verdict: Verdict) -> tuple[str, str, object]:
    """Who speaks, and of what."""
    if isinstance(verdict, Rating):
        return verdict.by, verdict.example, verdict.answer.strip()
    return verdict.by, verdict.example, frozenset((verdict.a, verdict.b))


def _same(verdict: Verdict) -> str:
    return verdict.model_dump_json(exclude={"at"})
