"""Show the nearest solved examples with no label, or no tag, shown oftener than another.

A label that most shown examples have is given too often: Zhao et al., 2021, "Calibrate Before Use:
Improving Few-Shot Performance of Language Models". The same for all questions: `fixed_examples`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.shots import kinds, searching

MOST = 16  # labels up to which one example of each is shown


class BalancedExamples:
    """4 and 8 near examples, and one of each label where there are few."""

    name: ClassVar[str] = "balanced_examples"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "labels that look alike; train with many more of one label"
    not_good_for: ClassVar[str] = "free answers whose kinds do not matter"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "unstable", "beyond_model",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=30",)
    costs: ClassVar[str] = "4 to 16 examples of prompt tokens, other ones for each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Growing numbers, where train holds at least two kinds."""
        many = len(kinds(ctx))
        if many < 2:
            return
        counts = sorted({4, 8, *((many,) if 2 < many <= MOST else ())})
        of = "label" if ctx.task.spec.output.kind == "label" else "tag"
        title = f"{{}} near examples, balanced by {of}"
        for candidate in await searching(ctx, "balanced", counts, title):
            yield candidate
