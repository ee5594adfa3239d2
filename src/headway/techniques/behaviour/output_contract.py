"""An agreed form that is enforced: a JSON object by the task's schema or labels.

Where the backend decodes under a schema the form cannot break; elsewhere it is asked for, checked,
and counted as invalid. Willard and Louf, 2023, "Efficient Guided Generation for LLMs".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext


class OutputContract:
    """Contract `json` on the generate step."""

    name: ClassVar[str] = "output_contract"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "labels, JSON, answers wrapped in talk"
    not_good_for: ClassVar[str] = "free text whose style counts"
    addresses: ClassVar[tuple[str, ...]] = ("invalid_output", "wrong_despite_evidence")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "some 50 prompt tokens"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """One candidate, unless the contract is there already."""
        step = ctx.incumbent.step("generate")
        if step is not None and step.settings.get("contract", "none") == "none":
            yield Candidate(
                ctx.incumbent.with_step("generate", contract="json"),
                "answers as JSON, enforced where the model allows it",
            )
