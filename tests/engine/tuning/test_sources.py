"""Where samples come from instead of train's own references."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.task import Example
from headway.engine.estimate import Estimator
from headway.engine.tuning import Source, TuneWish, plan_source, with_source
from headway.workspace import Workspace

MakeTask = Callable[..., Path]
# Says what stands after "say"; of "any" another word with each sample.
MODEL = """
def answer(request):
    asked = request.messages[-1].content
    if "any " in asked:
        words = asked.split("any ")[1].split(" | ")
        return words[(request.seed or 0) // 1000 % len(words)]
    return asked.split("say ")[1]
"""
TEACHER = Pipeline.model_validate({"model": "scripted/model.py:answer", "steps": ["generate"]})


def made(make_task: MakeTask) -> Path:
    folder = make_task(
        "taught", knowledge=False, metrics=["exact_match"],
        models={"chat": "scripted/model.py:answer", "embed": "scripted/words"},
    )  # fmt: skip
    (folder / "model.py").write_text(MODEL)
    rows = [
        {"id": f"e{n}", "inputs": {"question": f"{n}: say {'x' if n % 2 else 'y'}"},
         "reference": "x"}
        for n in range(40)
    ]  # fmt: skip
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


async def test_of_trains_own_inputs_the_right_answers_are_kept(make_task: MakeTask) -> None:
    async with Workspace.open(made(make_task)) as workspace:
        wish = await with_source(workspace._runner(), TuneWish(), Source(TEACHER))
        train = workspace.task.split("train")
        assert wish.examples is not None
        assert 0 < len(wish.examples) < len(train)
        assert {e.reference for e in wish.examples} == {"x"}
        assert wish.teacher is not None
        assert wish.teacher.model == TEACHER.model
        assert wish.taught["filter"] == "metric"
        assert wish.taught["tokens"] > 0
        assert any("answers of the teacher" in text for text in workspace.notices.texts)


async def test_of_inputs_without_references_those_it_agrees_on(make_task: MakeTask) -> None:
    inputs = [Example(id="a", inputs={"question": "say sure"}),
              Example(id="b", inputs={"question": "any p | q | r | s | t"})]  # fmt: skip
    async with Workspace.open(made(make_task)) as workspace:
        runner = workspace._runner()
        wish = await with_source(runner, TuneWish(), Source(TEACHER, inputs))
        assert [e.reference for e in wish.examples or ()] == ["sure"]
        with pytest.raises(InputError, match="nothing of the teacher is left"):
            await with_source(runner, TuneWish(), Source(TEACHER, inputs[1:]))


@pytest.mark.parametrize("option", ["inputs", "log"])
@pytest.mark.parametrize("unmasked", [True, False])
async def test_personal_data_is_masked_unless_it_is_to_stay(
    make_task: MakeTask, tmp_path: Path, option: str, unmasked: bool
) -> None:
    if not unmasked:
        pytest.importorskip("presidio_analyzer")
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({"question": "say hello to ann@b.org", "answer": "hello"}))
    teacher = TEACHER if option == "inputs" else None
    async with Workspace.open(made(make_task)) as workspace:
        source = workspace._source(teacher, unmasked=unmasked, **{option: file})
        found = source.inputs if source.log is None else source.log.examples
        notices = workspace.notices.texts
    said = "ann@b.org" if unmasked else "[EMAIL]"
    assert [e.question for e in found or ()] == [f"say hello to {said}"]
    expected = "Nothing was masked" if unmasked else "Masked: 1 email"
    assert any(text.startswith(expected) for text in notices)


async def test_a_teacher_answers_with_its_own_model(make_task: MakeTask) -> None:
    """Whatever model the student is: with that, it would be taught by itself."""
    folder = made(make_task)
    file = TEACHER.save(folder / "pipelines" / "big.yaml")
    async with Workspace.open(folder, model="scripted/echo") as workspace:
        assert workspace.pipeline().model == workspace.pipeline(file).model == "scripted/echo"
        for teacher in (file, TEACHER, "scripted/model.py:answer"):
            found = workspace._source(teacher).teacher
            assert found is not None
            assert found.model == "scripted/model.py:answer"


async def test_a_plan_asks_nobody(make_task: MakeTask) -> None:
    async with Workspace.open(made(make_task)) as workspace:
        runner, task = workspace._runner(), workspace.task
        wish = await with_source(runner, TuneWish(), Source(TEACHER), ask=False)
        assert len(wish.examples or ()) == len(task.split("train"))
        assert runner.desk.budget.calls == 0
        estimator = Estimator(task, workspace.parts, workspace.store, workspace.pipeline())
        plan = await plan_source(estimator, Source(TEACHER))
        assert plan is not None
        assert plan.calls.mean == len(task.split("train"))
        assert await plan_source(estimator, Source()) is None
