"""The judges are judged: scripted judges of a known quality, and what a journey may believe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

import headway as hw
from headway.core.errors import InputError, Outage
from headway.core.protocols import Scored
from headway.core.rating import Labelled
from headway.core.record import Passage, Score
from headway.core.task import Example, Task
from headway.engine import judging
from headway.engine.estimate.labelled import plan_judge
from headway.engine.judging import Bench, about, believed, keep_judged, metric_of
from headway.models.scripted import ScriptedChat
from headway.testing.metrics import ScriptedMetricLender
from headway.workspace import Workspace

JUDGE = '''
import json
from headway.core.errors import Outage
from headway.core.record import ChatReply


def good(request):
    """Says yes to what people call good."""
    return json.dumps({"good": "good" in request.messages[-1].content})


def moody(request):
    """Another verdict each time it is asked the same."""
    moody.calls = getattr(moody, "calls", 0) + 1
    return json.dumps({"good": moody.calls % 5 < 2})


def down(request):
    return Outage("nobody is there")


def tires(request):
    """Is gone for the longest answers: 10 of 60."""
    return down(request) if request.messages[-1].content.count("long") >= 50 else good(request)


def stumbles(request):
    """Is gone for the longest answer: 1 of 60."""
    return down(request) if request.messages[-1].content.count("long") >= 59 else good(request)


def garbage(request):
    return "}{ <b>"
'''
METRIC = """
import json
from typing import ClassVar
from headway.core.errors import ModelError
from headway.core.record import ChatRequest, Message, Score


class Asks:
    name: ClassVar[str] = "asks"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = True
    roles: ClassVar[tuple[str, ...]] = ("judge",)

    async def score(self, scored):
        reply = await scored.lend.chat(ChatRequest((Message("user", scored.record.answer or ""),)))
        try:
            return float(json.loads(reply.text)["good"])
        except ValueError:
            return Score(None, unscored="the judge wrote what cannot be read")


class Names:  # the re-ranker that it asks, whatever the task's is
    name: ClassVar[str] = "names"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = True
    roles: ClassVar[tuple[str, ...]] = ("judge", "rerank")

    async def score(self, scored):
        answer = scored.record.answer or ""
        await scored.lend.rerank("good", [answer], model="scripted/overlap")
        return float("good" in answer)


class Never:
    name: ClassVar[str] = "never"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = True

    async def score(self, scored):
        return None
"""


def labelled(count: int = 30, **more: Any) -> list[Labelled]:
    """Answers that people call good and bad in turn; the words say which."""
    return [
        Labelled(
            Example(id=str(i), inputs={"question": f"q{i}"}),
            f"a {'good' if i % 2 else 'bad'} answer {'long ' * i}",
            float(i % 2),
            passages=(Passage("d", "a good answer"),),
            **more,
        )
        for i in range(count)
    ]


@pytest.fixture
def judged(make_task: Any) -> Path:
    """A task whose first metric asks a judge."""
    folder: Path = make_task(
        metrics=["python:metric.py:Asks", "token_f1"],
        models={"chat": "scripted/extract", "judge": "scripted/judge.py:good"},
    )
    (folder / "judge.py").write_text(JUDGE)
    (folder / "metric.py").write_text(METRIC)
    return folder


def _with_judge(folder: Path, name: str) -> Path:
    spec = yaml.safe_load((folder / "task.yaml").read_text())
    spec["models"]["judge"] = f"scripted/judge.py:{name}"
    (folder / "task.yaml").write_text(yaml.safe_dump(spec))
    return folder


async def _judge(
    folder: Path, answers: Sequence[Labelled], repeat: int = 1, metric: str = "Asks"
) -> Any:
    async with Workspace.open(folder) as workspace:
        found = metric_of(workspace.task, f"python:metric.py:{metric}", "yes_no")
        bench = Bench(workspace._runner().desk, found, metric.lower())
        result = await bench.judge(answers, "yes_no", source="l.jsonl", repeat=repeat)
        keep_judged(workspace.store, workspace.task, result, bench.asked)
        return result


async def test_a_good_judge_agrees_and_its_baselines_do_not(judged: Path) -> None:
    found = await _judge(judged, labelled())
    assert found.agreement["kappa"].mean == 1.0
    assert found.baselines["always the same"]["kappa"].mean == 0.0
    assert found.standing == "may_decide"
    assert found.judge == "scripted/judge.py:good"
    assert found.verdicts == {"people_no_judge_no": 15, "people_yes_judge_yes": 15}
    assert found.usage.calls == 30
    assert found.unscored == ()
    assert found.told_apart is not None
    assert [row["score"] for row in found.answers[:2]] == [0.0, 1.0]
    json.dumps(found.to_json())
    assert found.to_json()["schema"] == "headway/judge/1"


async def test_garbage_is_a_miss_and_listed_never_a_zero(judged: Path) -> None:
    found = await _judge(_with_judge(judged, "garbage"), labelled())
    assert found.agreement["accuracy"].mean == 0.0
    assert found.agreement["kappa"].mean == 0.0
    assert len(found.unscored) == found.n == 30
    assert "cannot be read" in found.unscored[0].why
    assert all(row["score"] is None for row in found.answers)
    assert found.verdicts == {"people_no_judge_unscored": 15, "people_yes_judge_unscored": 15}


async def test_a_judge_that_is_down_is_an_outage_and_no_finding(judged: Path) -> None:
    with pytest.raises(Outage, match="nobody is there"):
        await _judge(_with_judge(judged, "down"), labelled(3))


async def test_an_outage_is_no_miss_and_too_many_say_nothing(judged: Path) -> None:
    found = await _judge(_with_judge(judged, "tires"), labelled(60))
    assert (found.n, found.completed, found.unscored) == (60, 50, ())
    assert [m.id for m in found.outage] == [str(i) for i in range(50, 60)]
    assert {m.why for m in found.outage} == {"nobody is there"}
    assert found.agreement["kappa"].mean == 1.0  # of those that it was asked
    assert {e.n for e in (found.agreement["kappa"], found.agreement["accuracy"])} == {50}
    assert sum(found.verdicts.values()) == 50
    assert found.standing == "unknown"
    assert any("10 of 60 answers were lost to outages" in said for said in found.notices)
    assert (await _believed(judged)).standing == "unknown"
    assert "never measured" in (await _believed(judged)).text


async def test_a_lone_outage_forbids_nothing_and_counts_for_nothing(judged: Path) -> None:
    found = await _judge(_with_judge(judged, "stumbles"), labelled(60), repeat=2)
    assert ([m.id for m in found.outage], found.unscored) == (["59"], ())
    assert (found.repeats.n, found.repeats.identical.mean) == (59, 1.0)
    assert found.standing == "may_decide"
    await _measured_as(judged, agree=True, count=60)
    may = await _believed(judged)
    assert may.standing == "may_decide"
    assert "over 59 answers" in may.text


async def test_an_outage_does_not_undo_what_was_measured_before_it(judged: Path) -> None:
    await _measured_as(_with_judge(judged, "tires"), agree=False, count=48)
    await _measured_as(judged, agree=True, count=60)
    assert (await _believed(judged)).standing == "below"


async def test_a_pair_that_an_outage_took_is_no_miss(judged: Path) -> None:
    pairs = [
        Labelled(
            Example(id=str(i), inputs={"question": "q"}), f"one {i}", float(i % 2), other=f"two {i}"
        )
        for i in range(10)
    ]

    def script(request: Any) -> Any:
        if "one 7" in request.messages[-1].content:
            return Outage("nobody is there")
        return '{"reason": "", "better": "first"}'

    async with Workspace.open(judged) as workspace:
        workspace.parts._chat["scripted/judge.py:good"] = ScriptedChat(script, name="some")
        bench = Bench(workspace._runner().desk, None, "pairwise")
        found = await bench.judge(pairs, "pairs", source="l")
    assert [m.id for m in found.outage] == ["7"]
    assert found.unscored == ()
    assert found.agreement["accuracy"].n == 9


async def test_a_metric_that_applies_to_nothing_says_what_it_needs(judged: Path) -> None:
    with pytest.raises(InputError, match="applies to none"):
        await _judge(judged, labelled(3), metric="Never")


async def test_repeats_are_asked_anew_and_show_a_judge_that_varies(judged: Path) -> None:
    steady = await _judge(judged, labelled(12), repeat=3)
    assert steady.repeats.identical.mean == 1.0
    assert steady.repeats.sd == 0.0
    assert steady.usage.calls == 36  # a cache that knew no repeats would have answered 24 of them
    again = await _judge(judged, labelled(12), repeat=3)
    assert (again.usage.calls, again.usage.cached_calls) == (0, 36)
    moody = await _judge(_with_judge(judged, "moody"), labelled(12), repeat=3)
    assert moody.repeats.identical.mean < 1.0
    assert moody.repeats.sd > 0.3


async def test_a_bias_to_length_is_seen(judged: Path) -> None:
    class Long:
        name: ClassVar[str] = "long"
        needs: ClassVar[tuple[str, ...]] = ()
        yes_no: ClassVar[bool] = False

        async def score(self, scored: Scored) -> Score:
            return Score(min(1.0, len(scored.record.answer or "") / 400))

    async with Workspace.open(judged) as workspace:
        bench = Bench(workspace._runner().desk, Long(), "long")
        found = await bench.judge(labelled(40), "yes_no", source="l")
    assert found.length is not None
    assert found.length.low > 0.5


async def test_a_judge_of_pairs_sees_the_conversation_and_the_files(judged: Path) -> None:
    messages = [
        {"role": "user", "content": "Ana is here."},
        {"role": "assistant", "content": "Shall I greet her?"},
        {"role": "user", "content": "Yes."},
    ]
    example = Example(id="p", inputs={"messages": messages, "files": ["ana.md"]})
    lend = ScriptedMetricLender(
        lambda request: '{"reason": "", "better": "tie"}', {"ana.md": "She likes it short."}
    )
    async with Workspace.open(judged) as workspace:
        bench = Bench(workspace._runner().desk, None, "pairwise")
        await bench.one(Labelled(example, "Hello, Ana.", 0.5, other="Hi."), lend)
    assert len(lend.requests) == 2
    for request in lend.requests:
        for seen in ("User: Ana is here.", "She likes it short.", "Question: Yes."):
            assert seen in request.messages[-1].content


async def test_pairs_show_a_judge_that_favours_the_first_side(judged: Path) -> None:
    pairs = [
        Labelled(
            Example(id=str(i), inputs={"question": "q"}), f"one {i}", float(i % 2), other=f"two {i}"
        )
        for i in range(10)
    ]

    async def judge_by(reply: str) -> Any:
        async with Workspace.open(judged) as workspace:
            chat = ScriptedChat(lambda request: reply, name=reply)
            workspace.parts._chat["scripted/judge.py:good"] = chat
            bench = Bench(workspace._runner().desk, None, "pairwise")
            return await bench.judge(pairs, "pairs", source="l")

    first = await judge_by('{"reason": "", "better": "first"}')
    assert first.position.mean == 1.0
    assert first.agreement["kappa"].mean == 0.0  # both orders disagree: all are ties
    second = await judge_by('{"reason": "", "better": "second"}')
    assert second.position.mean == 0.0
    unread = await judge_by("no idea")
    assert len(unread.unscored) == 10
    assert unread.position.mean is None


async def test_words_overlap_with_what_there_is() -> None:
    example = Example(id="1", inputs={"question": "blue?"}, reference="red")
    shown = Labelled(example, "red blue", 1.0, passages=(Passage("d", "red"),))
    assert judging.overlap(shown) == 0.5
    assert judging.overlap(Labelled(example, "red", 1.0)) == 1.0
    bare = example.model_copy(update={"reference": None})
    assert judging.overlap(Labelled(bare, "blue", 1.0)) == 1.0


# --- what a journey may believe -----------------------------------------------------------------


async def _believed(folder: Path, checked: bool = True) -> judging.May:
    async with Workspace.open(folder) as workspace:
        metric = workspace._metrics[0]
        parts = workspace.parts if checked else None
        return await believed(workspace.task, workspace.store, metric, parts)


async def _measured_as(folder: Path, agree: bool, count: int = 32) -> None:
    answers = labelled(count)
    if not agree:
        answers = [
            Labelled(a.example, a.answer, float(i < count / 2), passages=a.passages)
            for i, a in enumerate(answers)
        ]
    async with Workspace.open(folder) as workspace:
        metric = workspace._metrics[0]
        bench = Bench(workspace._runner().desk, metric, metric.name)
        found = await bench.judge(answers, "yes_no", source="l.jsonl")
        keep_judged(workspace.store, workspace.task, found, bench.asked)


async def test_standing_follows_what_was_measured(judged: Path) -> None:
    unknown = await _believed(judged)
    assert unknown.standing == "unknown"
    assert "never measured" in unknown.text
    await _measured_as(judged, agree=True)
    assert (await _believed(judged)).standing == "may_decide"
    assert (await _believed(judged, checked=False)).standing == "may_decide"
    # Another judge is another matter, and so is the same name with another model behind it.
    assert (await _believed(_with_judge(judged, "garbage"))).standing == "unknown"
    _with_judge(judged, "good")
    (judged / "judge.py").write_text(JUDGE + "\n# another script\n")
    changed = await _believed(judged)
    assert changed.standing == "unknown"
    assert "another model behind it" in changed.text


async def test_a_look_at_few_answers_does_not_undo_what_many_showed(judged: Path) -> None:
    await _measured_as(judged, agree=False)
    await _measured_as(judged, agree=True, count=8)
    assert (await _believed(judged)).standing == "below"


async def test_what_cannot_tell_does_not_undo_what_told(judged: Path) -> None:
    """The first rows of a file that is sorted by label."""
    await _measured_as(judged, agree=False)
    alike = [a for a in labelled(80) if a.label]
    async with Workspace.open(judged) as workspace:
        metric = workspace._metrics[0]
        bench = Bench(workspace._runner().desk, metric, metric.name)
        found = await bench.judge(alike, "yes_no", source="l.jsonl")
        assert found.agreement["kappa"].mean is None
        keep_judged(workspace.store, workspace.task, found, bench.asked)
    assert (await _believed(judged)).standing == "below"


async def test_a_model_that_the_metric_names_is_no_matter_of_the_role(judged: Path) -> None:
    spec = yaml.safe_load((judged / "task.yaml").read_text())
    spec |= {"metrics": ["python:metric.py:Names"]}
    spec["models"] |= {"rerank": "embedded/bge-reranker"}  # never asked
    (judged / "task.yaml").write_text(yaml.safe_dump(spec))
    await _measured_as(judged, agree=False)
    assert (await _believed(judged)).standing == "below"
    assert (await _believed(judged, checked=False)).standing == "below"
    async with Workspace.open(judged) as workspace:
        with pytest.raises(InputError, match=r"below the 0\.4"):
            await workspace.optimize(calls=10, test="never")
        (asked,) = (
            kept := workspace.store.judged(
                "python:metric.py:Names", about(workspace.task, "python:metric.py:Names")
            )
        )["asked"]  # type: ignore[index]
        assert asked == "named rerank scripted/overlap"
        changed = {**kept, "asked": {asked: "another model of that name"}}  # type: ignore[dict-item]
        assert not await judging._still_the_same(workspace.parts, workspace.task, changed)


async def test_names_that_roles_gave_are_compared_by_check_too(judged: Path) -> None:
    """`check` opens no model, and must not say otherwise than the journey."""
    async with Workspace.open(judged) as workspace:
        kept = {"asked": {f"rerank {workspace.task.spec.models.rerank}": "any"}}
        assert await judging._still_the_same(None, workspace.task, kept)
        kept = {"asked": {"rerank scripted/another": "any"}}
        assert not await judging._still_the_same(None, workspace.task, kept)


async def test_another_embedder_is_another_metric(judged: Path) -> None:
    await _measured_as(judged, agree=True)
    async with Workspace.open(judged) as workspace:
        kept = {"asked": {"embed scripted/words": await judging.identity_of(
            workspace.parts, "embed", "scripted/words")}}  # fmt: skip
        for now, same in (("scripted/words", True), ("embedded/bge-small-en", False)):
            models = workspace.task.spec.models.model_copy(update={"embed": now})
            spec = workspace.task.spec.model_copy(update={"models": models})
            task = workspace.task.model_copy(update={"spec": spec})
            assert await judging._still_the_same(workspace.parts, task, kept) == same


async def test_passages_that_a_file_does_not_hold_are_not_passages_that_were_not_shown(
    make_task: Any,
) -> None:
    """A task with knowledge: else every answer would be unfaithful, and the judge at fault."""
    async with Workspace.open(make_task(metrics=["faithfulness"])) as workspace:
        bench = Bench(workspace._runner().desk, workspace._metrics[0], "faithfulness")
        answers = [replace(a, passages=()) for a in labelled(6)]
        with pytest.raises(InputError, match="applies to none"):
            await bench.judge(answers, "yes_no", source="l.jsonl")


@pytest.mark.parametrize("agree", [True, False])
async def test_too_few_answers_neither_allow_nor_forbid(judged: Path, agree: bool) -> None:
    await _measured_as(judged, agree=agree, count=28)
    few = await _believed(judged)
    assert few.standing == "unknown"
    assert "over 28 answers only" in few.text
    assert "headway judge" in few.text
    assert (await _judge(judged, labelled(28))).standing == "unknown"
    await _measured_as(judged, agree=agree)
    assert (await _believed(judged)).standing == ("may_decide" if agree else "below")


@pytest.mark.parametrize(
    ("wanted", "labels", "decides"),
    [("spearman", "yes_no", "kappa"), ("kappa", "scale", "spearman"), ("kappa", "yes_no", "kappa"),
     (None, "scale", "spearman")],
)  # fmt: skip
async def test_a_measure_that_the_labels_do_not_have_is_not_passed_over_in_silence(
    judged: Path, wanted: str | None, labels: Any, decides: str
) -> None:
    spec = yaml.safe_load((judged / "task.yaml").read_text())
    (judged / "task.yaml").write_text(yaml.safe_dump({**spec, "judging": {"measure": wanted}}))
    async with Workspace.open(judged) as workspace:
        bench = Bench(workspace._runner().desk, workspace._metrics[0], "asks")
        found = await bench.judge(labelled(), labels, source="l")
    assert found.measure == decides
    said = [n for n in found.notices if "judging: measure" in n]
    assert len(said) == (wanted not in (None, decides))
    assert all(f"measure: {wanted}" in n and f"{decides} decides" in n for n in said)


async def test_a_metric_that_asks_nobody_needs_no_measurement(make_task: Any) -> None:
    assert (await _believed(make_task())).standing is None


async def test_a_journey_refuses_a_judge_that_agrees_too_little(judged: Path) -> None:
    await _measured_as(judged, agree=False)
    async with Workspace.open(judged) as workspace:
        with pytest.raises(InputError, match=r"below the 0\.4") as caught:
            await workspace.optimize(calls=10, test="never")
        assert "headway judge" in str(caught.value)
        report = await workspace.check()
    item = next(i for i in report.items if i.name == "judge")
    assert item.level == "error"
    # What one accepts stands in task.yaml, and then it goes.
    spec = yaml.safe_load((judged / "task.yaml").read_text())
    (judged / "task.yaml").write_text(yaml.safe_dump({**spec, "judging": {"agreement": 0.0}}))
    async with Workspace.open(judged) as workspace:
        journey = await workspace.optimize(calls=10, test="never")
    assert journey.stopped


async def test_an_unmeasured_judge_decides_with_a_notice_in_the_ledger(judged: Path) -> None:
    async with Workspace.open(judged) as workspace:
        journey = await workspace.optimize(calls=10, test="never")
        entry = workspace.store.entries(journey.journey)["judge"]
        report = await workspace.check()
    assert entry["standing"] == "unknown"
    assert any("never measured" in notice for notice in journey.notices)
    assert any("never measured" in n for n in journey.to_json()["notices"])
    assert next(i for i in report.items if i.name == "judge").level == "warning"


def test_what_is_kept_is_about_one_judge_and_rubric(judged: Path) -> None:
    task = Task.load(judged)
    other = Task.load(_with_judge(judged, "moody"))
    assert about(task, "asks") != about(other, "asks")
    assert about(task, "asks") != about(task, "token_f1")


def test_judging_is_part_of_task_yaml(judged: Path) -> None:
    spec = yaml.safe_load((judged / "task.yaml").read_text())
    (judged / "task.yaml").write_text(yaml.safe_dump({**spec, "judging": {"agreement": 2}}))
    with pytest.raises(hw.InputError, match=r"judging.agreement"):
        Task.load(judged)


async def test_a_plan_asks_nothing(judged: Path) -> None:
    async with Workspace.open(judged) as workspace:
        bench = Bench(workspace._runner().desk, workspace._metrics[0], "asks")
        plan = await plan_judge(bench, labelled(12), repeat=2)
        assert plan.calls.mean == 24
        assert workspace.store._read("SELECT COUNT(*) FROM replies")[0][0] == 0
