"""What the passages shown are worth, by a judge: Ragas' context precision and context recall.

After Es et al., 2023, "RAGAS", and the definitions in Ragas' documentation. `context_precision` and
`context_recall` (retrieval.py) look evidence up instead: where examples have evidence use those, as
they cost nothing and never err; use these where there are references only. A judge reads all
passages of a record once for precision, and once for recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from headway.core.protocols import MetricLender, Scored
from headway.core.record import Passage, Score
from headway.metrics.judging import (
    REASON,
    WINDOW,
    Judged,
    ask,
    can_be_held,
    choice,
    cut,
    field,
    form,
    lender,
    nothing_shown,
    question_of,
    said,
)
from headway.metrics.text import is_abstention
from headway.metrics.verdicts import YES_NO, Verdict, anywhere, sentences_of

USEFUL = (
    "You are shown a question, its answer and numbered passages. Say of each passage whether it was"
    " useful in arriving at the answer: yes only where it says something that the answer needs."
    " Fields: for each passage, by its number, reason (at most 15 words) and verdict (yes or no)."
)
ATTRIBUTED = (
    "You are shown a question, the statements of its answer and passages. Say of each statement"
    " whether it can be attributed to the passages: yes only where they say it."
)


class _AgainstReference(Judged):
    """What both have in common: passages, and a reference that is an answer."""

    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = False

    def applies(self, scored: Scored) -> bool:
        """Where the question has an answer, and passages were, or should have been, shown."""
        return _answer(scored) is not None and can_be_held(scored, scored.record.passages)

    async def judge(self, scored: Scored) -> float | Score | None:
        """0 to 1, with the verdicts; None where the question has no answer: then no passage is
        needed."""
        reference = _answer(scored)
        if reference is None:
            return None
        nothing = nothing_shown(scored, scored.record.passages)
        return nothing if nothing is not None else await self.against(scored, reference)

    async def against(self, scored: Scored, reference: str) -> Score | None:
        """The score of passages against a reference."""
        raise NotImplementedError


def _answer(scored: Scored) -> str | None:
    """The first reference that is one."""
    wanted = (r for r in scored.example.references if not is_abstention(scored.task, r))
    return next((r for r in wanted if r.strip()), None)


class JudgedContextPrecision(_AgainstReference):
    """Mean precision@rank over the ranks of passages that a judge calls useful for the reference;
    0 where it calls none so."""

    name: ClassVar[str] = "judged_context_precision"

    async def against(self, scored: Scored, reference: str) -> Score:
        """0 to 1, with a verdict on each passage."""
        found = await _useful(lender(scored), scored, reference)
        hits = [verdict.word == "yes" for verdict in found]
        precise = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
        notes = [
            {"document": p.document, "verdict": v.word, "reason": v.reason}
            for p, v in zip(scored.record.passages, found, strict=True)
        ]
        return Score(sum(precise) / len(precise) if precise else 0.0, {"passages": notes})


async def _useful(lend: MetricLender, scored: Scored, reference: str) -> list[Verdict]:
    """A verdict on each passage, as many in one call as are read at once."""
    found: list[Verdict] = []
    for batch in _batches(scored.record.passages):
        names = [str(n) for n in range(1, len(batch) + 1)]
        one = form(reason=REASON, verdict={"type": "string", "enum": list(YES_NO)})
        material = {"question": question_of(scored), "answer": cut(reference, WINDOW)[0]}
        material |= {
            f"passage {name}": f"{p.title}\n{p.text}"[:WINDOW]
            for name, p in zip(names, batch, strict=True)
        }

        def read(data: Any, names: Sequence[str] = names) -> list[Verdict]:
            inner = [field(data, name, dict) for name in names]
            return [Verdict("", choice(i, "verdict", YES_NO), said(i)) for i in inner]

        schema = form(**dict.fromkeys(names, one))
        most = 60 + 60 * len(batch)
        found += await ask(lend, USEFUL, material, schema, read, max_tokens=most)
    return found


def _batches(passages: Sequence[Passage]) -> list[list[Passage]]:
    batches: list[list[Passage]] = []
    size = WINDOW
    for passage in passages:
        length = len(passage.title) + len(passage.text)
        if size + length > WINDOW or len(batches[-1]) == 20:
            batches.append([])
            size = 0
        batches[-1].append(passage)
        size += length
    return batches


class JudgedContextRecall(_AgainstReference):
    """Share of the reference's sentences that a judge attributes to the passages shown."""

    name: ClassVar[str] = "judged_context_recall"

    async def against(self, scored: Scored, reference: str) -> Score | None:
        """0 to 1, with a verdict on each sentence."""
        claims = sentences_of(reference, scored.example.question)
        if not claims.kept:
            return None
        # Without the files: what they say is no merit of the passages.
        question = question_of(scored, files=False)
        found = await anywhere(
            lender(scored), ATTRIBUTED, claims.texts, question, scored.record.passages
        )
        notes = {"statements": [v.note() for v in found], **claims.notes()}
        return Score(sum(v.word == "yes" for v in found) / len(found), notes)
