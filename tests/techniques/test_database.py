"""The technique `database`: which ways it proposes, and where the step goes."""

from __future__ import annotations

from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.task import Evidence, Example
from headway.techniques.context.database import DatabaseQuery, answered_from
from headway.testing.techniques import ScriptedContext, large_task, proposals

TASK = large_task()


def train(solved: int, others: int = 0, database: str = "boxes") -> tuple[Example, ...]:
    query = Evidence(document=f"database:{database}", tables=("t",), text="SELECT 1")
    return tuple(
        Example(
            id=f"{database}{n}", inputs={"question": f"q{n}"}, reference="r",
            evidence=(query if n < solved else Evidence(document="boxes.md"),),
        )
        for n in range(solved + others)
    )  # fmt: skip


def pipeline(*steps: Any) -> Pipeline:
    return Pipeline.model_validate({"model": "scripted/echo", "steps": list(steps)})


def ways(pipeline: Pipeline, examples: tuple[Example, ...]) -> list[str]:
    found = proposals(DatabaseQuery, ScriptedContext(TASK, pipeline, examples))
    return [c.pipeline.step("database").settings["when"] for c in found]  # type: ignore[union-attr]


def test_the_ways_by_what_train_knows() -> None:
    plain = pipeline("retrieve", "generate")
    assert ways(plain, ()) == ["model"]
    assert ways(plain, train(4, 20)) == ["model"]
    assert ways(plain, train(5, 20)) == ["matched", "model"]
    assert ways(plain, train(19, 1)) == ["always", "matched", "model"]


def test_the_present_way_is_not_proposed_again() -> None:
    now = pipeline("retrieve", {"database": {"when": "matched", "examples": 5}}, "generate")
    found = proposals(DatabaseQuery, ScriptedContext(TASK, now, train(9, 9)))
    assert [c.pipeline.step("database").settings for c in found] == [  # type: ignore[union-attr]
        {"when": "model", "examples": 5}
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["generate"], ["database", "generate"]),
        (["retrieve", "generate"], ["retrieve", "database", "generate"]),
        (
            ["retrieve", "rerank", "examples", "generate"],
            ["retrieve", "rerank", "database", "examples", "generate"],
        ),
        (
            ["examples", "retrieve", "compress", "generate"],
            ["examples", "retrieve", "compress", "database", "generate"],
        ),
    ],
)
def test_it_goes_behind_what_searches(before: list[str], after: list[str]) -> None:
    found = proposals(DatabaseQuery, ScriptedContext(TASK, pipeline(*before), train(9, 9)))
    assert [[s.name for s in c.pipeline.steps] for c in found] == [after, after]


def test_nothing_where_nobody_would_read_the_rows() -> None:
    assert ways(pipeline("retrieve"), train(9)) == []
    assert ways(pipeline("application"), train(9)) == []

    class Without(ScriptedContext):
        @property
        def databases(self) -> tuple[str, ...]:
            return ()

    assert proposals(DatabaseQuery, Without(TASK, pipeline("generate"), train(9))) == []


def test_of_several_the_one_that_answers_most() -> None:
    class Two(ScriptedContext):
        @property
        def databases(self) -> tuple[str, ...]:
            return ("boxes", "crates")

    examples = (*train(2), *train(6, 30, "crates"))
    found = proposals(DatabaseQuery, Two(TASK, pipeline("generate"), examples))
    assert [dict(c.pipeline.steps[0].settings) for c in found] == [
        {"database": "crates", "when": "matched"},
        {"database": "crates", "when": "model"},
    ]
    assert answered_from(examples) == {"boxes": 2, "crates": 6}
