"""Cut documents where they are cut already: between sentences, or at headings.

Compare Chen et al., 2023, "Dense X Retrieval: What Retrieval Granularity Should We Use?".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext, Unit
from headway.techniques.context.shown import cut_settings, search_settings, with_cut

UNITS: dict[Unit, str] = {
    "sentences": "passages of whole sentences",
    "headings": "passages cut at headings",
    "tokens": "passages of an even number of words",
}


class PassageUnit:
    """The units that the pipeline does not cut by now. Whole documents are not proposed: how
    long they are is not known here."""

    name: ClassVar[str] = "passage_unit"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence cut apart; sections that each answer one question"
    not_good_for: ClassVar[str] = "text without sentences or headings, such as tables and logs"
    addresses: ClassVar[tuple[str, ...]] = ("cut_apart", "not_found", "crowded_out")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "an index for each unit; passages of uneven length"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Sentences first: every text has them."""
        if search_settings(ctx.incumbent) is None:
            return
        now = cut_settings(ctx.incumbent).get("unit", "tokens")
        for unit, title in UNITS.items():
            if unit != now:
                yield Candidate(with_cut(ctx.incumbent, unit=unit), title)
