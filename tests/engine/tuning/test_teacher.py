"""A teacher's answers and production's as samples: what is kept, and what is left out and why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.task import Example, Task
from headway.engine.estimate import Estimator
from headway.engine.tuning.samples import samples_of
from headway.engine.tuning.teacher import WHY, Taught, baked, inputs_of, plan_taught, taught
from headway.intake.logs import Request, read_log
from headway.workspace import Workspace

MakeTask = Callable[..., Path]
PIPELINE = Pipeline.model_validate({"model": "scripted/model.py:answer", "steps": ["generate"]})
# Says what stands after "say", or of several after "any" another one with each sample.
MODEL = """
from headway.core.errors import Outage
from headway.core.record import ChatReply

def answer(request):
    asked = request.messages[-1].content
    line = next(l for l in reversed(asked.splitlines()) if "say" in l or "any" in l)
    if "any " in line:
        choices = line.split("any ", 1)[1].split(" | ")
        said = choices[(request.seed or 0) // 1000 % len(choices)]
    else:
        said = line.split("say ", 1)[1]
    if said.startswith("DOWN"):
        raise Outage("down")
    if said.startswith("REFUSE"):
        return ChatReply("", "refused")
    return said
"""


def made(make_task: MakeTask, **spec: Any) -> Path:
    folder = make_task(
        "teach", knowledge=False,
        **{"models": {"chat": "scripted/model.py:answer", "embed": "scripted/words"},
           "metrics": ["exact_match"], "output": {"kind": "text", "abstain": "I cannot say"},
           **spec},
    )  # fmt: skip
    (folder / "model.py").write_text(MODEL)
    rows = [{"id": f"own{n}", "inputs": {"question": f"own {n} say x"}, "reference": "x"}
            for n in range(20)]  # fmt: skip
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def asking(*questions: str, **more: Any) -> list[Example]:
    return [Example(id=f"q{n}", inputs={"question": q}, **more) for n, q in enumerate(questions)]


async def teach(folder: Path, inputs: Sequence[Example], **how: Any) -> Taught:
    async with Workspace.open(folder) as workspace:
        return await taught(workspace._runner(), PIPELINE, inputs, **how)


async def test_agreement_keeps_what_most_samples_say(make_task: MakeTask) -> None:
    folder = made(make_task)
    inputs = asking(
        "one: say blue", "two: any blue | Blue. | blue | blue | blue", "three: any red | blue",
        "four: any a | b | c | d | e", "five: say REFUSE", "six: say DOWN",
        "seven: say I cannot say", "eight: any blue | blue | blue | blue | REFUSE",
        "nine: any blue | DOWN | blue | blue | DOWN",
        tags=("colour",), group="g",
    )  # fmt: skip
    found = await teach(folder, inputs, filter="agreement")
    assert [e.question.split(":")[0] for e in found.examples] == ["one", "two", "eight"]
    assert found.counts == {"kept": 3, "disagree": 3, "refused": 1, "outage": 1, "abstained": 1}
    assert set(found.counts) - {"kept"} <= set(WHY)
    for example in found.examples:
        assert (example.reference or "").casefold().strip(".") == "blue"
        assert (example.source, example.reviewed, example.group) == ("teacher", False, "g")
        assert example.tags[:2] == ("colour", "teacher")
        assert example.tags[2] == f"teacher {found.lineage['pipeline'][:12]}"
    assert found.lineage["model"] == "scripted/model.py:answer"
    assert found.lineage["samples"] == 5
    assert found.usage.calls + found.usage.cached_calls >= 35
    # The same again is in the store; other examples have the same names.
    again = await teach(folder, inputs[:5], filter="agreement")
    assert again.usage.calls == 0
    assert again.examples == found.examples[:2]


async def test_texts_agree_by_their_words(make_task: MakeTask) -> None:
    folder = made(make_task)
    long = "the bridge was opened in the year 1893 by mayor Quill of Alder"
    inputs = asking(
        f"one: any {long} | {long} | {long}, once | {long} | {long} then",
        f"two: any {long} | it fell down | {long} | who knows this | {long}",
    )
    found = await teach(folder, inputs, filter="agreement")
    assert [e.question[:3] for e in found.examples] == ["one"]
    assert found.examples[0].reference == long
    loose = await teach(folder, inputs, filter="agreement", threshold=0.6)
    assert len(loose.examples) == 2


async def test_texts_do_not_agree_on_another_figure(make_task: MakeTask) -> None:
    folder = made(make_task)
    inputs = asking("one: any 1.5 | 15 | 1.5 | 15 | 15", "two: any -5 C | -5 C | -5 C | -5 C | 5 C")
    found = await teach(folder, inputs, filter="agreement", threshold=0.8)
    assert [(e.question[:3], e.reference) for e in found.examples] == [("two", "-5 C")]
    assert found.counts == {"kept": 1, "disagree": 1}


async def test_labels_agree_as_labels(make_task: MakeTask) -> None:
    folder = made(make_task, output={"kind": "label", "labels": ["C", "C#"]},
                  metrics=["label_accuracy"])  # fmt: skip
    inputs = asking("one: any C | C# | C | C#", "two: any C# | c# | C#. | C#")
    found = await teach(folder, inputs, filter="agreement", samples=4)
    assert [(e.question[:3], e.reference) for e in found.examples] == [("two", "C#")]


async def test_json_agrees_as_objects(make_task: MakeTask) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
              "required": ["a"]}  # fmt: skip
    folder = made(make_task, output={"kind": "json", "schema": schema}, metrics=["json_exact"])
    inputs = asking(
        'one: any {"a": 1, "b": "x"} | {"b": "x", "a": 1} | {"a": 1, "b": "x"}',
        'two: any {"a": 1} | {"a": 2} | {"a": 3}',
        'three: say {"a": "no number"}',
    )
    found = await teach(folder, inputs, filter="agreement", samples=3)
    assert [e.reference for e in found.examples] == [{"a": 1, "b": "x"}]
    assert found.counts == {"kept": 1, "disagree": 1, "invalid": 1}


async def test_the_metric_keeps_what_is_right(make_task: MakeTask) -> None:
    folder = made(make_task)
    inputs = [
        *asking("one: say blue", "two: say red", "three: say I cannot say", reference="blue"),
        *[e.model_copy(update={"id": "n"}) for e in asking("four: say blue")],
        *[e.model_copy(update={"id": "a"})
          for e in asking("five: say I cannot say", reference="I cannot say")],
    ]  # fmt: skip
    found = await teach(folder, inputs, filter="metric")
    assert [e.question[:4] for e in found.examples] == ["one:", "five"]
    assert found.counts == {"kept": 2, "below": 2, "no_reference": 1}
    assert found.lineage["metric"] == "exact_match"
    assert found.lineage["threshold"] == 1.0
    graded = await teach(folder, asking("a: say blue sky today", reference="blue sky now"),
                         filter="metric", metric="token_f1")  # fmt: skip
    assert graded.counts == {"below": 1}
    assert graded.lineage["threshold"] == 0.8
    with pytest.raises(InputError, match="needs references"):
        await teach(folder, asking("one: say blue"), filter="metric")


async def test_a_judge_keeps_what_it_finds_good(make_task: MakeTask) -> None:
    folder = made(make_task, metrics=["exact_match", "python:good.py:Good"])
    (folder / "good.py").write_text(
        "class Good:\n    name = 'good'\n    needs = ()\n    yes_no = False\n"
        "    async def score(self, scored):\n"
        "        return {'fine': 0.9, 'poor': 0.2}.get(scored.record.answer)\n"
    )
    inputs = asking("one: say fine", "two: say poor", "three: say odd", "four: say I cannot say")
    found = await teach(folder, inputs, filter="judge")
    assert [e.reference for e in found.examples] == ["fine"]
    assert found.counts == {"kept": 1, "below": 1, "unscored": 1, "abstained": 1}
    strict = await teach(folder, inputs, filter="judge", metric="python:good.py:Good",
                         threshold=0.95)  # fmt: skip
    assert not strict.examples
    with pytest.raises(InputError, match="without a reference") as error:
        await teach(folder, inputs, filter="judge", metric="exact_match")
    assert "faithfulness" in str(error.value)


async def test_what_dev_and_test_ask_is_not_taught(make_task: MakeTask) -> None:
    folder = made(make_task)
    task = Task.load(folder)
    held = [*task.split("dev"), *task.split("test")]
    inputs = [
        *asking("new: say x", "NEW:  say x", " "),
        *(Example(id=f"h{n}", inputs={"question": e.question.upper()})
          for n, e in enumerate(held)),
        Example(id="g", inputs={"question": "other: say x"}, group=held[0].cluster),
    ]  # fmt: skip
    found = await teach(folder, inputs, filter="agreement")
    assert [e.question for e in found.examples] == ["new: say x"]
    assert found.counts == {"kept": 1, "duplicate": 1, "empty": 1, "held_out": len(held) + 1}


async def test_trains_own_inputs(make_task: MakeTask) -> None:
    folder = made(make_task)
    train = Task.load(folder).split("train")
    found = await teach(folder, train, filter="metric")
    assert found.counts["kept"] == len(train)
    assert not {e.id for e in found.examples} & {e.id for e in train}
    assert [e.cluster for e in found.examples] == [e.cluster for e in train]


async def test_what_cannot_be_asked_for(make_task: MakeTask) -> None:
    folder = made(make_task)
    with pytest.raises(InputError, match="cannot agree"):
        await teach(folder, asking("one: say x"), filter="agreement", samples=1)
    with pytest.raises(InputError, match="no filter 'luck'"):
        await teach(folder, asking("one: say x"), filter="luck")
    assert (await teach(folder, [], filter="agreement")).examples == ()


async def test_calls_are_as_planned(make_task: MakeTask) -> None:
    folder = made(make_task)
    inputs = asking(*(f"number {n}: say x" for n in range(7)))
    async with Workspace.open(folder) as workspace:
        teacher = workspace.pipeline(PIPELINE)
        estimator = Estimator(workspace.task, workspace.parts, workspace.store, teacher)
        plan = await plan_taught(estimator, teacher, inputs, filter="agreement", samples=3)
    found = await teach(folder, inputs, filter="agreement", samples=3)
    assert plan.calls.mean == found.usage.calls == 21


# --- production's own answers ---------------------------------------------------------------------


def test_a_log_becomes_samples(make_task: MakeTask, tmp_path: Path) -> None:
    task = Task.load(made(make_task))
    held = task.split("dev")[0].question
    rows: list[dict[str, Any]] = [
        {"question": "A ", "answer": "kept"},
        {"question": "a", "answer": "kept", "session_id": 1},
        {"question": "b", "answer": ""},
        {"question": "c", "answer": "I'm sorry, but I can't help with that."},
        {"question": "d", "answer": "no", "feedback": "thumbs_down"},
        {"question": "e", "answer": "old"},
        {"question": "e", "answer": "new"},
        {"question": "e", "answer": "new"},
        {"question": "f", "answer": "x", "error": {"message": "boom"}},
        {"messages": [{"role": "user", "content": "g"}],
         "response": {"choices": [{"message": {"content": "half an ans"},
                                   "finish_reason": "length"}]}},
        {"question": held, "answer": "leak"},
        {"question": "h", "answer": "I cannot say"},
        {"question": "i", "answer": "wrong", "flagged": True},
        {"question": "i", "answer": "Wrong."},
        {"question": "j", "answer": "fine", "thumbs_up": None, "rating": 4, "error": None},
        {"question": "o", "answer": "one star", "rating": 1},
        {"question": "p", "answer": "18C", "tool_calls": [{"function": {"name": "look"}}]},
        {"messages": [{"role": "user", "content": "k"}, {"role": "assistant", "content": "l"},
                      {"role": "user", "content": "m"}, {"role": "assistant", "content": "n"}]},
    ]  # fmt: skip
    log = tmp_path / "prod.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = baked(task, read_log(log, lambda value: value).requests, "prod.jsonl")
    assert {e.question: e.reference for e in found.examples} == {
        "a": "kept", "e": "new", "h": "I cannot say", "j": "fine", "m": "n",
    }  # fmt: skip
    assert found.counts == {
        "kept": 5, "duplicate": 2, "conflict": 1, "empty": 1, "refused": 1, "flagged": 4,
        "error": 1, "cut": 1, "held_out": 1, "tools": 1,
    }  # fmt: skip
    assert sum(found.counts.values()) == len(rows)
    for example in found.examples:
        assert (example.source, example.reviewed) == ("log", False)
    assert (found.examples[0].group or "").startswith("log-")
    assert found.examples[-1].history
    assert found.lineage == {"log": "prod.jsonl"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"feedback": {"score": -1}}, "flagged"),
        ({"rating": "bad"}, "flagged"),
        ({"metadata": {"feedback": "👎"}}, "flagged"),
        ({"helpful": False}, "flagged"),
        ({"thumbs_up": False}, "flagged"),
        ({"feedback": {"score": 0}}, "flagged"),
        ({"is_bad": 1}, "flagged"),
        ({"thumbs_up": False, "thumbs_down": False, "rating": 1}, ""),
        ({"feedback": "no complaints"}, ""),
        ({"status_code": 500}, "error"),
        ({"status_code": 200, "error": ""}, ""),
        ({"response": {"body": {"error": {"code": 429}}}}, "error"),
        ({"response": {"stop_reason": "max_tokens"}}, "cut"),
        ({"response": {"choices": [{"finish_reason": "content_filter"}]}}, "refused"),
        ({"output": {"refusal": "I will not"}}, "refused"),
        ({"response": {"choices": [{"finish_reason": "stop"}]}}, ""),
    ],
)
def test_what_a_log_says_against_an_answer(tmp_path: Path, row: dict[str, Any], fault: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"question": "q", **row}))
    assert read_log(log, lambda value: value).requests[0].fault == fault


async def test_a_sample_shows_what_the_tool_returned(make_task: MakeTask, tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "18C"},
        {"role": "assistant", "content": "It is 18C."},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"messages": turns}))
    async with Workspace.open(made(make_task)) as workspace:
        found = baked(workspace.task, read_log(log, lambda value: value).requests)
        (sample,) = await samples_of(workspace._runner(), PIPELINE, found.examples)
    assert [message["content"] for message in sample.messages[1:]] == [
        "[calls look({})]", "[look({}) returned]\n18C", "weather?", "It is 18C.",
    ]  # fmt: skip


def test_forms_of_a_task(make_task: MakeTask) -> None:
    labels = Task.load(made(make_task, metrics=["label_accuracy"],
                            output={"kind": "label", "labels": ["x", "y"]}))  # fmt: skip
    requests = [Request({"question": "1"}, "x"), Request({"question": "2"}, "z"),
                Request({"question": "3"}, "Y.")]  # fmt: skip
    found = baked(labels, requests)
    assert [e.reference for e in found.examples] == ["x", "y"]
    assert found.counts == {"kept": 2, "invalid": 1}


def test_labels_of_a_log_that_differ_in_marks(make_task: MakeTask) -> None:
    task = Task.load(made(make_task, metrics=["label_accuracy"],
                          output={"kind": "label", "labels": ["C", "C#"]}))  # fmt: skip
    said = ["C#", "C", "C"]
    found = baked(task, [Request({"question": "1"}, label) for label in said])
    assert [e.reference for e in found.examples] == ["C"]
    assert found.counts == {"kept": 1, "duplicate": 1, "conflict": 1}


def test_json_of_a_log(make_task: MakeTask) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    task = Task.load(made(make_task, metrics=["json_exact"],
                          output={"kind": "json", "schema": schema}))  # fmt: skip
    requests = [
        Request({"question": "1"}, {"a": 1}), Request({"question": "2"}, '```json\n{"a": 2}\n```'),
        Request({"question": "3"}, {"a": "x"}), Request({"question": "4"}, "no JSON"),
    ]  # fmt: skip
    found = baked(task, requests)
    assert [e.reference for e in found.examples] == [{"a": 1}, {"a": 2}]
    assert found.counts == {"kept": 2, "invalid": 2}


def test_inputs_of_a_log_have_no_reference() -> None:
    requests = [Request({"question": "a"}, "x", "session:1"), Request({"question": "b"})]
    found = inputs_of(requests)
    assert [(e.question, e.reference) for e in found] == [("a", None), ("b", None)]
    assert (found[0].group or "").startswith("log-")
    assert found[1].group is None
