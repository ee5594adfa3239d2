"""Choose the domain of a question before the search, and keep to it.

By a light classifier trained on `train`, or by asking the model, which is then told of it too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import search_settings


class Routing:
    """Trained, then by the model, then by the model with a note in the prompt."""

    name: ClassVar[str] = "routing"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "several knowledge bases that use the same words for other things"
    not_good_for: ClassVar[str] = "questions across domains: what is filtered out is never found"
    addresses: ClassVar[tuple[str, ...]] = ("ranked_too_low", "crowded_out", "not_found")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "an embedding of the question, or a model call of some 10 tokens"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where there are no two domains, or the pipeline chooses already."""
        incumbent = ctx.incumbent
        searches = search_settings(incumbent) is not None
        if not searches or incumbent.step("classify"):
            return
        if len(ctx.domains) < 2:
            ctx.notice(
                f"{self.name}: there are no two domains; they are 2 to 12 folders that hold all"
                " documents, or task.yaml's knowledge: {domains: ...}."
            )
            return
        first = incumbent.steps[0].name  # before other steps that prepare the search
        many = f"one of {len(ctx.domains)} domains"
        for by, use, title in (
            ("trained", "filter", f"search {many}, chosen by a trained classifier"),
            ("model", "filter", f"search {many}, chosen by the model"),
            ("model", "both", f"search {many}, chosen by the model and named in the prompt"),
        ):
            yield Candidate(incumbent.with_step("classify", before=first, by=by, use=use), title)
