"""Tune the embedding model to the task: a small adapter that moves questions towards the passages
that answer them, trained on `train`.

Compare Wang et al., 2022, "GPL", where the whole model is trained; here the model and its index
stay as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from headway.core.protocols import Axis, Candidate, Search, TechniqueContext
from headway.techniques.context.shown import cut_settings, search_settings


class EmbedderAdapter:
    """The present search with the tuned model; search by words becomes hybrid, then dense."""

    name: ClassVar[str] = "embedder_adapter"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = (
        "questions in other words than the documents, always in the same way; many examples with"
        " evidence"
    )
    not_good_for: ClassVar[str] = "few examples; evidence that is found and not shown or not used"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "training for seconds on this machine; nothing at a request"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, is tuned already, or tuning does not help."""
        settings = search_settings(ctx.incumbent)
        if settings is None:
            return
        now = settings.get("by", "text")
        base = str(settings.get("embed") or ctx.task.spec.models.embed)
        if base.startswith("tuned/"):
            return
        cut: dict[str, Any] = cut_settings(ctx.incumbent)
        known = {k: cut[k] for k in ("tokens", "overlap", "unit", "line") if k in cut}
        tuned = await ctx.tune_embedder(base, Search(**known))
        if tuned is None:
            return
        for by in ("hybrid", "dense") if now == "text" else (now,):
            yield Candidate(
                ctx.incumbent.with_step("retrieve", by=by, embed=tuned),
                f"search by {by} with an embedding model tuned on train",
            )
