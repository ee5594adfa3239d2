"""Search by words, by meaning, or by both.

Hybrid is reciprocal rank fusion: Cormack, Clarke and Buettcher, 2009.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext


class SearchKind:
    """The kinds of search that the pipeline does not use now; search itself where it has none."""

    name: ClassVar[str] = "search_kind"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "questions worded unlike the documents; codes and names (by words)"
    not_good_for: ClassVar[str] = "passages that are found but not shown or not used"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "an embedding of every passage once, and of each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Hybrid first: it is seldom the worst."""
        if ctx.incumbent.step("application"):
            return  # it searches by itself
        now = ctx.incumbent.step("retrieve")
        by = now.settings.get("by", "text") if now else None
        for kind in ("hybrid", "dense", "text"):
            if kind != by:
                yield Candidate(
                    ctx.incumbent.with_step("retrieve", before=_first(ctx), by=kind),
                    f"search by {kind}",
                )


def _first(ctx: TechniqueContext) -> str | None:
    return ctx.incumbent.steps[0].name if ctx.incumbent.steps else None
