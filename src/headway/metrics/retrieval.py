"""Whether the evidence was found: recall, reciprocal rank and nDCG, computed by ir-measures.

What counts is the evidence's spans, not passages: a second passage that holds a span already
held adds nothing, so a cut with more overlap does not look better than it is. Without `@k` the
passages that reached the prompt are judged; with it the first k of all that search returned.

Measured: one ir-measures call takes 0.02 ms (its pytrec_eval provider, given plain dicts), so it
is made for each record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import ir_measures

from headway.core.protocols import Scored

Span = tuple[str, int, int]


def spans_held(
    ranking: Sequence[Span],
    evidence: Sequence[Span],
    whole: frozenset[str],
    *,
    again: bool = False,
) -> list[set[int]]:
    """For each ranked passage, the evidence spans (by number) that it is the first to hold.

    Any passage of a document in `whole` holds that document's span from 0, and any passage of a
    document whose span has no length, as a database's has none. again: such a span is held by
    each of them, not by the first alone.
    """
    left = set(range(len(evidence)))
    wide = {
        number
        for number, (document, start, end) in enumerate(evidence)
        if end == 0 or (start == 0 and document in whole)
    }
    held: list[set[int]] = []
    for document, start, end in ranking:
        new = {
            number
            for number in left
            if evidence[number][0] == document
            and (number in wide or (start <= evidence[number][1] and evidence[number][2] <= end))
        }
        left -= new - wide if again else new
        held.append(new)
    return held


class _Retrieval:
    """What the three share: which passages are judged, and against which spans."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("evidence",)
    yes_no: ClassVar[bool] = False
    depth: ClassVar[int | None] = None
    again: ClassVar[bool] = False
    """Whether each passage of a document that is evidence as a whole counts."""

    @classmethod
    def at(cls, k: int) -> _Retrieval:
        """The same metric over the first k of what search returned."""
        deeper: type[_Retrieval] = type(
            cls.__name__, (cls,), {"name": f"{cls.name}@{k}", "depth": k}
        )
        return deeper()

    async def score(self, scored: Scored) -> float | None:
        """0 to 1; None where no evidence is known."""
        evidence = list(dict.fromkeys(scored.evidence))
        if not evidence:
            return None
        record = scored.record
        if self.depth is None:
            ranking = [(p.document, p.start, p.end) for p in record.passages]
        else:
            ranking = list(record.ranked[: self.depth])
        whole = frozenset(e.document for e in scored.example.evidence if e.document and not e.text)
        held = spans_held(ranking, evidence, whole, again=self.again)
        return self._measure(held, len(evidence)) if any(held) else 0.0

    def _measure(self, held: list[set[int]], total: int) -> float:
        raise NotImplementedError


def _calculate(measure: Any, grades: dict[str, int], ranks: dict[str, int]) -> float:
    """One measure over one ranking. ranks: from 1, none twice."""
    run = {"1": {name: -float(rank) for name, rank in ranks.items()}}
    for found in ir_measures.pytrec_eval.iter_calc([measure], {"1": grades}, run):
        # trec_eval adds in single steps of its own; keep rounding from leaving [0, 1].
        return min(1.0, max(0.0, float(found.value)))
    return 0.0


def _by_passage(held: list[set[int]]) -> tuple[dict[str, int], dict[str, int]]:
    """Grades (new spans held) and ranks by passage."""
    grades = {f"p{rank}": len(new) for rank, new in enumerate(held, start=1) if new}
    return grades, {f"p{rank}": rank for rank in range(1, len(held) + 1)}


class RetrievalRecall(_Retrieval):
    """Share of the evidence's spans that some passage holds."""

    name: ClassVar[str] = "retrieval_recall"
    _recall: ClassVar[Any] = ir_measures.R @ 1_000_000

    def _measure(self, held: list[set[int]], total: int) -> float:
        # Spans are the documents here: a passage that holds two of them brings both.
        found = [number for new in held for number in sorted(new)]
        ranks = {f"s{number}": rank for rank, number in enumerate(found, start=1)}
        return _calculate(self._recall, {f"s{number}": 1 for number in range(total)}, ranks)


class RetrievalMrr(_Retrieval):
    """1 / the rank of the first passage that holds evidence."""

    name: ClassVar[str] = "retrieval_mrr"

    def _measure(self, held: list[set[int]], total: int) -> float:
        return _calculate(ir_measures.RR, *_by_passage(held))


class RetrievalNdcg(_Retrieval):
    """nDCG with the number of spans first held by a passage as its grade. The ideal order has
    the passages found by falling grade, then one passage for each span that was not found."""

    name: ClassVar[str] = "retrieval_ndcg"

    def _measure(self, held: list[set[int]], total: int) -> float:
        grades, ranks = _by_passage(held)
        missed = total - sum(grades.values())
        grades |= {f"missed{number}": 1 for number in range(missed)}
        return _calculate(ir_measures.nDCG, grades, ranks)


class ContextPrecision(_Retrieval):
    """How clean what is shown is: the mean of precision@rank over the ranks that hold evidence.

    The formula is that of Ragas' context precision (Es et al., 2023): sum of precision@rank over
    the relevant ranks, by the number of relevant passages shown, so that what was not found does
    not count and what stands above the evidence does. There a model judges each passage; here one
    is relevant if it holds a span of the evidence that none above it holds, or comes from a
    document that is evidence as a whole. A passage that repeats what is held already is noise,
    and so is one that helps without being listed as evidence. Without evidence there is
    `judged_context_precision`.
    """

    name: ClassVar[str] = "context_precision"
    again: ClassVar[bool] = True

    def _measure(self, held: list[set[int]], total: int) -> float:
        # Average precision, with nothing judged relevant but what was found.
        return _calculate(ir_measures.AP, *_by_passage(held))


class ContextSignal(_Retrieval):
    """The plain share of what is shown that holds evidence, whatever its rank: how much is signal.
    One of fifty passages is 0.02 here, and still a context precision of 1 where it comes first."""

    name: ClassVar[str] = "context_signal"
    again: ClassVar[bool] = True

    def _measure(self, held: list[set[int]], total: int) -> float:
        return sum(map(bool, held)) / len(held)


class ContextRecall(RetrievalRecall):
    """retrieval_recall under the name that Ragas' users know: the share of the evidence that is
    shown. Ragas has a model find each sentence of the reference in the passages; here the
    evidence's spans are looked up, so that it needs evidence and no model. Without evidence there
    is `judged_context_recall`."""

    name: ClassVar[str] = "context_recall"
