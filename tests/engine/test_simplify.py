"""Smaller pipelines: what is tried, and what counts as cheaper."""

from __future__ import annotations

from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.record import Usage
from headway.engine.simplify import saves, simpler
from headway.steps import build

WHOLE = Pipeline.model_validate(
    {
        "model": "big",
        "steps": [
            {"retrieve": {"k": 20, "by": "dense", "embed": "m"}},
            {"rerank": {"model": "m", "k": 4}},
            {"examples": {"k": 6, "ids": ["a", "b", "c", "d", "e", "f"]}},
            {"generate": {"template": "Answer."}},
        ],
    }
)


def test_boldest_first_and_each_is_a_pipeline() -> None:
    found = list(simpler(WHOLE, ("small", "big")))
    assert [c.title for c in found] == [
        "without examples", "without rerank", "3 examples instead", "3 passages instead",
        "with small",
    ]  # fmt: skip
    for candidate in found:
        build(candidate.pipeline)
        assert candidate.pipeline != WHOLE
    by_title = {c.title: c.pipeline for c in found}
    # Without the re-ranker as many are shown as it kept, not the twenty that it read.
    assert by_title["without rerank"].step("retrieve").settings["k"] == 4  # type: ignore[union-attr]
    fewer = by_title["3 examples instead"].step("examples")
    assert fewer is not None
    assert (fewer.settings["k"], fewer.settings["ids"]) == (3, ["a", "b", "c"])
    kept = by_title["3 passages instead"]
    assert kept.step("rerank").settings["k"] == 3  # type: ignore[union-attr]
    assert kept.step("retrieve").settings["k"] == 20  # type: ignore[union-attr]
    assert by_title["with small"].model == "small"


LONG = Pipeline.model_validate(
    {
        "model": "m",
        "steps": [
            "hyde", "expand", {"retrieve": {"k": 30}}, {"rerank": {"k": 16}}, {"prefer": {"k": 12}},
            {"trim": {"gap": 0.3}}, {"compress": {"sentences": 2}}, {"order": {"how": "edges"}},
            {"generate": {"template": "Answer."}},
        ],
    }
)  # fmt: skip


def test_every_step_that_costs_something_can_go() -> None:
    found = {c.title: c.pipeline for c in simpler(LONG)}
    assert list(found) == [
        "without expand", "without hyde", "without compress", "without trim", "without rerank",
        "11 passages instead",
    ]  # fmt: skip
    for title, pipeline in found.items():
        build(pipeline)
        gone = title.removeprefix("without ")
        assert [s.name for s in pipeline.steps] == [s.name for s in LONG.steps if s.name != gone]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("rerank", {"retrieve": 16, "prefer": 12}),
        # Nobody knows where it cut: half.
        ("trim", {"retrieve": 30, "rerank": 16, "prefer": 6}),
        # Whole passages of 160 words instead of 40 words of each.
        ("compress", {"retrieve": 30, "rerank": 16, "prefer": 3}),
    ],
)
def test_what_came_to_a_step_is_cut_to_what_it_kept(name: str, counts: dict[str, int]) -> None:
    (pipeline,) = [c.pipeline for c in simpler(LONG) if c.title == f"without {name}"]
    left = {n: s.settings["k"] for n in ("retrieve", "rerank", "prefer") if (s := pipeline.step(n))}
    assert left == counts


def test_a_trim_that_says_how_many_leaves_so_many() -> None:
    pipeline = LONG.with_step("trim", most=5).without_step("prefer")
    (whole,) = [c.pipeline for c in simpler(pipeline) if c.title == "without trim"]
    assert whole.step("rerank").settings["k"] == 5  # type: ignore[union-attr]
    (fewer,) = [c.pipeline for c in simpler(pipeline) if "passages" in c.title]
    assert fewer.step("trim").settings["most"] == 4  # type: ignore[union-attr]


def test_nearest_examples_have_no_ids() -> None:
    shots = {"examples": {"k": 4, "select": "nearest"}}
    pipeline = Pipeline.model_validate({"model": "m", "steps": [shots, "generate"]})
    (fewer,) = [c for c in simpler(pipeline) if "instead" in c.title]
    assert fewer.pipeline.step("examples").settings == {  # type: ignore[union-attr]
        "k": 2, "select": "nearest"
    }  # fmt: skip


def test_what_is_smallest_has_nothing_to_take_out() -> None:
    bare = Pipeline.model_validate({"model": "m", "steps": [{"retrieve": {"k": 1}}, "generate"]})
    assert list(simpler(bare, ("m",))) == []
    one = bare.with_step("examples", before="generate", k=1)
    assert [c.title for c in simpler(one)] == ["without examples"]


def spent(made: Any, prompt: int, completion: int, usd: float | None) -> Any:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, usd=usd)
    return made.run_of([1.0] * 4, usage=usage)


def test_savings_in_dollars_where_known_else_in_tokens(made: Any) -> None:
    base = spent(made, 100, 25, 2.0)
    assert saves(spent(made, 500, 25, 0.5), base) == pytest.approx(0.75)
    assert saves(spent(made, 100, 25, 4.0), base) == pytest.approx(-1.0)
    # A price that is not known on one side, or is nothing: tokens, a written one as four read.
    assert saves(spent(made, 50, 25, None), base) == pytest.approx(0.25)
    assert saves(spent(made, 100, 0, 0.0), spent(made, 100, 25, 0.0)) == pytest.approx(0.5)
    assert saves(spent(made, 100, 0, 1.0), spent(made, 0, 0, None)) == 0.0
