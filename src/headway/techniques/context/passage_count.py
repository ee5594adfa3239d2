"""Show more passages, or fewer. More hold the answer more often and distract more.

Liu et al., 2023, "Lost in the Middle: How Language Models Use Long Contexts".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import handed, search_settings, with_handed

COUNTS = (1, 2, 3, 4, 6, 8)


class PassageCount:
    """The next counts on both sides of the present one, of what the last step that settles it
    hands on: a search, a re-ranker, rules, a trim."""

    name: ClassVar[str] = "passage_count"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "evidence ranked just below what is shown; or too much beside it"
    not_good_for: ClassVar[str] = "evidence that search does not find at all"
    addresses: ClassVar[tuple[str, ...]] = ("ranked_too_low", "crowded_out", "not_found")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "the passages added, or less"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Up two, up one, down one."""
        if search_settings(ctx.incumbent) is None:
            return
        now = handed(ctx.incumbent)
        higher = [c for c in COUNTS if c > now]
        lower = [c for c in COUNTS if c < now]
        for count in (*higher[1:2], *higher[:1], *lower[-1:]):
            yield Candidate(with_handed(ctx.incumbent, count), f"{count} passages")
