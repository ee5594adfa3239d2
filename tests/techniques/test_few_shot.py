"""What the techniques that show solved examples propose."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import headway as hw
from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate, Technique
from headway.core.record import Record
from headway.core.task import Example, Task
from headway.engine.journey import Lent
from headway.engine.trying import Tried
from headway.steps import build
from headway.techniques import TECHNIQUES
from headway.techniques.behaviour.bootstrapped_examples import TRIES, BootstrappedExamples
from headway.techniques.behaviour.matched_examples import MatchedExamples
from headway.testing.techniques import (
    INCUMBENTS,
    ScriptedContext,
    TechniqueContract,
    large_task,
    proposals,
)
from headway.workspace import Workspace


def context(incumbent: str = "no search", task: Task | None = None, **more: Any) -> ScriptedContext:
    task = task or large_task()
    return ScriptedContext(task, INCUMBENTS[incumbent], task.split("train"), **more)


def proposed(name: str, ctx: ScriptedContext) -> list[Candidate]:
    found = proposals(TECHNIQUES.load(name), ctx)
    for candidate in found:
        build(candidate.pipeline)
    return found


def examples(pipeline: Pipeline) -> dict[str, Any]:
    found = pipeline.step("examples")
    return dict(found.settings) if found else {}


def referring(references: Sequence[str], **spec: Any) -> Task:
    """large_task with these references in turn."""
    task = large_task(**spec)
    made = tuple(
        e.model_copy(update={"reference": f"{references[n % len(references)]}", "tags": ()})
        for n, e in enumerate(task.examples)
    )
    return task.model_copy(update={"examples": made})


# --- the number, and the selection ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "select", "counts"),
    [
        ("nearest_examples", "nearest", [2, 4, 8]),
        ("diverse_examples", "diverse", [4, 8]),
        ("balanced_examples", "balanced", [3, 4, 8]),  # the task has three tags
    ],
)
def test_growing_numbers(name: str, select: str, counts: list[int]) -> None:
    found = [examples(c.pipeline) for c in proposed(name, context())]
    assert [f["k"] for f in found] == counts
    assert {f["select"] for f in found} == {select}


def test_no_more_than_the_context_holds() -> None:
    def numbers(room: int | None) -> list[int]:
        return [examples(c.pipeline)["k"] for c in proposed("nearest_examples", context(room=room))]

    assert numbers(None) == [2, 4, 8]
    assert numbers(100_000) == [2, 4, 8]
    assert numbers(570) == [2, 4]
    assert numbers(100) == []


def test_what_is_shown_with_passages_takes_more_room() -> None:
    few = proposed("fixed_examples", context("search", room=2200))
    more = proposed("fixed_examples", context("no search", room=2200))
    assert [examples(c.pipeline)["k"] for c in few] == [3, 6]
    assert [examples(c.pipeline)["k"] for c in more] == [3, 6, 12]


def test_balanced_by_label_where_there_are_labels() -> None:
    labels = [f"label {n}" for n in range(6)]
    task = referring(labels, output={"kind": "label", "labels": labels})
    found = proposed("balanced_examples", context(task=task))
    assert [examples(c.pipeline)["k"] for c in found] == [4, 6, 8]
    assert all(c.title.endswith("balanced by label") for c in found)


def test_nothing_to_balance() -> None:
    assert proposed("balanced_examples", context(task=referring(["one"]))) == []


# --- matched --------------------------------------------------------------------------------------

QUERIES = ("SELECT a FROM t", "SELECT a FROM t JOIN u WHERE b = 1 OR c = 2 ORDER BY d LIMIT 1")


def sql_task() -> Task:
    """large_task with easy and hard queries; the code word stands behind each as a comment."""
    task = large_task(output={"kind": "sql", "dialect": "sqlite"})
    made = tuple(
        e.model_copy(update={"reference": f"{QUERIES[n % 2]} -- {e.reference}"})
        for n, e in enumerate(task.examples)
    )
    return task.model_copy(update={"examples": made})


class TestMatched(TechniqueContract):
    def _task(self) -> Task:
        return sql_task()

    @pytest.fixture
    def technique(self) -> type[Technique]:
        return MatchedExamples


def test_matched_needs_two_classes_to_learn() -> None:
    found = proposed("matched_examples", context(task=sql_task()))
    assert [examples(c.pipeline)["k"] for c in found] == [2, 4, 8]
    assert {examples(c.pipeline)["select"] for c in found} == {"matched"}
    assert proposed("matched_examples", context()) == []  # all references look alike
    one = sql_task()
    few = tuple(e.model_copy(update={"reference": QUERIES[0]}) for e in one.examples)
    assert (
        proposed("matched_examples", context(task=one.model_copy(update={"examples": few}))) == []
    )


# --- bootstrapped ---------------------------------------------------------------------------------


@dataclass
class Answers(ScriptedContext):
    """score: of each example's answer, in train's order, in turn."""

    score: Sequence[float | None] = (1.0,)
    told: Mapping[str, Any] | None = None
    asked: int = 0

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        step = pipeline.step("generate")
        assert step is not None
        assert step.settings["reasoning"] != "none"
        found = []
        for example in examples:
            score = self.score[self.asked % len(self.score)]
            self.asked += 1
            text = f"Box {example.id} says so.\nAnswer: {example.reference}"
            told = {"step": "generate", "finish": "stop", "text": text, **(self.told or {})}
            found.append(
                Record(example.id, answer="a", scores={self.task.metric: score}, trace=(told,))
            )
        return tuple(found)


@dataclass
class Amended(Answers):
    """Later steps have had the last word. later: their traces; says: of the record."""

    later: Sequence[Mapping[str, Any]] = ()
    says: Mapping[str, Any] = field(default_factory=dict)

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        found = await super().evaluate(pipeline, examples)
        return tuple(replace(r, trace=(*r.trace, *self.later), **self.says) for r in found)


def answers(
    incumbent: str = "no search",
    task: Task | None = None,
    kind: type[Answers] = Answers,
    **more: Any,
) -> Any:
    task = task or large_task()
    return kind(task, INCUMBENTS[incumbent], task.split("train"), **more)


def shown(ctx: Answers) -> set[str]:
    """All replies that are proposed."""
    return {
        reply
        for candidate in proposed("bootstrapped_examples", ctx)
        for reply in examples(candidate.pipeline)["replies"].values()
    }


def test_its_own_right_replies_are_shown_with_their_reasoning() -> None:
    ctx = answers(score=(1.0, 0.0, None))
    found = proposed("bootstrapped_examples", ctx)
    assert [examples(c.pipeline)["k"] for c in found] == [2, 4, 8]
    right = {e.id for n, e in enumerate(ctx.train) if n % 3 == 0}
    for candidate in found:
        settings = examples(candidate.pipeline)
        assert set(settings["replies"]) == set(settings["ids"]) <= right
        assert all(reply.startswith("Box case-") for reply in settings["replies"].values())
        step = candidate.pipeline.step("generate")
        assert step is not None
        assert step.settings["reasoning"] == "brief"


def test_a_reasoning_that_is_there_stays() -> None:
    ctx = answers()
    ctx.incumbent = ctx.incumbent.with_step("generate", reasoning="steps")
    step = proposed("bootstrapped_examples", ctx)[0].pipeline.step("generate")
    assert step is not None
    assert step.settings["reasoning"] == "steps"


def test_it_stops_when_it_has_enough_to_choose_from() -> None:
    ctx = answers()
    proposed("bootstrapped_examples", ctx)
    assert ctx.asked == 16


def test_nearly_right_only_where_too_few_are_right() -> None:
    found = proposed("bootstrapped_examples", answers(score=(0.9, 0.5)))
    assert all(c.title.endswith("scored 0.8 or more") for c in found)
    found = proposed("bootstrapped_examples", answers(score=(0.9, 1.0)))
    assert all(c.title.endswith("with their reasoning") for c in found)


@pytest.mark.parametrize(
    "told",
    [
        {"finish": "length"},
        {"text": ""},
        {"text": "It stands in passage 3.\nAnswer: x"},
        {"text": "As [2] says.\nAnswer: x"},
        {"step": "other"},
    ],
)
def test_a_reply_that_would_show_a_wrong_form_is_not_shown(told: dict[str, Any]) -> None:
    ctx = answers(told=told)
    assert proposed("bootstrapped_examples", ctx) == []
    assert ctx.asked <= 2 * TRIES
    (notice,) = ctx.notices
    assert "answered 0 rightly" in notice


@pytest.mark.parametrize("step", ["repair", "revise", "check"])
def test_a_reply_that_another_request_replaced_is_not_shown(step: str) -> None:
    told = {"step": step, "finish": "stop", "text": "It was missing.\nAnswer: x"}
    assert shown(answers(kind=Amended, later=[told, {"step": "check", "supported": True}])) == set()


def test_of_several_samples_the_one_that_was_scored_is_shown() -> None:
    told = {"step": "vote", "n": 3, "finish": "stop", "text": "Most say so.\nAnswer: x"}
    assert shown(answers(kind=Amended, later=[told])) == {told["text"]}
    # None was valid, or it was cut off: nothing is shown in its place.
    assert shown(answers(kind=Amended, later=[{**told, "finish": "length"}])) == set()


def test_what_a_step_noted_and_left_does_not_count() -> None:
    told = [{"step": "revise", "kept": "first", "why": "?", "said": "No."}, {"step": "check"}]
    assert all(reply.startswith("Box case-") for reply in shown(answers(kind=Amended, later=told)))
    assert shown(answers(kind=Amended, later=told))


def test_an_abstention_is_shown_only_where_the_model_wrote_it() -> None:
    says = {"answer": "Not known here.", "abstained": True}
    blocked = [{"step": "check", "supported": False}]
    assert shown(answers(kind=Amended, later=blocked, says=says)) == set()
    own = {"text": "No box says so.\nAnswer: **Not known here**"}
    assert shown(answers(kind=Amended, told=own, says=says)) == {own["text"]}


def test_words_without_a_mark_are_not_shown() -> None:
    ctx = answers(told={"text": "no mark of an answer"})
    found = proposed("bootstrapped_examples", ctx)
    assert {c.pipeline.step("generate").settings.get("contract") for c in found} == {"json"}


def test_none_right_is_said() -> None:
    ctx = answers(score=(0.0,))
    assert proposed("bootstrapped_examples", ctx) == []
    # In words, and once more in a field.
    assert f"of {ctx.asked // 2} questions" in ctx.notices[0]


class OnlyInAField(Answers):
    """A model that skips a reasoning which no form enforces."""

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        step = pipeline.step("generate")
        assert step is not None
        found = await super().evaluate(pipeline, examples)
        right = float(step.settings.get("contract") == "json")
        return tuple(replace(r, scores={self.task.metric: right}) for r in found)


def test_where_reasoning_in_words_is_seldom_right_a_field_is_tried() -> None:
    task = large_task()
    ctx = OnlyInAField(
        task, INCUMBENTS["no search"], task.split("train"), told={"text": '{"answer": "x"}'}
    )
    found = proposed("bootstrapped_examples", ctx)
    assert [examples(c.pipeline)["k"] for c in found] == [2, 4, 8]
    for candidate in found:
        step = candidate.pipeline.step("generate")
        assert step is not None
        assert (step.settings["reasoning"], step.settings["contract"]) == ("steps", "json")


def test_with_a_search_the_evidence_stands_before_each() -> None:
    found = proposed("bootstrapped_examples", answers("search"))
    assert {examples(c.pipeline)["show"] for c in found} == {"evidence"}


def test_a_json_contract_needs_no_mark() -> None:
    ctx = answers(told={"text": '{"reasoning": "so", "answer": "x"}'})
    ctx.incumbent = ctx.incumbent.with_step("generate", contract="json")
    assert len(proposed("bootstrapped_examples", ctx)) == 3


# --- through the engine ---------------------------------------------------------------------------


def test_it_is_a_pipeline_that_can_be_written_read_and_run(tmp_path: Path) -> None:
    """A scripted model that thinks rightly only where it has seen how."""
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "task.yaml").write_text(
        "name: sums\ndescription: Add.\nmetrics: [exact_match]\n"
        "models: {chat: scripted/model.py:answer, embed: scripted/words}\n"
        "splits: {train: 0.4, dev: 0.4, test: 0.2}\n"
    )
    (folder / "examples.jsonl").write_text(
        "".join(
            f'{{"id": "{n}", "inputs": {{"question": "{n} + 1"}}, "reference": "{n + 1}"}}\n'
            for n in range(60)
        )
    )
    (folder / "model.py").write_text(
        "def answer(request):\n"
        "    last = int(request.messages[-1].content.split()[0])\n"
        "    seen = any('One more than' in m.content for m in request.messages[:-1])\n"
        "    right = seen or last % 2 == 0\n"
        "    return f'One more than {last}.\\nAnswer: {last + 1 if right else last}'\n"
    )
    before = hw.evaluate(folder).metrics["exact_match"].mean

    async def go() -> tuple[Tried, Pipeline]:
        async with Workspace.open(folder) as work:
            tried = await work.try_technique("bootstrapped_examples")
            train = work.task.split("train")
            lent = Lent(work.task, work.pipeline(None), train, {}, work._runner())
            found = [c async for c in BootstrappedExamples().propose(lent)]
        return tried, found[-1].pipeline

    tried, last = asyncio.run(go())
    assert [step.candidate for step in tried.steps] == [
        f"{k} of the model's own right replies with their reasoning" for k in (2, 4, 8)
    ]
    file = last.save(folder / "pipelines" / "own.yaml")
    assert "One more than" in file.read_text()
    assert "One more than" not in Pipeline.load(file).describe()
    after = hw.evaluate(folder, file)
    assert before is not None
    assert before < 0.7
    assert after.metrics["exact_match"].mean == 1.0
    assert after.pipeline == tried.steps[-1].pipeline
