"""The tree of levels: its sum, its worst case, and a journey that tries to cheat."""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.engine.statistics import level, paired, spent

histories = st.text("kn", max_size=40)


def at(asked: int, kept: int, *, recycle: bool = False, total: float = 0.05) -> float:
    return level("k" * kept + "n" * (asked - kept), total, recycle=recycle)


def test_levels_sum_to_the_total_over_the_whole_tree() -> None:
    depth = 400
    total = sum(comb(i, k) * at(i, k) for i in range(depth) for k in range(i + 1))
    left = 0.05 * 6 / (depth + 6)  # the tail of u(i), in closed form
    assert total <= 0.05
    assert total + left == pytest.approx(0.05, rel=1e-9)


@given(histories)
def test_only_the_counts_matter(history: str) -> None:
    for recycle in (False, True):
        assert level(history, recycle=recycle) == at(
            len(history), history.count("k"), recycle=recycle
        )
        assert 0 < level(history, recycle=recycle) < 0.01


def test_levels_are_useful() -> None:
    assert level("") >= 0.005
    assert all(at(i, 0) > at(i + 1, 0) for i in range(30))
    assert level("n" * 20) > 5e-5
    assert level("n" * 20, recycle=True) > 3e-4
    assert level("nnk") > 2e-4
    assert all(at(i, k, recycle=True) > at(i, k) for i in range(30) for k in range(min(i, 6) + 1))
    assert level("nk", 0.1) == pytest.approx(2 * level("nk", 0.05))


@pytest.mark.parametrize(("recycle", "total"), [(False, 0.05), (True, 0.05), (True, 0.2)])
def test_worst_case_of_any_strategy_in_the_tree(recycle: bool, total: float) -> None:
    """The most error an adversary can arrange who knows everything but confirm.

    At each history the candidate is either no better (an error, if kept, ends the count) or better
    (then both branches can hold errors, and p-values can be correlated so that they add up).
    """
    depth = 300

    @cache
    def worst(asked: int, kept: int) -> float:
        if asked == depth:
            return 0.0
        after_not = worst(asked + 1, kept)
        null = at(asked, kept, recycle=recycle, total=total) + after_not
        return max(null, worst(asked + 1, kept + 1) + after_not)

    assert worst(0, 0) <= total * (1 + 1e-12)
    assert worst(0, 0) > (0.9 if recycle else 0.45) * total  # not conservative for nothing


def test_spent() -> None:
    assert spent("") == 0.0
    assert spent("nk") == pytest.approx(level("") + level("n"))
    assert spent("n" * 5000, recycle=True) == pytest.approx(0.05, rel=0.01)


def test_bad_history_is_refused() -> None:
    with pytest.raises(ValueError, match="k and n"):
        level("nx")
    with pytest.raises(ValueError, match="total"):
        level("", 0.0)


def journey(rng: np.random.Generator, scheme: str, total: float) -> bool:
    """One journey of 25 questions on one confirm set; True if it ever keeps what is not better.

    A candidate is its differences from the incumbent on confirm, and is chosen by the answers:
    after a `not` often the mirror image of what was refused (it wins where that lost, so its
    p-value is better than chance), else something new. Every fifth candidate is truly better, so
    that branches below true keeps are walked too.
    """
    history, refused = "", None
    for i in range(25):
        better = i % 5 == 1
        gain = 0.22 if better else 0.15
        d = rng.choice([-1, 0, 1], 250, p=[0.15, 0.85 - gain, gain])
        if refused is not None and i % 2 == 0 and not better:
            d = -refused
        alpha = {
            "tree": level(history, total),
            "recycled": level(history, total, recycle=True),
            "naive": 0.05,
        }[scheme]
        p = paired((d < 0).tolist(), (d > 0).tolist(), alternative="greater").p
        kept = p is not None and p <= alpha
        if kept and not better:
            return True
        refused = None if kept else d
        history += "k" if kept else "n"
    return False


def test_a_journey_over_null_candidates_keeps_its_promise() -> None:
    """Familywise error of whole adaptive journeys, at a total of 0.2 to make errors visible."""
    runs, total = 250, 0.2
    rates = {}
    for scheme in ("tree", "recycled", "naive"):
        rng = np.random.default_rng(11)
        rates[scheme] = sum(journey(rng, scheme, total) for _ in range(runs)) / runs
    limit = total + 4 * np.sqrt(total * (1 - total) / runs)
    assert rates["tree"] <= limit
    assert rates["recycled"] <= limit
    assert rates["naive"] > limit  # the same journey at a fixed 0.05: the test can fail
    assert rates["recycled"] > 0.02  # and errors do occur


def test_a_journey_still_finds_what_is_good() -> None:
    rng = np.random.default_rng(12)
    found = 0
    for _ in range(100):
        base = rng.binomial(1, 0.5, 300)
        better = np.where(rng.random(300) < 0.25, 1, base)  # gain 0.125
        p = paired(base.tolist(), better.tolist(), alternative="greater").p
        found += p is not None and p <= level("n" * 20)
    assert found >= 95
