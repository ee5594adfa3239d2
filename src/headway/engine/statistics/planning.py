"""Before calls are spent: what can be proven, with how many examples, and what it is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, log, log1p, sqrt

import numpy as np

from ._numbers import check_share, group_index, t_quantile, variance_of_mean
from .estimates import Estimate, estimate
from .levels import level
from .pairs import FEWEST_GROUPS

WITHIN = 0.3  # correlation inside a group where nothing is measured
FEW_MATES = 0.5  # others of its group beside an example below which it cannot be measured


@dataclass(frozen=True)
class Provable:
    """What the question after `history` can prove: a true `difference`, at its `level`."""

    history: str
    level: float
    difference: float | None

    def to_dict(self) -> dict[str, float | str | None]:
        return asdict(self)


def difference_sd(rate: float, correlation: float = 0.5) -> float:
    """Standard deviation of one pair's difference for a yes/no metric, before any comparison.

    Args:
        rate: share of right answers of both runs, in [0, 1].
        correlation: of the two runs' scores over examples, in [-1, 1]. Two variants of one
            pipeline: 0.5 to 0.8; unrelated systems: near 0.

    sqrt(2 rate (1 - rate) (1 - correlation)). After a comparison use its `sd` instead.
    """
    if not 0.0 <= rate <= 1.0 or not -1.0 <= correlation <= 1.0:
        raise ValueError(f"need rate in [0, 1] and correlation in [-1, 1]: {rate}, {correlation}")
    return sqrt(2 * rate * (1 - rate) * (1 - correlation))


def design_effect(values: Sequence[float], groups: Sequence[str | None]) -> float:
    """Factor by which grouping inflates the variance of the mean (Kish 1965), at least 1.

    Raises:
        ValueError: fewer than two groups, or lengths that differ.
    """
    x = np.asarray(values, dtype=np.float64)
    index = group_index(groups, len(x))
    if len(x) < 2 or index.max() < 1:
        raise ValueError("a design effect needs at least two groups")
    single = variance_of_mean(x, np.arange(len(x), dtype=np.intp))
    return max(1.0, variance_of_mean(x, index) / single) if single else 1.0


def mates(groups: Sequence[str]) -> float:
    """How many others of its group an example has beside it, in the mean."""
    sizes = Counter(groups).values()
    return sum(size * size for size in sizes) / sum(sizes) - 1 if groups else 0.0


def design_among(
    among: Sequence[str], values: Sequence[float] = (), groups: Sequence[str] = ()
) -> float:
    """The design effect that all examples have, from the values of some of them.

    The first of a random order have fewer others of their group beside them than all have. So what
    is carried over is the correlation inside a group, as 1 + mates x correlation: the measured one,
    or 0.3 where no values, or next to none of one group, are there to measure it.

    Args:
        among: the group of each of all examples.
        values, groups: what was measured, and the group of each.
    """
    seen, within = mates(groups), WITHIN
    if seen > FEW_MATES and len(set(groups)) > 1:
        within = min(1.0, (design_effect(values, groups) - 1) / seen)
    return 1.0 + mates(among) * within


def minimal_difference(
    n: int,
    sd: float,
    alpha: float = 0.05,
    power: float = 0.8,
    *,
    groups: int | None = None,
    design: float = 1.0,
    two_sided: bool = True,
) -> float | None:
    """The smallest true difference that n pairs prove with probability `power`.

    Args:
        n: pairs.
        sd: of one pair's difference (`Paired.sd`, or `difference_sd`), in the metric's unit.
        alpha, power: of the test.
        groups: number of groups, n if None; sets the degrees of freedom.
        design: design effect of the groups; 1 where `sd` is `Paired.sd`, which contains it.
        two_sided: whether the test is.

    Returns:
        (t(alpha) + t(power)) * sd * sqrt(design / n) with t(groups - 1) quantiles; None with fewer
        than 6 groups, which prove nothing. Yes/no tests are discrete and need slightly more.

    Raises:
        ValueError: sd or design negative, alpha or power outside (0, 1).
    """
    count = n if groups is None else groups
    _check(sd, alpha, power, design)
    if count < FEWEST_GROUPS:
        return None
    reach = _reach(alpha / 2 if two_sided else alpha, power, count)
    return reach * sd * sqrt(design / n)


def examples_needed(
    difference: float,
    sd: float,
    alpha: float = 0.05,
    power: float = 0.8,
    *,
    design: float = 1.0,
    two_sided: bool = True,
    margin: float = 0.0,
    per_group: float = 1.0,
    most: int = 100_000,
) -> int | None:
    """Pairs, in all, that prove `difference` with probability `power`: what would prove it.

    Args:
        difference: b minus a, believed or hoped for. Its sign does not matter without a margin.
            Taken from a small comparison it is itself uncertain: show the answer as an order of
            magnitude, and the one for the interval's far end beside it.
        sd, alpha, power, design, two_sided: as in `minimal_difference`.
        margin: > 0 asks what proves "not worse than -margin" instead, one-sided, on a metric of
            scale 1; at least log(alpha) / log(1 - margin) pairs (see `not_worse`).
        per_group: pairs in a group, in the mean; more pairs are taken to come in as many more
            groups, whose number sets the degrees of freedom. Of the first pairs of a random order
            say it for all of them, with their `design` (`design_among`): later ones come in groups
            that are known already, and say less.
        most: beyond this many the honest answer is that it will not be proven.

    Returns:
        At least 6 groups; None where more than `most` would be needed, as for a difference near 0,
        or where the difference is at or below -margin.

    Raises:
        ValueError: as `minimal_difference`, or a margin outside [0, 1).
    """
    _check(sd, alpha, power, design)
    if not 0.0 <= margin < 1.0:
        raise ValueError(f"`margin` must lie in [0, 1), got {margin!r}")
    distance = difference + margin if margin else abs(difference)
    if distance <= 0.0:
        return None
    tail = alpha if margin or not two_sided else alpha / 2

    def proves(n: int) -> bool:
        return _reach(tail, power, n / per_group) * sd * sqrt(design / n) <= distance

    # No fewer than the test itself can reject with: six groups, or for a margin no loss seen.
    fewest = ceil(FEWEST_GROUPS * per_group)
    low = max(fewest, ceil(log(alpha) / log1p(-margin)) if margin else 0)
    if low > most or not proves(most):
        return None
    high = most  # what is provable grows with n, so halve the range
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle + 1, high)
    return low


def journey_can_prove(
    n_confirm: int,
    sd: float,
    histories: Sequence[str] = ("", "n" * 5, "n" * 10, "n" * 20, "k", "kk"),
    power: float = 0.8,
    total: float = 0.05,
    *,
    groups: int | None = None,
    design: float = 1.0,
    recycle: bool = False,
) -> tuple[Provable, ...]:
    """What confirm can prove along a journey: the smallest provable gain after each history.

    Args:
        n_confirm: pairs in confirm.
        sd, power, groups, design: as in `minimal_difference`.
        histories: answers heard before the question, as in `levels.level`.
        total, recycle: as in `levels.level`.

    Tests are one-sided and at full information; planned looks of O'Brien-Fleming type need about 2%
    more examples, of Pocock type about 15%.
    """
    found = []
    for history in histories:
        alpha = level(history, total, recycle=recycle)
        gain = minimal_difference(
            n_confirm, sd, alpha, power, groups=groups, design=design, two_sided=False
        )
        found.append(Provable(history, alpha, gain))
    return tuple(found)


def break_even(success: float, failure: float) -> float:
    """Share of right answers at which gains pay for failures: -failure / (success - failure).

    Args:
        success: what a right answer earns, > 0, in any currency.
        failure: what a wrong one earns, <= 0, in the same. Success 20, failure -88: 0.8148.

    Raises:
        ValueError: signs not as above.
    """
    if success <= 0 or failure > 0:
        raise ValueError(f"need success > 0 and failure <= 0, got {success!r} and {failure!r}")
    return -failure / (success - failure) if failure else 0.0


def score_ceiling(noise: float) -> float:
    """The score that a perfect system would reach when a share `noise` of references is wrong.

    1 - noise: where the reference is wrong, the right answer does not match it. For a yes/no
    metric; a metric with partial credit has a higher one.

    Raises:
        ValueError: noise outside [0, 1].
    """
    if not 0.0 <= noise <= 1.0:
        raise ValueError(f"`noise` must lie in [0, 1], got {noise!r}")
    return 1.0 - noise


def reachable(
    successes: Sequence[int],
    k: int,
    chance: float = 0.0,
    groups: Sequence[str | None] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Share of examples that k repeats can get right, not counting lucky guesses.

    Args:
        successes: right answers among k repeats, shape (n,), each in 0..k.
        k: repeats of each example, >= 1.
        chance: probability that a guess is right (1 / number of labels); 0 for free text.
        groups, level: as in `estimate`.

    An example that is only guessed is right at least once with g = 1 - (1 - chance)^k, so the
    observed share s = r + (1 - r) g, and r = (s - g) / (1 - g) (Abbott 1925), floored at 0. A
    ceiling on what choosing well among answers could give, never a gain. It assumes that guesses of
    one example are independent; a model that repeats one guess is over-corrected.

    Raises:
        ValueError: a count outside 0..k, k < 1, or chance outside [0, 1).
    """
    if k < 1 or any(not 0 <= s <= k for s in successes):
        raise ValueError(f"every count must lie in 0..k with k >= 1, got k = {k}")
    if not 0.0 <= chance < 1.0:
        raise ValueError(f"`chance` must lie in [0, 1), got {chance!r}")
    seen = estimate([float(s > 0) for s in successes], groups, level)
    guessed = 1.0 - (1.0 - chance) ** k

    def corrected(share: float | None) -> float | None:
        return None if share is None else max(0.0, (share - guessed) / (1.0 - guessed))

    return Estimate(corrected(seen.mean), corrected(seen.low), corrected(seen.high), seen.n)


def _reach(tail: float, power: float, count: float) -> float:
    return t_quantile(1 - tail, count - 1) + t_quantile(power, count - 1)


def _check(sd: float, alpha: float, power: float, design: float) -> None:
    check_share(alpha, "alpha")
    check_share(power, "power")
    if sd < 0 or design < 0:
        raise ValueError(f"`sd` and `design` must not be negative, got {sd!r} and {design!r}")
