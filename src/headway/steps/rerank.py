"""Order the passages anew with a cross-encoder, and keep the first k.

Nogueira and Cho, 2019, "Passage Re-ranking with BERT".
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from headway.core.protocols import Lender, State
from headway.core.task import Frozen


class Rerank(Frozen):
    """Needs passages from a step before it; without any it changes nothing."""

    name: ClassVar[str] = "rerank"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()

    model: str = "embedded/minilm-l12"
    k: int = Field(default=4, ge=1)

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"model": "rerank"}

    async def run(self, state: State, lend: Lender) -> State:
        """Re-order `passages` and `ranked`; ties keep the search's order."""
        if not state.passages:
            return state
        texts = [f"{p.title}\n{p.text}" if p.title else p.text for p in state.passages]
        scores = await lend.rerank(self.model, state.query, texts)
        order = sorted(range(len(texts)), key=lambda i: -scores[i])
        ranked = tuple(replace(state.passages[i], score=scores[i]) for i in order)
        return replace(
            state,
            passages=ranked[: self.k],
            ranked=tuple((p.document, p.start, p.end) for p in ranked),
            trace=(*state.trace, {"step": "rerank", "of": len(ranked), "kept": self.k}),
        )
