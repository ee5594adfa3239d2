"""One tuning from its samples to its verdict, on the small embedded model with a command of our own
as the trainer: it writes an adapter that changes nothing, so that what comes out is known."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.core.errors import HeadwayError, InputError, MissingExtra, ModelError
from headway.core.findings import Estimate
from headway.core.pipeline import Pipeline
from headway.core.training import Told, Trained
from headway.core.tuning import TuneEpoch
from headway.engine.budget import Limits
from headway.engine.journey import Lent
from headway.engine.tuning import preparing
from headway.engine.tuning import start as starting
from headway.engine.tuning.following import Follower
from headway.engine.tuning.preparing import TuneWish, settings_of
from headway.engine.tuning.samples import tuned_pipeline
from headway.engine.tuning.start import start_of
from headway.engine.tuning.tuner import Tuner, best_epoch
from headway.models.tuned import Tuned
from headway.workspace import Workspace

MakeTask = Callable[..., Path]
MODEL = "embedded/smollm2-135m"
WORDS = ("red", "green", "blue", "black", "white", "brown")
# An adapter of rank 2 on one layer, its B all zeros; each run leaves a line in runs.txt.
TRAINER = """
import json, pathlib, sys
import numpy as np
from safetensors.numpy import save_file

out, runs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
with runs.open("a") as stream:
    stream.write("run\\n")
name = "base_model.model.model.layers.0.self_attn.v_proj.lora_"
for step in (1, 2):
    folder = out / f"checkpoint-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name + "A.weight": np.ones((2, 576), np.float32),
               name + "B.weight": np.zeros((192, 2), np.float32)},
              folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["v_proj"],
        "base_model_name_or_path": "x"}))
    print({"loss": 1.0 / step, "epoch": step})
"""


def with_trainer(folder: Path) -> Path:
    """The folder with the made-up trainer in it."""
    (folder / "trainer.py").write_text(TRAINER)
    return folder


def wish(folder: Path, **more: Any) -> TuneWish:
    command = f"{sys.executable} {folder / 'trainer.py'} {{out}} {folder / 'runs.txt'}"
    return TuneWish(
        **{"trainer": "command", "command": command, "stages": ("full",), "limit": 6, **more}
    )


def head(architecture: str) -> bytes:
    """Of a GGUF file."""
    key, value = b"general.architecture", architecture.encode()
    return (
        struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + struct.pack("<Q", len(key)) + key
        + struct.pack("<IQ", 8, len(value)) + value
    )  # fmt: skip


def answering(**more: Any) -> Pipeline:
    settings = {"template": "Say which colour is named.", "max_tokens": 4, **more}
    return Pipeline.model_validate({"model": MODEL, "steps": [{"generate": settings}]})


@pytest.mark.embedded
async def test_a_tuning_from_samples_to_verdict(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gguf")
    pytest.importorskip("safetensors")
    monkeypatch.setenv("HEADWAY_THREADS", "1")
    folder = with_trainer(colours(model=MODEL))
    async with Workspace.open(folder) as workspace:
        found = await workspace.tune(answering(), wish(folder))
        assert [(s.name, s.chosen) for s in found.stages] == [("full", 2)]
        scores = [e.score for e in found.stages[0].epochs]
        assert scores[0] == scores[1]  # zeros change nothing
        assert scores[0] is not None
        assert scores[0].n == found.plan.held >= 8
        held = {side.example for side in found.sides}
        assert held <= {e.id for e in workspace.task.split("train")}
        # A model like any other, with its lineage, in a pipeline of its own.
        assert found.name.startswith("tuned/colours-")
        told = json.loads((Path(found.folder) / "model.json").read_text())
        assert told["lineage"]["samples"] == found.plan.samples
        assert Pipeline.load(found.pipeline_file).model == found.name
        assert found.comparison is not None
        assert found.comparison.n == 6
        assert found.general_change is not None
        assert found.general_change.mean == 0
        evaluated = await workspace.evaluate(found.pipeline_file, limit=6)
        assert evaluated.model == found.name
        # The same again trains nothing and says the same.
        again = await workspace.tune(answering(), wish(folder))
        assert again.stages == found.stages
        assert again.name == found.name
        assert (folder / "runs.txt").read_text() == "run\n"
        # Under the name of its own model it would be trained over itself.
        own = Pipeline.load(found.pipeline_file)
        with pytest.raises(InputError, match="the model of this pipeline"):
            await workspace.tune(own, wish(folder, name=found.name.removeprefix("tuned/")))
        # It can be gone on from, in its own shape, and merged.
        with pytest.raises(InputError, match="keeps its rank, 2"):
            await workspace.plan_tune(own, wish(folder, how={"rank": 8}))
        assert (await workspace.plan_tune(own, wish(folder))).settings["rank"] == 2
        start = await start_of(workspace.parts, found.name, None)
        assert start.base.name == MODEL
        assert start.adapter == Path(found.folder)
        with pytest.raises(InputError, match="unknown quantisation 'q9'"):
            await workspace.merge(found.name, ("q8_0", "q9"), found.pipeline_file, 2)
        bare = found.name.removeprefix("tuned/")
        merged = await workspace.merge(bare, ("q8_0",), found.pipeline_file, 2)
        assert merged.name == found.name
        assert [m.kind for m in merged.merged] == ["adapter", "q8_0"]
        assert merged.merged[1].size > 9 * 10**7


async def test_knowledge_without_anything_to_read_is_refused(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training would teach it to make things up; it says so, and what to type to do it anyway."""
    folder = make_task("towns")
    (folder / "weights.gguf").write_bytes(b"x")
    async with Workspace.open(folder) as workspace:
        blind = Pipeline.model_validate({"model": "scripted/echo", "steps": ["generate"]})
        tuner = Tuner(workspace._runner(), blind, TuneWish(base="embedded/weights.gguf"))

        async def counted(parts: Any, start: Any, samples: Any) -> list[tuple[int, int]]:
            return [(9, 1)] * len(samples)

        monkeypatch.setattr(preparing, "tokens_of", counted)
        with pytest.raises(InputError, match="the same command with --force") as caught:
            await tuner.go()
    assert "make" in str(caught.value)


async def test_weights_behind_an_endpoint_cannot_be_tuned_here(colours: MakeTask) -> None:
    async with Workspace.open(with_trainer(colours())) as workspace:
        with pytest.raises(InputError, match="behind an endpoint"):
            await start_of(workspace.parts, "openai/gpt-5", None)
        with pytest.raises(InputError, match="no model that can be trained here"):
            await start_of(workspace.parts, None, "weights.bin")
        with pytest.raises(InputError, match="not there"):
            await start_of(workspace.parts, None, "embedded/none.gguf")
        with pytest.raises(InputError, match="not there"):
            await start_of(workspace.parts, None, "tuned/none")
        hub = await start_of(workspace.parts, None, "owner/repository")
        assert (hub.base.kind, hub.served) == ("hf", False)


async def test_a_tuned_model_of_the_task_may_go_by_its_bare_name(colours: MakeTask) -> None:
    folder = with_trainer(colours())
    home = folder / "models" / "own"
    home.mkdir(parents=True)
    (home / "adapter_model.safetensors").write_bytes(b"matrices")
    (home / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
    Tuned.of(home / "adapter_model.safetensors", "owner/model", {}).save()
    async with Workspace.open(folder) as workspace:
        start = await start_of(workspace.parts, None, "own")
        assert start == await start_of(workspace.parts, "tuned/own", None)
        assert start.adapter == home
        for name in ("own", "tuned/own"):
            with pytest.raises(InputError, match="tuned/own has no base in this process"):
                await workspace.merge(name, pipeline="baseline")
        with pytest.raises(InputError, match="not there"):
            await workspace.merge("other")


async def test_in_a_journey_what_cannot_be_tuned_is_a_notice(colours: MakeTask) -> None:
    folder = with_trainer(colours())
    async with Workspace.open(folder) as workspace:
        runner = workspace._runner(Limits(minutes=30))
        train = workspace.task.split("train")
        lent = Lent(workspace.task, workspace.pipeline(), train, {}, runner)
        assert await lent.tune(workspace.pipeline()) is None
        assert any("fine_tune" in text for text in workspace.notices.texts)


async def test_a_tuning_that_was_begun_keeps_its_schedule(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a speed that was measured meanwhile would begin another training under the same
    command."""
    folder = with_trainer(colours())
    (folder / "weights.gguf").write_bytes(head("llama"))

    async def counted(parts: Any, start: Any, samples: Any) -> list[tuple[int, int]]:
        return [(90, 10)] * len(samples)

    monkeypatch.setattr(starting, "WRITING", ("json",))  # whatever is installed
    monkeypatch.setattr(preparing, "tokens_of", counted)
    speeds = iter([(20.0, False), (20.0, False), (500.0, True), (500.0, True)])
    monkeypatch.setattr(preparing, "speed_of", lambda *of: next(speeds))
    wished = TuneWish(
        minutes=5.0, base="embedded/weights.gguf", trainer="command", command="exit 3",
        stages=("full",), name="kept",
    )  # fmt: skip
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        asked = await Tuner(workspace._runner(), before, wished).plan()
        with pytest.raises(HeadwayError, match="exit code 3"):
            await Tuner(workspace._runner(), before, wished).go()
        again = await Tuner(workspace._runner(), before, wished).plan()
        assert (again.stages, again.epochs) == (asked.stages, asked.epochs)
        other = await Tuner(workspace._runner(), before, replace(wished, minutes=6.0)).plan()
        assert (other.stages, other.epochs) != (asked.stages, asked.epochs)


async def test_after_a_pilot_the_rest_is_planned_by_what_it_showed(colours: MakeTask) -> None:
    """A machine five times slower than was guessed: epochs go, and the pilot stays what it was."""
    folder = with_trainer(colours(600))
    async with Workspace.open(folder) as workspace:
        parts = workspace.parts
        wished = TuneWish(minutes=2.0, base="owner/model")
        before = answering().model_copy(update={"model": "scripted/echo"})
        ready = await preparing.prepare(workspace._runner(), before, wished)
        assert (ready.plan.seconds, ready.plan.measured) == (None, False)
        assert ready.schedule.stages["full"] == ready.plan.samples
        preparing.learn_speed(parts, ready.start, "lora", 9_000, 1.0)  # too little to tell
        assert preparing.replanned(parts, ready, wished, 20.0) is ready
        slow = ready.plan.tokens / 90.0
        preparing.learn_speed(parts, ready.start, "lora", slow * 1000, 1000.0)
        after = preparing.replanned(parts, ready, wished, 20.0)
        assert after.schedule.epochs == 1
        assert after.schedule.seconds <= 100
        assert after.schedule.of("pilot") == ready.schedule.of("pilot") == 2
        assert after.schedule.stages["pilot"] == ready.schedule.stages["pilot"]
        # The same tuning, gone on with, has the plan it was left with.
        again = await preparing.prepare(workspace._runner(), before, wished)
        assert again.schedule == after.schedule
        # The same pilot at a speed that is too slow for all samples: it is told.
        preparing.learn_speed(parts, ready.start, "lora", slow * 100, 1000.0)
        cut = preparing.replanned(parts, ready, wished, 20.0)
        assert cut.schedule.short
        assert any("by the speed of the pilot" in text for text in workspace.notices.texts)
        # A command's seconds are also those of loading, and nothing is cut by them.
        preparing.learn_speed(parts, ready.start, "command", 10**6, 1.0)
        # The speed of one trainer is not that of another.
        assert preparing.speed_of(parts, ready.start, "command") == (float("inf"), False)


async def test_samples_are_as_long_as_what_they_show(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retrieved passages are part of a sample; what no model reads is counted, and told how."""
    folder = with_trainer(colours())
    before = answering().model_copy(update={"model": "scripted/echo"})
    tokens = 1500

    async def counted(parts: Any, start: Any, samples: Any) -> list[tuple[int, int]]:
        return [(tokens - 10, 10)] * len(samples)

    monkeypatch.setattr(preparing, "tokens_of", counted)
    async with Workspace.open(folder) as workspace:
        wished = TuneWish(base="owner/model")
        plan = await Tuner(workspace._runner(), before, wished).plan()
        assert plan.settings["max_tokens"] == 2 * tokens  # of a tokenizer that nobody asked
        assert plan.samples + plan.held == len(workspace.task.split("train"))
        told = {item.name: item.text for item in plan.checks}
        assert "four characters" in told["sample_tokens"]
        with pytest.raises(InputError, match="too long") as caught:
            await Tuner(
                workspace._runner(), before, replace(wished, how={"max_tokens": 600})
            ).plan()
        assert "--max-tokens 1500" in str(caught.value)
        tokens = 100
        short = await Tuner(workspace._runner(), before, wished).plan()
        assert short.settings["max_tokens"] == 1024


async def test_what_cannot_be_trained_is_said_before_a_teacher_is_asked(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_trainer(colours())
    async with Workspace.open(folder) as workspace:
        asked: list[Any] = []

        async def with_source(*given: Any, **more: Any) -> Any:
            asked.append(given)
            raise AssertionError("the teacher was asked")

        monkeypatch.setattr("headway.workspace.with_source", with_source)
        wished = TuneWish(base="owner/model")
        monkeypatch.setattr("headway.training.lora.PACKAGES", ("no_such_package",))
        with pytest.raises(MissingExtra, match="finetune"):
            await workspace.tune(None, wished, teacher="scripted/echo")
        monkeypatch.setattr("headway.training.lora.PACKAGES", ())
        (folder / "other.gguf").write_bytes(head("gemma3"))
        with pytest.raises(InputError, match="gemma3"):
            await workspace.tune(
                None, TuneWish(base="embedded/other.gguf"), teacher="scripted/echo"
            )
        assert not asked


async def test_drafts_that_nobody_reviewed_are_told(colours: MakeTask) -> None:
    folder = with_trainer(colours())
    file = folder / "examples.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row |= {"source": "draft", "reviewed": False}
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        plan = await Tuner(workspace._runner(), before, TuneWish(base="owner/model")).plan()
        n = len(workspace.task.split("train"))
        (said,) = [item.text for item in plan.checks if item.name == "sample_drafts"]
        assert f"{n} of {n} examples" in said


async def test_a_plan_counts_what_is_asked_beside_training(colours: MakeTask) -> None:
    """The pipeline before on what is held out and on dev; a teacher on dev too."""
    folder = with_trainer(colours())
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        dev = min(20, len(workspace.task.split("dev")))
        wished = TuneWish(base="owner/model", limit=20)
        plan = await workspace.plan_tune(before, wished)
        assert plan.measuring is not None
        assert plan.measuring.calls.high == plan.held + dev
        assert plan.teaching is None
        taught = await workspace.plan_tune(before, wished, teacher="scripted/extract")
        assert taught.measuring is not None
        assert taught.measuring.calls.high == taught.held + 2 * dev
        assert taught.teaching is not None


async def test_names_that_would_cost_something_are_refused(colours: MakeTask) -> None:
    folder = with_trainer(colours())
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        pipelines = folder / "pipelines"
        before.save(pipelines / "first.yaml")
        (folder / "models" / "first").mkdir(parents=True)  # nor does a tuned model free its name
        tuned = before.model_copy(update={"model": "tuned/big"})
        tuned.save(pipelines / "big.yaml")
        for more, said in (
            ({"name": "first"}, "its model is not tuned/first: it would be overwritten"),
            ({"name": "my model/x"}, "not the name of"),
            ({"name": "baseline"}, "--name baseline is taken"),
            ({"name": "Best"}, "--name Best is taken"),
            ({"name": "x", "base": "tuned/x"}, "tuned/x is what this training starts from"),
            ({"name": "x", "base": "x"}, "tuned/x is what this training starts from"),
            ({"name": "big", "teacher": tuned}, "tuned/big is the teacher's model"),
        ):
            wished = TuneWish(**{"base": "owner/model", **more})  # type: ignore[arg-type]
            with pytest.raises(InputError, match=said):
                await Tuner(workspace._runner(), before, wished).plan()
        # Its own pipeline may be written anew.
        wished = TuneWish(base="owner/model", name="big")
        assert (await Tuner(workspace._runner(), before, wished).plan()).samples


async def test_samples_that_only_share_a_number_with_an_example_are_none_of_it(
    colours: MakeTask,
) -> None:
    folder = with_trainer(colours())
    async with Workspace.open(folder) as workspace:
        names = [e.id for e in workspace.task.split("train")]
        rows = [
            {"id": name, "messages": [{"role": "user", "content": f"Which town is {n}?"},
                                      {"role": "assistant", "content": WORDS[n % 6]}]}
            for n, name in enumerate(names)
        ]  # fmt: skip
        file = folder / "other.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        before = answering().model_copy(update={"model": "scripted/echo"})
        runner = workspace._runner()
        ready = await preparing.prepare(runner, before, TuneWish(base="owner/model", file=file))
        assert ready.parts.held
        assert ready.held == []
        own = await preparing.prepare(runner, before, TuneWish(base="owner/model"))
        assert len(own.held) == len(own.parts.held) >= 8


@pytest.mark.parametrize("more", [0, 50])
async def test_a_training_that_ran_out_of_minutes_goes_on_with_more(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """One that ended for any other reason is done."""
    folder = with_trainer(colours())
    asked: list[bool] = []

    class Slow:
        async def train(self, job: Any, follow: Any) -> Trained:
            for number in (1, 2, 3):
                told = {"epoch": number, "epochs": 3, "seconds": 50.0 * number, "adapter": "x"}
                asked.append(await follow(Told("epoch", told)))
                if not asked[-1]:
                    break
            adapters = tuple(job.folder / f"epoch-{n}" for n in range(1, number + 1))
            for adapter in adapters:
                adapter.mkdir(exist_ok=True)
                (adapter / "adapter_model.safetensors").write_bytes(b"matrices")
                (adapter / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
            nothing = (None,) * number
            return Trained(adapters, nothing, nothing, 0, 50.0 * number, "" if number == 3 else "x")

    monkeypatch.setattr("headway.engine.tuning.tuner.open_trainer", lambda name: Slow())
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        wished = TuneWish(
            minutes=1.0, base="owner/model", stages=("full",), how={"epochs": 3}, trainer="command"
        )
        first = await Tuner(workspace._runner(), before, wished).go()
        assert first.stages[0].stopped.startswith("x: the minutes ended")
        assert asked == [False]  # two epochs would take 100 s, and 90 are the most
        again = await Tuner(workspace._runner(), before, replace(wished, minutes=1.0 + more)).go()
        assert len(again.stages[0].epochs) == (3 if more else 1)
        # Nothing serves it yet, and it says what would.
        assert again.serve.startswith("vllm serve owner/model --enable-lora")
        with pytest.raises(InputError, match="nothing serves"):
            await workspace.evaluate(again.pipeline_file, limit=1)
        # It is a model all the same, with its lineage, to go on from.
        start = await start_of(workspace.parts, again.name, None)
        assert (start.base.name, start.shape()) == ("owner/model", {"rank": 2, "alpha": 4.0})


async def test_an_epoch_that_cannot_be_asked_is_a_notice_and_training_goes_on(
    colours: MakeTask,
) -> None:
    folder = with_trainer(colours())
    before = answering().model_copy(update={"model": "scripted/echo"})
    adapter = folder / "epoch-1"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"matrices")

    async def ask(requests: Any, plain: bool) -> Any:
        raise ModelError("memory was exhausted while replies were computed")

    async with Workspace.open(folder) as workspace:
        runner = workspace._runner()
        ready = await preparing.prepare(runner, before, TuneWish(base="owner/model"))
        assert ready.held
        follower = Follower(runner, ready, 60.0)
        told = {"epoch": 1, "epochs": 3, "seconds": 1.0, "adapter": str(adapter)}
        assert await follower(Told("epoch", told, ask))
        assert not follower.runs
        (said,) = workspace.notices.texts
        assert "epoch 1 could not be asked here: memory was exhausted" in said


BEST_RATE = 5e-4


class ByRate:
    """A trainer whose held-out loss is least at a rate that is not the default's."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.jobs = seconds, list[Any]()

    async def train(self, job: Any, follow: Any) -> Trained:
        self.jobs.append(job)
        adapter = job.folder / "epoch-1"
        adapter.mkdir(exist_ok=True)
        (adapter / "adapter_model.safetensors").write_bytes(b"matrices")
        (adapter / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
        loss = 1.0 + abs(job.how.rate - BEST_RATE)
        return Trained((adapter,), (1.0,), (loss,), 20_000, self.seconds)


@pytest.mark.parametrize(
    ("how", "seconds", "rates", "taken"),
    [
        ({}, 60.0, [1e-3, 2e-3, 5e-4, 1e-3], 5e-4),
        ({"rate": 2e-3}, 60.0, [2e-3, 2e-3], 2e-3),  # set by hand: only the rank is tried
        ({}, 1000.0, [1e-3], 1e-3),  # slower than planned: what is left belongs to the whole
    ],
)
async def test_minutes_that_are_left_over_try_settings_on_half(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch, how: dict[str, float], seconds: float,
    rates: list[float], taken: float,
) -> None:  # fmt: skip
    folder = with_trainer(colours(450))
    trainer = ByRate(seconds)
    monkeypatch.setattr("headway.engine.tuning.tuner.open_trainer", lambda name: trainer)
    monkeypatch.setattr("headway.engine.tuning.start.insist", lambda: None)
    monkeypatch.setattr(preparing, "speed_of", lambda *of: (200.0, True))

    async def measured(self: Any, number: int, adapter: Path, ask: Any = None) -> None:
        """Nothing: there are no weights. What is left is the held-out loss."""

    monkeypatch.setattr("headway.engine.tuning.following.Follower.measure", measured)
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        wished = TuneWish(
            minutes=30.0, base="owner/model", stages=("half", "full"), how=how, prove=False
        )
        found = await Tuner(workspace._runner(), before, wished).go()
    *halves, full = trainer.jobs
    assert [job.how.rate for job in halves] == rates
    assert full.how.rate == taken
    assert [s.name for s in found.stages] == ["half"] * len(rates) + ["full"]
    assert [s.taken for s in found.stages].count(True) == 2
    told = json.loads((Path(found.folder) / "model.json").read_text())
    assert told["lineage"]["settings"]["rate"] == taken
    assert found.stages[-1].settings == ({} if how or taken == 1e-3 else {"rate": taken})
    if not how:
        assert list(found.plan.trials) == [
            {"rate": 2e-3}, {"rate": 5e-4}, {"rank": 32, "alpha": 64.0}
        ]  # fmt: skip


async def test_a_command_is_tried_with_what_it_asks_for(colours: MakeTask) -> None:
    folder = with_trainer(colours(450))
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        for line, others in (("train {rate}", 2), ("train {rank} {alpha}", 1), ("train", 0)):
            wished = TuneWish(base="owner/model", trainer="command", command=line)
            ready = await Tuner(workspace._runner(), before, wished).prepare()
            assert len(ready.others) == others
            assert ready.schedule.trials == 1  # nobody knows how long one takes


async def test_a_word_where_a_tuned_model_is_shown_other_context_than_it_learnt_from(
    make_task: MakeTask,
) -> None:
    folder = make_task()
    async with Workspace.open(folder) as workspace:
        parts = workspace.parts
        steps = [{"retrieve": {"by": "hybrid", "k": 2}}, {"generate": {}}]
        before = parts.resolve(Pipeline.model_validate({"model": MODEL, "steps": steps}))
        after = tuned_pipeline(workspace.task, before, 200, "auto")
        after = after.model_copy(update={"model": "tuned/a"})
        after.save(folder / "pipelines" / "a.yaml")
        (folder / "models" / "a").mkdir(parents=True)
        (folder / "models" / "a" / "model.json").write_text(
            json.dumps({"lineage": {"shows": parts.shows(after)}})
        )
        own = parts.resolve(Pipeline.load(folder / "pipelines" / "a.yaml"))
        parts.advise(own)
        assert workspace.notices.texts == ()
        parts._advised.clear()
        other = own.with_step("retrieve", k=5)
        parts.advise(other)
        parts.advise(other.with_step("retrieve", k=6))
        (said,) = workspace.notices.texts
        assert "tuned/a was trained with other retrieval" in said
        assert "headway tune" in said


async def test_a_missing_extra_is_said_before_anything_is_spent(
    colours: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_trainer(colours())
    monkeypatch.setattr("headway.training.lora.PACKAGES", ("no_such_package",))
    before = answering().model_copy(update={"model": "scripted/echo"})
    async with Workspace.open(folder) as workspace:
        runner = workspace._runner()
        wished = TuneWish(base="owner/model", stages=("full",))
        with pytest.raises(MissingExtra, match="finetune"):
            await Tuner(runner, before, wished).go()
        assert runner.desk.budget.calls == 0


def test_settings_by_hand_are_checked() -> None:
    assert settings_of({"rate": 1e-4}).rate == 1e-4
    with pytest.raises(InputError, match="rate"):
        settings_of({"rate": -1})


def epoch(number: int, score: float | None, held: float | None) -> TuneEpoch:
    found = None if score is None else Estimate(mean=score, n=10)
    return TuneEpoch(epoch=number, loss=1.0, held_loss=held, score=found)


def test_the_best_epoch_is_the_tasks_own_word() -> None:
    """The score decides; of equals the held-out loss; without either the last is taken."""
    assert best_epoch([epoch(1, 0.9, 2.0), epoch(2, 0.8, 1.0)]) == 1
    assert best_epoch([epoch(1, 0.9, 1.0), epoch(2, 0.9, 2.0), epoch(3, 0.9, 1.0)]) == 3
    assert best_epoch([epoch(1, None, 2.0), epoch(2, None, 1.0), epoch(3, None, 3.0)]) == 2
    assert best_epoch([epoch(1, None, None), epoch(2, None, None)]) == 2
    # What nobody measured is not the best.
    assert best_epoch([epoch(1, 0.2, 1.0), epoch(2, None, 0.1)]) == 1
    assert best_epoch([epoch(1, None, 2.0), epoch(2, None, None)]) == 1
    assert best_epoch([]) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 9)), min_size=1, max_size=6))
def test_no_epoch_scores_better_than_the_best(rows: list[tuple[float, float]]) -> None:
    epochs = [epoch(n, *row) for n, row in enumerate(rows, start=1)]
    chosen = epochs[best_epoch(epochs) - 1].score
    assert chosen is not None
    assert chosen.mean is not None
    assert all(round(chosen.mean, 9) >= round(score, 9) for score, _ in rows)
