from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.engine.statistics import holm, worse_kinds
from headway.engine.statistics._numbers import hypergeometric_cdf
from headway.engine.statistics.kinds import _permuted


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_raw_and_bonferroni(p: list[float]) -> None:
    for raw, corrected in zip(p, holm(p), strict=True):
        assert raw <= corrected <= min(1.0, raw * len(p)) + 1e-12
    assert min(holm(p)) == pytest.approx(min(1.0, min(p) * len(p)))


def test_hypergeometric_by_hand() -> None:
    ways = sum(comb(6, x) * comb(14, 5 - x) for x in range(2)) / comb(20, 5)
    assert hypergeometric_cdf(1, 5, 6, 20) == pytest.approx(ways)
    assert hypergeometric_cdf(5, 5, 6, 20) == 1.0
    assert hypergeometric_cdf(0, 15, 6, 20) == 0.0


def test_permutations_agree_with_fisher() -> None:
    x = np.array([1.0] * 30 + [0.0] * 30)
    member = np.zeros((1, 60))
    member[0, 22:40] = 1.0  # 8 right of 18
    exact = hypergeometric_cdf(8, 18, 30, 60)
    assert _permuted(x, member, 0)[0] == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))


def test_one_bad_kind_is_found_and_shown_first() -> None:
    rng = np.random.default_rng(0)
    tags = rng.choice(["travel", "sick leave", "pay"], 300)
    values = rng.binomial(1, np.where(tags == "pay", 0.4, 0.85)).astype(float)
    found = worse_kinds(values.tolist(), {"tag": tags.tolist()})
    assert [k.worse for k in found] == [True, False, False]
    worst = found[0]
    assert (worst.by, worst.value, worst.n) == ("tag", "pay", int((tags == "pay").sum()))
    assert worst.low is not None
    assert worst.high is not None
    assert worst.mean is not None
    assert worst.low < worst.mean < worst.high


def test_a_bad_kind_that_runs_through_groups_is_found() -> None:
    rng, found = np.random.default_rng(4), 0
    for run in range(20):
        tags = rng.choice(["a", "b", "c", "d"], 240)
        values = rng.binomial(1, np.where(tags == "a", 0.45, 0.8)).astype(float)
        kinds = worse_kinds(
            values.tolist(), tags.tolist(), [str(i // 3) for i in range(240)], seed=run
        )
        found += [k.value for k in kinds if k.worse] == ["a"]
    assert found >= 17


def test_labels_may_be_many_none_or_a_bare_list() -> None:
    values = [1.0, 0.0, None, 1.0] * 5
    labels: list[list[str] | str | None] = [["a", "b"], "a", "b", None] * 5
    found = {k.value: k for k in worse_kinds(values, labels)}
    assert (found["a"].n, found["b"].n) == (10, 5)
    assert found["a"].by == "tag"
    assert found["b"].mean == 1.0
    assert worse_kinds([None], ["a"]) == []
    assert worse_kinds([], {}) == []
    with pytest.raises(ValueError, match="`tag` has 1 labels for 2"):
        worse_kinds([1.0, 0.0], ["a"])


def test_small_kinds_are_shown_but_cost_nothing() -> None:
    rng = np.random.default_rng(1)
    values = rng.binomial(1, 0.8, 200).astype(float).tolist()
    labels: list[str | None] = ["big" if i < 60 else None for i in range(200)]
    alone = worse_kinds(values, {"tag": labels})[0]
    rare = [f"rare {i}" if i >= 150 else labels[i] for i in range(200)]
    among = {k.value: k for k in worse_kinds(values, {"tag": rare})}
    assert among["big"].p == alone.p
    assert among["rare 150"].p is None
    assert not among["rare 150"].worse


def strong_control(draw_scores: str, grouped: bool, runs: int) -> tuple[float, float]:
    """Share of runs with a false `worse`, and with the true one found; one kind of 12 is bad."""
    rng = np.random.default_rng(2)
    wrong = right = 0
    for run in range(runs):
        n = 180
        index = np.arange(n) // (3 if grouped else 1)
        label = rng.integers(0, 6, n)  # independent of groups: groups are split by it
        source = rng.integers(0, 6, index.max() + 1)[index]  # constant within a group
        lean = rng.normal(0, 0.15, index.max() + 1)[index] if grouped else np.zeros(n)
        rate = np.clip(np.where(source == 0, 0.35, 0.8) + lean, 0, 1)
        values = rng.binomial(1, rate).astype(float)
        if draw_scores == "graded":
            values = 0.8 * values + rng.uniform(0, 0.2, n)
        kinds = {"tag": [f"t{i}" for i in label], "source": [f"s{i}" for i in source]}
        found = worse_kinds(values.tolist(), kinds, [str(i) for i in index], seed=run)
        flagged = {(k.by, k.value) for k in found if k.worse}
        right += ("source", "s0") in flagged
        wrong += bool(flagged - {("source", "s0")})
    return wrong / runs, right / runs


@pytest.mark.parametrize(
    ("scores", "grouped", "runs"),
    [("yes/no", False, 300), ("graded", False, 40), ("yes/no", True, 80)],
)
def test_strong_control_and_power(scores: str, grouped: bool, runs: int) -> None:
    wrong, right = strong_control(scores, grouped, runs)
    assert wrong <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / runs)
    assert right > 0.8


def test_control_where_no_kind_is_worse() -> None:
    rng, runs = np.random.default_rng(3), 600
    wrong = uncorrected = 0
    for _ in range(runs):
        values = rng.binomial(1, 0.6, 200).astype(float).tolist()
        labels = [str(i) for i in rng.integers(0, 15, 200)]
        found = worse_kinds(values, labels)
        wrong += any(k.worse for k in found)
        uncorrected += any(k.p is not None and k.p / 15 <= 0.05 for k in found)
    assert wrong / runs <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / runs)
    assert wrong > 0
    assert uncorrected / runs > 0.2  # what the same tests say without Holm
