"""Agreement with people: published figures, what a miss costs, and coverage by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from headway.engine.statistics import (
    agreement,
    estimates,
    length_bias,
    people_agreement,
    repeatability,
    told_apart,
)
from headway.engine.statistics.agreement import (
    alpha,
    auc,
    interval_of,
    kappa,
    kendall,
    ranks,
    spearman,
)

NONE = math.nan
# Krippendorff's own example: four observers, twelve units, values missing.
OBSERVED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
).T


@pytest.mark.parametrize(
    ("level", "wanted"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_the_published_one(level: str, wanted: float) -> None:
    assert alpha(OBSERVED, level) == pytest.approx(wanted, abs=0.0006)  # type: ignore[arg-type]


def test_kappa_is_cohens() -> None:
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: the textbook's 0.4.
    judge = np.repeat([1.0, 1.0, 0.0, 0.0], [20, 5, 10, 15])
    people = np.repeat([1.0, 0.0, 1.0, 0.0], [20, 5, 10, 15])
    assert kappa(judge, people) == pytest.approx(0.4)


def test_ranks_share_their_place_and_measures_agree_with_scipy() -> None:
    from scipy import stats

    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 6, 80) / 5.0, rng.integers(1, 6, 80) / 5.0
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)
    label = (y > 0.5).astype(float)
    won = stats.mannwhitneyu(x[label == 1], x[label == 0]).statistic
    assert auc(x, label) == pytest.approx(won / (label.sum() * (1 - label).sum()))


def test_unscored_answers_are_misses_in_every_measure() -> None:
    rng = np.random.default_rng(0)
    people = (rng.random(60) < 0.5).astype(float)
    scores: list[float | None] = list(np.clip(people * 0.5 + rng.random(60) * 0.5, 0, 1))
    whole = agreement(scores, people.tolist(), labels="yes_no")
    lost = [None if i % 3 == 0 else s for i, s in enumerate(scores)]
    partly = agreement(lost, people.tolist(), labels="yes_no")
    assert all(partly[m].n == 60 for m in partly)
    for measure in ("accuracy", "balanced_accuracy", "kappa", "auc"):
        assert partly[measure].mean < whole[measure].mean  # type: ignore[operator]
    rated = (rng.integers(0, 5, 60) / 4.0).tolist()
    near: list[float | None] = [min(1.0, r * 0.8 + 0.1) for r in rated]
    missing = [None if i < 30 else s for i, s in enumerate(near)]
    scale, half = (agreement(s, rated, labels="scale") for s in (near, missing))
    assert scale["spearman"].mean == pytest.approx(1.0)
    assert half["spearman"].mean == pytest.approx(0.5)
    for measure in scale:
        assert half[measure].mean < scale[measure].mean  # type: ignore[operator]


def test_a_judge_without_a_single_score_agrees_by_chance_at_most() -> None:
    people = [0.0, 1.0] * 10
    found = agreement([None] * 20, people, labels="yes_no")
    assert found["accuracy"].mean == 0.0
    assert found["kappa"].mean == 0.0
    assert found["auc"].mean == 0.5
    scale = agreement([None] * 20, [i / 19 for i in range(20)], labels="scale")
    assert {e.mean for e in scale.values()} == {0.0}


def test_a_constant_judge_agrees_by_chance_and_constant_people_say_nothing() -> None:
    found = agreement([1.0] * 20, [0.0, 1.0] * 10, labels="yes_no")
    assert found["kappa"].mean == 0.0
    assert found["auc"].mean == 0.5
    assert agreement([0.2, 0.9, 0.7], [1.0, 1.0, 1.0], labels="yes_no")["kappa"].mean is None


def test_perfect_agreement_is_no_certainty() -> None:
    found = agreement([0.0, 1.0] * 10, [0.0, 1.0] * 10, labels="yes_no")
    for name, e in found.items():
        assert e.mean == 1.0, name
        assert e.low is not None
        assert e.low < 0.95, name
        assert e.high == 1.0


def test_perfect_agreement_on_labels_that_are_nearly_all_alike_says_little() -> None:
    # Three noes in thirty: a judge that errs on one answer in twenty often agrees on all of them.
    people = [1.0] * 27 + [0.0] * 3
    alike = agreement(people, people, labels="yes_no")
    for name, least in (("kappa", 0.5), ("auc", 0.2), ("balanced_accuracy", 0.6)):
        low = alike[name].low
        assert low is not None
        assert low < least, name
    votes = people_agreement([[p, p] for p in people], yes_no=True)
    for e in votes.values():
        assert e.low is not None
        assert e.low < 0.5


def test_pairs_have_three_verdicts() -> None:
    people = [1.0, 0.0, 0.5, 1.0, 0.0, 0.5]
    assert agreement(people, people, labels="pairs")["kappa"].mean == 1.0
    # A tie that people see is no half agreement.
    found = agreement([0.5] * 6, people, labels="pairs")
    assert found["accuracy"].mean == pytest.approx(1 / 3)
    assert found["kappa"].mean == 0.0
    with pytest.raises(ValueError, match="pairs"):
        agreement(people, [0.3] * 6, labels="pairs")


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="give one each"):
        agreement([1.0], [1.0, 0.0], labels="yes_no")
    with pytest.raises(ValueError, match="yes_no"):
        agreement([1.0, 0.0], [1.0, 0.4], labels="yes_no")


# --- coverage -----------------------------------------------------------------------------------


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples: the ends are a little rougher, the coverage about the same."""
    import sys

    monkeypatch.setattr(sys.modules["headway.engine.statistics.agreement"], "DRAWS", 150)
    assert estimates.DRAWS == 2000


def _covered(draw: Callable[[], tuple], statistic: Callable, truth: float, runs: int) -> float:
    hits = 0
    for _ in range(runs):
        x, y, index = draw()
        found = interval_of(statistic, x, y, index)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    return hits / runs


@pytest.mark.parametrize("size", [1, 4])
def test_kappas_interval_covers(few_draws: None, size: int) -> None:
    rng = np.random.default_rng(size)
    n, right = 60, 0.7  # of balanced labels: kappa 0.4

    def draw() -> tuple:
        group = np.arange(n) // size
        people = rng.random(n) < 0.5
        # In a group, half of the verdicts are right or wrong together.
        together, alone = (rng.random(n) < right)[group], rng.random(n) < right
        ok = np.where(rng.random(n) < 0.5, together, alone) if size > 1 else alone
        return np.where(ok, people, ~people).astype(float), people.astype(float), group

    assert _covered(draw, kappa, 0.4, 200) >= 0.91  # 0.95 less three standard errors


def test_spearmans_interval_covers(few_draws: None) -> None:
    rng = np.random.default_rng(1)

    def sample(n: int) -> tuple:
        x = rng.normal(size=n)
        y = np.clip(np.round(0.6 * x + 0.8 * rng.normal(size=n)), -2, 2)
        return x, y, np.arange(n)

    truth = spearman(*sample(100_000)[:2])
    assert _covered(lambda: sample(50), spearman, truth, 200) >= 0.91


def test_an_interval_by_single_answers_would_be_too_narrow_for_groups(few_draws: None) -> None:
    rng = np.random.default_rng(5)
    group = np.arange(60) // 6
    wrong = (rng.random(10) < 0.3)[group]
    people = (rng.random(60) < 0.5).astype(float)
    judge = np.where(wrong, 1 - people, people)
    by_group = interval_of(kappa, judge, people, group)
    alone = interval_of(kappa, judge, people, np.arange(60))
    assert by_group.high - by_group.low > 1.3 * (alone.high - alone.low)  # type: ignore[operator]


# --- people, biases, repeats --------------------------------------------------------------------


def test_people_who_vote_alike_are_a_high_ceiling_and_dice_are_none() -> None:
    rng = np.random.default_rng(2)
    truth = (rng.random(80) < 0.5).astype(float)
    alike = [[t, t, t if rng.random() < 0.9 else 1 - t] for t in truth]
    dice = [[float(v) for v in rng.integers(0, 2, 3)] for _ in range(80)]
    high, none = (people_agreement(v, yes_no=True) for v in (alike, dice))
    assert high["alpha"].mean > 0.8  # type: ignore[operator]
    assert high["kappa"].low > 0.6  # type: ignore[operator]
    assert abs(none["alpha"].mean) < 0.2  # type: ignore[arg-type]
    assert people_agreement([[1.0], [0.0]], yes_no=True) == {}


def test_length_bias_is_found_where_planted_and_not_where_length_only_goes_with_quality() -> None:
    rng = np.random.default_rng(4)
    people = rng.integers(0, 5, 120) / 4.0
    noise = rng.random(120)
    # Better answers are longer here; a fair judge follows people, whose label explains the length.
    length = people * 100 + noise * 50
    fair = np.clip(people * 0.8 + rng.random(120) * 0.2, 0, 1)
    biased = np.clip(people * 0.4 + noise * 0.6, 0, 1)
    assert np.corrcoef(fair, length)[0, 1] > 0.7
    honest = length_bias(fair.tolist(), length.tolist(), people.tolist())
    assert honest.low < 0 < honest.high  # type: ignore[operator]
    found = length_bias(biased.tolist(), length.tolist(), people.tolist())
    assert found.low > 0.3  # type: ignore[operator]
    assert length_bias([0.5] * 9, list(range(9)), [0.0, 1.0, 0.5] * 3).mean is None


def test_repeatability_counts_the_same_score_and_pools_the_spread() -> None:
    same, sd = repeatability(
        [[0.5, 0.5, 0.5], [0.2, 0.4, 0.6], [None, None, None], [1.0, None, 1.0]]
    )
    assert same.mean == 0.5
    # Variances 0 (2 df), 0.04 (2 df), 0 (1 df).
    assert sd == pytest.approx(math.sqrt(0.04 * 2 / 5))
    assert repeatability([[None, None]])[1] is None


def test_more_answers_tell_smaller_differences_apart() -> None:
    rng = np.random.default_rng(6)

    def least(n: int) -> float:
        people = (rng.random(n) < 0.5).astype(float)
        judge = np.where(rng.random(n) < 0.75, people, 1 - people)
        found = told_apart(agreement(judge.tolist(), people.tolist(), labels="yes_no")["kappa"])
        assert found is not None
        return found

    assert least(800) < 0.5 * least(60) < 0.5
