"""A task of conversations and files through check, plan, show, evaluate and try, with a scripted
model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.protocols import Search
from headway.core.record import ChatRequest
from headway.core.task import Task
from headway.engine.probes import Prober
from headway.knowledge import FolderKnowledge
from headway.models.scripted import ScriptedChat
from headway.steps.condense import TEMPLATE
from headway.testing.metrics import judge
from headway.workspace import Workspace

FERRY = Path(__file__).parent / "tasks" / "ferry"


@pytest.fixture
def ferry(tmp_path: Path) -> Path:
    """A copy of the task, with a model that costs nothing."""
    folder = tmp_path / "ferry"
    shutil.copytree(FERRY, folder, ignore=shutil.ignore_patterns(".headway"))
    spec = folder / "task.yaml"
    spec.write_text(spec.read_text().replace("embedded/smollm2-135m", "scripted/extract"))
    return folder


def with_steps(**steps: object) -> Pipeline:
    """The baseline with these steps before all others."""
    base: list[object] = [{"retrieve": {"k": 2}}, {"generate": {"template": "Answer briefly."}}]
    more = [{name: settings} for name, settings in steps.items()]
    return Pipeline.model_validate({"steps": [*more, *base]})


async def test_check_plan_show_and_evaluate(ferry: Path) -> None:
    async with Workspace.open(ferry) as workspace:
        report = await workspace.check()
        assert report.errors == 0
        named = {item.name: item for item in report.items}
        assert named["conversations"].data["conversations"] == 37
        assert named["files_shown"].level == "ok"
        shown = await workspace.show("c34")
        assert [m.role for m in shown.messages] == [
            "system", *("user", "assistant") * 3, "user",
        ]  # fmt: skip
        assert shown.messages[-1].content.endswith("When is the last boat home that day?")
        plan = await workspace.plan("evaluate")
        run = await workspace.evaluate()
        assert plan.calls.mean == run.n == run.usage.calls
        assert (await workspace.plan("evaluate")).calls.mean == 0


async def test_what_condense_adds_is_planned_and_costs_nothing_without_history(
    ferry: Path,
) -> None:
    pipeline = with_steps(condense={})
    dev = Task.load(ferry).split("dev")
    async with Workspace.open(ferry) as workspace:
        planned = (await workspace.plan("evaluate", pipeline=pipeline)).calls
        run = await workspace.evaluate(pipeline)
        calls = len(dev) + sum(bool(e.history) for e in dev)
        assert run.usage.calls == calls
        assert planned.mean == pytest.approx(calls, abs=1)


@pytest.mark.parametrize("condensed", [True, False])
async def test_a_diagnosis_searches_as_the_pipeline_does(
    ferry: Path, monkeypatch: pytest.MonkeyPatch, condensed: bool
) -> None:
    def says(request: ChatRequest) -> str:
        text = request.messages[-1].content
        if request.messages[0].content == TEMPLATE:  # made of words that were said
            first, *_, last = text.splitlines()
            return f"{first.partition(': ')[2]} {last.partition(': ')[2]}"
        (e,) = [e for e in Task.load(ferry).examples if text.endswith(e.question)][:1]
        return str(e.reference) if e.evidence and str(e.evidence[0].text) in text else "no"

    file = ferry / "examples.jsonl"  # of half of them the evidence is not written down
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [{**r, "evidence": r.get("evidence", []) if n % 2 else []} for n, r in enumerate(rows)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    queries: list[str] = []
    search = FolderKnowledge.search

    async def watched(self: FolderKnowledge, query: str, how: Search) -> Any:
        queries.append(query)
        return await search(self, query, how)

    monkeypatch.setattr(FolderKnowledge, "search", watched)
    async with Workspace.open(ferry) as workspace:
        workspace.parts._chat["scripted/extract"] = ScriptedChat(says, name="usual")
        dev = [e for e in workspace.task.split("dev") if e.history]
        steps = {"condense": {"use": "search"}} if condensed else {}
        pipeline = workspace.pipeline(with_steps(**steps))
        found = await Prober(workspace._runner(), "token_f1").diagnose(
            pipeline, dev, positions=True
        )
    assert found.inferred > 0
    assert found.positions
    raw = [q for q in queries for e in dev if q == e.question or q.startswith(f"{e.question} ")]
    assert bool(raw) is not condensed


async def test_try_history_and_condense(ferry: Path) -> None:
    async with Workspace.open(ferry) as workspace:
        history = await workspace.try_technique("history")
        condense = await workspace.try_technique("condense")
    assert len(history.steps) == 3
    assert len(condense.steps) == 2


async def test_who_judges_sees_the_conversation_and_the_files(ferry: Path) -> None:
    spec = ferry / "task.yaml"
    text = spec.read_text().replace("[token_f1]", "[correctness, faithfulness_words]")
    spec.write_text(text.replace("models: {", "models: {judge: scripted/judge, "))
    says = ScriptedChat(judge("present"))

    def reads(request: ChatRequest) -> str:
        """A model that repeats the file."""
        _, _, rest = request.messages[-1].content.partition("<file ")
        return rest.partition(">\n")[2].partition("\n</file>")[0] or "?"

    async with Workspace.open(ferry) as workspace:
        workspace.parts._chat["scripted/extract"] = ScriptedChat(reads)
        workspace.parts._chat["scripted/judge"] = says
        dev = workspace.task.split("dev")
        run = await workspace._runner().run(workspace.pipeline(), dev)
        kept = await workspace.plan("evaluate")
    filed = [r for e, r in zip(dev, run.records, strict=True) if e.files]
    assert filed
    assert {r.scores["faithfulness_words"] for r in filed} == {1.0}
    asked = [
        r.messages[1].content for r in says.requests if "<statements " in r.messages[1].content
    ]
    for example in dev:
        (about, *_) = [a for a in asked if f"{example.question}\n</question " in a]
        assert ("<conversation>" in about) is bool(example.history)
        assert ("<file " in about) is bool(example.files)
    assert kept.calls.mean == 0  # the plan knows what was asked, files and all


async def test_a_changed_file_is_a_changed_example(ferry: Path) -> None:
    async with Workspace.open(ferry) as workspace:
        await workspace.evaluate()
    file = next(e for e in Task.load(ferry).split("dev") if e.files).files[0]
    (ferry / file).write_text("Now something else stands here.\n")
    async with Workspace.open(ferry) as workspace:
        assert (await workspace.plan("evaluate")).calls.mean == 1


async def test_a_broken_file_stops_a_run_before_anything_is_spent(ferry: Path) -> None:
    example = next(e for e in Task.load(ferry).split("dev") if e.files)
    (ferry / example.files[0]).write_bytes(b"\x80\x81\xff")
    async with Workspace.open(ferry) as workspace:
        with pytest.raises(InputError) as caught:
            await workspace.evaluate()
        item = next(i for i in (await workspace.check()).items if i.name == "files")
    assert "not UTF-8" in caught.value.what
    assert f"(example {example.id!r})" in (caught.value.where or "")
    assert item.level == "error"
    (ferry / example.files[0]).write_text("mended")
    async with Workspace.open(ferry) as workspace:  # nothing of the run that stopped was called
        assert (await workspace.plan("evaluate")).calls.mean == len(Task.load(ferry).split("dev"))
    (ferry / example.files[0]).unlink()
    with pytest.raises(InputError, match="there is no file"):
        Task.load(ferry)
