"""Find the passages that may answer the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from headway.core.protocols import Lender, Line, Query, Search, State, Unit
from headway.core.record import Passage
from headway.core.task import Frozen

By = Literal["text", "dense", "hybrid"]


class Cut(Frozen):
    """How documents are cut into passages, in words and marks, and what of them is indexed.

    See `headway.core.protocols.Search` for unit, line and around.
    """

    tokens: int = Field(default=160, ge=8)
    overlap: int = Field(default=32, ge=0)
    unit: Unit = "tokens"
    line: Line = "title"
    around: int = Field(default=0, ge=0, le=4096)

    @model_validator(mode="after")
    def _moves_on(self) -> Cut:
        if self.overlap >= self.tokens:
            raise ValueError(f"overlap {self.overlap} must be less than tokens {self.tokens}")
        return self

    def search(self, by: By, embed: str | None, k: int, diversity: float = 0.0) -> Search:
        """A search among passages cut this way."""
        return Search(
            tokens=self.tokens,
            overlap=self.overlap,
            by=by,
            embed=embed,
            k=k,
            unit=self.unit,
            line=self.line,
            around=self.around,
            diversity=diversity,
        )


class Retrieve(Frozen):
    """`text` is BM25, `dense` cosine over `embed`, `hybrid` both by reciprocal rank fusion.

    Where a step before has put several queries, all are searched at once and merged: by `ranks`
    (reciprocal rank fusion: several wordings of one question) or by `turns` (the best of each
    first: several questions in one). diversity: maximal marginal relevance.
    """

    name: ClassVar[str] = "retrieve"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("knowledge",)

    passages: Cut = Cut()
    by: By = "text"
    embed: str | None = None
    k: int = Field(default=4, ge=1, le=1000)
    merge: Literal["ranks", "turns"] = "ranks"
    diversity: float = Field(default=0.0, ge=0, le=1)

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"embed": "embed"} if self.by != "text" or self.diversity else {}

    @property
    def search(self) -> Search:
        """These settings as the search's own."""
        return self.passages.search(self.by, self.embed, self.k, self.diversity)

    async def run(self, state: State, lend: Lender) -> State:
        """Fill `passages` and `ranked`, best first."""
        queries = state.queries or (Query(state.query),)
        how = replace(self.search, where=state.where)
        rankings = await asyncio.gather(
            *(lend.search(q.text, replace(how, as_passage=q.as_passage)) for q in queries)
        )
        found = rankings[0] if len(rankings) == 1 else merged(rankings, self.merge, self.k)
        return replace(
            state,
            passages=found,
            ranked=tuple((p.document, p.start, p.end) for p in found),
            trace=(
                *state.trace,
                {
                    "step": "retrieve",
                    "query": state.query,
                    "found": len(found),
                    **({"queries": [q.text for q in state.queries]} if state.queries else {}),
                    **({"where": dict(state.where)} if state.where else {}),
                },
            ),
        )


def merged(
    rankings: Sequence[Sequence[Passage]], how: Literal["ranks", "turns"], k: int
) -> tuple[Passage, ...]:
    """Several rankings as one, each passage once. `ranks`: by the sum of 1 / (60 + rank)
    (Cormack, Clarke and Buettcher, 2009), which becomes the score; `turns`: by turns."""
    best: dict[tuple[str, int, int], tuple[float, Passage]] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            key = (passage.document, passage.start, passage.end)
            score = best[key][0] if key in best else 0.0
            gain = 1 / (60 + rank)
            best[key] = (score + gain if how == "ranks" else max(score, gain), passage)
    # sorted() is stable: of equals, the one met first stays first.
    ordered = sorted(best.values(), key=lambda item: -item[0])[:k]
    return tuple(replace(passage, score=score) for score, passage in ordered)
