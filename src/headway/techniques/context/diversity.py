"""Choose passages that answer, and do not repeat each other.

Carbonell and Goldstein, 1998, "The Use of MMR, Diversity-Based Reranking for Reordering Documents
and Producing Summaries".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import handed, search_settings

AMOUNTS = (0.3, 0.5)


class Diversity:
    """Maximal marginal relevance in the search, a little of it and more."""

    name: ClassVar[str] = "diversity"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "near-duplicates in the knowledge; answers in several places"
    not_good_for: ClassVar[str] = "one passage shown; evidence that several passages share"
    addresses: ClassVar[tuple[str, ...]] = ("ranked_too_low", "crowded_out")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "an embedding of every passage once, and of each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where only one passage is found or shown."""
        search = search_settings(ctx.incumbent)
        if search is None or handed(ctx.incumbent) < 2:
            return
        for amount in AMOUNTS:
            if amount != search.get("diversity", 0.0):
                yield Candidate(
                    ctx.incumbent.with_step("retrieve", diversity=amount),
                    f"diversity {amount} among the passages",
                )
