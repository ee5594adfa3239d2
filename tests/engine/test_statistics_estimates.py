"""Coverage by simulation: every rate is compared with a bound less 4 standard errors."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.engine.statistics import estimate

Draw = Callable[[np.random.Generator], tuple[list[float], list[str] | None]]


def coverage(draw: Draw, mean: float, runs: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    hits = 0
    for run in range(runs):
        values, groups = draw(rng)
        e = estimate(values, groups, seed=run)
        assert e.low is not None
        assert e.high is not None
        hits += e.low - 1e-12 <= mean <= e.high + 1e-12
    return hits / runs


def tolerance(rate: float, runs: int) -> float:
    return float(4 * np.sqrt(rate * (1 - rate) / runs))


def test_wilson_by_hand() -> None:
    # 8 of 10: Newcombe (1998) method 3 gives 0.4902 to 0.9433.
    e = estimate([1.0] * 8 + [0.0] * 2)
    assert (e.mean, e.n) == (0.8, 10)
    assert (e.low, e.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_clusters_by_hand() -> None:
    # Two values each in three equal groups: the group means 1, 2, 6 and t(2) = 4.3027.
    e = estimate([0, 2, 1, 3, 5, 7], ["a", "a", "b", "b", "c", "c"])
    half = 4.30265 * np.std([1, 2, 6], ddof=1) / np.sqrt(3)
    assert (e.low, e.high) == pytest.approx((3 - half, 3 + half), rel=1e-5)


def test_none_is_skipped_with_its_group() -> None:
    whole = estimate([1.0, None, 0.0, None], ["a", "b", "c", "c"])
    assert whole == estimate([1.0, 0.0])
    assert estimate([None, None]).to_dict() == {"mean": None, "low": None, "high": None, "n": 0}
    assert estimate([]).n == 0


def test_equal_values_are_not_certainty() -> None:
    ones = estimate([1.0] * 20)
    assert ones.high == 1.0
    assert ones.low == pytest.approx(1 / (1 + 1.959964**2 / 20))
    partial = estimate([0.5] * 20)
    assert partial.low is not None
    assert 0.4 < partial.low < 0.45
    grouped = estimate([1.0] * 20, ["a"] * 10 + ["b"] * 10)
    assert grouped.low is not None
    assert ones.low is not None
    assert grouped.low < 0.1 < ones.low  # two groups are two opinions
    two = estimate([0.5, 0.5])
    assert (two.low, two.high) == pytest.approx((0.025, 0.975))  # 1 - 0.05^(1 / 1) may be unseen
    assert estimate([0.5]).to_dict() == {"mean": 0.5, "low": 0.0, "high": 1.0, "n": 1}
    latency = estimate([3.2, 3.2, 3.2])
    assert latency.mean == pytest.approx(3.2)
    assert (latency.low, latency.high) == (None, None)


def test_bounds_can_be_stated() -> None:
    values = [0.01, 0.02, 0.9, 0.95]
    free = estimate(values, bounded=False)
    assert free.high is not None
    assert free.high > 1.0
    assert estimate([0.2, 0.2], bounded=False).low is None
    with pytest.raises(ValueError, match="outside"):
        estimate([2.0], bounded=True)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_bad_values_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"values\[1\]"):
        estimate([1.0, bad])


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="`groups` has 1"):
        estimate([1.0, 0.0], ["a"])
    with pytest.raises(ValueError, match="level"):
        estimate([1.0], level=95)


def test_json_and_seed() -> None:
    values = list(np.random.default_rng(0).random(25))
    assert estimate(values, seed=3) == estimate(values, seed=3)
    assert json.loads(json.dumps(estimate(values).to_dict()))["n"] == 25


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 1.0])), max_size=40),
    st.sampled_from([1, 2, 5, 100]),
)
def test_shape(values: list[float | None], many: int) -> None:
    groups = [str(i % many) for i in range(len(values))]
    e = estimate(values, groups)
    if e.mean is None:
        assert e.n == 0
        return
    assert e.low is not None
    assert e.high is not None
    assert 0.0 <= e.low <= e.mean <= e.high <= 1.0
    assert e.low < e.high  # never certain
    # Neither names nor the order of groups matter; a wider level is never narrower.
    renamed = estimate(values, ["x" + g for g in groups])
    assert renamed == e
    wider = estimate(values, groups, level=0.99)
    assert wider.low is not None
    assert wider.high is not None
    assert wider.low <= e.low
    assert e.high <= wider.high


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=3, max_size=20))
def test_mirror_image(values: list[float]) -> None:
    groups = [str(i // 2) for i in range(len(values))]
    e, m = (
        estimate(values, groups, bounded=False),
        estimate([-v for v in values], groups, bounded=False),
    )
    if e.low is None or m.low is None:
        assert e.low == m.low
    else:
        assert e.high is not None
        assert e.high == pytest.approx(-m.low, abs=1e-6)


YES_NO = {  # (n, p): least coverage; Wilson may dip below 0.95, by how much is known exactly
    (12, 0.05): 0.95,
    (12, 0.3): 0.94,
    (30, 0.05): 0.93,
    (100, 0.95): 0.94,
}


@pytest.mark.parametrize(("n", "p"), list(YES_NO))
def test_coverage_yes_no(n: int, p: float) -> None:
    runs = 2000
    seen = coverage(lambda rng: (rng.binomial(1, p, n).tolist(), None), p, runs, seed=1)
    least = YES_NO[n, p]
    assert least - tolerance(least, runs) <= seen < 1.0


def clusters(count: int, sizes: list[int], p: float, rho: float) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[list[float], list[str]]:
        index = np.repeat(np.arange(count), rng.choice(sizes, count))
        own = rng.beta(p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho, count)
        return rng.binomial(1, own[index]).tolist(), [str(i) for i in index]

    return draw


@pytest.mark.parametrize(
    ("count", "sizes", "p", "rho", "least"),
    [
        (6, [3], 0.5, 0.5, 0.95),
        (12, [3], 0.05, 0.05, 0.95),
        (12, [1, 2, 3, 10], 0.9, 0.5, 0.95),
        (30, [3], 0.05, 0.5, 0.95),
        (30, [1, 2, 3, 10], 0.5, 0.5, 0.94),
        (30, [1, 2, 3, 10], 0.9, 0.5, 0.90),  # the stated limit
    ],
)
def test_coverage_clusters(
    count: int, sizes: list[int], p: float, rho: float, least: float
) -> None:
    runs = 1500
    seen = coverage(clusters(count, sizes, p, rho), p, runs, seed=2)
    assert seen >= least - tolerance(least, runs)


def test_clusters_matter() -> None:
    # The same data without their groups cover far less, so the test above can fail.
    draw, runs = clusters(30, [10], 0.5, 0.5), 400

    def ungrouped(rng: np.random.Generator) -> tuple[list[float], None]:
        return draw(rng)[0], None

    assert coverage(ungrouped, 0.5, runs, seed=3) < 0.75
    assert coverage(draw, 0.5, runs, seed=3) > 0.95 - tolerance(0.95, runs)


def test_groups_that_balance_out_are_no_certainty() -> None:
    e = estimate([0.2, 0.8, 0.3, 0.7] * 4, [str(i // 2) for i in range(16)])
    assert e.mean == pytest.approx(0.5)
    assert e.low is not None
    assert e.low < 0.4


CONTINUOUS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "beta": (lambda rng, n: rng.beta(8, 2, n), 0.8),
    "skewed": (lambda rng, n: rng.beta(5, 0.3, n), 5 / 5.3),
    "uniform": (lambda rng, n: rng.random(n), 0.5),
    "thirds": (lambda rng, n: rng.integers(0, 4, n) / 3, 0.5),
    "heavy ties": (lambda rng, n: np.where(rng.random(n) < 0.9, 1.0, rng.random(n)), 0.95),
    "mostly zero": (lambda rng, n: np.where(rng.random(n) < 0.95, 0.0, rng.random(n)), 0.025),
    "rare zeros": (
        lambda rng, n: rng.choice([1.0, 0.9, 0.0], n, p=[0.9, 0.07, 0.03]),
        0.963,
    ),
    "latency": (lambda rng, n: 5 + rng.lognormal(0, 1, n), 5 + np.exp(0.5)),
}


@pytest.mark.parametrize(
    ("name", "n", "least"),
    [
        ("beta", 12, 0.94),
        ("beta", 100, 0.945),
        ("skewed", 12, 0.88),  # the stated limit
        ("skewed", 100, 0.93),
        ("uniform", 12, 0.95),
        ("thirds", 30, 0.95),
        ("heavy ties", 12, 0.94),
        ("heavy ties", 30, 0.92),
        ("heavy ties", 100, 0.94),
        ("mostly zero", 30, 0.93),
        ("rare zeros", 12, 0.94),  # a few values near 1 do not hide those that are yet to come
        ("rare zeros", 30, 0.94),
        ("latency", 12, 0.88),  # the stated limit
        ("latency", 100, 0.93),
    ],
)
def test_coverage_bootstrap(name: str, n: int, least: float) -> None:
    draw, mean = CONTINUOUS[name]
    runs = 500
    seen = coverage(lambda rng: (draw(rng, n).tolist(), None), mean, runs, seed=4)
    assert seen >= least - tolerance(least, runs)


def test_the_bootstrap_follows_the_skew() -> None:
    e = estimate([1.0, 1.1, 0.9, 1.2, 1.0, 0.8, 1.1, 0.9, 1.0, 9.0], bounded=False)
    assert e.mean is not None
    assert e.low is not None
    assert e.high is not None
    assert e.high - e.mean > 1.5 * (e.mean - e.low)


def test_the_bootstrap_is_not_merely_wide() -> None:
    # On normal-like data it must be about the t interval: a method that covers by width fails.
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(50):
        x = rng.beta(8, 8, 60)
        e = estimate(x.tolist())
        assert e.low is not None
        assert e.high is not None
        ratios.append((e.high - e.low) / (2 * 2.001 * x.std(ddof=1) / np.sqrt(60)))
    assert 0.97 < np.mean(ratios) < 1.08
