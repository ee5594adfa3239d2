"""Do not ask the model where the search found nothing good enough: a threshold, learned on train.

Rajpurkar, Jia and Liang, 2018, "Know What You Don't Know: Unanswerable Questions for SQuAD".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, Search, TechniqueContext
from headway.core.task import Example
from headway.core.words import abstains

UNANSWERABLE, ANSWERABLE = 8, 20  # fewer of either say too little about a threshold
MOST = 150  # of either that are searched for
LOST = 0.05  # share of the answerable that the strict threshold may lose
LEAST = 0.6  # balanced accuracy; 0.5 is what a coin reaches
# Steps that do not change what is searched for, nor the scores of what is found.
NEUTRAL = ("retrieve", "rerank", "prefer", "trim", "order", "compress", "examples", "generate",
           "check")  # fmt: skip


class Abstention:
    """The threshold of the best balanced accuracy on train, and one that loses almost nothing."""

    name: ClassVar[str] = "abstention"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "questions that the knowledge does not answer"
    not_good_for: ClassVar[str] = "tasks where every question has an answer"
    addresses: ClassVar[tuple[str, ...]] = (
        "unfaithful", "wrong_despite_evidence", "not_in_knowledge",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("knowledge", f"train>={UNANSWERABLE + ANSWERABLE}")
    costs: ClassVar[str] = "nothing; it saves the call where it abstains"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where train has too few unanswerable examples, the scores say nothing about them,
        or cannot be had without the steps that search in another way."""
        phrase = ctx.task.spec.output.abstain
        base = scored(ctx.incumbent, ctx.task.spec.models.rerank)
        if phrase is None or base is None:
            return
        cannot = [e for e in ctx.train if _abstains(e, phrase)]
        can = [e for e in ctx.train if e.reference is not None and not _abstains(e, phrase)]
        if len(cannot) < UNANSWERABLE or len(can) < ANSWERABLE:
            return
        low = [await _best(ctx, base, e) for e in cannot[:MOST]]
        high = [await _best(ctx, base, e) for e in can[:MOST]]
        cuts = thresholds(low, high)
        chosen = max(cuts, key=lambda cut: (cut.balanced, -cut.below), default=None)
        if chosen is None or chosen.balanced < LEAST:
            return
        kept = [cut for cut in cuts if cut.lost <= LOST and cut.caught > 0]
        strict = max(kept, key=lambda cut: (cut.caught, -cut.below), default=chosen)
        for cut in dict.fromkeys((chosen, strict)):
            yield Candidate(
                base.with_step("abstain", before="generate", below=cut.below),
                f"abstain where the best passage scores below {cut.below:g}: on train"
                f" {cut.caught:.0%} of the unanswerable, {cut.lost:.0%} of the answerable",
            )


@dataclass(frozen=True)
class Cut:
    """A threshold, with the share of the unanswerable below it and that of the answerable."""

    below: float
    caught: float
    lost: float

    @property
    def balanced(self) -> float:
        """The mean of the shares of both that it puts on the right side."""
        return (self.caught + 1 - self.lost) / 2


def thresholds(low: Sequence[float], high: Sequence[float]) -> list[Cut]:
    """Every threshold that tells the scores of the unanswerable (low) and of the answerable
    (high) apart in its own way: halfway between two neighbouring scores, lowest first."""
    known = sorted({score for score in (*low, *high) if score > float("-inf")})
    found = []
    for left, right in pairwise(known):
        middle = (left + right) / 2
        below = float(f"{middle:.4g}")
        if not left < below <= right:
            below = middle if left < middle else right
        found.append(
            Cut(
                below,
                sum(score < below for score in low) / len(low),
                sum(score < below for score in high) / len(high),
            )
        )
    return found


def scored(pipeline: Pipeline, reranker: str) -> Pipeline | None:
    """The pipeline with scores that mean something on their own; None where that cannot be had.

    Reciprocal ranks say nothing of how good the best passage is, so a search by `hybrid` without
    a re-ranker gets one, which keeps as many passages as are found.
    """
    names = [step.name for step in pipeline.steps]
    if "generate" not in names or "retrieve" not in names or "abstain" in names:
        return None
    if names.index("generate") < names.index("retrieve"):
        return None
    if "rerank" in names:
        return pipeline
    if any(name not in NEUTRAL for name in names):
        return None
    found = pipeline.step("retrieve")
    settings: Mapping[str, Any] = found.settings if found else {}
    if settings.get("by") != "hybrid":
        return pipeline
    after = names[names.index("retrieve") + 1]
    return pipeline.with_step("rerank", before=after, model=reranker, k=int(settings.get("k", 4)))


async def _best(ctx: TechniqueContext, pipeline: Pipeline, example: Example) -> float:
    """The best passage's score as the step `abstain` will see it; -inf where none is found."""
    found = pipeline.step("retrieve")
    settings: Mapping[str, Any] = found.settings if found else {}
    how = Search(
        **(settings.get("passages") or {}),
        **{name: settings[name] for name in ("by", "embed", "k", "diversity") if name in settings},
    )
    passages = await ctx.search(example.question, how)
    scores = [p.score for p in passages if p.score is not None]
    rerank = pipeline.step("rerank")
    if rerank is not None and passages:
        model = str(rerank.settings.get("model") or ctx.task.spec.models.rerank)
        texts = [f"{p.title}\n{p.text}" if p.title else p.text for p in passages]
        scores = await ctx.rerank(model, example.question, texts)
    return max(scores, default=float("-inf"))


def _abstains(example: Example, phrase: str) -> bool:
    return any(abstains(phrase, reference) for reference in example.references)
