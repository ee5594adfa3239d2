"""Time to think: a few sentences or a whole working before the answer, kept out of the output.

Kojima et al., 2022, "Large Language Models are Zero-Shot Reasoners"; Wei et al., 2022,
"Chain-of-Thought Prompting Elicits Reasoning in Large Language Models".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext

FORMS = {"brief": "brief reasoning first", "steps": "works it out step by step first"}
ENFORCED = {"reasoning": "steps", "contract": "json"}
_LESS = {"none": 0, "brief": 1, "steps": 2}  # `quote` is another way, and stays as it is


class Reasoning:
    """Three sentences at most, then a working of several steps, before an `Answer:` line; under a
    contract in the first field of the object.

    Last the same working in the first field of an enforced object: where the prompt asks for the
    answer alone, a small model obeys that and skips a working asked for in words; a field that has
    to be filled it cannot skip (LOG.md, gsm8k).
    """

    name: ClassVar[str] = "reasoning"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "questions of several steps; figures; comparing passages"
    not_good_for: ClassVar[str] = "tight latency; very small models, which lose the thread"
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "unstable")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "up to 120 written tokens before the answer, 400 for a whole working"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """All forms; of a pipeline that reasons already only those that go further. None where it
        quotes first."""
        step = ctx.incumbent.step("generate")
        now = step.settings.get("reasoning", "none") if step is not None else "quote"
        if step is None or now not in _LESS:
            return
        for form, title in FORMS.items():
            if _LESS[form] > _LESS[now]:
                yield Candidate(ctx.incumbent.with_step("generate", reasoning=form), title)
        if step.settings.get("contract", "none") == "none":
            yield Candidate(
                ctx.incumbent.with_step("generate", **ENFORCED),
                "works it out in a field before the answer's, enforced where the model allows it",
            )
