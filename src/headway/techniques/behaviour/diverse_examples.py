"""Show solved examples that are near to the question and unlike each other.

Maximal marginal relevance: Carbonell and Goldstein, 1998, "The Use of MMR, Diversity-Based
Reranking for Reordering Documents and Producing Summaries".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.shots import searching


class DiverseExamples:
    """4 and 8 near examples of different kinds."""

    name: ClassVar[str] = "diverse_examples"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "train full of near repeats, where the nearest all say the same"
    not_good_for: ClassVar[str] = "small train; cases where only the very nearest helps"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "unstable", "beyond_model",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=30",)
    costs: ClassVar[str] = "4 or 8 examples of prompt tokens, other ones for each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Growing numbers; of two or fewer there is little to spread."""
        for candidate in await searching(ctx, "diverse", (4, 8), "{} near and diverse examples"):
            yield candidate
