"""Search with a made-up answer beside the question, or in its place.

Gao et al., 2022, "Precise Zero-Shot Dense Retrieval without Relevance Labels".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import search_settings


class Hyde:
    """With the question first, then in its place; by meaning too, where search is by words."""

    name: ClassVar[str] = "hyde"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "short questions worded unlike the documents; search by meaning"
    not_good_for: ClassVar[str] = "names, codes and figures, which the model makes up wrongly"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "a model call of up to 80 written tokens before the search"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, or does this already."""
        incumbent = ctx.incumbent
        search = search_settings(incumbent)
        if search is None or incumbent.step("hyde"):
            return
        now = search.get("by", "text")
        kinds = ("hybrid", "dense", "text") if now == "text" else (now,)
        for by in kinds:
            searching = incumbent if by == now else incumbent.with_step("retrieve", by=by)
            yield Candidate(
                searching.with_step("hyde", before="retrieve", keep_question=True),
                f"search by {by} for the question and a made-up answer",
            )
        by = "dense" if now == "text" else now
        searching = incumbent if by == now else incumbent.with_step("retrieve", by=by)
        yield Candidate(
            searching.with_step("hyde", before="retrieve", keep_question=False),
            f"search by {by} for a made-up answer only",
        )
