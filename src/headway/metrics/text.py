"""Short answers against reference answers: SQuAD's exact match and F1, for any script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from headway.core.protocols import Scored
from headway.core.record import Record
from headway.core.task import Task
from headway.core.words import CACHED, abstains, tokens


@lru_cache(maxsize=CACHED)
def _counts(text: str) -> Counter[str]:
    return Counter(tokens(text))


def exact(answer: str, reference: str) -> float:
    """1 where both have the same tokens, else 0."""
    return float(tokens(answer) == tokens(reference))


def f1(answer: str, reference: str) -> float:
    """Harmonic mean of the shares of tokens that answer and reference have in common."""
    a, b = _counts(answer), _counts(reference)
    if not a or not b:
        return float(not a and not b)
    common = sum(min(count, b[token]) for token, count in a.items() if token in b)
    return 2.0 * common / (len(tokens(answer)) + len(tokens(reference)))


def holds(answer: str, reference: str) -> float:
    """1 where the reference's tokens stand in the answer, one after another, else 0."""
    a, b = tokens(answer), tokens(reference)
    if not b:
        return float(not a)
    return float(any(a[i : i + len(b)] == b for i in range(len(a) - len(b) + 1)))


def answer_of(record: Record) -> str:
    """What is scored: the parsed output where it is a text, else the answer."""
    return record.output if isinstance(record.output, str) else record.answer or ""


def is_abstention(task: Task, answer: str | None) -> bool:
    """Whether an answer is the task's phrase for 'I cannot answer this'."""
    return abstains(task.spec.output.abstain, answer)


def settled(scored: Scored) -> float | list[str] | None:
    """The references that the answer is compared with, or the score where that is settled: None
    without a reference, and 0 or 1 for an abstention.

    An abstention, and a reference that wants one, are right or wrong as a whole: sharing words
    with "I cannot answer this" is no part of an answer.
    """
    references = scored.example.references
    if not references:
        return None
    phrase = scored.task.spec.output.abstain
    if phrase is None:
        return list(references)
    wanted = tokens(phrase)
    if scored.record.abstained or tokens(answer_of(scored.record)) == wanted:
        return float(any(tokens(reference) == wanted for reference in references))
    return [reference for reference in references if tokens(reference) != wanted] or 0.0


def best(scored: Scored, compare: Callable[[str, str], float]) -> float | None:
    """The best score over the references; of an abstention, see `settled`."""
    found = settled(scored)
    if not isinstance(found, list):
        return found
    answer = answer_of(scored.record)
    return max(compare(answer, reference) for reference in found)


class ExactMatch:
    """1 where the answer is one of the references, after SQuAD's normalisation. As published, that
    deletes marks: 1.5 equals 15, -5 equals 5, C# equals C. Where marks decide, `label_accuracy`
    keeps them, `json_exact` compares numbers as numbers, and `correctness` reads figures."""

    name: ClassVar[str] = "exact_match"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = True

    async def score(self, scored: Scored) -> float | None:
        """0 or 1."""
        return best(scored, exact)


class TokenF1:
    """Overlap of the answer's tokens with the best reference's."""

    name: ClassVar[str] = "token_f1"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = False

    async def score(self, scored: Scored) -> float | None:
        """0 to 1."""
        return best(scored, f1)


class Contains:
    """1 where one of the references stands in the answer, after normalisation."""

    name: ClassVar[str] = "contains"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = True

    async def score(self, scored: Scored) -> float | None:
        """0 or 1."""
        return best(scored, holds)
