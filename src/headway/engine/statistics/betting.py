"""An e-process for the mean of bounded differences, where looks cannot be planned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._numbers import Vector

# Shares of the largest safe stake. Small ones suit small differences, which need many pairs.
_STAKES = np.array([0.005, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 0.95])


class EProcess:
    """Evidence that the mean exceeds `null`, valid at every moment.

    Each value x multiplies the capital of ten bettors by 1 + stake * (x - null), with fixed stakes
    that keep every factor positive; `value` is their average capital. If no value's mean, given
    those before it, exceeds `null`, capital is not expected to grow, and it ever reaches 1/alpha
    with probability <= alpha (Ville 1939). So one may look after every value and stop at will.
    Diversified Kelly betting, Waudby-Smith and Ramdas (2024), sections 4 and B.

    Args:
        low: the least value possible. Paired differences of scores on [0, 1]: -1.
        null: the mean to be exceeded, above `low`. For non-inferiority: -margin.

    Groups: related values are not independent, so feed one sum a group, with `low` = -(size of the
    largest group); sizes must be bounded in advance. With a margin feed the sum of (difference +
    margin) and keep null = 0. Values must come in an order fixed without looking at them.

    Costs: 80% power takes 1.6 to 2.4 times the pairs of one planned look (yes/no differences,
    levels 0.005 to 0.05), the mean stopping time is 1.2 to 1.6 times.
    """

    def __init__(self, low: float = -1.0, null: float = 0.0) -> None:
        if not low < null:
            raise ValueError(f"`null` must be above `low`, got {null!r} and {low!r}")
        self.low, self.null = low, null
        self.n = 0
        self._stakes = _STAKES / (null - low)
        self._log_capital = np.zeros(len(_STAKES))
        self._best = 0.0

    def update(self, values: Sequence[float] | Vector) -> float:
        """Bet on further values, in order; returns `value`. The same in one call or in many.

        Raises:
            ValueError: a value below `low`, or not finite; nothing is changed then.
        """
        x = np.asarray(values, dtype=np.float64).reshape(-1)
        if not np.isfinite(x).all() or (x < self.low).any():
            raise ValueError(f"every value must be finite and >= {self.low}")
        if len(x):
            steps = np.log1p(self._stakes[None, :] * (x - self.null)[:, None])
            path = self._log_capital + np.cumsum(steps, axis=0)
            self._best = max(self._best, float(_log_mean(path).max()))
            self._log_capital = path[-1]
            self.n += len(x)
        return self.value

    @property
    def value(self) -> float:
        """The capital now, from 1: the e-value. May be inf beyond the range of floats."""
        with np.errstate(over="ignore"):
            return float(np.exp(_log_mean(self._log_capital[None, :])[0]))

    @property
    def p(self) -> float:
        """An anytime-valid p-value: 1 / (the largest capital so far)."""
        return float(np.exp(-self._best))


def _log_mean(path: Vector) -> Vector:
    """log(mean(exp(path))) of each row, without overflow."""
    top = path.max(axis=1)
    return np.asarray(top + np.log(np.exp(path - top[:, None]).mean(axis=1)), dtype=np.float64)
