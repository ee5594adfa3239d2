"""Show more passages, or fewer. More hold the answer more often and distract more.

Liu et al., 2023, "Lost in the Middle: How Language Models Use Long Contexts".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext

COUNTS = (1, 2, 3, 4, 6, 8)


class PassageCount:
    """The next counts on both sides of the present one; after a re-ranker, how many it keeps."""

    name: ClassVar[str] = "passage_count"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence ranked just below what is shown; or too much beside it"
    not_good_for: ClassVar[str] = "evidence that search does not find at all"
    addresses: ClassVar[tuple[str, ...]] = ("ranked_too_low", "crowded_out", "not_found")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "the passages added, or less"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Up two, up one, down one."""
        name = "rerank" if ctx.incumbent.step("rerank") else "retrieve"
        step = ctx.incumbent.step(name)
        if step is None:
            return
        now = int(step.settings.get("k", 4))
        higher = [c for c in COUNTS if c > now]
        lower = [c for c in COUNTS if c < now]
        for count in (*higher[1:2], *higher[:1], *lower[-1:]):
            yield Candidate(ctx.incumbent.with_step(name, k=count), f"{count} passages")
