"""Show the solved examples of train that are nearest to the question.

Liu et al., 2022, "What Makes Good In-Context Examples for GPT-3?": the bridge from few-shot to
retrieval.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.shots import searching


class NearestExamples:
    """2, 4 and 8 nearest examples, as far as the model's context holds them."""

    name: ClassVar[str] = "nearest_examples"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "many kinds of cases, each with its own form or rule"
    not_good_for: ClassVar[str] = "few examples in train; runtimes that live on shared prefixes"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "unstable", "beyond_model",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=30",)
    costs: ClassVar[str] = "2 to 8 examples of prompt tokens, other ones for each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Growing numbers of them."""
        for candidate in await searching(ctx, "nearest", (2, 4, 8), "the {} nearest examples"):
            yield candidate
