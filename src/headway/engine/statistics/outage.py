"""Pairs lost to outages: never scored, but never forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ._numbers import binomial_cdf

MOST_LOST = 0.02  # share of pairs that may be lost before a comparison says nothing


class Bounds(NamedTuple):
    """The mean difference (b minus a) in the worst and in the best case for b."""

    low: float
    high: float


def bounds_with_outage(
    a: Sequence[float | None],
    b: Sequence[float | None],
    outage_a: Sequence[bool],
    outage_b: Sequence[bool],
    low: float = 0.0,
    high: float = 1.0,
) -> Bounds | None:
    """Where the mean of b - a would lie whatever the lost answers had scored (Manski 1990).

    Args:
        a, b: scores of the same examples, shape (n,); ignored where the outage mark is set.
        outage_a, outage_b: which answers were lost, shape (n,).
        low, high: the ends of the metric's scale, which a lost answer may have reached.

    Returns:
        Bounds over all pairs but those where the metric does not apply (None without an outage);
        None where no pair is left. These are bounds on the measured mean, not a confidence
        interval: sampling error comes on top.

    Raises:
        ValueError: lengths differ, or low > high.
    """
    if not len(a) == len(b) == len(outage_a) == len(outage_b):
        raise ValueError("`a`, `b`, `outage_a` and `outage_b` must have the same length")
    if low > high:
        raise ValueError(f"`low` is above `high`: {low!r} > {high!r}")
    worst = best = 0.0
    pairs = 0
    for x, y, lost_x, lost_y in zip(a, b, outage_a, outage_b, strict=True):
        a_low, a_high = (low, high) if lost_x else (x, x)
        b_low, b_high = (low, high) if lost_y else (y, y)
        if a_low is None or a_high is None or b_low is None or b_high is None:
            continue
        worst += b_low - a_high
        best += b_high - a_low
        pairs += 1
    return Bounds(worst / pairs, best / pairs) if pairs else None


def comparable(n_pairs: int, lost_a: int, lost_b: int) -> bool:
    """Whether a comparison may be judged although some pairs were lost.

    Args:
        n_pairs: pairs attempted, the lost ones among them.
        lost_a, lost_b: pairs lost by an outage of a's run and of b's. A pair lost by both counts in
            both and is assumed to be two pairs, which errs on the side of `not_comparable`.

    Not comparable: no pair left; more than 2% of the pairs lost; or unequally many lost, beyond
    what an equal rate of outages would show by chance (exact binomial test, two-sided 0.05):
    outages that favour a side are not missing at random.

    Raises:
        ValueError: counts below 0 or above n_pairs.
    """
    if not (0 <= lost_a <= n_pairs and 0 <= lost_b <= n_pairs):
        raise ValueError(f"lost {lost_a} and {lost_b} of {n_pairs} pairs: counts do not fit")
    lost = min(n_pairs, lost_a + lost_b)
    if lost == n_pairs or lost > MOST_LOST * n_pairs:
        return False
    return 2 * binomial_cdf(min(lost_a, lost_b), lost, 0.5) > 0.05 if lost else True
