from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.engine.statistics import EProcess

values = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), max_size=30)


def test_starts_at_one() -> None:
    e = EProcess()
    assert (e.value, e.p, e.n) == (1.0, 1.0, 0)
    assert e.update([]) == 1.0


@settings(max_examples=50)
@given(values, values)
def test_cutting_into_calls_changes_nothing(first: list[float], second: list[float]) -> None:
    whole, parts = EProcess(), EProcess()
    whole.update(first + second)
    parts.update(first)
    for x in second:
        parts.update([x])
    assert parts.value == pytest.approx(whole.value)
    assert parts.p == pytest.approx(whole.p)
    assert parts.n == whole.n == len(first) + len(second)
    assert 0 < whole.p <= 1
    assert whole.p <= 1 / whole.value * (1 + 1e-9)


def test_expected_capital_is_one_under_the_null() -> None:
    # Exactly, over all 3^6 sequences of a fair game with ties.
    weights = {-1.0: 0.3, 0.0: 0.4, 1.0: 0.3}
    total = 0.0
    for code in range(3**6):
        xs = [[-1.0, 0.0, 1.0][code // 3**i % 3] for i in range(6)]
        total += float(np.prod([weights[x] for x in xs])) * EProcess().update(xs)
    assert total == pytest.approx(1.0)


def test_type_one_error_when_looking_after_every_value() -> None:
    rng, runs = np.random.default_rng(1), 1500
    hits = 0
    for _ in range(runs):
        e = EProcess()
        e.update(rng.choice([-1.0, 0.0, 1.0], 400, p=[0.2, 0.6, 0.2]))
        hits += e.p <= 0.05
    assert hits / runs <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / runs)
    assert hits > 0


def test_power() -> None:
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        e = EProcess()
        e.update(rng.choice([-1.0, 0.0, 1.0], 400, p=[0.1, 0.7, 0.2]))
        hits += e.p <= 0.05
    assert hits / 200 > 0.7  # a planned single look: 0.98


def test_groups_by_their_sums() -> None:
    rng, runs = np.random.default_rng(3), 800
    hits = {"sums": 0, "as if independent": 0}
    for _ in range(runs):
        side = rng.choice([-1.0, 1.0], 60)  # all five of a group agree
        by_group = EProcess(low=-5.0)
        by_group.update(5 * side)
        hits["sums"] += by_group.p <= 0.05
        single = EProcess()
        single.update(np.repeat(side, 5))
        hits["as if independent"] += single.p <= 0.05
    limit = 0.05 + 4 * np.sqrt(0.05 * 0.95 / runs)
    assert hits["sums"] / runs <= limit < hits["as if independent"] / runs


def test_non_inferiority_needs_no_luck() -> None:
    # Without any loss capital grows at most like (1 / (1 - margin))^n: the honest rate.
    e = EProcess(null=-0.02)
    e.update([0.0] * 30)
    assert e.p >= 0.98**30
    e.update([0.0] * 400)
    assert e.p < 0.01


def test_impossible_values_are_refused_and_change_nothing() -> None:
    e = EProcess()
    for bad in ([0.0, -1.1], [float("nan")]):
        with pytest.raises(ValueError, match="finite"):
            e.update(bad)
    assert (e.value, e.n) == (1.0, 0)
    with pytest.raises(ValueError, match="null"):
        EProcess(low=0.0)


def test_no_overflow() -> None:
    e = EProcess()
    assert e.update([1.0] * 5000) == float("inf")
    assert e.p == 0.0
    e.update([-1.0] * 20000)
    assert e.p == 0.0
