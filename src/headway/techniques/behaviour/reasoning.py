"""Time to think: a few sentences before the answer, kept out of the output.

Kojima et al., 2022, "Large Language Models are Zero-Shot Reasoners".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext


class Reasoning:
    """Brief reasoning before an `Answer:` line."""

    name: ClassVar[str] = "reasoning"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "questions of several steps; figures; comparing passages"
    not_good_for: ClassVar[str] = "tight latency; very small models, which lose the thread"
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "unstable")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "up to 120 written tokens before the answer"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """One candidate, unless the pipeline reasons already."""
        step = ctx.incumbent.step("generate")
        if step is not None and step.settings.get("reasoning", "none") == "none":
            yield Candidate(
                ctx.incumbent.with_step("generate", reasoning="brief"), "brief reasoning first"
            )
