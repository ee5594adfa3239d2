"""Search for the question in several wordings, and merge what they find by rank.

Rackauckas, 2024, "RAG-Fusion: a New Take on Retrieval-Augmented Generation".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import search_settings

WORDINGS = 3


class QueryExpansion:
    """Three other wordings, in the search as it is."""

    name: ClassVar[str] = "query_expansion"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "questions worded in many ways; words that the documents do not use"
    not_good_for: ClassVar[str] = "small models, whose wordings drift; tight latency"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "a model call of up to 120 written tokens, and four searches for one"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, or expands already."""
        incumbent = ctx.incumbent
        if search_settings(incumbent) is None or incumbent.step("expand"):
            return
        yield Candidate(
            incumbent.with_step("retrieve", merge="ranks").with_step(
                "expand", before="retrieve", into="wordings", queries=WORDINGS
            ),
            f"search for {WORDINGS} more wordings of the question",
        )
