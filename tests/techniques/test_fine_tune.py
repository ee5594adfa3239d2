"""What fine_tune proposes, and when it does not."""

from __future__ import annotations

import asyncio
from typing import Any

from headway.core.pipeline import Pipeline
from headway.techniques.behaviour.fine_tune import FineTune
from headway.testing.techniques import INCUMBENTS, ScriptedContext, large_task, proposals


def proposed(pipeline: Pipeline, **more: Any) -> list[Pipeline]:
    task = large_task()
    context = ScriptedContext(task, pipeline, **{"train": task.split("train"), **more})
    return [c.pipeline for c in proposals(FineTune, context)]


def test_it_proposes_what_was_trained() -> None:
    (found,) = proposed(INCUMBENTS["search"])
    assert found.model == "scripted/tuned"


def test_nothing_where_nothing_came_of_the_training() -> None:
    assert proposed(INCUMBENTS["search"], train=()) == []


def test_nothing_where_nobody_answers_or_it_is_tuned_already() -> None:
    silent = Pipeline.model_validate({"model": "scripted/echo", "steps": [{"retrieve": {}}]})
    assert proposed(silent) == []
    assert proposed(INCUMBENTS["search"].model_copy(update={"model": "tuned/a"})) == []


def test_it_asks_for_the_incumbent_to_be_trained() -> None:
    asked = []

    class Context(ScriptedContext):
        async def tune(self, pipeline: Pipeline) -> Pipeline | None:
            asked.append(pipeline)
            return None

    context = Context(large_task(), INCUMBENTS["search"])

    async def run() -> list[Any]:
        return [c async for c in FineTune().propose(context)]

    assert asyncio.run(run()) == []
    assert asked == [INCUMBENTS["search"]]
