"""Put the best passages where a model looks: first and last, not in the middle.

Liu et al., 2023, "Lost in the Middle: How Language Models Use Long Contexts".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import handed, put, search_settings

HOW = {
    "edges": "the best passages first and last",
    "reversed": "the best passage last, next to the question",
}


class PassageOrder:
    """The orders of three and more passages that the pipeline does not use now."""

    name: ClassVar[str] = "passage_order"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence that is shown and overlooked among many passages"
    not_good_for: ClassVar[str] = "one or two passages; evidence that is not shown"
    addresses: ClassVar[tuple[str, ...]] = ("crowded_out",)
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "nothing"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where fewer than three passages are shown: there is no middle."""
        if search_settings(ctx.incumbent) is None or handed(ctx.incumbent) < 3:
            return
        step = ctx.incumbent.step("order")
        now = step.settings.get("how", "edges") if step else None
        for how, title in HOW.items():
            if how != now:
                yield Candidate(put(ctx.incumbent, "order", how=how), title)
