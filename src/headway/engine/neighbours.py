"""The solved examples of train as a pool to choose from: by nearness, spread, or hardness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headway.core.hardness import hardness
from headway.core.protocols import Vectors
from headway.core.task import Example, Output
from headway.knowledge.diversity import diverse
from headway.training.classifier import Classifier

DEEP = 5  # times k: so many of the nearest are spread out; at least 20


@dataclass(frozen=True)
class Pool:
    """examples, with unit vectors of their questions of shape (examples, dimension)."""

    examples: tuple[Example, ...]
    vectors: Vectors
    output: Output

    @cached_property
    def _classes(self) -> tuple[list[str], Classifier | None]:
        """The hardness of each example, and what tells that of a new question; None where there
        is too little to learn it from."""
        classes = hardness(self.examples, self.output)
        return classes, Classifier.train(self.vectors, classes) if classes else None

    def nearest(
        self,
        asked: Vectors,
        k: int,
        *,
        own: Example | None = None,
        diversity: float = 0.0,
        matched: bool = False,
    ) -> tuple[Example, ...]:
        """See Lender.nearest. asked: the question's unit vector, of shape (dimension,)."""
        if not self.examples or k <= 0:
            return ()
        scores = self.vectors @ asked
        order = [int(i) for i in np.argsort(-scores, kind="stable")]
        if own is not None:
            order = [i for i in order if _other(self.examples[i], own)]
        if matched:
            order = self._alike(order, asked)
        if diversity > 0:
            order = order[: max(20, DEEP * k)]
            chosen = diverse([float(scores[i]) for i in order], self.vectors[order], diversity, k)
            order = [order[i] for i in chosen]
        return tuple(self.examples[i] for i in order[:k])

    def _alike(self, order: Sequence[int], asked: Vectors) -> list[int]:
        """Those as hard as the question looks; all, where that cannot be told."""
        classes, classifier = self._classes
        if classifier is None:
            return list(order)
        wanted = classifier.pick(asked[None, :])[0]
        return [i for i in order if classes[i] == wanted]


def _other(shown: Example, own: Example) -> bool:
    return shown.cluster != own.cluster and shown.question != own.question
