"""What every file here shares: distributions, checked input, group sums.

The only file that touches scipy, and of scipy only `special`: importing `scipy.stats` would cost
every command of the CLI about half a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

Vector = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


def normal_cdf(x: float) -> float:
    """P(Z <= x); keeps its relative accuracy far into the lower tail."""
    return float(special.ndtr(x))


def normal_tail(x: Vector) -> Vector:
    """P(Z > x) for each x, with relative accuracy for large x."""
    return np.asarray(special.ndtr(-x), dtype=np.float64)


def normal_quantile(p: float) -> float:
    return float(special.ndtri(p))


def t_quantile(p: float, df: float) -> float:
    return float(special.stdtrit(df, p))


def t_cdf(x: float, df: float) -> float:
    return float(special.stdtr(df, x))


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Bin(n, p); 0 below the range."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else float(special.bdtr(float(k), n, p))


def hypergeometric_cdf(k: int, drawn: int, marked: int, total: int) -> float:
    """P(X <= k): marked items among `drawn` from `total`, of which `marked` are marked."""
    lowest = max(0, drawn + marked - total)
    if k < lowest:
        return 0.0
    if k >= min(drawn, marked):
        return 1.0

    def choose(n: int, x: Vector) -> Vector:
        ways = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
        return np.asarray(ways, dtype=np.float64)

    x = np.arange(lowest, k + 1, dtype=np.float64)
    log = choose(marked, x) + choose(total - marked, drawn - x)
    return min(1.0, float(np.exp(log - choose(total, np.array([float(drawn)]))).sum()))


def check_share(value: float, name: str) -> None:
    """Raise ValueError unless 0 < value < 1."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"`{name}` must lie strictly between 0 and 1, got {value!r}")


def to_vector(values: Sequence[float | None], name: str) -> Vector:
    """Values as float64, None as NaN. Raises ValueError on NaN or infinity in the input."""
    out = np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)
    for i, v in enumerate(values):
        if v is not None and not math.isfinite(out[i]):
            raise ValueError(f"`{name}[{i}]` is {v!r}; use None where a metric does not apply")
    return out


def group_index(groups: Sequence[str | None] | None, n: int) -> Index:
    """Number of each example's group, shape (n,). None, as a whole or for one example: its own.

    Raises ValueError when `groups` has another length than the values.
    """
    if groups is None:
        return np.arange(n, dtype=np.intp)
    if len(groups) != n:
        raise ValueError(f"`groups` has {len(groups)} entries for {n} values; give one each")
    seen: dict[object, int] = {}
    keys = ((i,) if g is None else g for i, g in enumerate(groups))
    return np.array([seen.setdefault(k, len(seen)) for k in keys], dtype=np.intp)


def renumber(index: Index) -> tuple[Index, int]:
    """The same groups numbered 0..G-1 without gaps, and G."""
    names, out = np.unique(index, return_inverse=True)
    return np.asarray(out, dtype=np.intp), len(names)


def sums_by_group(x: Vector, index: Index) -> Vector:
    """Sum of x in each group, shape (G,)."""
    return np.bincount(index, weights=x).astype(np.float64)


def variance_of_mean(x: Vector, index: Index) -> float:
    """Cluster-robust variance of mean(x): the delete-one-group jackknife (CV3).

    Equals s^2 / n for single examples and the usual sandwich for equal groups; with unequal groups
    it is the least optimistic of the usual choices (MacKinnon, Nielsen and Webb 2023). At least two
    groups are needed.
    """
    sizes = np.bincount(index).astype(np.float64)
    moved = sums_by_group(x - x.mean(), index) / (len(x) - sizes)
    return float((len(sizes) - 1) / len(sizes) * np.square(moved).sum())


def variance_in_groups(x: Vector, index: Index) -> float:
    """`variance_of_mean`, but no less than of single examples: groups whose sums balance out by
    chance are no certainty. At least two groups are needed."""
    return max(variance_of_mean(x, index), variance_of_mean(x, np.arange(len(x), dtype=np.intp)))


def is_binary(x: Vector) -> bool:
    return bool(np.isin(x, (0.0, 1.0)).all())


def few_apart(x: Vector) -> bool:
    """Whether all values but a few are alike: fewer than 6 differ, and at most half. Those few
    then say next to nothing of how far apart others may lie."""
    apart = len(x) - int(np.unique(x, return_counts=True)[1].max())
    return apart < 6 and 2 * apart <= len(x)


def unseen_interval(
    value: float, low: float, high: float, units: int, level: float
) -> tuple[float, float]:
    """Interval for the mean of a variable on [low, high] when all units show the same value.

    Equal values do not show that others cannot come. If a share q of the population differed, all
    `units` would agree with probability at most (1 - q)^(units - 1), whatever the agreed value; so
    the share is bounded by 1 - (1 - level)^(1 / (units - 1)) and may lie anywhere on [low, high].
    A sharper form of the rule of three (Hanley and Lippman-Hand 1983); valid for every
    distribution. One unit says nothing: the interval is all of [low, high].
    """
    share = 1.0 if units < 2 else 1.0 - (1.0 - level) ** (1.0 / (units - 1))
    return value - share * (value - low), value + share * (high - value)
