"""Bradley-Terry strengths: a known answer, ties, coverage by simulation."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from headway.engine.statistics import Pair, linked, strengths
from headway.engine.statistics.ratings import expected

WIN = 10 ** (200 / 400)  # odds of a lead of 200 points


def test_points_are_those_of_the_odds_won() -> None:
    # 76 of 100: a lead of 200 points, a little less for the prior.
    pairs = [Pair("a", "b", 1.0)] * 760 + [Pair("a", "b", 0.0)] * 240
    found = strengths(pairs)
    assert list(found) == ["a", "b"]
    assert found["a"].mean - found["b"].mean == pytest.approx(200, abs=3)  # type: ignore[operator]
    assert (found["a"].mean + found["b"].mean) / 2 == pytest.approx(1000)  # type: ignore[operator]
    assert found["a"].n == 1000
    assert expected(200) == pytest.approx(WIN / (1 + WIN))


def test_a_tie_is_half_a_win_and_sides_may_be_named_in_any_order() -> None:
    ties = strengths([Pair("a", "b", 0.5)] * 40)
    assert ties["a"].mean == pytest.approx(ties["b"].mean)
    mixed = [Pair("a", "b", 1.0)] * 20 + [Pair("b", "a", 0.5)] * 20
    halves = [Pair("a", "b", 1.0)] * 30 + [Pair("b", "a", 1.0)] * 10
    assert strengths(mixed)["a"].mean == pytest.approx(strengths(halves)["a"].mean)


def test_winning_all_is_finite_and_wide() -> None:
    found = strengths([Pair("a", "b", 1.0)] * 8)["a"]
    assert found.mean is not None
    assert found.low is not None
    assert 1000 < found.mean < 1600
    assert found.mean - found.low > 200


@pytest.mark.parametrize("won", [0.5, 1.0])
def test_verdicts_that_are_all_alike_are_no_certainty(won: float) -> None:
    def low(count: int, repeats: int = 1) -> float:
        groups = [str(n) for n in range(count) for _ in range(repeats)]
        found = strengths([Pair("a", "b", won)] * (count * repeats), groups)["a"]
        assert found.mean is not None
        assert found.low is not None
        assert found.mean - found.low > (100 if count == 5 else 10)
        return found.low

    assert low(5) < low(50) < low(500)  # more of them say more
    assert low(500) < (1000 if won == 0.5 else 1500)
    assert low(5, repeats=4) < low(20)  # verdicts on one example are one witness


def test_strength_goes_through_others() -> None:
    pairs = [Pair("a", "b", 1.0)] * 30 + [Pair("a", "b", 0.0)] * 10
    pairs += [Pair("b", "c", 1.0)] * 30 + [Pair("b", "c", 0.0)] * 10
    found = strengths(pairs)
    assert list(found) == ["a", "b", "c"]
    assert linked(pairs)
    apart = [Pair("a", "b", 1.0), Pair("c", "d", 1.0)]
    assert not linked(apart)
    assert linked([])


def test_what_is_no_verdict_is_refused() -> None:
    for pair in (Pair("a", "a", 1.0), Pair("a", "b", 2.0)):
        with pytest.raises(ValueError, match="no verdict"):
            strengths([pair])
    assert strengths([]) == {}
    assert strengths([Pair("a", "b", 1.0)])["a"].low is None  # one group: no spread to see


@pytest.mark.parametrize("ties", [0.0, 0.25])
def test_intervals_cover(monkeypatch: pytest.MonkeyPatch, ties: float) -> None:
    module = sys.modules["headway.engine.statistics.ratings"]
    monkeypatch.setattr(module, "DRAWS", 150)
    rng = np.random.default_rng(int(10 * ties))
    theta = {"a": 0.0, "b": 0.5, "c": 1.0}

    def win(one: str, two: str) -> float:
        return float(1 / (1 + np.exp(theta[two] - theta[one])))

    names = list(theta)
    sides = [(one, two) for i, one in enumerate(names) for two in names[:i]]
    wins = np.zeros((1, 3, 3))
    for i, one in enumerate(names):
        for j, two in enumerate(names):
            if i != j:
                wins[0, i, j] = 1e6 * ((1 - ties) * win(one, two) + ties / 2)
    truth = dict(zip(names, module._points(wins)[0], strict=True))
    hits, runs = 0, 80
    for _ in range(runs):
        pairs, groups = [], []
        for example in range(40):
            for one, two in sides:
                score = 0.5 if rng.random() < ties else float(rng.random() < win(one, two))
                pairs.append(Pair(one, two, score))
                groups.append(str(example))
        found = strengths(pairs, groups)
        hits += sum(found[n].low <= truth[n] <= found[n].high for n in names)  # type: ignore[operator]
    assert hits / (3 * runs) >= 0.91
