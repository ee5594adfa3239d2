"""Graded correctness: which facts of the reference an answer says, and which it contradicts.

OpenAI's prompting guide has model-graded evaluations count the required facts that are present and
ask whether any is contradicted. Here the reference is split into facts, each is `present`,
`missing` or `contradicted`, and the score is (present - contradicted) / facts, at least 0: a
contradicted fact costs the one it is, and one more. What an answer says beyond the reference does
not count.

With a model in the role `judge`: one call to split the reference, kept for all pipelines, and one a
record for the verdicts, of reference and answer. Without one it is measured by words and numbers,
for nothing: a fact counts by the share of its words and numbers that the answer holds. That sees no
contradiction (a sentence turned by "not", another figure beside the right words, told little: of
160 answers of FinanceBench that were called so, people had called 79 right).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from headway.core.protocols import Scored
from headway.core.record import Score
from headway.core.statements import Statement, content, numbers
from headway.metrics.judging import Judged, cut, lender, question_of
from headway.metrics.text import answer_of, exact, holds, settled
from headway.metrics.verdicts import Verdict, sentences_of, split, verdicts

LEVELS = ("present", "missing", "contradicted")
HELD = 0.6  # of a fact's words and numbers, from where it is called present

DUTY = (
    "The statements are facts of a good answer to the question. Say of each whether the given"
    " answer says it too, in whatever words: present; missing, where the answer leaves it out;"
    " contradicted, where the answer says something that cannot be true together with it."
)


class Correctness(Judged):
    """Facts of the reference that the answer says, less those that it contradicts, by their
    number; of several references the one that fits best. An empty answer is 0."""

    name: ClassVar[str] = "correctness"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = False

    async def judge(self, scored: Scored) -> float | Score | None:
        """0 to 1, with the facts and the level of each. An abstention is right or wrong as a
        whole."""
        found = settled(scored)
        if not isinstance(found, list):
            return found
        answer = answer_of(scored.record)
        if not answer.strip():
            return Score(0.0, {"why": "the answer is empty"})
        if any(_same(answer, reference) for reference in found):
            return Score(1.0, {"why": "it is the reference"})
        scores = [await self._against(scored, answer, reference) for reference in found]
        return max(scores, key=lambda score: score.value or 0.0)

    async def _against(self, scored: Scored, answer: str, reference: str) -> Score:
        question = scored.example.question
        if scored.task.spec.models.judge is None:
            claims = sentences_of(reference, question)
            held = by_words(claims.kept, answer)
            levels = [verdict for verdict, _ in held]
            earned = sum(share for _, share in held)
            notes: dict[str, Any] = {"by": "words and numbers"}
        else:
            lend = lender(scored)
            claims = await split(lend, reference, question, question_of(scored, files=False))
            shown, left = cut(answer)
            material = {"question": question_of(scored), "answer": shown}
            levels = await verdicts(lend, DUTY, claims.texts, material, LEVELS)
            words = [verdict.word for verdict in levels]
            earned = float(max(0, words.count("present") - words.count("contradicted")))
            notes = {"by": scored.task.spec.models.judge, **({"cut": left} if left else {})}
        if not levels:  # a reference of nothing but marks
            return Score(0.0, {"why": "the reference has no words"})
        count = {level: sum(v.word == level for v in levels) for level in LEVELS}
        facts = [verdict.note() for verdict in levels]
        return Score(
            earned / len(levels),
            {**notes, "level": _level(count), "facts": facts, **claims.notes()},
        )


def _same(answer: str, reference: str) -> bool:
    """Word for word the same, case, marks and articles aside; figures by what they say, as without
    marks 1.5 is 15 and -5 is 5."""
    figures = [numbers(text, signed=True) for text in (answer, reference)]
    return bool(exact(answer, reference)) and figures[0] == figures[1]


def _level(count: dict[str, int]) -> str:
    """The answer as a whole, in a word."""
    if count["contradicted"]:
        return "contradicts"
    if not count["missing"]:
        return "all"
    return "part" if count["present"] else "none"


def by_words(facts: Sequence[Statement], answer: str) -> list[tuple[Verdict, float]]:
    """The level of each fact, and the share of its words and numbers that the answer holds. A fact
    without any ("Yes.") is held where its own text stands in the answer."""
    words = content(answer)
    figures = frozenset().union(*numbers(answer))
    found = []
    for fact in facts:
        own, needed = content(fact.own), numbers(fact.own)
        held = len(own & words) + sum(bool(readings & figures) for readings in needed)
        total = len(own) + len(needed)
        share = held / total if total else holds(answer, fact.own)
        level = "present" if share >= HELD else "missing"
        found.append((Verdict(fact.text, level, f"{share:.2f} of its words and numbers"), share))
    return found
