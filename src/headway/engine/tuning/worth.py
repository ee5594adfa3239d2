"""Which inputs are next worth labelling, as numbers: where a model wavers, what lies near its
failures, and what is new.

Wavering is uncertainty sampling (Lewis and Gale, 1994, "A Sequential Algorithm for Training Text
Classifiers") by a committee: several samples of one model vote, and the share that says something
else than most is the disagreement (Seung, Opper and Sompolinsky, 1992, "Query by Committee"). What
is chosen spreads over the space, each one far from those before it and from what is labelled
already: the greedy k-centre of core-set selection (Sener and Savarese, 2018, "Active Learning for
Convolutional Neural Networks"), with distance weighed by worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headway.core.protocols import Vectors
from headway.steps.vote import bag, overlap, same

NEIGHBOURS = 5  # labelled examples that say how likely a failure is here
PRIOR = 1.0  # weight of the overall share of failures among them, so that one alone proves little
FLOOR = 0.1  # worth of what neither wavers nor lies near a failure: the model may be sure and wrong

Numbers = NDArray[np.float64]


def disagreement(outputs: Sequence[Any], kind: str = "text") -> float:
    """From 0, all samples say the same, to 1. None stands for a sample in a broken form or a
    refusal: it agrees with no other. kind: of the task's output.

    Labels, SQL and the like: the share that says something else than most. JSON objects: the mean
    of that share over all fields that any sample has. Texts, where no two need be equal: that
    share, or where it is less, 1 minus the mean overlap (F1 of words) of the others with the sample
    that is nearest to them. 0 for fewer than two samples.
    """
    if len(outputs) < 2:
        return 0.0
    said = [output for output in outputs if output is not None]
    if said and all(isinstance(output, dict) for output in said):
        return _of_fields(outputs, sorted({name for output in said for name in output}))
    votes = _of_values([None if output is None else same(output, kind) for output in outputs])
    if kind != "text" or votes == 0.0 or not all(isinstance(output, str) for output in said):
        return votes
    return min(votes, 1.0 - agreement(outputs))


def _of_values(values: Sequence[str | None]) -> float:
    """The share beside the most frequent value; None is a value of its own each time."""
    votes = Counter(value for value in values if value is not None)
    most = max(votes.values(), default=1)
    return (len(values) - most) / (len(values) - 1)


def _of_fields(outputs: Sequence[Any], names: Sequence[str]) -> float:
    if not names:  # empty objects, which agree, beside those in a broken form
        return _of_values([None if output is None else "{}" for output in outputs])
    return sum(
        # An absent field is a value too: the samples differ in whether it is there.
        _of_values([None if o is None else same(o[name]) if name in o else "" for o in outputs])
        for name in names
    ) / len(names)


def agreement(outputs: Sequence[Any]) -> float:
    """Mean overlap of texts with their medoid, itself left out; None overlaps with nothing."""
    _, overlaps = medoid(outputs)
    return sum(overlaps) / len(overlaps) if overlaps else 1.0


def medoid(outputs: Sequence[Any]) -> tuple[int, list[float]]:
    """The place of the text that shares most with all others, and what each of the others shares
    with it: F1 of words and figures, 0 for None. The first of equals."""
    bags = [None if output is None else bag(output) for output in outputs]
    rows = [
        [
            0.0 if a is None or b is None else overlap(a, b)
            for at, b in enumerate(bags)
            if at != place
        ]
        for place, a in enumerate(bags)
    ]
    best = max(range(len(outputs)), key=lambda place: (sum(rows[place]), -place))
    return best, rows[best]


def near_failures(vectors: Vectors, labelled: Vectors, failed: Sequence[float]) -> Numbers:
    """How likely each row fails, from the labelled examples around it: the mean of `failed` (1 is
    a failure, 0 none, or between) over the NEIGHBOURS nearest, weighed by cosine, and the mean
    over all as one neighbour more. Zeros where nothing is labelled.

    vectors, labelled: unit vectors of shape (rows, dimension).
    """
    if not len(labelled):
        return np.zeros(len(vectors))
    known = np.asarray(failed, dtype=np.float64)
    cosines = np.asarray(vectors @ labelled.T, dtype=np.float64)
    k = min(NEIGHBOURS, len(known))
    near = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    weights = np.maximum(np.take_along_axis(cosines, near, axis=1), 0.0)
    sums = np.sum(weights * known[near], axis=1) + PRIOR * known.mean()
    return np.asarray(sums / (np.sum(weights, axis=1) + PRIOR))


def worth(wavers: Numbers | None, near: Numbers) -> Numbers:
    """How much a label would teach, from FLOOR to 1: the mean of both, or `near` alone where
    nothing was asked."""
    both = near if wavers is None else (wavers + near) / 2
    return np.asarray(FLOOR + (1 - FLOOR) * both)


def spread(value: Numbers, vectors: Vectors, known: Vectors, n: int) -> list[int]:
    """Rows in the order they are taken, at most n: each time the one with the largest product of
    its value and its distance (1 - cosine) from all that were taken and from `known`. Rows that
    equal another are taken once. Of equals the first."""
    gaps = np.full(len(vectors), 1.0)
    if len(known):
        gaps = np.asarray(1.0 - (vectors @ known.T).max(axis=1), dtype=np.float64)
    taken: list[int] = []
    while len(taken) < min(n, len(vectors)):
        # Rounded, so that equal rows are equal whatever order sums are made in.
        gains = np.round(value * np.maximum(gaps, 0.0), 6)
        best = int(np.argmax(gains))
        if gains[best] <= 0.0:
            break
        taken.append(best)
        gaps = np.minimum(gaps, 1.0 - vectors @ vectors[best])
    return taken
