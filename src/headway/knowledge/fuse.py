"""Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

K = 60  # the constant of the paper, and of everyone since


def fuse(rankings: Iterable[Sequence[int]], k: int = K) -> list[tuple[int, float]]:
    """(row, score) best first, score = sum of 1 / (k + rank) over the rankings, rank from 1.

    Equal scores stand in the order of the rows, so that the same search gives the same answer.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking, start=1):
            scores[row] = scores.get(row, 0.0) + 1.0 / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
