"""Hold each statement of an answer against the passages, and ask again where they do not say it.

Es et al., 2023, "RAGAS: Automated Evaluation of Retrieval Augmented Generation": its faithfulness,
used as a gate.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.behaviour.quotes import shows_passages

SHARE = 0.7  # of an answer's statements that the passages must support


class FactCheck:
    """Statements judged by their words and numbers, which costs nothing; then by the model."""

    name: ClassVar[str] = "fact_check"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "answers with made-up parts, above all figures and names"
    not_good_for: ClassVar[str] = "wrong answers that the passages do say, of something else"
    addresses: ClassVar[tuple[str, ...]] = ("unfaithful",)
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "a second call where it fails; by the model one more for every answer"
    times: ClassVar[float] = 1.5

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where facts are checked already, or the answer is no text."""
        check, kind = ctx.incumbent.step("check"), ctx.task.spec.output.kind
        if not shows_passages(ctx.incumbent) or kind not in ("text", "json"):
            return
        if check is not None and check.settings.get("facts") is not None:
            return
        otherwise = check.settings.get("otherwise", "retry") if check else "retry"
        for by, how in (("words", "word by word"), ("model", "by the model")):
            yield Candidate(
                ctx.incumbent.with_step(
                    "check", facts=SHARE, by=by, model=None, otherwise=otherwise
                ),
                f"statements checked {how}: {SHARE:.0%} must be supported, otherwise {otherwise}",
            )
