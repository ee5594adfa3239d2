"""The light classifier: what it learns, what it leaves alone, and that it is at its optimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax

from headway.training.classifier import LEAST, Classifier

Vectors = NDArray[np.float32]


def clouds(
    counts: dict[str, int], spread: float = 0.3, dimension: int = 16, seed: int = 1
) -> tuple[Vectors, list[str]]:
    """Unit vectors around one random direction a class, shuffled, with their labels."""
    random = np.random.default_rng(seed)
    directions = {name: random.normal(size=dimension) for name in counts}
    labels = [name for name, n in counts.items() for _ in range(n)]
    rows = np.array([
        directions[name] / np.linalg.norm(directions[name])
        + spread * random.normal(size=dimension) / np.sqrt(dimension)
        for name in labels
    ]).reshape(len(labels), dimension)  # fmt: skip
    order = random.permutation(len(labels))
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit[order], [labels[i] for i in order]


def trained(vectors: Vectors, labels: list[str], penalty: float = 1.0) -> Classifier:
    found = Classifier.train(vectors, labels, penalty)
    assert found is not None
    return found


@pytest.mark.parametrize("names", ["ab", "abc", "abcdefgh"])
def test_it_learns_classes_that_can_be_told_apart(names: str) -> None:
    vectors, labels = clouds(dict.fromkeys(names, 40), seed=len(names))
    half = len(labels) // 2
    found = trained(vectors[:half], labels[:half])
    right = [a == b for a, b in zip(found.pick(vectors[half:]), labels[half:], strict=True)]
    assert np.mean(right) > 0.95


def test_it_learns_nothing_from_labels_that_say_nothing() -> None:
    random = np.random.default_rng(3)
    vectors, _ = clouds({"x": 400}, spread=3.0)
    labels = [str(name) for name in random.choice(["a", "b"], size=400)]
    found = trained(vectors[:200], labels[:200])
    right = [a == b for a, b in zip(found.pick(vectors[200:]), labels[200:], strict=True)]
    assert 0.35 < np.mean(right) < 0.65


@pytest.mark.parametrize(
    "counts", [{}, {"a": 50}, {"a": 50, "b": LEAST - 1}, {"a": LEAST - 1, "b": LEAST - 1}]
)
def test_too_few_classes_give_none(counts: dict[str, int]) -> None:
    vectors, labels = clouds(counts)
    assert Classifier.train(vectors, labels) is None


def test_a_rare_class_is_left_out() -> None:
    vectors, labels = clouds({"a": 20, "b": LEAST, "rare": LEAST - 1})
    found = trained(vectors, labels)
    assert found.labels == ("a", "b")
    assert "rare" not in found.pick(vectors)
    kept = [i for i, label in enumerate(labels) if label != "rare"]
    without = trained(vectors[kept], [labels[i] for i in kept])
    np.testing.assert_array_equal(found.weights, without.weights)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), penalty=st.sampled_from([0.1, 1.0, 10.0]))
def test_it_is_at_the_optimum(seed: int, penalty: float) -> None:
    # Where the loss is least: the free bias makes the mean probability of each class its share,
    # and the penalty balances what the vectors still pull.
    vectors, labels = clouds({"a": 12, "b": 7, "c": 30}, spread=1.0, seed=seed)
    found = trained(vectors, labels, penalty)
    x = vectors.astype(np.float64)
    given = softmax(x @ found.weights[:, :-1].T + found.weights[:, -1], axis=1)
    wanted = np.array([[label == name for name in found.labels] for label in labels], float)
    np.testing.assert_allclose(given.mean(axis=0), wanted.mean(axis=0), atol=1e-3)
    pull = (wanted - given).T @ x
    np.testing.assert_allclose(pull, penalty * found.weights[:, :-1], atol=2e-2)


def test_a_larger_penalty_gives_smaller_weights() -> None:
    vectors, labels = clouds({"a": 30, "b": 30})
    sizes = [np.linalg.norm(trained(vectors, labels, p).weights[:, :-1]) for p in (0.1, 1, 10)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2 * sizes[-1]


def test_the_same_again_and_in_any_order() -> None:
    vectors, labels = clouds({"a": 20, "b": 9, "c": 14}, spread=0.8)
    one, again = trained(vectors, labels), trained(vectors, labels)
    np.testing.assert_array_equal(one.weights, again.weights)
    turned = trained(vectors[::-1].copy(), labels[::-1])
    assert turned.labels == one.labels == ("a", "b", "c")
    np.testing.assert_allclose(turned.weights, one.weights, atol=1e-2)


def test_the_commonest_class_wins_where_vectors_say_nothing() -> None:
    vectors = np.ones((30, 4), dtype=np.float32) / 2
    found = trained(vectors, ["a"] * 10 + ["b"] * 20)
    assert found.pick(vectors[:1]) == ["b"]


def test_picking_for_none_gives_none() -> None:
    found = trained(*clouds({"a": 10, "b": 10}))
    assert found.pick(np.zeros((0, 16), dtype=np.float32)) == []
