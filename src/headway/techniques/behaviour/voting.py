"""Ask several times and keep what most samples say.

Wang et al., 2022, "Self-Consistency Improves Chain of Thought Reasoning in Language Models".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.placing import answers, put


class Voting:
    """Five samples, then three."""

    name: ClassVar[str] = "voting"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "answers that change from call to call: figures, labels, reasoning"
    not_good_for: ClassVar[str] = "models that are wrong in the same way each time; tight cost"
    addresses: ClassVar[tuple[str, ...]] = ("unstable", "invalid_output", "wrong_despite_evidence")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "3 or 5 times the calls, side by side"
    times: ClassVar[float] = 4.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where samples are taken already, or nobody answers."""
        if not answers(ctx.incumbent) or ctx.incumbent.step("vote"):
            return
        for n in (5, 3):
            yield Candidate(put(ctx.incumbent, "vote", n=n), f"what most of {n} samples say")
