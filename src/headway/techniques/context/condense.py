"""Search for the last turn of a conversation as a question that stands alone.

Elgohary, Peskov and Boyd-Graber, 2019, "Can You Unpack That? Learning to Rewrite
Questions-in-Context".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.conversation import exchanges
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import search_settings


class Condensing:
    """For the search; then shown too, instead of the conversation."""

    name: ClassVar[str] = "condense"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "conversations whose last turn says 'it' or 'and on Sundays?'"
    not_good_for: ClassVar[str] = "turns that stand alone already; models whose rewrites drift"
    addresses: ClassVar[tuple[str, ...]] = ("not_found", "ranked_too_low", "crowded_out")
    needs: ClassVar[tuple[str, ...]] = ("conversations",)
    costs: ClassVar[str] = "a model call of up to 80 written tokens, where anything was said before"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where train holds no conversation, or the pipeline condenses already."""
        incumbent = ctx.incumbent
        talks = any(exchanges(e.history) for e in ctx.train)
        asks = incumbent.step("generate") and not incumbent.step("application")
        if not talks or not asks or incumbent.step("condense"):
            return
        first = incumbent.steps[0].name  # before all that looks at the question
        if search_settings(incumbent) is not None:
            yield Candidate(
                incumbent.with_step("condense", before=first, use="search"),
                "search for the last turn as a question that stands alone",
            )
        yield Candidate(
            incumbent.with_step("condense", before=first, use="both"),
            "ask the last turn as a question that stands alone, without the conversation",
        )
