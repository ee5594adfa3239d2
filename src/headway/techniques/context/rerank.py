"""Find many passages, and let a cross-encoder choose the few that are shown.

Nogueira and Cho, 2019, "Passage Re-ranking with BERT".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import put, search_settings

DEPTH, DEEPER = 20, 50


class Reranking:
    """Re-rank the first 20 of the present search, and of a hybrid one; the first 50 where
    evidence was ranked too low, or not found."""

    name: ClassVar[str] = "rerank"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence found but ranked too low; near-duplicates"
    not_good_for: ClassVar[str] = "evidence that search does not find; tight latency"
    addresses: ClassVar[tuple[str, ...]] = ("ranked_too_low", "not_found", "crowded_out")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "one cross-encoder pass over 20 passages, some 0.2 s on two cores; or 50"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, or re-ranks already."""
        search = search_settings(ctx.incumbent)
        if search is None or ctx.incumbent.step("rerank"):
            return
        k = int(search.get("k", 4))
        tried = [(by, DEPTH) for by in dict.fromkeys(("hybrid", search.get("by", "text")))]
        if ctx.causes.get("ranked_too_low") or ctx.causes.get("not_found"):
            tried.append(("hybrid", DEEPER))
        for by, depth in dict.fromkeys((by, max(depth, k)) for by, depth in tried):
            deep = ctx.incumbent.with_step("retrieve", by=by, k=depth)
            yield Candidate(
                put(deep, "rerank", k=k), f"re-rank the first {depth} of {by} search, keep {k}"
            )
