"""Numbers that say which inputs are next worth labelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.engine.tuning.worth import FLOOR, disagreement, medoid, near_failures, spread, worth


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    found = np.array(rows, np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("outputs", "kind", "wanted"),
    [
        (["a", "a", "a", "a"], "label", 0.0),
        (["a", "a", "a", "b"], "label", 1 / 3),
        (["a", "b", "c", "d"], "label", 1.0),
        (["a", "a", None, None], "label", 2 / 3),
        ([None, None, None], "label", 1.0),
        (["Lost card", "lost card.", " LOST CARD"], "label", 0.0),
        (["lost card", "stolen card"], "label", 1.0),
        (["lost card", "stolen card"], "text", 0.5),
        (["1,200", "1200.0"], "text", 0.0),
        (["C", "C#", "C++"], "label", 1.0),
        (["1.5", "15", "15", "15"], "text", 1 / 3),
        (["-5 degrees", "5 degrees"], "text", 0.5),
        (["The Nile", "Nile."], "text", 0.0),
        ([{"grade": "A+"}, {"grade": "A-"}], "json", 1.0),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], "json", 0.0),
        ([{"a": 1, "b": 2}, {"a": 1, "b": 3}], "json", 0.5),
        ([{"a": 1}, {"a": 1, "b": 3}], "json", 0.5),
        ([{"a": 1, "b": 2}, None], "json", 1.0),
        ([{}, {}], "json", 0.0),
        ([["x"], ["x"], ["y"]], "json", 0.5),
        (["alone"], "text", 0.0),
        ([], "text", 0.0),
    ],
)
def test_disagreement(outputs: list[Any], kind: str, wanted: float) -> None:
    assert disagreement(outputs, kind) == pytest.approx(wanted)


VALUES = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3),
    st.lists(st.integers(0, 2), max_size=2),
)


@given(st.lists(VALUES, max_size=6), st.sampled_from(["text", "label", "json"]), st.randoms())
def test_disagreement_of_anything(outputs: list[Any], kind: str, random: Any) -> None:
    found = disagreement(outputs, kind)
    assert 0.0 <= found <= 1.0
    shuffled = list(outputs)
    random.shuffle(shuffled)
    assert disagreement(shuffled, kind) == pytest.approx(found)


def test_the_medoid_is_what_the_others_are_near_to() -> None:
    texts = ["a red boat", "a red boat with sails", "the moon", None]
    place, overlaps = medoid(texts)
    assert texts[place] == "a red boat"
    assert len(overlaps) == 3
    assert overlaps[2] == 0.0


def test_the_medoid_is_one_of_most_that_say_the_same_figure() -> None:
    assert medoid(["1.5 m", "15 m", "15 m"])[0] == 1


def test_near_failures_follow_the_labelled_around() -> None:
    labelled = unit((1, 0), (1, 0.1), (0, 1), (0.1, 1))
    near = near_failures(unit((1, 0.05), (0.05, 1)), labelled, [1.0, 1.0, 0.0, 0.0])
    assert near[0] > 0.6
    assert near[1] < 0.4
    assert near_failures(unit((1, 0)), labelled, [0.0] * 4) == pytest.approx([0.0])
    assert near_failures(unit((1, 0)), np.zeros((0, 2), np.float32), []).tolist() == [0.0]


def test_one_neighbour_proves_little() -> None:
    """A single labelled example beside many is drawn to the share over all."""
    labelled = unit((1, 0), *[(0, 1)] * 9)
    near = near_failures(unit((1, 0)), labelled, [1.0] + [0.0] * 9)
    assert 0.1 < near[0] < 0.6


def test_the_most_worth_first_and_none_like_another() -> None:
    vectors = unit((1, 0, 0), (1, 0.01, 0), (0, 1, 0), (0, 0, 1))
    order = spread(np.array([1.0, 0.99, 0.5, 0.2]), vectors, vectors[:0], 4)
    assert order[:3] == [0, 2, 3]
    # What is labelled already is as if it were taken.
    assert spread(np.array([1.0, 0.9, 0.5, 0.2]), vectors, vectors[:1], 2) == [2, 3]
    # Equal rows are taken once, however much was asked for.
    assert spread(np.ones(3), vectors[[0, 0, 2]], vectors[:0], 3) == [0, 2]
    assert spread(np.ones(0), vectors[:0], vectors, 3) == []


@given(st.integers(0, 12), st.integers(0, 14), st.integers(0, 2**32 - 1))
def test_spread_takes_each_once(count: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 4)).astype(np.float32)
    vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    order = spread(rng.random(count) + 0.1, vectors, vectors[:0], n)
    assert len(set(order)) == len(order) == min(count, n)


def test_what_is_sure_is_not_worthless() -> None:
    both = worth(np.array([0.0, 1.0, 0.5]), np.array([0.0, 1.0, 0.0]))
    assert both[0] == FLOOR
    assert both[1] == 1.0
    assert both[0] < both[2] < both[1]
    assert worth(None, np.array([0.0])).tolist() == [FLOOR]
