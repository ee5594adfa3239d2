"""Find more passages, and show those before the scores fall: few where one is clearly best.

Compare Taguchi, Maekawa and Bhutani, 2025, "Efficient Context Selection for Long-Context QA: No
Tuning, No Iteration, Just Adaptive-k".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import handed, put, search_settings, with_handed

GAPS = (0.3, 0.5)
DEPTH = 8


class ScoreGap:
    """Cut 8 passages, or as many as now, at the first fall of 0.3 and of 0.5 of the range."""

    name: ClassVar[str] = "score_gap"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "questions that need one passage beside others that need many"
    not_good_for: ClassVar[str] = "scores that fall evenly, as fused ranks of one search do"
    addresses: ClassVar[tuple[str, ...]] = ("crowded_out", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "up to 8 passages, often fewer than before"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """The smaller gap, which shows fewer passages, first."""
        if search_settings(ctx.incumbent) is None:
            return
        step = ctx.incumbent.step("trim")
        now = step.settings.get("gap", 0.3) if step else None
        depth = max(DEPTH, handed(ctx.incumbent, to="trim"))
        deep = with_handed(ctx.incumbent, depth, to="trim")
        for gap in GAPS:
            if gap != now:
                yield Candidate(
                    put(deep, "trim", gap=gap, least=1),
                    f"of {depth} passages those before a fall of {gap} of the scores' range",
                )
