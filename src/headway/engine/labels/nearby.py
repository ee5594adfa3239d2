"""What texts that are near say of an example's label: a light classifier and the nearest
neighbours, on the same frozen embeddings, out of fold by group.

Nobody votes on a reference that it was trained on, or on one of the same group. The classifier's
out-of-fold probability of the given label is the self-confidence of Northcutt, Jiang and Chuang,
2021, "Confident Learning: Estimating Uncertainty in Dataset Labels". Both look through one
embedding model, so they are one model to the rule that wants two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headway.training.classifier import Classifier

Matrix = NDArray[np.float64]
FOLDS = 5
NEIGHBOURS = 10
SHARPNESS = 20.0  # of a neighbour's weight, exp(s * cosine): 0.05 of cosine is a factor e


def names_of(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that occur, in order."""
    return tuple(sorted(set(labels)))


def classified(
    vectors: NDArray[np.float32], labels: Sequence[str], groups: Sequence[str], folds: int = FOLDS
) -> Matrix:
    """Out-of-fold probabilities by the classifier, shape (examples, labels by `names_of`). A row
    is NaN where there was too little to train on; a label too rare to be learnt has 0."""
    names = names_of(labels)
    column = {name: i for i, name in enumerate(names)}
    found = np.full((len(labels), len(names)), np.nan)
    fold = _folds(groups, folds)
    for held in range(folds):
        inside, outside = np.flatnonzero(fold == held), np.flatnonzero(fold != held)
        if not len(inside) or not len(outside):
            continue
        trained = Classifier.train(vectors[outside], [labels[int(i)] for i in outside])
        if trained is None:
            continue
        rows = np.zeros((len(inside), len(names)))
        rows[:, [column[name] for name in trained.labels]] = trained.chances(vectors[inside])
        found[inside] = rows
    return found


def neighboured(
    vectors: NDArray[np.float32], labels: Sequence[str], groups: Sequence[str],
    k: int = NEIGHBOURS,
) -> Matrix:  # fmt: skip
    """Shares of the k nearest examples of other groups, by cosine and nearness, with one vote
    spread over all labels; shape as in `classified`."""
    names = names_of(labels)
    given = np.array([names.index(label) for label in labels])
    numbers = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    group = np.array([numbers[g] for g in groups])
    found = np.full((len(labels), len(names)), 1.0 / len(names))
    for begin in range(0, len(labels), 1024):  # 1024 rows at once: 80 MB at 10,000 examples
        rows = slice(begin, begin + 1024)
        cosine = (vectors[rows] @ vectors.T).astype(np.float64)
        cosine[group[rows, None] == group[None, :]] = -np.inf
        most = min(k, cosine.shape[1])
        near = np.argpartition(-cosine, most - 1, axis=1)[:, :most]
        for row, others in enumerate(near):
            close = cosine[row, others]
            others = others[np.isfinite(close)]
            close = close[np.isfinite(close)]
            if len(close):
                weight = np.exp(SHARPNESS * (close - close.max()))
                np.add.at(found[begin + row], given[others], weight)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _folds(groups: Sequence[str], folds: int) -> NDArray[np.int64]:
    numbers = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    return np.array([numbers[g] % folds for g in groups])
