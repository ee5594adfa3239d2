"""Ask several times and keep the answer that a model finds best.

Cobbe et al., 2021, "Training Verifiers to Solve Math Word Problems", with a judge that is not
trained for it, or a re-ranker that says how well passages support an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.placing import answers, put
from headway.techniques.behaviour.quotes import shows_passages

N = 4


class BestOfN:
    """Four samples, graded by a chat model, or by how well the passages support them."""

    name: ClassVar[str] = "best_of_n"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "free text of which some samples are good and some are not"
    not_good_for: ClassVar[str] = "small models as their own judge; labels and figures: let vote"
    addresses: ClassVar[tuple[str, ...]] = ("unstable", "unfaithful", "wrong_despite_evidence")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "4 times the calls; by a model one short call more for each other answer"
    times: ClassVar[float] = 5.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """By the model; by the re-ranker where passages are shown for a text. Where the pipeline
        votes, its samples are kept, and chosen in the other way."""
        kind, vote = ctx.task.spec.output.kind, ctx.incumbent.step("vote")
        if not answers(ctx.incumbent) or kind in ("sql", "passages"):
            return
        now = vote.settings.get("by", "majority") if vote else ""
        n = vote.settings.get("n") if vote else N
        if now != "model":
            judge = ctx.task.spec.models.judge
            who = "a judge" if judge else "the model itself"
            yield Candidate(
                put(ctx.incumbent, "vote", n=n, by="model", model=judge),
                f"the best of several samples, graded by {who}",
            )
        if now != "rerank" and kind == "text" and shows_passages(ctx.incumbent):
            model = ctx.task.spec.models.rerank
            yield Candidate(
                put(ctx.incumbent, "vote", n=n, by="rerank", model=model),
                "of several samples the one that the passages support best",
            )
