"""Was anything missed? A second pass over the answer.

OpenAI's prompting guide: ask the model whether it missed anything on previous passes. Madaan et
al., 2023, "Self-Refine: Iterative Refinement with Self-Feedback".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.placing import answers, put

LISTS = (
    "Go through what was asked and shown once more, part by part, and hold each part against your"
    " answer. Which part is missing in it, and what in it is not said there?"
)


class Missed:
    """One more turn that shows the answer back and has it written again."""

    name: ClassVar[str] = "missed"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "long answers, lists, several facts or fields to be found"
    not_good_for: ClassVar[str] = "short answers; small models, which talk themselves out of truth"
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "unfaithful")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "a second call that reads all of the first, and up to 120 tokens more"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """In a general way, and part by part; none where it is done already, or for labels and
        SQL, of which there is nothing to be missed."""
        kind = ctx.task.spec.output.kind
        if not answers(ctx.incumbent) or kind not in ("text", "json"):
            return
        if ctx.incumbent.step("revise") is None:
            yield Candidate(put(ctx.incumbent, "revise"), "asks whether anything was missed")
            yield Candidate(
                put(ctx.incumbent, "revise", look=LISTS), "goes through the answer part by part"
            )
