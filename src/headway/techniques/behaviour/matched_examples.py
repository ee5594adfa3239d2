"""Show the nearest solved examples that are as hard as the question looks.

OpenAI's talk "A Survey of Techniques for Maximizing LLM Performance" (text-to-SQL: bring back only
examples of equal hardness). How hard an example is, its reference says; how hard a new question
is, a light classifier of the question learns from that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.hardness import hardness
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.shots import searching

LEAST = 5  # examples of a class below which it is not learnt


class MatchedExamples:
    """2, 4 and 8 examples of the question's own hardness."""

    name: ClassVar[str] = "matched_examples"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "text-to-SQL; answers of very different numbers of steps"
    not_good_for: ClassVar[str] = "labels; questions that do not show how hard they are"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "beyond_model",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=30",)
    costs: ClassVar[str] = "2 to 8 examples of prompt tokens, other ones for each question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Growing numbers, where train holds two classes that can be learnt."""
        solved = [e for e in ctx.train if e.reference is not None]
        classes = Counter(hardness(solved, ctx.task.spec.output))
        if sum(n >= LEAST for n in classes.values()) < 2:
            return
        title = "the {} nearest examples of equal hardness"
        for candidate in await searching(ctx, "matched", (2, 4, 8), title):
            yield candidate
