"""What history and condense propose, in a task of conversations and in one without."""

from __future__ import annotations

from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.protocols import Technique
from headway.core.task import Task
from headway.engine.needs import unmet
from headway.steps import build
from headway.techniques import TECHNIQUES
from headway.testing.techniques import (
    INCUMBENTS,
    ScriptedContext,
    TechniqueContract,
    large_task,
    proposals,
)

NAMES = ("condense", "history")


def talking(exchanges: int = 5, words: int = 5, **spec: Any) -> Task:
    """The large task, each question the last turn of a conversation of so many exchanges."""
    task = large_task(**spec)
    made = []
    for example in task.examples:
        said = [
            {"role": role, "content": f"{role} says {number}" + " more" * (words - 3)}
            for number in range(exchanges)
            for role in ("user", "assistant")
        ]
        last = {"role": "user", "content": example.question}
        made.append(example.model_copy(update={"inputs": {"messages": [*said, last]}}))
    return task.model_copy(update={"examples": tuple(made)})


class TestConversations(TechniqueContract):
    @pytest.fixture(params=NAMES)
    def technique(self, request: pytest.FixtureRequest) -> Any:
        return TECHNIQUES.load(request.param)

    def _task(self) -> Task:
        return talking()


def proposed(name: str, task: Task, incumbent: str | Pipeline = "search") -> list[Pipeline]:
    pipeline = INCUMBENTS[incumbent] if isinstance(incumbent, str) else incumbent
    technique: type[Technique] = TECHNIQUES.load(name)
    found = [
        c.pipeline
        for c in proposals(technique, ScriptedContext(task, pipeline, task.split("train")))
    ]
    for candidate in found:
        build(candidate)
    return found


def settings(pipelines: list[Pipeline], name: str) -> list[dict[str, Any]]:
    steps = [pipeline.step(name) for pipeline in pipelines]
    return [dict(step.settings) for step in steps if step is not None]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_without_conversations(name: str) -> None:
    task = large_task()
    assert proposed(name, task) == []
    assert unmet(TECHNIQUES.load(name), task) == "needs conversations in train"
    assert unmet(TECHNIQUES.load(name), talking()) == ""


def test_as_many_as_the_longest_conversation_gives_cause_for() -> None:
    by_length = {n: settings(proposed("history", talking(n)), "history") for n in (1, 2, 3, 4)}
    assert by_length[1] == [{"turns": 0}]
    assert by_length[2] == [{"turns": 1}, {"turns": 0}]
    assert by_length[3] == [{"turns": 1}, {"turns": 2, "older": "extract"}, {"turns": 0}]
    assert by_length[4][0] == {"turns": 3}


def test_a_summary_only_where_a_conversation_is_long() -> None:
    short, long = talking(5, 10), talking(5, 40)
    assert not [s for s in settings(proposed("history", short), "history") if "beyond" in s]
    assert {"turns": 2, "older": "summary", "beyond": 300} in settings(
        proposed("history", long), "history"
    )


def test_what_is_so_already_is_not_proposed_again() -> None:
    task = talking(5)
    base = INCUMBENTS["search"]
    now = base.with_step("history", before="generate", turns=3, older="drop", beyond=0)
    found = settings(proposed("history", task, now), "history")
    assert {"turns": 3} not in [{"turns": s.get("turns")} for s in found]
    # What the incumbent has set does not stay in another candidate.
    older = base.with_step("history", before="generate", turns=2, older="extract")
    assert {"turns": 1} in settings(proposed("history", task, older), "history")
    assert proposed("condense", task, base.with_step("condense", before="retrieve")) == []


def test_condense_stands_first_and_history_before_the_prompt() -> None:
    found = proposed("condense", talking())
    assert [s["use"] for s in settings(found, "condense")] == ["search", "both"]
    assert all(p.steps[0].name == "condense" for p in found)
    without = proposed("condense", talking(), "no search")
    assert [s["use"] for s in settings(without, "condense")] == ["both"]
    shown = proposed("history", talking())[0]
    assert [s.name for s in shown.steps] == ["retrieve", "history", "generate"]
