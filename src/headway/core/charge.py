"""What an embedding or re-ranking call cost, where it costs anything.

Models inside this process cost nothing and offer nothing of this. A model whose calls cost money
or another machine's time has, beside `embed` or `rerank`, the method of one of the protocols here;
the engine then keeps each reply, charges the budget, and counts the call in the example's usage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from headway.core.protocols import Vectors


@dataclass(frozen=True, slots=True)
class Charge:
    """Of one call: tokens read, dollars (None where the price is not known, which is not 0), and
    the seconds that the service took."""

    tokens: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0


@runtime_checkable
class ChargedEmbedding(Protocol):
    """An EmbeddingModel whose calls cost something."""

    async def embed_charged(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> tuple[Vectors, Charge]:
        """As embed(), with its cost."""
        ...


@runtime_checkable
class ChargedRerank(Protocol):
    """A RerankModel whose calls cost something."""

    async def rerank_charged(self, query: str, texts: Sequence[str]) -> tuple[list[float], Charge]:
        """As rerank(), with its cost."""
        ...
