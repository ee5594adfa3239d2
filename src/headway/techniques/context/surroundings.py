"""Search small passages and hand over what stands around them: a small one is found by what it
says, a large one can be understood.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import cut_settings, search_settings, with_cut

CUTS = (
    {"tokens": 48, "overlap": 8, "around": 48},
    {"tokens": 64, "overlap": 10, "around": 96},
)


class Surroundings:
    """Passages of 48 and of 64 words, handed over with 48 and 96 words on both sides."""

    name: ClassVar[str] = "surroundings"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "one sentence that answers, among others that do not; cut evidence"
    not_good_for: ClassVar[str] = "questions about a whole section; a tight prompt"
    addresses: ClassVar[tuple[str, ...]] = ("cut_apart", "not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "a larger index; passages of up to 144 and 256 words"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where whole documents are passages: nothing stands around them."""
        now = cut_settings(ctx.incumbent)
        if search_settings(ctx.incumbent) is None or now.get("unit") == "document":
            return
        for cut in CUTS:
            if {**now, **cut} != now:
                title = f"search {cut['tokens']} words, show {cut['around']} more on both sides"
                yield Candidate(with_cut(ctx.incumbent, **cut), title)
