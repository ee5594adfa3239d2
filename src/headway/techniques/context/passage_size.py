"""Cut documents into smaller or larger passages: what is embedded, and what is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import cut_settings, search_settings, with_cut

SIZES = (48, 96, 160, 256)


class PassageSize:
    """The next sizes on both sides of the present one; overlap is a sixth. By what they are cut,
    and what is indexed and handed over with them, stays."""

    name: ClassVar[str] = "passage_size"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence cut apart; passages that mix several matters"
    not_good_for: ClassVar[str] = "questions that need two documents"
    addresses: ClassVar[tuple[str, ...]] = (
        "cut_apart",
        "not_found",
        "ranked_too_low",
        "crowded_out",
    )
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "an index for each size; longer or shorter passages"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Larger first: it also mends what is cut apart. None where documents stay whole."""
        cut = cut_settings(ctx.incumbent)
        if search_settings(ctx.incumbent) is None or cut.get("unit") == "document":
            return
        now = int(cut.get("tokens", 160))
        higher, lower = [s for s in SIZES if s > now], [s for s in SIZES if s < now]
        for size in (*higher[:1], *lower[-1:]):
            yield Candidate(
                with_cut(ctx.incumbent, tokens=size, overlap=size // 6),
                f"passages of {size} words",
            )
