from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.engine.statistics import (
    break_even,
    design_among,
    design_effect,
    difference_sd,
    examples_needed,
    journey_can_prove,
    level,
    mates,
    minimal_difference,
    not_worse,
    paired,
    reachable,
    score_ceiling,
)


def test_textbook_sample_size() -> None:
    # (1.96 + 0.8416)^2 * 0.4^2 / 0.05^2 = 502.3, and about two more for t.
    assert examples_needed(0.05, 0.4) in range(503, 507)
    assert minimal_difference(505, 0.4) == pytest.approx(0.05, rel=0.01)
    assert examples_needed(-0.05, 0.4) == examples_needed(0.05, 0.4)


@given(st.floats(0.01, 0.5), st.floats(0.05, 1.0), st.sampled_from([0.05, 0.005, 1e-4]))
def test_the_two_are_inverse(difference: float, sd: float, alpha: float) -> None:
    n = examples_needed(difference, sd, alpha)
    if n is not None:
        assert n >= 6
        reached = minimal_difference(n, sd, alpha)
        assert reached is not None
        assert reached <= difference
        if n > 6:
            fewer = minimal_difference(n - 1, sd, alpha)
            assert fewer is not None
            assert fewer > difference


def test_nothing_is_promised_for_no_difference() -> None:
    assert examples_needed(0.0, 0.4) is None
    assert examples_needed(1e-4, 0.4) is None
    assert examples_needed(-0.03, 0.4, margin=0.02) is None
    assert minimal_difference(100, 0.4, groups=5) is None
    assert examples_needed(0.2, 0.0) == 6


@pytest.mark.parametrize(("groups", "per_group"), [(8, 5), (12, 3), (40, 1)])
def test_what_few_groups_cannot_prove_takes_more(groups: int, per_group: int) -> None:
    n = groups * per_group
    least = minimal_difference(n, 0.4, 0.007, groups=groups)
    assert least is not None
    # The inverse of what so many groups can prove.
    assert examples_needed(least, 0.4, 0.007, per_group=per_group) in range(n - 1, n + 2)
    assert (examples_needed(least / 1.2, 0.4, 0.007, per_group=per_group) or 0) > n
    assert examples_needed(0.9, 0.1, per_group=per_group) == 6 * per_group


def test_design_effect() -> None:
    values = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    assert design_effect(values, list("aabbccdd")) == pytest.approx(7 / 3)
    assert design_effect(values, list("abcdefgh")) == pytest.approx(1.0)
    one, two = examples_needed(0.05, 0.4), examples_needed(0.05, 0.4, design=2.0)
    assert one is not None
    assert two is not None
    assert two == pytest.approx(2 * one, rel=0.01)
    with pytest.raises(ValueError, match="two groups"):
        design_effect(values, ["a"] * 8)


def test_sd_of_a_yes_no_difference() -> None:
    rng = np.random.default_rng(0)
    common = rng.random(200_000) < 0.5
    a, b, both = (rng.random(200_000) < 0.3 for _ in range(3))
    d = np.where(common, both, b).astype(float) - np.where(common, both, a)
    assert difference_sd(0.3, 0.5) == pytest.approx(d.std(), rel=0.02)


def test_planned_power_is_met() -> None:
    gain, loss = 0.15, 0.06
    sd = float(np.sqrt(gain + loss - (gain - loss) ** 2))
    n = examples_needed(gain - loss, sd)
    assert n is not None
    rng, runs, hits = np.random.default_rng(1), 600, 0
    for _ in range(runs):
        u = rng.random(n)
        b = np.where(u < gain, 1, 0)
        a = np.where((u >= gain) & (u < gain + loss), 1, 0)
        p = paired(a.tolist(), b.tolist()).p
        hits += p is not None and p <= 0.05
    assert hits / runs == pytest.approx(0.8, abs=0.07)  # exact McNemar is a little below 0.8


def test_planned_non_inferiority_is_met() -> None:
    n = examples_needed(0.0, 0.2, alpha=0.05, margin=0.04)
    assert n is not None
    assert examples_needed(0.5, 0.1, alpha=0.05, margin=0.02) == 149  # no loss at all
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        u = rng.random(n)
        p = not_worse((u < 0.02).astype(float).tolist(), (u > 0.98).astype(float).tolist(), 0.04)
        hits += p is not None and p <= 0.05
    assert hits / 200 > 0.65


def test_what_a_journey_can_prove() -> None:
    found = journey_can_prove(300, 0.35, ["", "nnn", "n" * 20, "k"])
    gains = [f.difference for f in found]
    assert [f.history for f in found] == ["", "nnn", "n" * 20, "k"]
    assert found[1].level == level("nnn")
    assert None not in gains
    assert gains[0] < gains[1] < gains[2]  # type: ignore[operator]
    assert gains[2] == pytest.approx(0.094, abs=0.002)
    assert journey_can_prove(300, 0.35, [""], groups=4)[0].difference is None
    assert set(found[0].to_dict()) == {"history", "level", "difference"}


@pytest.mark.parametrize("first", [60, 150, 300])
def test_few_of_each_group_say_what_many_will_need(first: int) -> None:
    # Groups of ten: of the first sixty in random order two or three each, which costs little yet.
    rng, needed = np.random.default_rng(9), []
    for _ in range(60):
        groups = rng.permutation(np.arange(300) // 10)
        gains = 0.15 + 0.5 * (rng.normal(0, 0.63, 30)[groups] + rng.normal(0, 0.77, 300))
        x, names = gains[:first].tolist(), [str(g) for g in groups]
        design = design_among(names, x, names[:first])
        n = examples_needed(
            0.15, float(np.std(x)), 0.007, two_sided=False, design=design, per_group=10
        )
        assert n is not None
        needed.append(n)
    assert np.median(needed) == pytest.approx(570, rel=0.2)


def test_where_no_group_has_two_its_cost_is_taken_from_the_book() -> None:
    assert design_among(["a"] * 5 + ["b"] * 5) == pytest.approx(1 + 4 * 0.3)
    assert design_among(["a"] * 5 + ["b"] * 5, [0.0, 1.0], ["a", "b"]) == pytest.approx(2.2)
    assert design_among(["a", "b", "c"], [0.0, 1.0, 0.0], ["a", "b", "c"]) == 1.0
    assert mates([]) == 0.0


def test_break_even() -> None:
    assert break_even(20, -88) == pytest.approx(0.8148, abs=5e-5)
    assert break_even(1, 0) == 0.0
    for bad in ((0, -1), (-1, -1), (1, 1)):
        with pytest.raises(ValueError, match="success"):
            break_even(*bad)


def test_score_ceiling() -> None:
    assert score_ceiling(0.1) == pytest.approx(0.9)
    with pytest.raises(ValueError, match="noise"):
        score_ceiling(1.1)


@pytest.mark.parametrize("chance", [0.0, 0.25])
def test_reachable_sees_through_guessing(chance: float) -> None:
    # 40% truly reachable, the rest guessed: without the correction 3 guesses in 4 make 0.65.
    rng = np.random.default_rng(3)
    truly = rng.random(4000) < 0.4
    counts = np.where(truly, 2, rng.binomial(3, chance, 4000))
    found = reachable(counts.tolist(), 3, chance)
    assert found.mean == pytest.approx(0.4, abs=0.04)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high
    if chance:
        assert reachable(counts.tolist(), 3).mean > 0.6  # type: ignore[operator]


def test_reachable_is_never_negative() -> None:
    assert reachable([0] * 50, 3, 0.5).to_dict()["mean"] == 0.0
    assert reachable([], 3).mean is None
    with pytest.raises(ValueError, match="count"):
        reachable([4], 3)
