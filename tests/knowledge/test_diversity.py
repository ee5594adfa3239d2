"""Maximal marginal relevance against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.knowledge.diversity import diverse


def unit(rows: list[list[float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    found = np.array(rows, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_by_hand() -> None:
    vectors = unit([[1, 0], [1, 0.01], [0, 1]])
    assert diverse([9.0, 8.0, 1.0], vectors, 0.1, 3) == [0, 1, 2]  # .79-.1 against 0
    assert diverse([9.0, 8.0, 1.0], vectors, 0.5, 3) == [0, 2, 1]  # .44-.5 against 0
    assert diverse([9.0, 8.0, 1.0], vectors, 1.0, 2) == [0, 2]


def test_nothing_and_equal_scores() -> None:
    assert diverse([], np.empty((0, 3), np.float32), 0.5, 4) == []
    assert diverse([2.0, 2.0, 2.0], unit([[1, 0], [1, 0], [0, 1]]), 0.5, 3) == [0, 2, 1]


@given(
    st.lists(
        st.tuples(st.floats(-5, 5), *[st.floats(0.1, 1) for _ in range(3)]),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([0.01, 0.3, 0.5, 1.0]),
    st.integers(1, 12),
)
def test_each_is_the_best_that_is_left(
    rows: list[tuple[float, float, float, float]], diversity: float, count: int
) -> None:
    scores = sorted((score for score, *_ in rows), reverse=True)
    vectors = unit([list(vector) for _, *vector in rows])
    taken = diverse(scores, vectors, diversity, count)
    assert len(taken) == len(set(taken)) == min(count, len(rows))
    spread = (scores[0] - scores[-1]) or 1.0
    relevance = [(s - scores[-1]) / spread if scores[0] > scores[-1] else 1.0 for s in scores]

    def worth(at: int, before: list[int]) -> float:
        near = max((float(vectors[at] @ vectors[other]) for other in before), default=0.0)
        return (1 - diversity) * relevance[at] - diversity * near * bool(before)

    for place in range(1, len(taken)):
        before = taken[:place]
        best = max(worth(at, before) for at in range(len(rows)) if at not in before)
        assert worth(taken[place], before) == pytest.approx(best, abs=1e-5)
