"""A tuned embedding model for a task: pairs from `train`, an adapter on the frozen model."""

from __future__ import annotations

from headway.core.protocols import Search
from headway.engine.lender import Desk


async def tune_embedder(desk: Desk, base: str, how: Search) -> str | None:
    """Train on question-passage pairs of `train`, keep the adapter in the task folder, and give
    its model's name; None where there are too few pairs."""
    return None
