from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from headway.engine.statistics import (
    boundaries,
    conditional_power,
    futile,
    paired,
    sign_flip,
)

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


def tolerance(rate: float, runs: int) -> float:
    return float(4 * np.sqrt(rate * (1 - rate) / runs))


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        # Reboussin, DeMets, Kim and Lan (2000): 5 equal looks, two-sided 0.05.
        ("obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_published_boundaries(spending: str, published: list[float]) -> None:
    one = boundaries(0.025, FIFTHS, spending)  # type: ignore[arg-type]
    assert [-ndtri(p) for p in one] == pytest.approx(published, abs=2e-4)
    two = boundaries(0.05, FIFTHS, spending, one_sided=False)  # type: ignore[arg-type]
    assert two == pytest.approx([2 * p for p in one])


def test_a_single_look_costs_nothing() -> None:
    assert boundaries(0.01, [1.0]) == pytest.approx([0.01])


@pytest.mark.parametrize("alpha", [0.05, 1e-4])
@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_two_looks_against_the_bivariate_normal(alpha: float, spending: str) -> None:
    # An independent integral: P(Z1 < c1, Z2 >= c2) by Gauss-Legendre, relative to alpha.
    t = 0.4
    p1, p2 = boundaries(alpha, [t, 1.0], spending)  # type: ignore[arg-type]
    c1, c2 = -ndtri(p1), -ndtri(p2)
    x, w = np.polynomial.legendre.leggauss(400)
    z = (x + 1) / 2 * (c1 + 10) - 10
    later = ndtr(-(c2 - np.sqrt(t) * z) / np.sqrt(1 - t)) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    crossed = p1 + float(later @ w) * (c1 + 10) / 2
    assert crossed == pytest.approx(alpha, rel=1e-5)


def test_fast_enough_to_call_at_every_question() -> None:
    boundaries(0.01, [0.5, 1.0])
    start = time.perf_counter()
    for _ in range(10):
        boundaries(1e-4, [0.25, 0.5, 0.75, 1.0])
    assert (time.perf_counter() - start) / 10 < 0.1  # about 2 ms; generous for a busy machine


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 100), min_size=1, max_size=5, unique=True),
    st.sampled_from([0.05, 0.005, 1e-4]),
    st.sampled_from(["obrien_fleming", "pocock"]),
)
def test_any_looks(hundredths: list[int], alpha: float, spending: str) -> None:
    fractions = sorted(h / 100 for h in hundredths)
    found = boundaries(alpha, fractions, spending)  # type: ignore[arg-type]
    assert len(found) == len(fractions)
    assert all(0.0 <= p <= alpha * (1 + 1e-9) for p in found)
    # Looks already taken do not depend on those to come.
    if len(fractions) > 1:
        fewer = boundaries(alpha, fractions[:-1], spending)  # type: ignore[arg-type]
        assert fewer == pytest.approx(found[:-1])


def test_bad_looks_are_refused() -> None:
    for bad in ([], [0.5, 0.5], [0.5, 0.2], [0.0, 1.0], [0.5, 1.1]):
        with pytest.raises(ValueError, match="fractions"):
            boundaries(0.05, bad)
    with pytest.raises(ValueError, match="spending"):
        boundaries(0.05, [1.0], "even")  # type: ignore[arg-type]


def looks(rng: np.random.Generator, groups: int, mean: float) -> list[float]:
    """One-sided sign-flip p-values at 1/3, 2/3 and all of the groups; sums of 1 to 3 yes/no."""
    sizes = rng.integers(1, 4, groups)
    tilt = rng.choice([-0.15, 0.15], groups) + mean
    gain = rng.binomial(sizes, 0.25 + tilt / 2)
    loss = rng.binomial(sizes - gain, np.clip((0.25 - tilt / 2) / (0.75 - tilt / 2), 0, 1))
    sums = (gain - loss).astype(float)
    return [sign_flip(sums[: groups * i // 3], "greater")[0] for i in (1, 2, 3)]


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_type_one_error_with_sign_flips(spending: str) -> None:
    runs, alpha = 2000, 0.05
    rng = np.random.default_rng(3)
    limits = boundaries(alpha, [1 / 3, 2 / 3, 1.0], spending)  # type: ignore[arg-type]
    found = np.array([looks(rng, 240, 0.0) for _ in range(runs)])
    rate = float((found <= limits).any(axis=1).mean())
    assert rate <= alpha + tolerance(alpha, runs)
    assert rate > 0.02  # it does reject
    assert float((found <= alpha).any(axis=1).mean()) > alpha + tolerance(alpha, runs)  # naive


def test_power_with_sign_flips() -> None:
    rng = np.random.default_rng(4)
    limits = boundaries(0.05, [1 / 3, 2 / 3, 1.0])
    found = np.array([looks(rng, 90, 0.25) for _ in range(200)])
    crossed = found <= limits
    assert crossed.any(axis=1).mean() > 0.9
    assert crossed[:, :2].any(axis=1).mean() > 0.3  # and saves calls


def grouped(
    rng: np.random.Generator, sizes: np.ndarray, alike: float, by_size: float, whole: bool
) -> list[float]:
    """One-sided p-values after 1/3, 2/3 and all examples, whose mean difference is zero.

    alike: correlation within a group. by_size: how much better small groups are than large ones.
    whole: groups one after the other, instead of examples in random order.
    """
    small = sizes <= np.median(sizes)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    tilt = np.where(small, by_size, -by_size)
    tilt = tilt - (tilt * sizes).sum() / sizes.sum() + rng.normal(0, alike**0.5, len(sizes))
    x = tilt[groups] + rng.normal(0, (1 - alike) ** 0.5, len(groups))
    place = rng.random(len(sizes))[groups] if whole else rng.random(len(groups))
    order = np.argsort(place, kind="stable")
    x, names = x[order], [str(g) for g in groups[order]]
    shares = [len(x) // 3, 2 * len(x) // 3, len(x)]
    found = [paired([0.0] * n, list(x[:n]), names[:n], alternative="greater").p for n in shares]
    return [1.0 if p is None else p for p in found]


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("by_size", [0.0, 1.0])
def test_examples_of_groups_in_random_order_hold_the_level(alike: float, by_size: float) -> None:
    # Five large groups beside twenty small ones. What is counted as information are examples.
    sizes, runs, alpha = np.array([30, 20, 15, 10, 10] + [3] * 20), 1500, 0.05
    rng = np.random.default_rng(6)
    limits = boundaries(alpha, [1 / 3, 2 / 3, 1.0])

    def rates(whole: bool) -> tuple[float, float]:
        """How often something is proven in three looks, and in one look at all."""
        rows = np.array([grouped(rng, sizes, alike, by_size, whole) for _ in range(runs)])
        return float((rows <= limits).any(axis=1).mean()), float((rows[:, 2] <= alpha).mean())

    # One look has its own error with so few large groups; looking thrice adds nothing to it.
    looked, once = rates(whole=False)
    assert looked <= max(once, alpha) + tolerance(alpha, runs)
    if by_size and alike:  # the test can fail: whole groups weigh small ones too much at first
        looked, once = rates(whole=True)
        assert looked > max(once, alpha) + tolerance(alpha, runs)


def brownian(rng: np.random.Generator, runs: int, drift: float) -> np.ndarray:
    """z at 1/4, 1/2, 3/4 and 1, shape (runs, 4)."""
    t = np.array([0.25, 0.5, 0.75, 1.0])
    steps = rng.normal(0.25 * drift, 0.5, (runs, 4))
    return np.asarray(steps.cumsum(axis=1) / np.sqrt(t))


def outcome(z: np.ndarray, limits: list[float], *, stop: bool) -> tuple[float, float]:
    """Share proven, and mean share of the information used."""
    proven = used = 0.0
    for path in ndtr(-z):
        for i, p in enumerate(path):
            done = p <= limits[i]
            gave_up = stop and i < 3 and futile(float(p), (i + 1) / 4, limits[-1])
            if done or gave_up or i == 3:
                proven += done
                used += (i + 1) / 4
                break
    return proven / len(z), used / len(z)


def test_futility_costs_little_power_never_level_and_saves_calls() -> None:
    rng, runs = np.random.default_rng(5), 1500
    limits = boundaries(0.005, [0.25, 0.5, 0.75, 1.0])
    null = brownian(rng, runs, 0.0)
    with_stop, used = outcome(null, limits, stop=True)
    without, _ = outcome(null, limits, stop=False)
    assert with_stop <= without <= 0.005 + tolerance(0.005, runs)
    assert used < 0.55
    good = brownian(rng, runs, 2.576 + 1.282)  # 90% power
    assert outcome(good, limits, stop=False)[0] == pytest.approx(0.89, abs=0.035)
    assert outcome(good, limits, stop=True)[0] > 0.89 - 0.06


def test_conditional_power_against_simulation() -> None:
    rng = np.random.default_rng(6)
    rest = rng.normal(2.0 * 0.5, np.sqrt(0.5), 200_000)
    z = 1.2 * np.sqrt(0.5) + rest
    found = conditional_power(float(ndtr(-1.2)), 0.5, 0.01, 2.0)
    assert found == pytest.approx(float((z >= -ndtri(0.01)).mean()), abs=0.005)
    assert futile(1.0, 0.5, 0.01)
    assert not futile(0.0, 0.5, 0.01)
