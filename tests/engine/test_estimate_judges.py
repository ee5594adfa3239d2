"""Plans count what judges are asked and what techniques run on train; real runs ask as much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headway.core.findings import Plan
from headway.core.record import ChatRequest, Message
from headway.core.task import ModelRoles
from headway.engine.estimate.scoring import DryScoring, filled
from headway.metrics.judging import parsed
from headway.workspace import Workspace

JUDGE = '''
import json
from headway.engine.estimate.scoring import filled


def fills(request):
    """Answers every form as emptily as it may."""
    return json.dumps(filled(request.json_schema))


def garbage(request):
    return "}{"
'''
RAGAS = ["faithfulness_judge", "answer_relevancy", "judged_context_precision"]


@pytest.fixture
def judged(make_task: Any) -> Any:
    def make(*metrics: str, by: str = "fills", chat: str = "scripted/echo", **more: Any) -> Path:
        models = {"chat": chat, "judge": f"scripted/judge.py:{by}", "embed": "scripted/words"}
        folder: Path = make_task(metrics=list(metrics), models={**models, **more})
        (folder / "judge.py").write_text(JUDGE)
        return folder

    return make


async def plan(folder: Path, command: str, **options: Any) -> Plan:
    async with Workspace.open(folder) as workspace:
        return await workspace.plan(command, **options)


async def calls_of(folder: Path, **options: Any) -> int:
    """Calls that an evaluation really makes."""
    async with Workspace.open(folder) as workspace:
        before = workspace.store._read("SELECT COUNT(*) FROM replies")[0][0]
        await workspace.evaluate(**options)
        made: int = workspace.store._read("SELECT COUNT(*) FROM replies")[0][0] - before
        return made


@pytest.mark.parametrize("metrics", [["correctness"], ["token_f1", *RAGAS]])
async def test_as_many_calls_as_a_run_really_makes(judged: Any, metrics: list[str]) -> None:
    folder = judged(*metrics)
    told = await plan(folder, "evaluate", limit=12)
    made = await calls_of(folder, limit=12)
    assert made > 12  # the judge was asked
    assert told.calls.mean == pytest.approx(made, rel=0.15)
    assert told.calls.low <= made <= told.calls.high
    notes = [n for n in told.notes if "judge.py:fills judges for" in n]
    assert len(notes) == 1
    assert "calls an answer" in notes[0]


async def test_a_judge_that_is_asked_twice_is_in_the_high_end(judged: Any) -> None:
    folder = judged("correctness", by="garbage")
    told = await plan(folder, "evaluate", limit=12)
    made = await calls_of(folder, limit=12)
    assert told.calls.mean < made <= told.calls.high


async def test_metrics_that_ask_nobody_cost_nothing(judged: Any) -> None:
    told = await plan(judged("token_f1", "exact_match"), "evaluate", limit=12)
    assert told.calls.mean == told.calls.high == 12
    assert not any("judge" in note for note in told.notes)


async def test_what_was_judged_costs_nothing_again(judged: Any) -> None:
    folder = judged("correctness")
    await calls_of(folder, limit=12)
    told = await plan(folder, "evaluate", limit=12)
    assert told.calls.high == 0
    # A metric that is new to answers in the store: they are judged by it, and not made again.
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    spec["metrics"].append("answer_relevancy")
    (folder / "task.yaml").write_text(yaml.safe_dump(spec))
    told = await plan(folder, "evaluate", limit=12)
    assert any("not judged yet" in note for note in told.notes)
    assert told.calls.mean == await calls_of(folder, limit=12) == 12


async def test_a_judge_that_is_not_here_may_have_judged_them(
    judged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = judged("correctness")
    await calls_of(folder, limit=12)
    monkeypatch.setattr(
        "headway.engine.estimate.judges.at_hand", lambda name: "judge.py" not in name
    )
    told = await plan(folder, "evaluate", limit=12)
    assert told.calls.low == 0 < told.calls.mean
    assert any("cannot be opened here" in note for note in told.notes)


@pytest.mark.parametrize("command", ["evaluate", "compare", "diagnose", "try", "optimize", "final"])
async def test_every_command_counts_the_judge(judged: Any, command: str) -> None:
    options: dict[str, Any] = {
        "compare": {"a": "baseline", "b": "baseline"}, "try": {"technique": "instructions"},
    }.get(command, {})  # fmt: skip
    folder = judged("correctness")
    with_judge = await plan(folder, command, **options)
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    (folder / "task.yaml").write_text(yaml.safe_dump({**spec, "metrics": ["token_f1"]}))
    without = await plan(folder, command, **options)
    assert with_judge.calls.mean > 1.4 * without.calls.mean
    assert with_judge.tokens.mean > 1.4 * without.tokens.mean


async def test_the_judge_has_its_own_price(judged: Any) -> None:
    folder = judged("correctness", judge="house/large")
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    spec["endpoints"] = {"house": {"base_url": "http://localhost:1/v1"}}
    (folder / "task.yaml").write_text(yaml.safe_dump(spec))
    assert (await plan(folder, "evaluate", limit=12)).usd.mean is None
    (folder / "prices.yaml").write_text("house/*: {prompt: 10, completion: 10, date: 2026-10-01}")
    assert (await plan(folder, "evaluate", limit=12)).usd.mean > 0


# --- what techniques run on train -----------------------------------------------------------------


async def test_examples_that_a_technique_answers_first_are_counted(make_task: Any) -> None:
    folder = make_task(models={"chat": "scripted/echo"})
    told = await plan(folder, "try", technique="bootstrapped_examples", limit=10)
    async with Workspace.open(folder) as workspace:
        found = await workspace.try_technique("bootstrapped_examples", limit=10)
        made = workspace.store._read("SELECT COUNT(*) FROM replies")[0][0]
    assert found.steps == ()  # an echo is never right: it answers all, and shows nothing
    assert found.notices
    train = len(workspace.task.split("train"))
    assert made == 2 * min(96, train)  # with reasoning in words, then in a field
    assert told.calls.low <= made + 10 <= told.calls.high
    said = next(n for n in told.notes if n.startswith("bootstrapped_examples"))
    assert f"16 to {min(96, train)} questions of train" in said
    assert not any("3 candidates are assumed" in n for n in told.notes)


async def test_a_search_states_what_it_may_spend(make_task: Any) -> None:
    models = {"chat": "scripted/echo", "proposer": "scripted/extract"}
    folder = make_task(models=models)
    told = await plan(folder, "try", technique="meta_prompt", limit=10)
    said = next(n for n in told.notes if n.startswith("meta_prompt"))
    assert "asks scripted/extract up to 10 times" in said
    async with Workspace.open(folder) as workspace:
        await workspace.try_technique("meta_prompt", limit=10)
        made = workspace.store._read("SELECT COUNT(*) FROM replies")[0][0]
    assert 0 < made <= told.calls.high


async def test_a_budget_holds_a_search_to_its_share(make_task: Any) -> None:
    folder = make_task(models={"chat": "scripted/echo", "proposer": "scripted/extract"})
    free = await plan(folder, "optimize")
    held = await plan(folder, "optimize", calls=40)
    many, few = (
        int(next(n for n in p.notes if n.startswith("meta_prompt")).split()[4])
        for p in (free, held)
    )
    assert few < many


# --- the dry lender -------------------------------------------------------------------------------


async def test_the_dry_lender_tells_what_is_asked_again() -> None:
    lend = DryScoring(ModelRoles(chat="scripted/echo", judge="scripted/j"))
    first = ChatRequest((Message("user", "judge this"),))
    await lend.chat(first)
    await lend.chat(
        ChatRequest((*first.messages, Message("assistant", "-"), Message("user", "again")))
    )
    await lend.chat(ChatRequest((Message("user", "and this"),)), "scripted/other")
    assert [call.again for call in lend.calls] == [False, True, False]
    assert [call.model for call in lend.calls] == ["scripted/j", "scripted/j", "scripted/other"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "-"),
        ({"enum": ["yes", "no"]}, "no"),
        ({"type": "integer", "minimum": 1}, 1),
        ({"type": ["string", "null"]}, "-"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, {"a": None}),
        ({}, "-"),
    ],
)
def test_a_form_is_filled_as_emptily_as_it_may(schema: dict[str, Any], value: Any) -> None:
    assert filled(schema) == value


async def test_a_dry_reply_can_be_read() -> None:
    lend = DryScoring(ModelRoles(chat="scripted/echo"))
    form = {"type": "object", "properties": {"good": {"type": "boolean"}}}
    said = await lend.chat(ChatRequest((Message("user", "?"),), json_schema=form))
    assert parsed(said.text) == {"good": False}
    mute = DryScoring(ModelRoles(chat="scripted/echo"), mute=True)
    assert (await mute.chat(ChatRequest((Message("user", "?"),), json_schema=form))).text == ""
