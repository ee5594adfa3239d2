"""Find the passages that may answer the question."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from headway.core.protocols import Lender, Search, State
from headway.core.task import Frozen


class Cut(Frozen):
    """How documents are cut into passages, in words and marks."""

    tokens: int = Field(default=160, ge=8)
    overlap: int = Field(default=32, ge=0)

    @model_validator(mode="after")
    def _moves_on(self) -> Cut:
        if self.overlap >= self.tokens:
            raise ValueError(f"overlap {self.overlap} must be less than tokens {self.tokens}")
        return self


class Retrieve(Frozen):
    """`text` is BM25, `dense` cosine over `embed`, `hybrid` both by reciprocal rank fusion."""

    name: ClassVar[str] = "retrieve"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("knowledge",)

    passages: Cut = Cut()
    by: Literal["text", "dense", "hybrid"] = "text"
    embed: str | None = None
    k: int = Field(default=4, ge=1, le=1000)

    @property
    def search(self) -> Search:
        """These settings as the search's own."""
        return Search(self.passages.tokens, self.passages.overlap, self.by, self.embed, self.k)

    async def run(self, state: State, lend: Lender) -> State:
        """Fill `passages` and `ranked`, best first."""
        found = await lend.search(state.query, self.search)
        return replace(
            state,
            passages=found,
            ranked=tuple((p.document, p.start, p.end) for p in found),
            trace=(*state.trace, {"step": "retrieve", "query": state.query, "found": len(found)}),
        )
