"""Split a question that holds several, search for each part, and show the best of each.

Press et al., 2022, "Measuring and Narrowing the Compositionality Gap in Language Models"; Zhou et
al., 2022, "Least-to-Most Prompting Enables Complex Reasoning in Large Language Models".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import search_settings

PARTS = 3
ROOM = 8  # passages up to which twice as many are shown: each part needs its own


class Decomposition:
    """Up to three parts, merged by turns, with twice the passages where those are few, and with
    as many as now."""

    name: ClassVar[str] = "decomposition"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "questions that need two documents: comparisons, several in one"
    not_good_for: ClassVar[str] = "questions that ask for one fact; models that split badly"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "a model call of up to 120 written tokens, and up to twice the passages"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, or expands already."""
        incumbent = ctx.incumbent
        search = search_settings(incumbent)
        if search is None or incumbent.step("expand"):
            return
        split = incumbent.with_step("retrieve", merge="turns").with_step(
            "expand", before="retrieve", into="parts", queries=PARTS
        )
        found = int(search.get("k", 4))
        rerank = incumbent.step("rerank")
        shown = int(rerank.settings.get("k", 4)) if rerank else found
        more = max(shown, min(2 * shown, ROOM))
        if more > shown:
            wide = split.with_step("retrieve", k=max(found, more))
            yield Candidate(
                wide.with_step("rerank", k=more) if rerank else wide,
                f"search for the question's parts, {more} passages",
            )
        yield Candidate(split, "search for the question's parts")
