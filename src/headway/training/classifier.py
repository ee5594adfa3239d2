"""A light classifier on frozen embeddings: multinomial logistic regression with an L2 penalty.

Trained in milliseconds on a few hundred questions. The alternative to asking a model which class a
question is of, where the model picks badly or a call is too dear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

LEAST = 5  # examples of a class below which it cannot be learnt
PENALTY = 1.0  # of the squared weights, for unit vectors: scikit-learn's default of C = 1


@dataclass(frozen=True)
class Classifier:
    """labels, with weights of shape (classes, dimension + 1); the last column is the bias."""

    labels: tuple[str, ...]
    weights: NDArray[np.float64]

    @classmethod
    def train(
        cls,
        vectors: NDArray[np.float32],
        labels: Sequence[str],
        penalty: float = PENALTY,
        least: int = LEAST,
    ) -> Classifier | None:
        """Fit on vectors of shape (examples, dimension); None where fewer than two classes have
        `least` examples. Classes with fewer are left out."""
        counts = Counter(labels)
        names = tuple(sorted(name for name, n in counts.items() if n >= least))
        if len(names) < 2:
            return None
        used = [i for i, label in enumerate(labels) if label in names]
        x = np.hstack([vectors[used].astype(np.float64), np.ones((len(used), 1))])
        wanted = np.zeros((len(used), len(names)))
        wanted[np.arange(len(used)), [names.index(labels[i]) for i in used]] = 1.0

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = flat.reshape(len(names), -1)
            scores = x @ weights.T
            norm = logsumexp(scores, axis=1, keepdims=True)
            held = weights.copy()
            held[:, -1] = 0.0  # the bias is free
            value = float(np.sum(norm[:, 0] - np.sum(scores * wanted, axis=1)))
            value += 0.5 * penalty * float(np.sum(held**2))
            gradient = (np.exp(scores - norm) - wanted).T @ x + penalty * held
            return value, gradient.ravel()

        start = np.zeros(len(names) * x.shape[1])
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        return cls(names, found.x.reshape(len(names), -1))

    def pick(self, vectors: NDArray[np.float32]) -> list[str]:
        """The likeliest label of each vector."""
        return [self.labels[int(i)] for i in np.argmax(self._scores(vectors), axis=1)]

    def chances(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The probability of each label, shape (vectors, labels); rows sum to 1."""
        scores = self._scores(vectors)
        return np.asarray(np.exp(scores - logsumexp(scores, axis=1, keepdims=True)))

    def _scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(vectors @ self.weights[:, :-1].T + self.weights[:, -1])
