"""A light adapter on frozen embeddings: queries are moved towards the passages that answer them.

    q' = unit(q + up (down q))

`up` begins at zero, so training begins at the identity and stays near it. Loss: InfoNCE (van den
Oord et al., 2018, "Representation Learning with Contrastive Predictive Coding"): the share of a
softmax over cosines that falls on the right passages, among those of the other questions in a
batch and hard negatives (Karpukhin et al., 2020, "Dense Passage Retrieval"). Adam (Kingma and
Ba, 2015) with decoupled weight decay (Loshchilov and Hutter, 2019), numpy only, seconds.

How well it does is measured by cross-validation, by group: every question is once among the fifth
that is held out, ranked over all passages given. The number of epochs is where the held-out loss
is least, and what is handed over is trained on all pairs for as long. An adapter that does not
rank held-out questions provably better is not handed over at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]
Table = NDArray[np.float64]

FOLDS = 5
TOP = 5  # recall is at so many passages
FLIPS = 2000  # of signs, for the proof that held-out questions gained


@dataclass(frozen=True)
class How:
    """Settings of the training; part of what names an adapter."""

    rank: int = 16
    temperature: float = 0.05
    rate: float = 1e-3
    decay: float = 1e-2
    epochs: int = 80
    batch: int = 64
    level: float = 0.05
    """Of the one-sided proof that held-out questions gained."""
    seed: int = 0


@dataclass(frozen=True)
class Pairs:
    """queries (n, dimension) and passages (m, dimension), unit rows. right[i]: rows of passages
    that answer question i, at least one. hard[i]: rows that search finds for it and that do not.
    groups[i]: questions of one group are never parted by a fold."""

    queries: Floats
    passages: Floats
    right: Sequence[Sequence[int]]
    hard: Sequence[Sequence[int]]
    groups: Sequence[str]


@dataclass(frozen=True)
class Held:
    """What held-out questions got: recall at TOP and mean reciprocal rank, before and after; p of
    the proof; n questions. Means over questions."""

    recall_before: float
    recall_after: float
    rank_before: float
    rank_after: float
    p: float
    n: int
    epochs: int


@dataclass(frozen=True)
class Trained:
    """down (rank, dimension) and up (dimension, rank), float32; None where the held-out questions
    did not gain, which is to say that the identity is better."""

    matrices: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    held: Held


def train(pairs: Pairs, how: How = How()) -> Trained:
    """Cross-validate, and train on all where that is proven to help. Deterministic."""
    pairs = replace(
        pairs,
        queries=np.asarray(pairs.queries, dtype=np.float64),
        passages=np.asarray(pairs.passages, dtype=np.float64),
    )
    folds = _folds(pairs.groups, how.seed)
    n = len(pairs.queries)
    before = _reciprocal(pairs, pairs.queries, range(n))
    losses = np.zeros(how.epochs)
    after = np.zeros((how.epochs, n))
    for fold in sorted(set(folds)):
        out = [i for i in range(n) if folds[i] == fold]
        run = _Run(pairs, [i for i in range(n) if folds[i] != fold], how)
        for epoch in range(how.epochs):
            run.epoch()
            losses[epoch] += run.loss(out) * len(out)
            after[epoch, out] = _reciprocal(pairs, run.moved(out), out)
    best = int(np.argmin(losses))
    held = _held(before, after[best], pairs.groups, best + 1, how)
    if held.recall_after <= held.recall_before or held.p > how.level:
        return Trained(None, held)
    last = _Run(pairs, range(n), how)
    for _ in range(best + 1):
        last.epoch()
    down, up = last.down.astype(np.float32), last.up.astype(np.float32)
    return Trained((down, up), held)


def loss_and_gradient(
    queries: Floats,
    passages: Floats,
    right: NDArray[np.bool_],
    matrices: tuple[Table, Table],
    temperature: float,
) -> tuple[float, Table, Table]:
    """Mean InfoNCE loss, and its gradients by down and by up.

    right, of shape (queries, passages): which of the passages answer a question, at least one.
    """
    down, up = matrices
    low = queries @ down.T
    moved = queries + low @ up.T
    norm = np.linalg.norm(moved, axis=1, keepdims=True)
    unit = moved / norm
    scores = unit @ passages.T / temperature
    scores -= scores.max(axis=1, keepdims=True)
    weight = np.exp(scores)
    total = weight.sum(axis=1, keepdims=True)
    share = np.where(right, weight, 0.0)
    mass = np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
    value = float(np.mean(np.log(total) - np.log(mass)))
    by_score = (weight / total - share / mass) / (temperature * len(queries))
    by_unit = by_score @ passages
    # Of a unit vector only what is across it counts.
    by_moved = (by_unit - unit * np.sum(by_unit * unit, axis=1, keepdims=True)) / norm
    by_up = by_moved.T @ low
    by_down = (by_moved @ up).T @ queries
    return value, by_down, by_up


@dataclass
class _Run:
    """One training: its matrices and Adam's memory."""

    pairs: Pairs
    rows: Sequence[int]
    how: How
    down: Table = field(init=False)
    up: Table = field(init=False)

    def __post_init__(self) -> None:
        dimension = self.pairs.queries.shape[1]
        rank = min(self.how.rank, dimension)
        self._random = np.random.default_rng(self.how.seed)
        self.down = self._random.normal(0.0, dimension**-0.5, (rank, dimension))
        self.up = np.zeros((dimension, rank))
        self._first = [np.zeros_like(self.down), np.zeros_like(self.up)]
        self._second = [np.zeros_like(self.down), np.zeros_like(self.up)]
        self._steps = 0

    def epoch(self) -> None:
        """Every question once, in batches of a random order."""
        order = self._random.permutation(np.asarray(self.rows, dtype=np.int64))
        for at in range(0, len(order), self.how.batch):
            self._step(order[at : at + self.how.batch])

    def loss(self, rows: Sequence[int]) -> float:
        """Of questions among themselves."""
        return self._compare(np.asarray(rows, dtype=np.int64))[0]

    def moved(self, rows: Sequence[int]) -> Table:
        """Their unit vectors as the adapter makes them."""
        queries = self.pairs.queries[list(rows)]
        moved = queries + (queries @ self.down.T) @ self.up.T
        unit: Table = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return unit

    def _compare(self, batch: NDArray[np.int64]) -> tuple[float, Table, Table]:
        pairs = self.pairs
        rows = sorted({p for i in batch for p in (*pairs.right[i], *pairs.hard[i])})
        column = {row: place for place, row in enumerate(rows)}
        right = np.zeros((len(batch), len(rows)), bool)
        for place, i in enumerate(batch):
            right[place, [column[p] for p in pairs.right[i]]] = True
        return loss_and_gradient(
            pairs.queries[batch],
            pairs.passages[rows],
            right,
            (self.down, self.up),
            self.how.temperature,
        )

    def _step(self, batch: NDArray[np.int64]) -> None:
        _, *gradients = self._compare(batch)
        self._steps += 1
        for matrix, first, second, gradient in zip(
            (self.down, self.up), self._first, self._second, gradients, strict=True
        ):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            mean = first / (1 - 0.9**self._steps)
            spread = np.sqrt(second / (1 - 0.999**self._steps))
            matrix -= self.how.rate * (mean / (spread + 1e-8) + self.how.decay * matrix)


def _folds(groups: Sequence[str], seed: int) -> list[int]:
    """The fold of each question: groups in a random order, each to the fold with fewest so far."""
    names = sorted(set(groups))
    counts = {name: 0 for name in names}
    for name in groups:
        counts[name] += 1
    sizes, of = [0] * FOLDS, {}
    for place in np.random.default_rng(seed).permutation(len(names)):
        name = names[int(place)]
        of[name] = int(np.argmin(sizes))
        sizes[of[name]] += counts[name]
    return [of[name] for name in groups]


def _reciprocal(pairs: Pairs, queries: Floats, rows: Sequence[int]) -> Table:
    """1 / rank of the best right passage of each question, among all passages."""
    # Rounded, so that equal passages tie; a tie is a loss.
    scores = np.round(queries @ pairs.passages.T, 9)
    found = np.zeros(len(scores))
    for place, i in enumerate(rows):
        right = list(pairs.right[i])
        best = scores[place, right].max()
        others = np.delete(scores[place], right)
        found[place] = 1.0 / (1 + int(np.sum(others >= best)))
    return found


def _held(before: Table, after: Table, groups: Sequence[str], epochs: int, how: How) -> Held:
    """Means, and the proof: signs of the groups' sums of gains, flipped at random."""
    names = sorted(set(groups))
    sums = np.zeros(len(names))
    np.add.at(sums, [names.index(g) for g in groups], after - before)
    signs = np.random.default_rng(how.seed).choice((-1.0, 1.0), (FLIPS, len(names)))
    as_large = int(np.sum(signs @ sums >= sums.sum() - 1e-12))
    return Held(
        recall_before=float(np.mean(before >= 1 / TOP - 1e-12)),
        recall_after=float(np.mean(after >= 1 / TOP - 1e-12)),
        rank_before=float(np.mean(before)),
        rank_after=float(np.mean(after)),
        p=(1 + as_large) / (1 + FLIPS),
        n=len(before),
        epochs=epochs,
    )
