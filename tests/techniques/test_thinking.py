"""What reasoning, voting, best_of_n, missed, stages, react and output_contract propose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from headway.core.pipeline import Pipeline
from headway.core.record import Record
from headway.core.task import Example, Task
from headway.engine.simplify import simpler
from headway.steps import build
from headway.techniques import TECHNIQUES
from headway.techniques.behaviour.output_contract import was_cut
from headway.techniques.behaviour.placing import put
from headway.techniques.behaviour.react import figures
from headway.testing.techniques import INCUMBENTS, ScriptedContext, large_task, proposals

NAMES = ("reasoning", "voting", "best_of_n", "missed", "stages", "react", "output_contract")
FIELDS = {"type": "object", "properties": {"town": {}, "year": {}}}
JSON = {"output": {"kind": "json", "schema": FIELDS}}
LABEL = {"output": {"kind": "label", "labels": ["open", "shut"]}}


def proposed(
    name: str, incumbent: str | Pipeline, task: Task | None = None, **spec: Any
) -> list[Pipeline]:
    task = task or large_task(**spec)
    pipeline = INCUMBENTS[incumbent] if isinstance(incumbent, str) else incumbent
    context = ScriptedContext(task, pipeline, task.split("train"))
    found = [c.pipeline for c in proposals(TECHNIQUES.load(name), context)]
    for candidate in found:
        build(candidate)
    return found


def settings(pipeline: Pipeline, step: str) -> dict[str, Any]:
    found = pipeline.step(step)
    assert found is not None
    return dict(found.settings)


def names(pipeline: Pipeline) -> list[str]:
    return [s.name for s in pipeline.steps]


def counting() -> Task:
    """Every question holds two figures, every answer one."""
    task = large_task()
    examples = tuple(
        Example(id=e.id, inputs={"question": f"{n} and {n + 1}?"}, reference=str(2 * n + 1))
        for n, e in enumerate(task.examples)
    )
    return task.model_copy(update={"examples": examples})


@pytest.mark.parametrize("name", NAMES)
def test_nothing_where_nobody_answers(name: str) -> None:
    for incumbent in ("search only", "application"):
        assert proposed(name, incumbent) == []


@pytest.mark.parametrize("name", ["voting", "missed", "stages", "react"])
def test_what_is_there_is_not_proposed_again(name: str) -> None:
    for pipeline in proposed(name, "search"):
        assert proposed(name, pipeline) == []


def test_steps_after_the_answer_stand_in_their_order() -> None:
    pipeline = INCUMBENTS["search"]
    for name in ("check", "revise", "vote", "repair"):
        pipeline = put(pipeline, name)
    assert names(pipeline) == ["retrieve", "generate", "vote", "repair", "revise", "check"]


# --- reasoning, voting, best of n -----------------------------------------------------------------


def test_reasoning_in_two_lengths_and_in_a_field_and_not_over_quotes() -> None:
    def forms(incumbent: str | Pipeline) -> list[tuple[str, str]]:
        found = [settings(p, "generate") for p in proposed("reasoning", incumbent)]
        return [(s["reasoning"], s.get("contract", "none")) for s in found]

    search = INCUMBENTS["search"]
    assert forms("search") == [("brief", "none"), ("steps", "none"), ("steps", "json")]
    brief = search.with_step("generate", reasoning="brief")
    assert forms(brief) == [("steps", "none"), ("steps", "json")]
    assert forms(search.with_step("generate", reasoning="steps")) == [("steps", "json")]
    held = search.with_step("generate", contract="json")
    assert forms(held) == [("brief", "json"), ("steps", "json")]
    assert forms(held.with_step("generate", reasoning="steps")) == []
    quoting = INCUMBENTS["search"].with_step("generate", reasoning="quote")
    assert proposed("reasoning", quoting) == []


def test_voting_comes_right_after_the_answer() -> None:
    checked = INCUMBENTS["search"].with_step("check", citations=False)
    for pipeline, n in zip(proposed("voting", checked), (5, 3), strict=True):
        assert names(pipeline) == ["retrieve", "generate", "vote", "check"]
        assert settings(pipeline, "vote") == {"n": n}


def test_best_of_n_by_a_judge_and_by_what_the_passages_support() -> None:
    by_model, by_rerank = proposed("best_of_n", "search")
    assert settings(by_model, "vote") == {"n": 4, "by": "model", "model": "scripted/echo"}
    assert settings(by_rerank, "vote") == {"n": 4, "by": "rerank", "model": "scripted/echo"}
    assert [settings(p, "vote")["by"] for p in proposed("best_of_n", "no search")] == ["model"]
    assert [settings(p, "vote")["by"] for p in proposed("best_of_n", "search", **LABEL)] == [
        "model"
    ]
    assert proposed("best_of_n", "search", output={"kind": "sql"}) == []
    # A vote keeps its samples; what it is chosen by changes.
    voting = put(INCUMBENTS["search"], "vote", n=7)
    assert [settings(p, "vote")["n"] for p in proposed("best_of_n", voting)] == [7, 7]
    assert len(proposed("best_of_n", by_model)) == 1


def test_simplify_takes_out_samples_and_passes() -> None:
    pipeline = put(put(INCUMBENTS["search"], "vote", n=5), "revise")
    found = {c.title: c.pipeline for c in simpler(pipeline)}
    assert names(found["without vote"]) == ["retrieve", "generate", "revise"]
    assert settings(found["3 samples instead"], "vote")["n"] == 3
    assert "without revise" in found


# --- missed, stages, react ------------------------------------------------------------------------


def test_missed_only_where_something_can_be_missed() -> None:
    general, parts = proposed("missed", "search")
    assert names(general) == ["retrieve", "generate", "revise"]
    assert "part by part" in settings(parts, "revise")["look"]
    assert proposed("missed", "search", **LABEL) == []
    assert len(proposed("missed", "search", **JSON)) == 2


@pytest.mark.parametrize(
    ("spec", "title", "says"),
    [
        ({}, "Plan", "Write the steps that lead to the answer"),
        (JSON, "Found for each field", "town, year"),
        (LABEL, "Labels that come close", "open, shut"),
    ],
)
def test_stages_are_of_the_tasks_own_kind(spec: dict[str, Any], title: str, says: str) -> None:
    facts, own, both = proposed("stages", "search", **spec)
    assert names(facts) == names(own) == ["retrieve", "stage", "generate"]
    assert "Say what is kept in a box." in settings(facts, "stage")["template"]
    assert "from the passages" in settings(facts, "stage")["template"]
    assert settings(own, "stage")["title"] == title
    assert says in settings(own, "stage")["template"]
    assert names(both) == ["retrieve", "stage", "stage", "generate"]
    assert [s.settings["title"] for s in both.steps if s.name == "stage"] == ["Facts", title]
    blind = proposed("stages", "no search", **spec)[0]
    assert "from what you are given" in settings(blind, "stage")["template"]


def test_stages_say_no_more_labels_than_can_be_read() -> None:
    labels = [f"label{n}" for n in range(77)]
    own = proposed("stages", "search", output={"kind": "label", "labels": labels})[1]
    assert "label29 and others" in settings(own, "stage")["template"]
    assert "label30" not in settings(own, "stage")["template"]


def test_no_stages_where_the_tasks_words_would_be_places_to_fill() -> None:
    assert not proposed("stages", "search", description="Fill {{passage}} in.")


def test_react_has_the_tools_that_the_task_has() -> None:
    (looking,) = proposed("react", "search")
    assert names(looking) == ["retrieve", "react", "generate"]
    assert settings(looking, "react") == {"tools": ["search", "database"]}
    (asking,) = proposed("react", "no search")
    assert settings(asking, "react")["tools"] == ["database"]
    searched = INCUMBENTS["re-ranked"].with_step("retrieve", passages={"tokens": 64}, embed="m")
    (same,) = proposed("react", searched)
    assert settings(same, "react") == {
        "tools": ["search", "database"], "by": "dense", "passages": {"tokens": 64}, "embed": "m",
    }  # fmt: skip
    assert proposed("react", "search", **LABEL) == []


def test_react_calculates_where_there_are_figures() -> None:
    assert figures(large_task().split("train")) == 0.0
    assert figures(counting().split("train")) == 1.0
    assert figures(()) == 0.0
    every, alone = proposed("react", "search", counting())
    assert settings(every, "react")["tools"] == ["calculate", "search", "database"]
    assert settings(alone, "react") == {"tools": ["calculate"]}


# --- output contract ------------------------------------------------------------------------------


def test_a_contract_then_a_repair_as_the_kind_needs_it() -> None:
    (text,) = proposed("output_contract", "search")
    assert settings(text, "generate")["contract"] == "json"
    for spec in (JSON, LABEL):
        agreed, mended, both = proposed("output_contract", "search", **spec)
        assert names(agreed) == ["retrieve", "generate"]
        assert names(mended) == names(both) == ["retrieve", "generate", "repair"]
        assert "contract" not in settings(mended, "generate")
        assert settings(both, "generate")["contract"] == "json"
        assert proposed("output_contract", both, **spec) == []


class Cutting(ScriptedContext):
    """Every fourth answer is cut off."""

    asked = 0

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        self.asked += len(examples)
        ends = ["length" if n % 4 == 0 else "stop" for n in range(len(examples))]
        told = [
            ({"step": "generate", "finish": end, "text": "x"}, {"step": "check"}) for end in ends
        ]
        return tuple(Record(e.id, trace=t) for e, t in zip(examples, told, strict=True))


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ({}, {"max_tokens": 512}),
        ({"max_tokens": 32}, {"max_tokens": 64}),
        ({"reasoning": "steps"}, {"max_tokens": 512, "room": 800}),
        ({"reasoning": "brief", "room": 50}, {"max_tokens": 512, "room": 100}),
    ],
)
def test_answers_that_are_cut_off_get_room(now: dict[str, Any], then: dict[str, Any]) -> None:
    task = large_task()
    pipeline = put(INCUMBENTS["no search"], "repair").with_step("generate", contract="json", **now)
    context = Cutting(task, pipeline, task.split("train"))
    (roomier,) = proposals(TECHNIQUES.load("output_contract"), context)
    assert roomier.title == "twice the tokens: 4 of 16 answers on train were cut off"
    kept = settings(roomier.pipeline, "generate")
    assert {name: kept.get(name) for name in ("max_tokens", "room")} == {"room": None, **then}
    assert context.asked == 16
    context.calls_left = 100  # too few calls are left to look
    assert proposals(TECHNIQUES.load("output_contract"), context) == []
    assert context.asked == 16


def test_the_last_reply_that_is_an_answer_decides() -> None:
    def record(*entries: tuple[str, str]) -> Record:
        trace = tuple({"step": step, "finish": end, "text": "x"} for step, end in entries)
        return Record("e", trace=trace)

    assert was_cut(record(("generate", "length")))
    assert not was_cut(record(("generate", "length"), ("repair", "stop")))
    assert not was_cut(Record("e"))
    assert not was_cut(Record("e", trace=({"step": "stage", "ended": "length"},)))
