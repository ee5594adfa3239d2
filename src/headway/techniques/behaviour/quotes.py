"""Answer from quotations that can be looked up.

The model copies the sentences that answer before it answers; a quotation that does not stand in
the passages gives a made-up answer away. OpenAI's prompting guide: answers with citations, which
string matching can verify.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext


class Quotes:
    """Quotations before the answer; then also looked up, and what cannot be found not let out."""

    name: ClassVar[str] = "quotes"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "answers that stand in the passages, among others that look alike"
    not_good_for: ClassVar[str] = "answers to be computed or compared; models that cannot copy"
    addresses: ClassVar[tuple[str, ...]] = (
        "unfaithful", "wrong_despite_evidence", "crowded_out",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "up to 120 written tokens before the answer; a second call where checked"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """The check abstains where the task has a phrase for it, else it asks again."""
        if not shows_passages(ctx.incumbent) or ctx.task.spec.output.kind in ("sql", "passages"):
            return
        step, check = ctx.incumbent.step("generate"), ctx.incumbent.step("check")
        quoting = ctx.incumbent.with_step("generate", reasoning="quote")
        if step is not None and step.settings.get("reasoning") != "quote":
            yield Candidate(quoting, "quotes the sentences that answer, first")
        if check is None or not check.settings.get("citations"):
            what = "abstain" if ctx.task.spec.output.abstain else "retry"
            says = "abstains" if what == "abstain" else "asks again"
            yield Candidate(
                quoting.with_step("check", citations=True, otherwise=what),
                f"quotes first, looks them up, and {says} where they are not in the passages",
            )


def shows_passages(pipeline: Pipeline) -> bool:
    """Whether the pipeline's own prompt shows passages that were searched for."""
    step = pipeline.step("generate")
    if step is None or pipeline.step("retrieve") is None:
        return False
    template = "".join(str(step.settings.get("template", "")).split())
    return "{{question}}" not in template or "{{passages}}" in template
