"""Find many passages, and let a cross-encoder choose the few that are shown.

Nogueira and Cho, 2019, "Passage Re-ranking with BERT".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext

DEPTH = 20


class Reranking:
    """Re-rank the first 20 of the present search, and of a hybrid one."""

    name: ClassVar[str] = "rerank"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence found but ranked too low; near-duplicates"
    not_good_for: ClassVar[str] = "evidence that search does not find; tight latency"
    addresses: ClassVar[tuple[str, ...]] = ("ranked_too_low", "not_found", "crowded_out")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "one cross-encoder pass over 20 passages, some 0.2 s on two cores"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, or re-ranks already."""
        search = ctx.incumbent.step("retrieve")
        if search is None or ctx.incumbent.step("rerank"):
            return
        k = int(search.settings.get("k", 4))
        after = [s.name for s in ctx.incumbent.steps]
        follows = (
            after[after.index("retrieve") + 1] if len(after) > after.index("retrieve") + 1 else None
        )
        kinds = dict.fromkeys(("hybrid", search.settings.get("by", "text")))
        for by in kinds:
            yield Candidate(
                ctx.incumbent.with_step("retrieve", by=by, k=max(DEPTH, k)).with_step(
                    "rerank", before=follows, k=k
                ),
                f"re-rank the first {max(DEPTH, k)} of {by} search, show {k}",
            )
