"""Let the model read what was found and search again with its own words.

Yao et al., 2022, "ReAct: Synergizing Reasoning and Acting in Language Models".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import search_settings

SAME = ("passages", "by", "embed")  # searched as before


class SearchAgain:
    """Two rounds with room for four more passages, then one round with room for two."""

    name: ClassVar[str] = "search_again"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "questions whose second search depends on what the first one found"
    not_good_for: ClassVar[str] = "small models, which do not see what is missing; tight latency"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "one or two model calls that read the passages, and more passages"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where the pipeline does not search, or searches again already."""
        incumbent = ctx.incumbent
        search = search_settings(incumbent)
        if search is None or incumbent.step("research"):
            return
        rerank = incumbent.step("rerank")
        shown = int((rerank.settings if rerank else search).get("k", 4))
        names = [s.name for s in incumbent.steps]
        after = names.index("rerank" if rerank else "retrieve") + 1
        follows = names[after] if after < len(names) else None
        same = {name: search[name] for name in SAME if name in search}
        for rounds, more in ((2, 4), (1, 2)):
            yield Candidate(
                incumbent.with_step(
                    "research", before=follows, rounds=rounds, keep=shown + more, k=more, **same
                ),
                f"search again, {rounds} {'rounds' if rounds > 1 else 'round'},"
                f" up to {more} more passages",
            )
