"""From examples to samples: the very messages that are served, and groups that stay whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import InputError, TooLong
from headway.core.pipeline import Pipeline
from headway.core.record import ChatReply
from headway.core.training import Sample, read_samples, write_samples
from headway.engine.tuning.samples import (
    HELD,
    LEAST_HELD,
    MOST_HELD,
    OVERSHOOT,
    part_of,
    parted,
    samples_of,
    tunable,
    tuned_pipeline,
    unheld,
)
from headway.workspace import Workspace

MakeTask = Callable[..., Path]
SEARCHING = {
    "model": "scripted/echo",
    "steps": [
        {"retrieve": {"by": "text", "k": 2}},
        {"examples": {"k": 2}},
        {"generate": {"template": "Say it.\nAnswer in one word.", "reasoning": "brief"}},
        {"vote": {"n": 3}},
        {"check": {"facts": 0.7}},
    ],
}


def pipeline(**more: Any) -> Pipeline:
    return Pipeline.model_validate({**SEARCHING, **more})


async def test_a_sample_is_what_is_sent_and_what_is_wanted(make_task: MakeTask) -> None:
    """The prompt of each sample is the request of the tuned pipeline, word for word, with what it
    retrieves."""
    async with Workspace.open(make_task("towns")) as workspace:
        task, runner = workspace.task, workspace._runner()
        after = tuned_pipeline(task, pipeline(), 500, "short")
        samples = await samples_of(runner, after, task.split("train"))
        assert samples
        assert [s.id for s in samples] == [e.id for e in task.split("train")]
        for sample, example in zip(samples, task.split("train"), strict=True):
            shown = await workspace.show(example.id, after)
            assert [dict(m) for m in sample.prompt] == [asdict(m) for m in shown.messages]
            assert "[1]" in sample.prompt[-1]["content"]  # a passage
            assert sample.reply == example.references[0]


@pytest.mark.parametrize(
    ("check", "left"),
    [({"citations": True}, None), ({"citations": True, "facts": 0.7}, {"facts": 0.7})],
)
async def test_quotes_that_are_no_longer_written_are_not_looked_up(
    make_task: MakeTask, check: dict[str, Any], left: dict[str, Any] | None
) -> None:
    """The reasoning that held them is learnt away, and the tuned pipeline runs."""
    quoting = Pipeline.model_validate({
        "model": "scripted/extract",
        "steps": [
            {"retrieve": {"by": "text", "k": 2}}, {"generate": {"reasoning": "quote"}},
            {"check": check},
        ],
    })  # fmt: skip
    async with Workspace.open(make_task("towns")) as workspace:
        for prompt in ("short", "same"):
            after = tuned_pipeline(workspace.task, quoting, 500, prompt)  # type: ignore[arg-type]
            step = after.step("check")
            assert (step.settings if step else None) == left
            run = await workspace.evaluate(after, limit=2)
            assert run.n == 2


async def test_a_plan_leaves_out_what_would_be_asked(make_task: MakeTask) -> None:
    """And a step that fails for some examples costs those alone."""
    asking = Pipeline.model_validate({
        "model": "scripted/echo",
        "steps": [{"expand": {}}, {"retrieve": {"by": "text", "k": 1}}, "generate"],
    })  # fmt: skip
    async with Workspace.open(make_task("towns", towns=5)) as workspace:
        runner, train = workspace._runner(), workspace.task.split("train")
        planned = await samples_of(runner, asking, train, ask=False)
        assert [s.id for s in planned] == [e.id for e in train]
        assert runner.desk.budget.calls == 0

        async def chat(request: Any, *rest: Any) -> Any:
            if train[0].question in request.messages[-1].content:
                raise TooLong("this prompt is too long")
            return ChatReply("A passage.")

        runner.desk.chat = chat  # type: ignore[method-assign]
        made = await samples_of(runner, asking, train)
        assert [s.id for s in made] == [e.id for e in train[1:]]
        assert "1 examples are left out" in workspace.notices.texts[0]


def test_short_leaves_what_the_task_is_about(make_task: MakeTask) -> None:
    task = Workspace.open(make_task("towns")).task
    short = tuned_pipeline(task, pipeline(), 500, "auto")
    assert [s.name for s in short.steps] == ["retrieve", "generate", "check"]
    settings = short.steps[1].settings
    assert "reasoning" not in settings
    assert settings["template"] != SEARCHING["steps"][2]["generate"]["template"]
    same = tuned_pipeline(task, pipeline(), 50, "auto")
    assert [s.name for s in same.steps] == ["retrieve", "examples", "generate", "check"]
    assert same.steps[2].settings["template"] == "Say it.\nAnswer in one word."


FIELDS = {"type": "object", "properties": {"town": {"type": "string"}, "year": {"type": "string"}}}


@pytest.mark.parametrize(
    ("output", "reference", "stated"),
    [
        ({"kind": "label", "labels": ["a", "b"]}, "a", False),
        ({"kind": "json", "schema": FIELDS}, {"town": "Arn", "year": "1900"}, False),
        ({"kind": "json", "schema": FIELDS}, {"year": "1900", "town": "Arn"}, None),
        ({"kind": "label", "labels": ["a", "b"], "abstain": "?"}, "a", None),
        ({"kind": "text"}, "a", None),
    ],
)
async def test_a_form_that_is_learnt_is_enforced_and_not_stated(
    make_task: MakeTask, output: dict[str, Any], reference: Any, stated: bool | None
) -> None:
    """Only where every wanted reply is in it: a grammar has fields written in the schema's order,
    and nothing else. The sample's reply is in the form that is enforced."""
    metric = "json_exact" if output["kind"] == "json" else "exact_match"
    folder = make_task("formed", knowledge=False, output=output, metrics=[metric])
    rows = [{"id": f"e{n}", "inputs": {"question": f"{n}?"}, "reference": reference}
            for n in range(30)]  # fmt: skip
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    async with Workspace.open(folder) as workspace:
        asking = pipeline(steps=[{"generate": {"template": "Long rules.", "contract": "json"}}])
        after = tuned_pipeline(workspace.task, asking, 500, "short")
        assert after.steps[0].settings.get("stated") == stated
        sample = (await samples_of(workspace._runner(), after, workspace.task.split("train")))[0]
        said = "".join(str(m["content"]) for m in sample.prompt)
        assert "schema" not in said
        shown = await workspace.show(sample.id, after)
        assert (shown.request.json_schema is not None) == (stated is False)
        if stated is False:
            jsonschema.validate(json.loads(sample.reply), dict(shown.request.json_schema))


def test_a_template_that_places_things_keeps_its_places(make_task: MakeTask) -> None:
    task = Workspace.open(make_task("towns")).task
    placing = pipeline(
        steps=[{"generate": {"template": "Long rules.\n{{examples}}{{passages}} Q: {{question}}"}}]
    )
    text = tuned_pipeline(task, placing, 500, "short").steps[0].settings["template"]
    assert "{{passages}}" in text
    assert text.endswith("{{question}}")
    assert "rules" not in text


def test_what_else_is_asked_stays_with_the_model_before(make_task: MakeTask) -> None:
    task = Workspace.open(make_task("towns")).task
    expanding = pipeline(steps=[{"expand": {"queries": 2}}, {"retrieve": {}}, {"generate": {}}])
    after = tuned_pipeline(task, expanding, 500, "short")
    assert after.steps[0].settings["model"] == "scripted/echo"
    assert "model" not in after.steps[2].settings


@pytest.mark.parametrize(
    ("steps", "said"),
    [(["react"], "react"), ([{"retrieve": {}}], "0 `generate` steps")],
)
def test_what_is_not_one_reply_is_refused(make_task: MakeTask, steps: list[Any], said: str) -> None:
    task = Workspace.open(make_task("my towns")).task
    with pytest.raises(InputError, match=said) as caught:
        tunable(task, Pipeline.model_validate({"model": "scripted/echo", "steps": steps}))
    # A command that can be typed as it stands.
    assert f"headway tune {task.typed} --pipeline baseline" in str(caught.value)
    assert task.typed.endswith("my towns'")


def made(groups: list[int]) -> list[Sample]:
    messages = ({"role": "user", "content": "q"}, {"role": "assistant", "content": "a"})
    return [Sample(f"s{n}", f"g{g}", messages) for n, g in enumerate(groups)]


@given(st.lists(st.integers(0, 60), max_size=300))
def test_groups_are_never_parted(groups: list[int]) -> None:
    samples = made(groups)
    found = parted(samples, 7)
    assert not {s.group for s in found.train} & {s.group for s in found.held}
    assert sorted(s.id for s in (*found.train, *found.held)) == sorted(s.id for s in samples)
    most = min(MOST_HELD, round(HELD * len(samples)))
    assert len(found.held) <= min(MOST_HELD, OVERSHOOT * most)
    assert not found.held or len(found.held) >= LEAST_HELD
    if len(samples) < LEAST_HELD / HELD - 1:
        assert not found.held
    assert bool(unheld(found)) == (not found.held and most >= LEAST_HELD)


@pytest.mark.parametrize("seed", range(20))
def test_large_groups_leave_enough_held_out_or_nothing(seed: int) -> None:
    """A score of two samples chooses no epoch."""
    twenties = [n // 20 for n in range(100)]
    found = parted(made([*twenties, 7, 7]), seed)
    assert (len(found.train), len(found.held)) == (80, 22)
    assert unheld(found) == ()
    alone = parted(made([*([1] * 60), *([2] * 60), 3, 3]), seed)
    assert alone.held == ()
    (item,) = unheld(alone)
    assert (item.name, item.level) == ("sample_groups", "warning")
    assert "3 groups of up to 60 samples" in item.text
    assert "No epoch is chosen by its score" in item.text


@given(st.lists(st.integers(0, 60), max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_a_larger_part_holds_a_smaller_one(groups: list[int], a: int, b: int) -> None:
    samples = made(groups)
    small, large = (part_of(samples, n, 7) for n in sorted((a, b)))
    assert {s.id for s in small} <= {s.id for s in large}
    assert len(large) >= min(max(a, b), len(samples))


def test_samples_are_read_as_they_were_written(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    tools = ({"type": "function", "function": {"name": "f", "parameters": {}}},)
    acting = Sample(
        "t", "g",
        ({"role": "user", "content": "q"}, {"role": "assistant", "content": "hm"},
         {"role": "user", "content": "and?"}, {"role": "assistant", "tool_calls": [call]}),
        tools,
    )  # fmt: skip
    samples = [*made([1, 2]), acting]
    file = tmp_path / "samples.jsonl"
    write_samples(file, samples)
    assert list(read_samples(file)) == samples
    assert file.read_text().count('"weight":0') == 1
    assert '"f"' in acting.reply


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "no chat sample"), ('{"messages": []}', "not the assistant's"), ("7", "no chat sample"),
     ('{"messages": [{"role": "user", "content": "q"}]}', "not the assistant's")],
)  # fmt: skip
def test_a_line_that_is_no_sample_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "samples.jsonl"
    write_samples(file, made([1]))
    with file.open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError, match=said) as caught:
        list(read_samples(file))
    assert f"{file}:2" in str(caught.value)
