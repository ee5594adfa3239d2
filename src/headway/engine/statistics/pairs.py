"""Two runs on the same examples: is b better than a, and by how much.

Difference always means b minus a. The claim is about new examples, so there is no
finite-population correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from ._numbers import (
    Index,
    Vector,
    binomial_cdf,
    check_share,
    few_apart,
    group_index,
    is_binary,
    normal_cdf,
    normal_quantile,
    renumber,
    sums_by_group,
    t_cdf,
    t_quantile,
    to_vector,
    unseen_interval,
    variance_in_groups,
    variance_of_mean,
)

Alternative = Literal["two-sided", "greater", "less"]
Verdict = Literal["better", "worse", "not_proven"]

FEWEST_GROUPS = 6  # below, no two-sided sign-flip p-value can reach 0.05: 2 / 2^5 = 0.0625
DRAWS = 20_000  # Monte Carlo sign flips
_TINY = 1e-300  # nothing is impossible, though floats may end before a p-value does
_FEW_HITS = 20  # below, a p-value is not sampled but bounded
_EXACT = 14  # up to 2^14 sign patterns are enumerated
_CHUNK = 4_000_000  # signs held at once
_FINE = 5e7  # additions that exact tails may take: tenths of a second


@dataclass(frozen=True)
class Paired:
    """A paired comparison, b minus a.

    `difference`, `low`, `high` are in the metric's unit; None where there is nothing to say.
    `p` answers `alternative`; None with fewer than 6 groups. `n` counts pairs, `groups` their
    groups. `sd` is the standard deviation of one pair's difference, scaled up for grouping, so that
    sd / sqrt(n) is the standard error: what `examples_needed` asks for. `method` is one of
    `mcnemar_exact`, `sign_flip_exact`, `sign_flip_sampled`, `too_few_groups`.
    """

    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    groups: int
    method: str
    alternative: Alternative = "two-sided"
    sd: float | None = None

    def to_dict(self) -> dict[str, float | int | str | None]:
        """All fields by name, ready for JSON."""
        return asdict(self)


def paired(
    a: Sequence[float | None],
    b: Sequence[float | None],
    groups: Sequence[str | None] | None = None,
    level: float = 0.95,
    seed: int = 0,
    alternative: Alternative = "two-sided",
    *,
    draws: int = DRAWS,
) -> Paired:
    """Compare two runs example by example.

    Args:
        a, b: scores of the same examples in the same order, shape (n,). A pair with None on either
            side is dropped.
        groups: one name a pair; None: each pair is its own group.
        level: of the interval, which is two-sided whatever the alternative.
        seed: of the sampled sign flips.
        alternative: `greater` asks whether b is better, `less` whether it is worse.
        draws: sampled sign flips, where sampling is needed.

    Test. 0/1 scores and single examples: exact McNemar (McNemar 1947), which is the sign-flip test
    of +-1. Otherwise the group sums of the differences get random signs: under the null no group
    favours a or b (Fisher 1935; Romano 1990 for means). The distribution is exact where the sums
    lie on a lattice of 1/60 (yes/no and small fractions) or there are at most 14 non-zero sums;
    else sampled, (1 + hits) / (1 + draws) (Phipson and Smyth 2010), valid for any `draws`. With
    fewer than 20 hits, which cannot tell small p-values apart, it is bounded from above instead:
    the sums are rounded to a fine lattice, and all that rounding may have moved counts as a hit.
    Beyond about a thousand groups that is too coarse, and 1 / (1 + draws) stays the smallest.

    Interval. 0/1 scores: Tango's score interval (1998), the best covering of the closed forms for
    small n; with groups its counts are divided by the design effect and z becomes t(G - 1).
    Otherwise the jackknife over groups with t(G - 1), with no less variance than single pairs have.
    Test and interval never contradict each other: where the test does not reject at 1 - level the
    interval is extended to 0, and where it does the interval ends at 0. All differences equal: see
    `unseen_interval`, for scores on [0, 1], which also widens the interval of differences that are
    alike but for a few; else no interval.

    Limits, by simulation at level 0.95 (0.94 to 1.00 was seen where nothing is said):

    * graded scores in 8 groups of 1 to 10: 0.91. Differences with a long tail (exponential), single
      examples: 0.92 at n = 12 and 30, 0.955 at 100;
    * the sign-flip test supposes differences that are symmetric where their mean is 0. Yes/no pairs
      always are. Graded scores with many small gains and few large losses are not: one-sided
      `greater` at 0.05 then rejects a true null with 0.12 at n = 12, 0.11 at 30, 0.075 at 100 and
      0.06 at 300 (exponential losses), at 0.005 with 0.017 at 30, 0.019 at 100 and 0.008 at
      300. Two-sided at 0.05: 0.09, 0.07, 0.055, 0.05.

    Raises:
        ValueError: lengths differ, NaN or infinity, a level outside (0, 1), unknown alternative.
    """
    check_share(level, "level")
    _check_alternative(alternative)
    x, y, index, count = _pairs(a, b, groups)
    n, d = len(x), y - x
    if not n:
        return Paired(None, None, None, None, 0, 0, "too_few_groups", alternative)
    low, high = _interval(x, y, index, count, level)
    sd = (n * variance_in_groups(d, index)) ** 0.5 if count > 1 else None
    p, method = None, "too_few_groups"
    if count >= FEWEST_GROUPS:
        if _yes_no(x, y) and count == n:
            p, method = _mcnemar(d, alternative), "mcnemar_exact"
        else:
            p, exact = sign_flip(sums_by_group(d, index), alternative, seed, draws)
            method = "sign_flip_exact" if exact else "sign_flip_sampled"
        p = max(p, _TINY)
    mean = float(d.mean())
    if alternative == "two-sided" and low is not None and high is not None:
        if p is None or p > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        else:
            low, high = (max(low, 0.0), high) if mean > 0 else (low, min(high, 0.0))
    return Paired(mean, low, high, p, n, count, method, alternative, sd)


def verdict(result: Paired, alpha: float = 0.05) -> Verdict:
    """`better` or `worse` where the test rejects at alpha, else `not_proven`.

    With a one-sided result only its own side can be proven: `greater` never says `worse`.
    """
    check_share(alpha, "alpha")
    if result.p is None or result.difference is None or result.p > alpha:
        return "not_proven"
    if result.difference > 0 and result.alternative != "less":
        return "better"
    if result.difference < 0 and result.alternative != "greater":
        return "worse"
    return "not_proven"


def not_worse(
    a: Sequence[float | None],
    b: Sequence[float | None],
    margin: float,
    groups: Sequence[str | None] | None = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    seed: int = 0,
) -> float | None:
    """One-sided p-value of non-inferiority: small means the mean of b - a exceeds -margin.

    Args:
        a, b, groups: as in `paired`.
        margin: what counts as "not worse", in the metric's unit, > 0.
        low, high: the ends of the metric's scale; every score must lie between.
        seed: of the sampled sign flips.

    Returns:
        The p-value, to compare with a one-sided level; None with fewer than 6 groups.

    Shifting by the margin and flipping signs is *not* enough: with most pairs tied, the shift makes
    every pair without a loss point the same way, and the test proves "not worse" whenever no loss
    happens to be drawn (false with probability 0.55 at n = 30, margin 0.02, level 0.05). So the
    p-value returned is the largest of

    * a score test whose variance is taken under the null. 0/1 and single examples: Tango (1998).
      Otherwise the empirical distribution mixed with so much mass at the worst difference that its
      mean is -margin, the same idea without a model; t(G - 1);
    * the shifted sign-flip test (not for 0/1 singles, where Tango is the better of the two);
    * the chance of so small a net loss if a share `margin` of the groups were lost outright,
      P(Bin(G, margin / scale) <= net loss). For no loss at all this is (1 - margin / scale)^G, and
      no valid test can have a smaller p-value: a margin of 0.02 needs 149 groups at level 0.05 and
      263 at 0.005, however alike the runs are.

    Exact error for 0/1 singles, worst over disagreements up to 0.18 and n from 30 to 600: 0.0517 at
    level 0.05, 0.0049 at 0.005, 0.0005 at 0.0005. With groups of very unequal size the last bound
    assumes that a group's size does not tell whether it is lost.

    Raises:
        ValueError: as `paired`; margin not in (0, high - low); a score outside [low, high].
    """
    scale = high - low
    if not 0.0 < margin < scale:
        raise ValueError(f"`margin` must lie between 0 and {scale}, got {margin!r}")
    x, y, index, count = _pairs(a, b, groups)
    if len(x) and (min(x.min(), y.min()) < low or max(x.max(), y.max()) > high):
        raise ValueError(f"a score lies outside [{low}, {high}]; pass `low` and `high` to fit")
    if count < FEWEST_GROUPS:
        return None
    d, m = (y - x) / scale, margin / scale
    net_loss = max(0, int(np.floor(-d.mean() * count + 1e-9)))
    unseen = binomial_cdf(net_loss, count, m)
    if count == len(d) and _yes_no(x, y):
        gain, loss = float((d > 0).sum()), float((d < 0).sum())
        return max(unseen, normal_cdf(-_tango_z(gain, loss, float(len(d)), -m)))
    shifted = sums_by_group(d + m, index)
    flips, _ = sign_flip(shifted, "greater", seed)
    return max(unseen, flips, _worst_case_score(shifted, index, m))


def _worst_case_score(shifted: Vector, index: Index, m: float) -> float:
    total, count = float(shifted.sum()), len(shifted)
    if total <= 0.0:
        return 1.0
    lost = (1.0 - m) * np.bincount(index)  # what a group would show if all its pairs were lost
    weight = total / (total + float(lost.sum()))  # puts the mean of the mixture at -margin
    variance = (1 - weight) * np.square(shifted).sum() + weight * np.square(lost).sum()
    return 1.0 - t_cdf(float(total / variance**0.5), count - 1)


def sign_flip(
    sums: Vector, alternative: Alternative = "two-sided", seed: int = 0, draws: int = DRAWS
) -> tuple[float, bool]:
    """p-value of the sum of `sums` under independent random signs, and whether it is exact.

    Args:
        sums: one number a group, shape (G,). Zeros carry no information and are dropped.
        alternative, seed, draws: as in `paired`.
    """
    _check_alternative(alternative)
    x = sums[sums != 0.0]
    if alternative == "less":
        x = -x
    two = alternative == "two-sided"
    size = float(np.abs(x).sum())
    seen = abs(float(x.sum())) if two else float(x.sum())
    seen -= 1e-9 * size  # patterns that tie but for rounding count as at least as extreme
    for scale in (1, 60):
        steps = np.rint(np.abs(x) * scale)
        if np.abs(steps - np.abs(x) * scale).max(initial=0.0) < 1e-9 * scale and (
            steps.sum() * len(x) <= _FINE
        ):
            return _lattice(steps.astype(np.intp), seen * scale, two), True
    if len(x) <= _EXACT:
        bits = np.arange(2 ** len(x))[:, None] >> np.arange(len(x)) & 1
        totals = (2.0 * bits - 1.0) @ x
        return float(np.mean((np.abs(totals) if two else totals) >= seen)), True
    rng = np.random.default_rng(seed)
    rows, hits = max(1, _CHUNK // len(x)), 0
    for start in range(0, draws, rows):
        shape = (min(rows, draws - start), len(x))
        coins = np.unpackbits(rng.integers(256, size=(shape[0], -(-shape[1] // 8)), dtype=np.uint8))
        signs = 2.0 * coins.reshape(shape[0], -1)[:, : shape[1]] - 1.0
        totals = signs @ x
        hits += int(((np.abs(totals) if two else totals) >= seen).sum())
    fine = _FINE / (len(x) * size)
    steps = np.rint(np.abs(x) * fine)
    moved = float(np.abs(steps - np.abs(x) * fine).sum())
    if hits >= _FEW_HITS or moved > 0.15 * float(np.square(steps).sum()) ** 0.5:
        return (1 + hits) / (1 + draws), False
    return _lattice(steps.astype(np.intp), seen * fine - moved, two), False


def _lattice(steps: Index, seen: float, two: bool) -> float:
    """Exact tail of sum(+-steps): the distribution of the plus part, one group at a time."""
    total = int(steps.sum())
    chance = np.zeros(total + 1)
    chance[0], top = 1.0, 0
    for s in steps:
        chance[s : top + s + 1] = chance[s : top + s + 1] + chance[: top + 1]
        chance *= 0.5
        top += int(s)
    value = 2 * np.arange(total + 1) - total
    return min(1.0, float(chance[(np.abs(value) if two else value) >= seen].sum()))


def _mcnemar(d: Vector, alternative: Alternative) -> float:
    gain, loss = int((d > 0).sum()), int((d < 0).sum())
    if alternative == "greater":
        return binomial_cdf(loss, gain + loss, 0.5)
    if alternative == "less":
        return binomial_cdf(gain, gain + loss, 0.5)
    return min(1.0, 2 * binomial_cdf(min(gain, loss), gain + loss, 0.5))


def _interval(
    x: Vector, y: Vector, index: Index, count: int, level: float
) -> tuple[float | None, float | None]:
    d = y - x
    n, mean = len(d), float(d.mean())
    bounded = min(x.min(), y.min()) >= 0.0 and max(x.max(), y.max()) <= 1.0
    if _yes_no(x, y) and count > 1:
        z, size = normal_quantile(0.5 + level / 2), float(n)
        if count < n:
            z = t_quantile(0.5 + level / 2, count - 1)
            single = float(d.var()) / (n - 1)
            # No disagreement, or all alike: take the worst case, one opinion a group.
            effect = variance_of_mean(d, index) / single if single else n / count
            size = n / max(effect, 1.0)
        return _tango(float((d > 0).sum()) * size / n, float((d < 0).sum()) * size / n, size, z)
    if count < 2 or np.ptp(d) == 0.0:
        return unseen_interval(mean, -1.0, 1.0, count, level) if bounded else (None, None)
    half = t_quantile(0.5 + level / 2, count - 1) * variance_in_groups(d, index) ** 0.5
    low, high = mean - half, mean + half
    if not bounded:
        return low, high
    if few_apart(d):
        left, right = unseen_interval(mean, -1.0, 1.0, count, level)
        low, high = min(low, left), max(high, right)
    return max(low, -1.0), min(high, 1.0)


def _tango_z(gain: float, loss: float, n: float, delta: float) -> float:
    """Score statistic for a difference of `delta` between paired proportions (Tango 1998)."""
    b = -gain - loss + (2 * n - gain + loss) * delta
    c = -loss * delta * (1 - delta)
    q = ((max(b * b - 8 * n * c, 0.0)) ** 0.5 - b) / (4 * n)
    variance = n * (2 * q + delta * (1 - delta))
    distance = gain - loss - n * delta
    if variance <= 1e-12:
        return 0.0 if abs(distance) < 1e-9 else float(np.copysign(np.inf, distance))
    return float(distance / variance**0.5)


def _tango(gain: float, loss: float, n: float, z: float) -> tuple[float, float]:
    centre = (gain - loss) / n

    def end(outer: float, sign: float) -> float:
        inner = centre
        for _ in range(50):  # halves an interval of length <= 2 down to rounding
            middle = (inner + outer) / 2
            inside = sign * _tango_z(gain, loss, n, middle) < z
            inner, outer = (middle, outer) if inside else (inner, middle)
        return inner

    return end(-1.0, 1.0), end(1.0, -1.0)


def _pairs(
    a: Sequence[float | None], b: Sequence[float | None], groups: Sequence[str | None] | None
) -> tuple[Vector, Vector, Index, int]:
    if len(a) != len(b):
        raise ValueError(
            f"`a` has {len(a)} values and `b` {len(b)}; they must be the same examples"
        )
    x, y = to_vector(a, "a"), to_vector(b, "b")
    index = group_index(groups, len(x))
    both = ~(np.isnan(x) | np.isnan(y))
    index, count = renumber(index[both])
    return x[both], y[both], index, count


def _yes_no(x: Vector, y: Vector) -> bool:
    return is_binary(x) and is_binary(y)


def _check_alternative(alternative: str) -> None:
    if alternative not in ("two-sided", "greater", "less"):
        raise ValueError(f"`alternative` is two-sided, greater or less, got {alternative!r}")
