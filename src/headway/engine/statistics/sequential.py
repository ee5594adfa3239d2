"""Planned looks at a growing comparison, and when to give up on one."""

from __future__ import annotations

from collections.abc import Sequence
from math import e, log1p, sqrt
from typing import Literal

import numpy as np

from ._numbers import Vector, check_share, normal_cdf, normal_quantile, normal_tail

Spending = Literal["obrien_fleming", "pocock"]

_LOWEST = -8.0  # z below which a path is taken for lost; its mass is 6e-16


def boundaries(
    alpha: float,
    fractions: Sequence[float],
    spending: Spending = "obrien_fleming",
    one_sided: bool = True,
) -> list[float]:
    """Nominal p-value thresholds, one a look: reject at look i when its p-value <= the i-th.

    Args:
        alpha: the level of the whole sequence of looks.
        fractions: share of the planned information (examples, in their fixed random order) seen
            at each look: strictly increasing, in (0, 1]. Where examples come in groups the true
            share is no less, which errs safely (Slepian, 1962). Looks not yet taken may be moved
            later without harm to the level, as long as they are not chosen by the results; ending
            before 1 leaves the rest of alpha unspent.
        spending: alpha spent by fraction t. `obrien_fleming`: 2 - 2 Phi(z(alpha / 2) / sqrt t),
            next to nothing early; `pocock`: alpha ln(1 + (e - 1) t), nearly even.
        one_sided: whether the p-values compared are one-sided. Two-sided ones get twice the
            boundary of alpha / 2 (the chance to cross both ways is neglected, which errs safely).

    Alpha spending of Lan and DeMets (1983) by the recursion of Armitage, McPherson and Rowe (1969):
    the sums at the looks are those of a Brownian motion. The p-values may come from sign flips,
    which have the same joint limit; with small groups counts their lattice only makes them larger.

    Raises:
        ValueError: alpha outside (0, 1), fractions not as above, unknown spending.
    """
    check_share(alpha, "alpha")
    looks = [float(t) for t in fractions]
    if not looks or looks[0] <= 0 or looks[-1] > 1 or np.any(np.diff(looks) <= 0):
        raise ValueError(f"`fractions` must increase strictly within (0, 1], got {looks}")
    if spending not in ("obrien_fleming", "pocock"):
        raise ValueError(f"`spending` is obrien_fleming or pocock, got {spending!r}")
    side = alpha if one_sided else alpha / 2
    spent = [_spent(side, t, spending) for t in looks]
    thresholds = [spent[0]]
    grid, mass = _start(looks[0], spent[0])
    for i in range(1, len(looks)):
        step = sqrt(looks[i] - looks[i - 1])
        edge = _edge(grid, mass, step, spent[i] - spent[i - 1], looks[i])
        thresholds.append(normal_cdf(-edge / sqrt(looks[i])))
        if i + 1 < len(looks):
            grid, mass = _onward(grid, mass, step, edge, looks[i])
    return thresholds if one_sided else [2 * p for p in thresholds]


def conditional_power(p: float, fraction: float, final_level: float, drift: float) -> float:
    """Chance that the last look rejects, given the p-value now.

    Args:
        p: one-sided p-value now, `greater`.
        fraction: share of the planned information seen, in (0, 1).
        final_level: nominal threshold of the last look, the last of `boundaries`.
        drift: expected z at the last look, true difference / standard error there.

    Lan, Simon and Halperin (1982).

    Raises:
        ValueError: p, fraction or final_level outside (0, 1).
    """
    check_share(fraction, "fraction")
    check_share(final_level, "final_level")
    left = 1.0 - fraction
    now = _z(p) * sqrt(fraction)
    return normal_cdf((now + drift * left + normal_quantile(final_level)) / sqrt(left))


def futile(
    p: float, fraction: float, final_level: float, hope: float = 1.0, below: float = 0.1
) -> bool:
    """Whether to stop asking about a candidate because it will hardly be proven.

    Conditional power, at a drift `hope` standard errors better than the trend so far, falls under
    `below`. Non-binding: the boundaries never count on it, so stopping, or going on regardless,
    costs power at most, never level. With O'Brien-Fleming looks at 1/4, 1/2, 3/4 and 1 at level
    0.005, it stops 50%, 78% and 95% of the candidates that are no better by the first three looks
    (mean use 0.44 of the examples, not 1), and takes 2 points off a power of 90%.

    Args:
        p, fraction, final_level: as in `conditional_power`.
        hope: standard errors, now, added to the present trend.
        below: conditional power that is no longer worth the calls.

    Raises:
        ValueError: as `conditional_power`.
    """
    check_share(fraction, "fraction")
    drift = (_z(p) + hope) / sqrt(fraction)
    return conditional_power(p, fraction, final_level, drift) < below


def _z(p: float) -> float:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"`p` must lie in [0, 1], got {p!r}")
    return -normal_quantile(min(max(p, 1e-16), 1 - 1e-16))  # exact tests do return p = 1


def _spent(alpha: float, t: float, spending: Spending) -> float:
    if spending == "pocock":
        return alpha * log1p((e - 1) * t)
    return 2 * normal_cdf(normal_quantile(alpha / 2) / sqrt(t))


def _nodes(edge: float, t: float, step: float) -> tuple[Vector, Vector]:
    """Simpson's points and weights over the sums that go on: a fifth of a step apart or less."""
    low = _LOWEST * sqrt(t)
    points = 2 * int(np.clip((edge - low) / step * 2.5, 100, 1000)) + 1
    grid = np.linspace(low, edge, points)
    weights = np.full(points, 2.0)
    weights[1::2] = 4.0
    weights[0] = weights[-1] = 1.0
    return grid, weights * (grid[1] - grid[0]) / 3


def _bell(x: Vector) -> Vector:
    return np.asarray(np.exp(-0.5 * x * x) / sqrt(2 * np.pi), dtype=np.float64)


def _start(t: float, spent: float) -> tuple[Vector, Vector]:
    edge = -normal_quantile(max(spent, 1e-300)) * sqrt(t)
    grid, weights = _nodes(edge, t, sqrt(t))
    return grid, weights * _bell(grid / sqrt(t)) / sqrt(t)


def _onward(
    grid: Vector, mass: Vector, step: float, edge: float, t: float
) -> tuple[Vector, Vector]:
    ahead, weights = _nodes(edge, t, step)
    density = _bell((ahead[:, None] - grid[None, :]) / step) @ mass / step
    return ahead, weights * density


def _edge(grid: Vector, mass: Vector, step: float, spend: float, t: float) -> float:
    """The sum that is crossed now, and not before, with probability `spend`; by bisection."""
    low, high = _LOWEST * sqrt(t), 38.0 * sqrt(t)  # the normal tail underflows at 38
    for _ in range(60):
        middle = (low + high) / 2
        if float(normal_tail((middle - grid) / step) @ mass) > spend:
            low = middle
        else:
            high = middle
    return high
