"""Tests of the paired tests. Rates are compared with their bound plus 4 standard errors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, xlogy

from headway.engine.statistics import Paired, not_worse, paired, sign_flip, verdict

Pairs = tuple[np.ndarray, np.ndarray, list[str] | None]
Draw = Callable[[np.random.Generator], Pairs]


def tolerance(rate: float, runs: int) -> float:
    return float(4 * np.sqrt(rate * (1 - rate) / runs))


def simulate(draw: Draw, truth: float, runs: int, seed: int) -> tuple[float, float]:
    """Coverage at 0.95, and the share of runs with p <= 0.05."""
    rng = np.random.default_rng(seed)
    covered = rejected = 0
    for run in range(runs):
        a, b, groups = draw(rng)
        r = paired(a.tolist(), b.tolist(), groups, seed=run, draws=1000)
        assert r.low is not None
        assert r.high is not None
        covered += r.low - 1e-12 <= truth <= r.high + 1e-12
        rejected += r.p is not None and r.p <= 0.05
    return covered / runs, rejected / runs


def swaps(rng: np.random.Generator, gain: np.ndarray, loss: np.ndarray) -> Pairs:
    u, a = rng.random(len(gain)), rng.binomial(1, 0.5, len(gain))
    a = np.where(u < gain, 0, np.where(u < gain + loss, 1, a))
    b = np.where(u < gain, 1, np.where(u < gain + loss, 0, a))
    return a, b, None


def singles(n: int, gain: float, loss: float) -> Draw:
    return lambda rng: swaps(rng, np.full(n, gain), np.full(n, loss))


def grouped(count: int, sizes: list[int], rate: float, tilt: float, mean: float = 0.0) -> Draw:
    """Groups lean to one side by `tilt`: related examples win or lose together."""

    def draw(rng: np.random.Generator) -> Pairs:
        index = np.repeat(np.arange(count), rng.choice(sizes, count))
        lean = (mean + rng.choice([-1, 1], count) * tilt)[index] / 2
        a, b, _ = swaps(rng, rate + lean, rate - lean)
        return a, b, [str(i) for i in index]

    return draw


def graded(draw: Draw) -> Draw:
    def blurred(rng: np.random.Generator) -> Pairs:
        a, b, groups = draw(rng)
        a = 0.1 + 0.8 * a + rng.uniform(-0.1, 0.1, len(a))
        return a, 0.1 + 0.8 * b + rng.uniform(-0.1, 0.1, len(b)), groups

    return blurred


def test_mcnemar_by_hand() -> None:
    a, b = [0] * 10 + [1] * 2 + [1] * 20, [1] * 10 + [0] * 2 + [1] * 20
    r = paired(a, b)
    assert r.method == "mcnemar_exact"
    assert (r.n, r.groups) == (32, 32)
    assert r.difference == pytest.approx(8 / 32)
    assert r.p == pytest.approx(2 * sum(comb(12, i) for i in range(3)) / 2**12)
    greater, less = paired(a, b, alternative="greater"), paired(a, b, alternative="less")
    assert greater.p == pytest.approx(sum(comb(12, i) for i in range(3)) / 2**12)
    assert less.p == pytest.approx(1 - sum(comb(12, i) for i in range(2)) / 2**12)


def test_no_p_value_is_zero() -> None:
    many, groups = 3000, [str(i // 2) for i in range(3000)]
    for found in (paired([0] * many, [1] * many), paired([0] * many, [1] * many, groups)):
        assert found.p is not None
        assert 0.0 < found.p < 1e-200


def test_tango_interval_by_its_definition() -> None:
    # At each end the score statistic, with the likelihood maximised under the null by brute force,
    # is the normal quantile.
    gain, loss, n = 9, 3, 44
    r = paired([0] * gain + [1] * (n - gain), [1] * gain + [0] * loss + [1] * (n - gain - loss))
    assert r.low is not None
    assert r.high is not None
    for delta, sign in ((r.low, 1.0), (r.high, -1.0)):
        lost = np.linspace(max(0.0, -delta), (1 - delta) / 2, 400_001)[1:-1]
        same = np.log(1 - delta - 2 * lost)
        likelihood = gain * np.log(lost + delta) + loss * np.log(lost) + (n - gain - loss) * same
        q = lost[np.argmax(likelihood)]
        z = (gain - loss - n * delta) / np.sqrt(n * (2 * q + delta - delta**2))
        assert sign * z == pytest.approx(1.959964, abs=1e-4)


def test_tango_without_disagreement() -> None:
    # Known closed form: +- z^2 / (n + z^2).
    r = paired([1] * 50, [1] * 50)
    assert (r.low, r.high) == pytest.approx((-0.07134, 0.07134), abs=1e-4)
    assert r.p == 1.0


def test_pairs_with_none_are_dropped() -> None:
    a = [1, None, 0, 1, 0, 1, 0, 1]
    b = [1, 1, None, 0, 1, 1, 1, 1]
    assert paired(a, b) == paired([1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 1, 1])


def test_too_few_groups_is_said() -> None:
    r = paired([0.0] * 10, [1.0] * 10, ["a", "b", "c", "d", "e"] * 2)
    assert (r.p, r.method, r.groups) == (None, "too_few_groups", 5)
    assert verdict(r) == "not_proven"
    assert paired([None], [1.0]).difference is None
    assert not_worse([1.0] * 5, [1.0] * 5, 0.5) is None


def test_equal_differences_are_not_certainty() -> None:
    r = paired([0.5] * 20, [0.7] * 20)
    assert r.low is not None
    assert r.high is not None
    assert r.low < 0.1 < 0.2 < r.high
    assert paired([0.5] * 20, [3.5] * 20).low is None
    grouped_ties = paired([1.0] * 20, [1.0] * 20, [str(i // 2) for i in range(20)])
    assert grouped_ties.low is not None
    assert grouped_ties.low < -0.2


def test_verdict() -> None:
    better = paired([0] * 20, [1] * 20)
    assert verdict(better) == "better"
    assert verdict(better, alpha=1e-9) == "not_proven"
    assert verdict(paired([1] * 20, [0] * 20)) == "worse"
    assert verdict(paired([1] * 20, [0] * 20, alternative="greater")) == "not_proven"
    assert verdict(paired([1] * 20, [0] * 20, alternative="less")) == "worse"
    assert verdict(paired([1] * 20, [1] * 20)) == "not_proven"


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="same examples"):
        paired([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="alternative"):
        paired([1.0], [1.0], alternative="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="margin"):
        not_worse([1.0], [1.0], 0.0)
    with pytest.raises(ValueError, match="outside"):
        not_worse([3.0] * 10, [1.0] * 10, 0.1)


def brute_force(sums: list[float], alternative: str) -> float:
    total, hits = sum(sums), 0
    for signs in product((-1, 1), repeat=len(sums)):
        t = sum(s * x for s, x in zip(signs, sums, strict=True))
        value, seen = {
            "greater": (t, total),
            "less": (-t, -total),
            "two-sided": (abs(t), abs(total)),
        }[alternative]
        hits += value >= seen - 1e-9
    return float(hits / 2 ** len(sums))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([-2.0, -1.0, -0.75, 0.0, 1 / 3, 0.5, 1.0, 3.0]), max_size=9),
    st.sampled_from(["two-sided", "greater", "less"]),
    st.sampled_from([1.0, np.pi]),
)
def test_sign_flip_equals_its_definition(sums: list[float], side: str, unit: float) -> None:
    # unit 1 takes the lattice, pi the enumeration.
    x = [unit * s for s in sums]
    p, exact = sign_flip(np.array(x), side)  # type: ignore[arg-type]
    assert exact
    assert p == pytest.approx(brute_force(x, side))


def test_sampled_flips_agree_with_exact_ones() -> None:
    x = np.random.default_rng(0).integers(-3, 4, 60) + 0.3 * np.ones(60)
    exact, _ = sign_flip(np.rint(x * 10) / 60)
    sampled, was_exact = sign_flip(np.rint(x * 10) / 60 * np.pi)
    assert not was_exact
    assert sampled == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))
    assert sign_flip(np.full(40, np.pi))[0] == pytest.approx(2 / 2**40)  # never 0
    assert sign_flip(np.random.default_rng(0).random(3000))[0] == 1 / 20_001  # too many to bound


def test_small_p_values_of_graded_scores_are_told_apart() -> None:
    # Later questions of a journey have levels far below what 20,000 sampled flips can reach.
    rng = np.random.default_rng(8)
    for count in (15, 16, 18):
        x = rng.random(count) + 0.2
        x[0] = -x[0] / 4
        signs = np.array(list(product((-1.0, 1.0), repeat=count)))
        exact = float(np.mean(signs @ np.abs(x) >= x.sum() - 1e-9))
        p, said = sign_flip(x, "greater", seed=1)
        assert exact < 5e-4
        assert not said
        assert exact <= p <= 1.1 * exact + 1e-12
    gains = rng.random(150) - 0.1
    assert sign_flip(gains, "greater")[0] < 1e-12
    assert sign_flip(gains)[0] == pytest.approx(2 * sign_flip(gains, "greater")[0])
    assert sign_flip(gains, "less")[0] == 1.0


def test_mcnemar_is_the_sign_flip_of_ones() -> None:
    d = np.array([1.0] * 9 + [-1.0] * 4)
    expected = paired([0] * 9 + [1] * 4, [1] * 9 + [0] * 4).p
    assert sign_flip(d)[0] == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 2), min_size=6, max_size=30))
def test_swapping_runs_mirrors_everything(rows: list[tuple[float, float]]) -> None:
    a, b = [r[0] for r in rows], [r[1] for r in rows]
    groups = [str(i // 2) for i in range(len(rows))]
    for g in (None, groups):
        one, two = paired(a, b, g), paired(b, a, g)
        assert one.difference == pytest.approx(-(two.difference or 0.0))
        assert one.p == two.p or one.p == pytest.approx(two.p)
        assert one.low is not None
        assert two.high is not None
        assert one.low == pytest.approx(-two.high, abs=1e-6)
        assert one.low <= (one.difference or 0.0) + 1e-9
        # The interval never leaves out 0 where the test does not reject.
        if one.p is None or one.p > 0.05:
            assert one.low <= 0.0 <= (one.high or 0.0)
        assert one.low < (one.high or 0.0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, 0.4, 0.45, 0.5, 1.0])] * 2), min_size=6, max_size=30)
)
def test_the_interval_never_contradicts_the_verdict(rows: list[tuple[float, float]]) -> None:
    b, a = [max(r) for r in rows], [min(r) for r in rows]  # b is never worse
    for groups in (None, ["large" if i % 2 else str(i // 2) for i in range(len(rows))]):
        found = paired(a, b, groups)
        assert found.low is not None
        assert found.high is not None
        said = {"better": found.low >= 0, "not_proven": found.low <= 0 <= found.high}
        assert said[verdict(found)]


def test_a_gain_that_is_proven_comes_with_no_interval_below_zero() -> None:
    # Twelve pairs, six of them gains and no loss: the test rejects; t alone would reach below 0.
    found = paired([0.5] * 12, [0.5] * 6 + [0.55] * 5 + [1.0])
    assert verdict(found) == "better"
    assert found.low == 0.0


def test_groups_that_balance_out_are_no_certainty() -> None:
    found = paired([0.4, 0.9] * 8, [0.9, 0.4] * 8, [str(i // 2) for i in range(16)])
    assert found.difference == pytest.approx(0.0)
    assert found.low is not None
    assert found.low < -0.2
    assert found.sd == pytest.approx(0.5, abs=0.05)


def test_a_few_small_differences_do_not_hide_rare_large_ones() -> None:
    # One pair in fifty loses all, which 24 pairs often do not show; one in ten gains a little.
    def draw(rng: np.random.Generator) -> Pairs:
        u = rng.random(24)
        return np.full(24, 0.9), np.where(u < 0.02, 0.0, np.where(u < 0.12, 1.0, 0.9)), None

    runs = 400
    covered, _ = simulate(draw, 0.1 * 0.1 - 0.02 * 0.9, runs, seed=7)
    assert covered > 0.95 - tolerance(0.95, runs)


@pytest.mark.parametrize(
    ("draw", "truth", "least"),
    [
        (singles(12, 0.05, 0.05), 0.0, 0.95),
        (singles(12, 0.3, 0.1), 0.2, 0.94),
        (singles(30, 0.1, 0.02), 0.08, 0.95),
        (singles(100, 0.1, 0.02), 0.08, 0.935),
        (singles(100, 0.05, 0.05), 0.0, 0.95),
        (grouped(8, [3], 0.25, 0.2, 0.1), 0.1, 0.95),
        (grouped(12, [1, 2, 3, 10], 0.1, 0.1), 0.0, 0.95),
        (grouped(30, [3], 0.25, 0.2, 0.1), 0.1, 0.94),
        (grouped(30, [6], 0.4, 0.6, 0.1), 0.1, 0.94),  # strong groups, away from 0
        (graded(grouped(8, [3], 0.1, 0.1)), 0.0, 0.94),
        (graded(grouped(8, [1, 2, 3, 10], 0.25, 0.2, 0.1)), 0.08, 0.91),  # the stated limit
        (graded(grouped(30, [3], 0.25, 0.2, 0.1)), 0.08, 0.94),
        (graded(singles(12, 0.2, 0.2)), 0.0, 0.94),
        (graded(singles(30, 0.1, 0.02)), 0.064, 0.92),
    ],
)
def test_coverage(draw: Draw, truth: float, least: float) -> None:
    runs = 600
    covered, _ = simulate(draw, truth, runs, seed=1)
    assert covered >= least - tolerance(least, runs)


@pytest.mark.parametrize(
    "draw",
    [
        singles(12, 0.2, 0.2),
        singles(100, 0.2, 0.2),
        grouped(8, [3], 0.1, 0.1),
        grouped(12, [1, 2, 3, 10], 0.3, 0.3),
        grouped(60, [1, 2, 3, 10], 0.3, 0.3),
        graded(singles(12, 0.2, 0.2)),
        graded(grouped(30, [3], 0.1, 0.1)),
    ],
)
def test_type_one_error(draw: Draw) -> None:
    runs = 800
    _, rejected = simulate(draw, 0.0, runs, seed=2)
    assert rejected <= 0.05 + tolerance(0.05, runs)


def test_ignoring_groups_would_fail() -> None:
    draw = grouped(30, [6], 0.4, 0.7)
    runs = 400

    def ungrouped(rng: np.random.Generator) -> Pairs:
        a, b, _ = draw(rng)
        return a, b, None

    covered, rejected = simulate(ungrouped, 0.0, runs, seed=3)
    assert covered < 0.85
    assert rejected > 0.15
    covered, rejected = simulate(draw, 0.0, runs, seed=3)
    assert covered >= 0.95 - tolerance(0.95, runs)
    assert rejected <= 0.05 + tolerance(0.05, runs)


@pytest.mark.parametrize(
    ("draw", "least"),
    [
        (singles(200, 0.15, 0.03), 0.95),  # asymptotic power 0.99
        (grouped(60, [3], 0.25, 0.1, 0.2), 0.9),
        (graded(grouped(60, [3], 0.25, 0.1, 0.2)), 0.9),
    ],
)
def test_power(draw: Draw, least: float) -> None:
    assert simulate(draw, 0.1, 200, seed=4)[1] >= least


def losses(n: int, gain: float, loss: float) -> np.ndarray:
    """Probability of every (gains, losses) table, up to 80 of each, shape (81, 81)."""
    b, c = np.meshgrid(np.arange(81), np.arange(81), indexing="ij")
    rest = n - b - c
    ok = rest >= 0
    rest = np.where(ok, rest, 0)
    log = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(rest + 1)
    log += xlogy(b, gain) + xlogy(c, loss) + xlogy(rest, 1 - gain - loss)
    return np.where(ok, np.exp(log), 0.0)


def ni_p(gain: int, loss: int, n: int, margin: float) -> float:
    same = n - gain - loss
    a, b = [0] * gain + [1] * (loss + same), [1] * gain + [0] * loss + [1] * same
    p = not_worse(a, b, margin)
    assert p is not None
    return p


@pytest.mark.parametrize(
    ("n", "margin", "alpha"), [(60, 0.05, 0.05), (150, 0.02, 0.05), (150, 0.05, 0.005)]
)
def test_not_worse_holds_its_level_exactly(n: int, margin: float, alpha: float) -> None:
    """No simulation: the exact probability of a false proof, over all tables that matter."""
    reject = np.zeros((81, 81))
    for gain in range(25):
        for loss in range(25):
            if gain + loss <= n:
                reject[gain, loss] = ni_p(gain, loss, n, margin) <= alpha
    worst = max(
        float((losses(n, g, g + margin) * reject).sum()) for g in (0.0, 0.005, 0.01, 0.02, 0.04)
    )
    assert worst <= 1.04 * alpha  # Tango's score test; the docstring gives 0.0517
    power = float((losses(n, 0.01, 0.01) * reject).sum())
    assert power > worst


def test_shift_and_flip_alone_would_be_wrong() -> None:
    # The reason for the other two parts: no loss seen in 30, though one in fifty is lost.
    shifted = np.full(30, 0.02)
    assert sign_flip(shifted, "greater")[0] < 1e-4
    p = ni_p(0, 0, 30, 0.02)
    assert p == pytest.approx(0.98**30, rel=0.2)
    assert p >= 0.98**30


def test_not_worse_with_rare_losses_in_groups() -> None:
    # Nothing changes but for one group of two in fifty, which is lost: the mean is -margin.
    rng, runs = np.random.default_rng(8), 400
    proven = by_flips = 0
    groups = [str(i // 2) for i in range(160)]
    for run in range(runs):
        lost = np.repeat(rng.random(80) < 0.02, 2)
        b = np.where(lost, 0.0, 1.0)
        p = not_worse([1.0] * 160, b.tolist(), 0.02, groups, seed=run)
        proven += p is not None and p <= 0.05
        shifted = (b - 1.0).reshape(80, 2).sum(axis=1) + 0.04
        by_flips += sign_flip(shifted, "greater", run, 1000)[0] <= 0.05
    assert proven / runs <= 0.05 + tolerance(0.05, runs)
    assert by_flips / runs > 0.15
    p = not_worse([1.0] * 400, [1.0] * 400, 0.02, [str(i // 2) for i in range(400)])
    assert p is not None
    assert 0.98**200 <= p < 0.05


def test_not_worse_in_groups_and_grades() -> None:
    rng = np.random.default_rng(6)
    runs, false, proven = 400, 0, 0
    for run in range(runs):
        a, b, groups = graded(grouped(80, [1, 2, 3], 0.1, 0.1, -0.0625))(rng)
        p = not_worse(a.tolist(), b.tolist(), 0.05, groups, seed=run)
        false += p is not None and p <= 0.05
        a, b, groups = graded(grouped(80, [1, 2, 3], 0.05, 0.0))(rng)
        p = not_worse(a.tolist(), b.tolist(), 0.1, groups, seed=run)
        proven += p is not None and p <= 0.05
    assert false / runs <= 0.05 + tolerance(0.05, runs)
    assert proven / runs > 0.9


def test_not_worse_scales_with_the_metric() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.random(100), rng.random(100)
    one = not_worse(a.tolist(), b.tolist(), 0.1)
    five = not_worse((1 + 4 * a).tolist(), (1 + 4 * b).tolist(), 0.4, low=1, high=5)
    assert one == pytest.approx(five)


def test_result_is_plain_data() -> None:
    r = paired([0, 1, 1, 0, 1, 1], [1, 1, 1, 0, 1, 0])
    assert Paired(**r.to_dict()) == r  # type: ignore[arg-type]
    assert r.sd == pytest.approx(np.std([1, 0, 0, 0, 0, -1], ddof=1))
