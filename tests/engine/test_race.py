"""Many candidates to one: growing samples, who falls out, when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate
from headway.engine.race import against, race


class ScoredRunner:
    """Runs nothing: scores come from a table of pipeline model -> share of right answers."""

    def __init__(self, made: Any, right: dict[str, Any]) -> None:
        self.made, self.right = made, right
        self.asked: list[tuple[str, int]] = []

    async def run(self, pipeline: Pipeline, examples: Sequence[Any]) -> Any:
        name = str(pipeline.model)
        self.asked.append((name, len(examples)))
        share = self.right[name]
        scores = share if isinstance(share, list) else [
            1.0 if (n * 37) % 100 < share * 100 else 0.0 for n in range(len(examples))
        ]  # fmt: skip
        return self.made.run_of(scores[: len(examples)], examples, name=name)


def candidate(name: str) -> Candidate:
    return Candidate(Pipeline(model=name, steps=()), name)


async def held(made: Any, right: dict[str, Any], rounds: Sequence[int] = (24, 48, 96)) -> Any:
    runner: Any = ScoredRunner(made, right)
    field = [candidate(name) for name in right if name != "now"]
    lap = await race(runner, field, candidate("now"), made.examples(96), rounds, "m")
    return lap, runner.asked


async def test_the_best_wins_and_half_falls_out_each_round(made: Any) -> None:
    right = {"now": 0.4, "a": 0.5, "b": 0.55, "c": 0.6, "d": 0.65}
    lap, asked = await held(made, right)
    assert lap.candidate.title == "d"
    sizes = {size: {n for n, s in asked if s == size and n != "now"} for size in (24, 48, 96)}
    assert len(sizes[24]) == 4
    assert len(sizes[48]) == 2
    assert len(sizes[96]) <= 1
    assert "d" in sizes[48]
    assert lap.run.fingerprint == "d"
    assert lap.incumbent.fingerprint == "now"
    assert lap.found.n == len(lap.run.examples)


async def test_what_is_told_of_the_winner_is_a_95_percent_interval(made: Any) -> None:
    lap, _ = await held(made, {"now": 0.4, "a": 0.5, "b": 0.45})
    assert lap.found == against(lap.run, lap.incumbent, "m", 0.95)


async def test_a_race_of_the_hopeless_ends_early(made: Any) -> None:
    lap, asked = await held(made, {"now": 0.9, "a": 0.1, "b": 0.2})
    assert {size for _, size in asked} == {24}
    assert lap.difference < 0


async def test_one_clearly_better_needs_no_more(made: Any) -> None:
    lap, asked = await held(made, {"now": 0.1, "a": 0.9})
    assert {size for _, size in asked} == {24}
    assert lap.difference > 0.5


async def test_a_small_sample_never_ends_it(made: Any) -> None:
    _, asked = await held(made, {"now": 0.1, "a": 0.9}, rounds=(8, 24))
    assert {size for _, size in asked} == {8, 24}


async def test_without_candidates_there_is_no_winner(made: Any) -> None:
    lap, _ = await held(made, {"now": 0.5})
    assert lap is None


async def test_what_could_not_be_compared_comes_last(made: Any) -> None:
    lost = [made.OUT] * 96
    lap, _ = await held(made, {"now": 0.5, "lost": lost, "a": 0.4})
    assert lap.candidate.title == "a"
    only, _ = await held(made, {"now": 0.5, "lost": lost})
    assert only.difference == float("-inf")


def test_against_is_run_minus_base(made: Any) -> None:
    found = against(made.run_of([1.0] * 20), made.run_of([0.25] * 20), "m")
    assert found.difference == pytest.approx(0.75)
