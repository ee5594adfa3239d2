"""Time to think: a few sentences or a whole working before the answer, kept out of the output.

Kojima et al., 2022, "Large Language Models are Zero-Shot Reasoners"; Wei et al., 2022,
"Chain-of-Thought Prompting Elicits Reasoning in Large Language Models".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext

FORMS = {"brief": "brief reasoning first", "steps": "works it out step by step first"}


class Reasoning:
    """Three sentences at most, then a working of several steps, before an `Answer:` line; under a
    contract in the first field of the object."""

    name: ClassVar[str] = "reasoning"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "questions of several steps; figures; comparing passages"
    not_good_for: ClassVar[str] = "tight latency; very small models, which lose the thread"
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "unstable")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "up to 120 written tokens before the answer, 400 for a whole working"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Both forms; of a pipeline that reasons already only the longer one, if it is not there.
        None where it quotes first."""
        step = ctx.incumbent.step("generate")
        now = step.settings.get("reasoning", "none") if step is not None else "quote"
        for form, title in FORMS.items():
            if now == "none" or (now, form) == ("brief", "steps"):
                yield Candidate(ctx.incumbent.with_step("generate", reasoning=form), title)
