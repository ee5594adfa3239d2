"""Maximal marginal relevance (Carbonell and Goldstein, 1998)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headway.core.protocols import Vectors


def diverse(scores: Sequence[float], vectors: Vectors, diversity: float, count: int) -> list[int]:
    """Places of the hits in the order they are taken, `count` of them at most.

    scores: relevance of each hit, on any scale: they are stretched to 0 to 1 here. vectors: unit
    vectors of shape (hits, dimension). Each time the hit is taken that has the most of
    (1 - diversity) * relevance - diversity * (largest cosine to a hit already taken); of equals,
    the one that stood first. So 0 leaves the order, and 1 looks at the differences alone (the
    paper's lambda is 1 - diversity); the first taken is the most relevant in any case.
    """
    if not len(scores):
        return []
    relevance = np.asarray(scores, dtype=np.float64)
    spread = relevance.max() - relevance.min()
    relevance = (relevance - relevance.min()) / spread if spread > 0 else np.ones(len(relevance))
    nearest = np.full(len(relevance), -np.inf)
    left = np.ones(len(relevance), dtype=bool)
    taken = [int(np.argmax(relevance))]
    while len(taken) < min(count, len(relevance)):
        left[taken[-1]] = False
        np.maximum(nearest, vectors @ vectors[taken[-1]], out=nearest)
        # Rounded, so that equal passages are equal whatever order sums are made in.
        worth = np.round((1.0 - diversity) * relevance - diversity * nearest, 6)
        taken.append(int(np.argmax(np.where(left, worth, -np.inf))))
    return taken[:count]
