"""Show the solved examples of train that are nearest to the question.

Liu et al., 2022, "What Makes Good In-Context Examples for GPT-3?": the bridge from few-shot to
retrieval.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext


class NearestExamples:
    """2 and 4 nearest examples, without passages to keep the prompt short."""

    name: ClassVar[str] = "nearest_examples"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "many kinds of cases, each with its own form or rule"
    not_good_for: ClassVar[str] = "few examples in train; runtimes that live on shared prefixes"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "unstable", "beyond_model",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=30",)
    costs: ClassVar[str] = "2 or 4 examples of prompt tokens, other ones for each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Candidates with k = 4 and k = 2."""
        if ctx.incumbent.step("generate") is None:
            return
        for k in (4, 2):
            yield Candidate(
                ctx.incumbent.without_step("examples").with_step(
                    "examples", before="generate", k=k, select="nearest"
                ),
                f"the {k} nearest examples",
            )
