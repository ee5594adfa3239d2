"""Fine-tune the model on `train`: low-rank adapters (Hu et al., 2021, "LoRA: Low-Rank Adaptation
of Large Language Models"), trained on the pipeline's own requests and the wanted replies.

The dearest technique to propose and the cheapest to run: what instructions and examples said at
every request is learnt, so the prompt is shorter. It teaches form, tone and habits, no knowledge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext


class FineTune:
    """The incumbent with a model tuned on train, its instructions and examples left out where
    there are enough samples to learn them from."""

    name: ClassVar[str] = "fine_tune"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = (
        "a form, a tone or rules that take long to explain; shorter prompts; a small model that"
        " must act like a large one"
    )
    not_good_for: ClassVar[str] = "knowledge that the model does not have; fewer than 50 examples"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "beyond_model", "unstable", "refused",
        "unfaithful",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=50", "extra:finetune")
    costs: ClassVar[str] = "minutes of training on this machine; fewer prompt tokens at a request"
    times: ClassVar[float] = 8.0  # its training, spread over the examples that prove it

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where nobody answers, or the model is tuned already; nor where its weights are not
        here, a check of the samples stops it, or the budget leaves too little time, and then a
        notice says which."""
        model = ctx.incumbent.model or ctx.task.spec.models.chat
        if model.startswith("tuned/") or ctx.incumbent.step("generate") is None:
            return
        tuned = await ctx.tune(ctx.incumbent)
        if tuned is not None:
            yield Candidate(tuned, "a model tuned on train")
