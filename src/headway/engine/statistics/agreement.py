"""How far a judge agrees with people, how well people agree with each other, and what biases it.

Agreement is over all answers. One that the judge could not score is a miss: for yes/no labels it is
a wrong verdict (a third one, that people never give); for ranks it is an answer on which there is
no agreement, so that a coefficient over the scored answers is multiplied by their share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np

from ._numbers import (
    Index,
    Vector,
    check_share,
    group_index,
    renumber,
    t_quantile,
    to_vector,
    unseen_interval,
)
from .estimates import Estimate, estimate

DRAWS = 1000  # bootstrap resamples: the ends move by under 5% of the half-width between seeds
CUT = 0.5  # from here on a score is a yes
Level = Literal["nominal", "ordinal", "interval"]
Labels = Literal["yes_no", "scale", "pairs"]
# A statistic of the judge's scores (NaN: unscored) and people's labels; NaN where undefined.
Statistic = Callable[[Vector, Vector], float]


def agreement(
    scores: Sequence[float | None],
    people: Sequence[float],
    groups: Sequence[str | None] | None = None,
    *,
    labels: Labels,
    cut: float = CUT,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Agreement of a judge's scores with people's labels, by measure, each with its interval.

    Args:
        scores: in [0, 1], shape (n,); None where the judge gave none.
        people: labels, shape (n,): 0 or 1 for `yes_no`; ratings scaled to [0, 1] for `scale`; 1, 0
            or 0.5 for `pairs`, where the first, the second or neither is better.
        groups: one name an answer; answers to one question share one. None: each is its own.
        cut: the score from which the judge's verdict is yes.

    Yes/no labels: `accuracy`, `balanced_accuracy` (mean over people's two classes), `kappa` (Cohen
    1960), `auc` (the chance that an answer that people approve of scores higher than one that they
    do not; ties half). Pairs: `accuracy` and `kappa` of the three verdicts. Scales: `spearman`,
    `kendall` (tau-b, Kendall 1945), `alpha_ordinal` and `alpha_interval` (Krippendorff 2011; judge
    and people as two observers).

    A judge that says the same of all answers agrees by chance only: 0, and 0.5 for `auc`; only
    alpha, which also holds the values against each other, may be below. All is None where people's
    labels are all alike.

    Accuracy has `estimate`'s interval. The others: bootstrap by group, normal on the scale of
    Fisher's z (see `interval_of`). Coverage at level 0.95, 400 runs each: kappa, true 0.4: 0.96 at
    30 answers and at 60, 0.97 in groups of 4; true 0.94, 60 answers: 0.98. Spearman, true 0.47,
    five points: 0.97 at 30 and 60; AUC, 60 answers, true 0.76: 0.97, but 30 answers, true 0.92:
    0.91. Kappa where 0.9 of the labels are yes and the judge is right on 0.95: 0.97 at 30, 0.95 at
    60. Kendall, true 0.44, five points: 0.96 at 30.

    Raises ValueError for other lengths, or labels that are not of their kind.
    """
    s, y = to_vector(scores, "scores"), to_vector(list(people), "people")
    if len(s) != len(y):
        raise ValueError(f"{len(s)} scores for {len(y)} labels; give one each")
    valid = {"yes_no": (0.0, 1.0), "pairs": (0.0, 0.5, 1.0)}.get(labels)
    if valid is not None and not np.isin(y, valid).all():
        raise ValueError(f"labels of kind {labels!r} are {' or '.join(map(str, valid))}")
    index = group_index(groups, len(y))
    found: dict[str, Estimate] = {}
    if labels != "scale":
        said = _verdicts(s, cut) if labels == "yes_no" else s
        found["accuracy"] = estimate((said == y).astype(float).tolist(), groups, level, seed)
    weights = _weights(y)
    for name, statistic in measures(labels, cut).items():
        least = 0.0 if name in ("auc", "balanced_accuracy") else -1.0
        found[name] = interval_of(
            statistic, s, y, index, least=least, level=level, seed=seed, weight=weights.get(name)
        )
    return found


def _weights(people: Vector) -> dict[str, float]:
    """How far a measure moves for a share of answers on which a judge says something else, in times
    that share: where people nearly always say the same, a few answers decide."""
    shares = np.unique(people, return_counts=True)[1] / max(1, len(people))
    if len(shares) < 2:
        return {}
    rarest = float(shares.min())
    return {
        "kappa": 1.0 / (1.0 - float(np.square(shares).sum())),
        "auc": 1.0 / rarest,
        "balanced_accuracy": 1.0 / (2.0 * rarest),
    }


def measures(labels: Labels, cut: float = CUT) -> Mapping[str, Statistic]:
    """The measures of agreement that are no plain means, by name."""
    if labels == "yes_no":
        return {
            "balanced_accuracy": partial(_balanced, cut=cut),
            "kappa": lambda s, y: kappa(_verdicts(s, cut), y),
            "auc": auc,
        }
    if labels == "pairs":
        return {"kappa": kappa}
    return {
        "spearman": spearman,
        "kendall": kendall,
        "alpha_ordinal": partial(_alpha_of_two, level="ordinal"),
        "alpha_interval": partial(_alpha_of_two, level="interval"),
    }


def interval_of(
    statistic: Statistic,
    x: Vector,
    y: Vector,
    index: Index,
    *,
    least: float = -1.0,
    level: float = 0.95,
    seed: int = 0,
    weight: float | None = None,
) -> Estimate:
    """A statistic on [least, 1] with its interval, whole groups drawn anew.

    The spread of the draws is taken on the scale of Fisher's z, where it is about the same
    everywhere, and carried back: t with G - 1 degrees of freedom. Draws in which the statistic is
    undefined are left out; where that is more than half of them there is no interval. Where all
    draws are alike, the interval allows for answers not yet seen (`unseen_interval`). weight: how
    far the statistic moves by a share of such answers, in times that share; None: as a mean does.
    """
    check_share(level, "level")
    value = statistic(x, y) if len(x) else np.nan
    if np.isnan(value):
        return Estimate(None, None, None, len(x))
    index, count = renumber(index)
    if count < 3:
        return Estimate(float(value), None, None, len(x))
    members = [np.flatnonzero(index == g) for g in range(count)]
    rng = np.random.default_rng(seed)
    drawn = np.empty(DRAWS)
    single = count == len(x)
    for i in range(DRAWS):
        chosen = rng.integers(count, size=count)
        rows = chosen if single else np.concatenate([members[g] for g in chosen])
        drawn[i] = statistic(x[rows], y[rows])
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < DRAWS / 2:
        return Estimate(float(value), None, None, len(x))
    if np.ptp(drawn) < 1e-12:
        far = (least, 1.0) if weight is None else (value - weight, value + weight)
        low, high = unseen_interval(float(value), *far, count, level)
    else:
        low, high = _by_fisher(float(value), drawn, count, least, level)
    return Estimate(float(value), max(least, low), min(1.0, high), len(x))


def _by_fisher(
    value: float, drawn: Vector, count: int, least: float, level: float
) -> tuple[float, float]:
    half, middle = (1.0 - least) / 2, (1.0 + least) / 2
    # Agreement cannot be told from perfect by less than half an answer.
    edge = 1.0 - 1.0 / (2.0 * count)

    def z(values: Vector | float) -> Vector:
        return np.asarray(np.arctanh(np.clip((np.asarray(values) - middle) / half, -edge, edge)))

    reach = t_quantile(0.5 + level / 2, count - 1) * float(z(drawn).std(ddof=1))
    centre = float(z(value))
    # The clipped ends say nothing of what lies beyond them.
    low = middle + half * float(np.tanh(centre - reach))
    high = middle + half * float(np.tanh(centre + reach))
    return min(low, value), max(high, value)


# --- the measures -----------------------------------------------------------------------------


def kappa(said: Vector, people: Vector) -> float:
    """Cohen's kappa of two observers' verdicts; an unscored answer (NaN) is a verdict of its own,
    which people never give."""
    if np.ptp(people) == 0.0:
        return float("nan")
    agree = float(np.mean(said == people))
    chance = sum(float(np.mean(said == v)) * float(np.mean(people == v)) for v in np.unique(people))
    return (agree - chance) / (1.0 - chance)


def _verdicts(scores: Vector, cut: float) -> Vector:
    """1 from the cut on, else 0; NaN stays."""
    return np.where(np.isnan(scores), np.nan, (scores >= cut).astype(np.float64))


def _balanced(scores: Vector, people: Vector, cut: float) -> float:
    scored, one = ~np.isnan(scores), people == 1.0
    if not one.any() or one.all():
        return float("nan")
    yes = scored & (scores >= cut)
    return float((yes[one].mean() + (scored & ~yes)[~one].mean()) / 2.0)


def auc(scores: Vector, people: Vector) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney 1947); a pair with an unscored answer
    is ordered by a coin."""
    scored, one = ~np.isnan(scores), people == 1.0
    pairs = float(one.sum()) * float((~one).sum())
    if not pairs:
        return float("nan")
    up, down = float((one & scored).sum()), float((~one & scored).sum())
    if not up * down:
        return 0.5
    rank = ranks(scores[scored])
    area = (rank[one[scored]].sum() - up * (up + 1) / 2.0) / (up * down)
    return float(0.5 + (area - 0.5) * (up * down) / pairs)


def spearman(scores: Vector, people: Vector) -> float:
    """Spearman's rank correlation, ties at their mean rank."""
    return _over_scored(lambda s, y: _pearson(ranks(s), ranks(y)), scores, people)


def kendall(scores: Vector, people: Vector) -> float:
    """Kendall's tau-b (ties in either count in its denominator) over the scored answers, times
    their share."""
    # Imported here: scipy.stats takes half a second, which no other command should wait for.
    from scipy.stats import kendalltau

    return _over_scored(lambda s, y: float(kendalltau(s, y).statistic), scores, people)


def _alpha_of_two(scores: Vector, people: Vector, level: Level) -> float:
    if np.ptp(people) == 0.0:
        return float("nan")
    scored = ~np.isnan(scores)
    if not scored.any():
        return 0.0
    found = alpha(np.column_stack([scores[scored], people[scored]]), level)
    return found * float(scored.mean()) if found > 0 else found


def _over_scored(statistic: Statistic, scores: Vector, people: Vector) -> float:
    """A coefficient over the scored answers, times their share; 0 for a judge that says the same
    of all."""
    if np.ptp(people) == 0.0:
        return float("nan")
    scored = ~np.isnan(scores)
    s, y = scores[scored], people[scored]
    if len(s) < 2 or np.ptp(s) == 0.0 or np.ptp(y) == 0.0:
        return 0.0
    return statistic(s, y) * float(scored.mean())


def ranks(x: Vector) -> Vector:
    """Ranks from 1, ties at their mean."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2.0)[place], dtype=np.float64)


def _pearson(a: Vector, b: Vector) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0.0 else 0.0


def alpha(votes: Vector, level: Level) -> float:
    """Krippendorff's alpha of several observers: votes of shape (answers, observers), NaN where an
    observer gave none. NaN where nothing varies or no answer has two votes.

    The distance of two values is the difference of their mean ranks for `ordinal`, of the values
    for `interval`, and 0 or 1 for `nominal`; each is a squared difference of something, so that one
    formula of sums of squares serves all three (Krippendorff 2011).
    """
    votes = votes[(~np.isnan(votes)).sum(axis=1) > 1]
    given = ~np.isnan(votes)
    flat = votes[given]
    if not len(flat) or np.ptp(flat) == 0.0:
        return float("nan")
    if level == "nominal":
        values = (flat[:, None] == np.unique(flat)).astype(np.float64)
    else:
        values = (ranks(flat) if level == "ordinal" else flat)[:, None]
    unit = np.repeat(np.arange(len(votes)), given.sum(axis=1))
    size = np.bincount(unit).astype(np.float64)
    means = np.stack([np.bincount(unit, weights=column) / size for column in values.T], axis=1)
    inside = np.square(values - means[unit]).sum(axis=1)
    within = float((inside * (size / (size - 1.0))[unit]).sum())
    total = float(np.square(values - values.mean(axis=0)).sum())
    return 1.0 - (len(flat) - 1) / len(flat) * within / total


# --- people among themselves, biases, repeats ---------------------------------------------------


def people_agreement(
    votes: Sequence[Sequence[float]],
    groups: Sequence[str | None] | None = None,
    *,
    yes_no: bool,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """How well people agree with each other: the ceiling of any judge.

    `alpha`: Krippendorff's, nominal for yes/no and ordinal for scales. `kappa` or `spearman`: one
    person, drawn by lot for each answer, with the mean of the others (at the cut of one half for
    yes/no, where even votes stand for no): what a judge's own figure compares with. Only answers
    with two votes or more count; without any the result is empty.
    """
    kept = [i for i, row in enumerate(votes) if len(row) > 1]
    if not kept:
        return {}
    rng = np.random.default_rng(seed)
    widest = max(len(votes[i]) for i in kept)
    table = np.full((len(kept), widest), np.nan)
    one, others = np.empty(len(kept)), np.empty(len(kept))
    for at, i in enumerate(kept):
        row = rng.permutation(np.asarray(votes[i], dtype=np.float64))
        table[at, : len(row)] = row
        one[at], others[at] = row[0], row[1:].mean()
    index = group_index(None if groups is None else [groups[i] for i in kept], len(kept))
    kind: Level = "nominal" if yes_no else "ordinal"
    if yes_no:
        others = (others > CUT).astype(np.float64)
    number = np.arange(len(kept), dtype=np.float64)

    def of_table(rows: Vector, _: Vector) -> float:
        return alpha(table[rows.astype(np.intp)], kind)

    name, statistic = ("kappa", kappa) if yes_no else ("spearman", spearman)
    weight = _weights(others).get("kappa") if yes_no else None
    how = partial(interval_of, index=index, level=level, seed=seed, weight=weight)
    return {
        "alpha": how(of_table, number, number),
        name: how(statistic, one, others),
    }


def length_bias(
    scores: Sequence[float | None],
    lengths: Sequence[float],
    people: Sequence[float],
    groups: Sequence[str | None] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Partial rank correlation of score with length, given people's label.

    Above 0: of two answers that people hold for equally good, the longer one scores higher. Over
    the scored answers; None where scores or lengths do not vary. Bootstrap by group.
    """
    s, long = to_vector(scores, "scores"), to_vector(list(lengths), "lengths")
    y, index = to_vector(list(people), "people"), group_index(groups, len(s))
    used = ~np.isnan(s)
    s, long, y, index = s[used], long[used], y[used], index[used]
    if len(s) < 4:
        return Estimate(None, None, None, len(s))
    number = np.arange(len(s), dtype=np.float64)

    def statistic(rows: Vector, _: Vector) -> float:
        at = rows.astype(np.intp)
        return _partial(s[at], long[at], y[at])

    return interval_of(statistic, number, number, index, level=level, seed=seed)


def _partial(a: Vector, b: Vector, given: Vector) -> float:
    if np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return float("nan")
    ra, rb, rg = ranks(a), ranks(b), ranks(given)
    ab, ag, bg = _pearson(ra, rb), _pearson(ra, rg), _pearson(rb, rg)
    rest = (1.0 - ag * ag) * (1.0 - bg * bg)
    return (ab - ag * bg) / float(np.sqrt(rest)) if rest > 1e-12 else float("nan")


def repeatability(
    repeats: Sequence[Sequence[float | None]],
    groups: Sequence[str | None] | None = None,
    level: float = 0.95,
) -> tuple[Estimate, float | None]:
    """Of the same answers judged several times: the share that always got the same score (None is
    a score of its own here), and the standard deviation of a score from one time to another, pooled
    over answers; None where no answer has two scores."""
    same = [float(len(set(row)) == 1) for row in repeats]
    spreads = [
        (np.var(row, ddof=1), len(row) - 1)
        for row in ([v for v in scores if v is not None] for scores in repeats)
        if len(row) > 1
    ]
    weight = sum(n for _, n in spreads)
    sd = float(np.sqrt(sum(v * n for v, n in spreads) / weight)) if weight else None
    return estimate(same, groups, level), sd


def told_apart(found: Estimate, power: float = 0.8, level: float = 0.95) -> float | None:
    """The difference from which two judges, measured on so many other answers each, are told apart
    with this power. On the same answers less is enough, the more the two err alike."""
    if found.low is None or found.high is None:
        return None
    far = 10_000  # degrees of freedom: the normal's quantiles
    reach = t_quantile(0.5 + level / 2, far)
    error = (found.high - found.low) / (2.0 * reach)
    return (reach + t_quantile(power, far)) * float(np.sqrt(2.0)) * error
