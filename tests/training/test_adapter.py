"""The adapter on frozen embeddings: its gradient, what it learns, and what it must not claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.training.adapter import FOLDS, How, Pairs, _folds, _held, loss_and_gradient, train

DIMENSION = 32


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pairs_of(n: int, seed: int, *, turned: float, random_labels: bool = False) -> Pairs:
    """Passages at random; each question is its passage, turned within a plane that all share."""
    random = np.random.default_rng(seed)
    passages = unit(random.normal(size=(n, DIMENSION)))
    turn = np.eye(DIMENSION)
    for plane in range(0, 8, 2):
        c, s = np.cos(turned), np.sin(turned)
        turn[plane : plane + 2, plane : plane + 2] = [[c, -s], [s, c]]
    noise = 0.45 * random.normal(size=(n, DIMENSION)) / np.sqrt(DIMENSION)
    # Most of a question lies in the planes that are turned, as with words that passages lack.
    weight = np.ones(DIMENSION)
    weight[:8] = 2.5
    passages = unit(passages * weight)
    queries = unit(passages @ turn + noise)
    order = random.permutation(n) if random_labels else np.arange(n)
    near = np.argsort(-(queries @ passages.T), axis=1)
    right = [[int(p)] for p in order]
    hard = [[int(p) for p in near[i, :6] if p != order[i]] for i in range(n)]
    groups = [f"g{i // 2}" for i in range(n)]
    return Pairs(queries.astype(np.float32), passages.astype(np.float32), right, hard, groups)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.05, 0.3, 1.0]))
def test_the_gradient_is_the_slope(seed: int, temperature: float) -> None:
    random = np.random.default_rng(seed)
    n, m, d, rank = 5, 7, 6, 3
    queries, passages = unit(random.normal(size=(n, d))), unit(random.normal(size=(m, d)))
    right = random.random((n, m)) < 0.3
    right[np.arange(n), random.integers(0, m, n)] = True
    matrices = [0.3 * random.normal(size=(rank, d)), 0.3 * random.normal(size=(d, rank))]

    def loss(which: int, at: tuple[int, int], by: float) -> float:
        moved = [matrix.copy() for matrix in matrices]
        moved[which][at] += by
        return loss_and_gradient(queries, passages, right, (moved[0], moved[1]), temperature)[0]

    _, *gradients = loss_and_gradient(
        queries, passages, right, (matrices[0], matrices[1]), temperature
    )
    step = 1e-6
    for which, gradient in enumerate(gradients):
        assert gradient.shape == matrices[which].shape
        at = tuple(int(random.integers(0, size)) for size in gradient.shape)
        slope = (loss(which, at, step) - loss(which, at, -step)) / (2 * step)
        assert gradient[at] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_turned_questions_are_turned_back() -> None:
    trained = train(pairs_of(120, 1, turned=1.2))
    assert trained.matrices is not None
    held = trained.held
    assert held.n == 120
    assert held.recall_after > held.recall_before + 0.05
    assert held.rank_after > held.rank_before + 0.15
    assert held.p < 0.01
    # On questions that nobody trained on, from the same turning: it generalises.
    down, up = trained.matrices
    assert down.dtype == up.dtype == np.float32
    fresh = pairs_of(300, 2, turned=1.2)
    moved = unit(fresh.queries + (fresh.queries @ down.T) @ up.T)

    def first(queries: np.ndarray) -> float:
        return float(np.mean(np.argmax(queries @ fresh.passages.T, axis=1) == np.arange(300)))

    assert first(moved) > first(fresh.queries) + 0.1


def test_random_labels_are_no_improvement() -> None:
    claimed = [
        train(pairs_of(60, seed, turned=0.0, random_labels=True)).matrices is not None
        for seed in range(12)
    ]
    # At a level of 5% one in twelve may be chance.
    assert sum(claimed) <= 1


def test_what_is_right_already_stays() -> None:
    trained = train(pairs_of(40, 3, turned=0.0))
    assert trained.matrices is None
    assert trained.held.recall_after <= 1.0


def test_the_same_again_to_the_last_bit() -> None:
    first, second = (train(pairs_of(60, 4, turned=1.2), How(epochs=6)) for _ in range(2))
    assert first.held == second.held
    assert first.matrices is not None
    assert second.matrices is not None
    for a, b in zip(first.matrices, second.matrices, strict=True):
        np.testing.assert_array_equal(a, b)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=80), st.integers(0, 5))
def test_no_group_is_parted(groups: list[int], seed: int) -> None:
    names = [f"g{g}" for g in groups]
    folds = _folds(names, seed)
    assert set(folds) <= set(range(FOLDS))
    of = dict(zip(names, folds, strict=True))
    assert folds == [of[name] for name in names]


def test_the_proof_keeps_its_level() -> None:
    random = np.random.default_rng(5)
    groups = [f"g{i // 3}" for i in range(60)]
    how = How()
    proven = 0
    for _ in range(200):
        shared = np.repeat(random.normal(size=20), 3)  # questions of a group err together
        proven += _held(np.zeros(60), shared, groups, 1, how).p <= how.level
    assert proven <= 20  # 5% of 200 is 10, with three standard errors


def test_few_groups_claim_nothing() -> None:
    pairs = pairs_of(8, 6, turned=1.2)
    one = Pairs(pairs.queries, pairs.passages, pairs.right, pairs.hard, ["g"] * 8)
    assert train(one, How(epochs=3)).matrices is None
