"""`headway draft --from LOG --pick wavering`: what is next worth a label."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from headway.cli import main
from headway.core.errors import BudgetEnded, InputError
from headway.core.task import Example, Task
from headway.engine.budget import Limits
from headway.engine.tuning.wavering import ASKED, DRAWN, SAMPLES, Waverer
from headway.workspace import Workspace

MakeTask = Callable[..., Path]

# Rivers are known, bridges are always wrong, and on ferries every sample says something else.
MODEL = """
def answer(request):
    asked = request.messages[-1].content.rsplit("Question", 1)[-1]
    if "ferry" in asked:
        return ("north", "south")[(request.seed or 0) // 1000 % 2]
    return "south" if "bridge" in asked else "north"
"""
NAMES = ("Alder", "Birch", "Cedar", "Dale", "Elm", "Fern", "Gorse", "Hazel", "Iris", "Juniper")


@pytest.fixture
def folder(make_task: MakeTask) -> Path:
    """A task whose train knows rivers and bridges; everything is in train."""
    folder = make_task(
        "bank", knowledge=False, metrics=["label_accuracy"],
        output={"kind": "label", "labels": ["north", "south"]},
        models={"chat": "scripted/model.py:answer", "embed": "scripted/words"},
        splits={"train": 0.8, "dev": 0.1, "test": 0.1, "seed": 7},
    )  # fmt: skip
    (folder / "model.py").write_text(MODEL)
    rows = [
        {"id": f"{thing}-{name}", "reference": "north",
         "inputs": {"question": f"Which bank has the {thing} house of {name}?"}}
        for thing in ("river", "bridge") for name in NAMES
    ]  # fmt: skip
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """New questions about all three, and one that the task holds already."""
    file = tmp_path / "asked.jsonl"
    asked = [f"Which bank has the {thing} mill of {name}?"
             for thing in ("river", "bridge", "ferry") for name in NAMES]  # fmt: skip
    asked.append("Which bank has the river house of Alder?")
    file.write_text("".join(json.dumps({"question": q, "answer": "south"}) + "\n" for q in asked))
    return file


async def test_what_wavers_or_fails_comes_before_what_is_known(folder: Path, log: Path) -> None:
    async with Workspace.open(folder) as workspace:
        found = await workspace.draft_from(log, 8, unmasked=True, pick="wavering")
    assert found.sampled == 8
    assert found.pick == "wavering"
    kinds = [next(k for k in ("ferry", "bridge", "river") if k in e.question)
             for e in found.examples]  # fmt: skip
    assert kinds.count("ferry") + kinds.count("bridge") >= 6
    assert kinds[0] == "ferry"
    for example in found.examples:
        assert example.reviewed is False
        (wavers,) = (tag for tag in example.tags if tag.startswith("wavers "))
        assert float(wavers.split()[1]) == (0.7 if "ferry" in example.question else 0.0)
        assert any(tag.startswith("near failures ") for tag in example.tags)
    assert len({e.question for e in found.examples}) == 8
    assert not {e.question for e in found.examples} & {
        e.question for e in Task.load(folder).examples if e.source is None
    }


async def test_the_same_again_takes_the_next(folder: Path, log: Path) -> None:
    async with Workspace.open(folder) as workspace:
        first = await workspace.draft_from(log, 5, unmasked=True, pick="wavering")
    async with Workspace.open(folder) as workspace:
        second = await workspace.draft_from(log, 5, unmasked=True, pick="wavering")
    assert first.sampled == second.sampled == 5
    assert not {e.id for e in first.examples} & {e.id for e in second.examples}
    async with Workspace.open(folder) as workspace:
        rest = await workspace.draft_from(log, 60, unmasked=True, pick="wavering")
    assert rest.sampled == 20
    # What is left is asked already, in the same words, by an example of the task's own.
    async with Workspace.open(folder) as workspace:
        none = await workspace.draft_from(log, 5, unmasked=True, pick="wavering")
    assert none.sampled == 0
    _cut(log)
    with pytest.raises(InputError, match="an example already"):
        async with Workspace.open(folder) as workspace:
            await workspace.draft_from(log, 5, unmasked=True, pick="wavering")


async def test_calls_are_as_planned(folder: Path, log: Path) -> None:
    async with Workspace.open(folder) as workspace:
        plan = await workspace.plan_draft_from(log, 3, unmasked=True)
        train = len(workspace.task.split("train"))
        found = await workspace.draft_from(log, 3, unmasked=True, pick="wavering")
    assert plan.calls.mean == found.spent.calls == train + 3 * ASKED * SAMPLES
    assert any(f"{SAMPLES} samples of each" in note for note in plan.notes)
    # Train is scored already, and its records are in the store.
    async with Workspace.open(folder) as workspace:
        again = await workspace.plan_draft_from(log, 3, unmasked=True)
    assert again.calls.mean == 3 * ASKED * SAMPLES


async def test_a_budget_that_ends_writes_nothing_and_loses_nothing(folder: Path, log: Path) -> None:
    before = (folder / "examples.jsonl").read_bytes()
    with pytest.raises(BudgetEnded):
        async with Workspace.open(folder) as workspace:
            await workspace.draft_from(
                log, 3, unmasked=True, pick="wavering", limits=Limits(calls=30)
            )
    assert (folder / "examples.jsonl").read_bytes() == before
    async with Workspace.open(folder) as workspace:
        train = len(workspace.task.split("train"))
        found = await workspace.draft_from(log, 3, unmasked=True, pick="wavering")
    assert found.spent.calls == train + 3 * ASKED * SAMPLES - 30


async def test_an_answer_in_the_log_is_not_what_the_model_is_asked_about(
    folder: Path, log: Path
) -> None:
    """A log's answers neither score nor steer; they stay with the draft."""
    async with Workspace.open(folder) as workspace:
        found = await workspace.draft_from(log, 3, unmasked=True, pick="wavering")
        kept = [e.reference for e in found.examples]
    assert kept == ["south"] * 3


async def test_without_train_it_wavers_all_the_same(folder: Path, log: Path) -> None:
    (folder / "examples.jsonl").write_text("")
    async with Workspace.open(folder) as workspace:
        found = await workspace.draft_from(log, 4, unmasked=True, pick="wavering")
    assert sum("ferry" in e.question for e in found.examples) >= 3
    assert not any(tag.startswith("near") for e in found.examples for tag in e.tags)


async def test_a_service_that_is_down_now_and_then(folder: Path, log: Path) -> None:
    (folder / "model.py").write_text(MODEL.replace("    return \"south\" if", """
    from headway.core.errors import Outage
    if "river mill" in asked and (request.seed or 0) // 1000 % 4 != 0:
        return Outage("down")
    return "south" if"""))  # fmt: skip
    async with Workspace.open(folder) as workspace:
        runner = workspace._runner()
        inputs = _inputs(log)
        ranked = await Waverer(runner, workspace.pipeline()).rank(inputs, len(inputs))
    rivers = [one for one in ranked if "river mill" in one.example.question]
    assert rivers
    assert all(one.wavers is None and len(one.outputs) == 1 for one in rivers)
    assert all(one.why[0].startswith("near") for one in rivers)


def _cut(log: Path) -> None:
    """Take the last line away."""
    log.write_text("\n".join(log.read_text().splitlines()[:-1]))


def _inputs(log: Path) -> list[Example]:
    questions = [json.loads(line)["question"] for line in log.read_text().splitlines()]
    return [Example(id=f"i{n}", inputs={"question": q}) for n, q in enumerate(questions)]


def test_only_some_of_a_long_log_are_asked(folder: Path) -> None:
    assert DRAWN * ASKED * 2 < 30  # so that this log is longer than what is drawn
    file = folder / "log.jsonl"
    rows = [{"question": f"Which bank has the {thing} mill number {n}?"}
            for n in range(40) for thing in ("river", "ferry")]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = CliRunner().invoke(main, [
        "draft", str(folder), "--from", str(file), "--pick", "wavering", "--n", "2", "--unmasked",
        "--yes",
    ])  # fmt: skip
    assert run.exit_code == 0, run.output
    assert "Next worth a label" in run.output
    assert "wavers" in run.output


def test_by_command(folder: Path, log: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        found = CliRunner().invoke(main, ["draft", str(folder), *words])
        return found.exit_code, found.output

    code, said = run("--from", str(log), "--pick", "wavering", "--n", "2", "--unmasked",
                     "--dry-run")  # fmt: skip
    assert code == 0, said
    assert "48" in said or "calls" in said
    assert run("--pick", "wavering")[0] == 2
    assert run("--from", str(log), "--unmasked", "--dry-run")[0] == 2
    code, said = run("--from", str(log), "--unmasked", "--pick", "odd")
    assert code == 2
    assert "spread" in said
