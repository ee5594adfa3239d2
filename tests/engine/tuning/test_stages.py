"""The stages of a tuning, with a trainer and answers that are made up, so that what comes out is
known: trials that fail, what the first answers say of the data, and what is kept of a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import ModelError, Outage
from headway.core.pipeline import Pipeline
from headway.core.record import ChatRequest
from headway.core.task import digest
from headway.core.training import Told, Trained, read_samples
from headway.core.tuning import TuneFinding
from headway.engine.tuning import preparing
from headway.engine.tuning.general import General
from headway.engine.tuning.preparing import TuneWish
from headway.engine.tuning.tuner import Tuner, forgetting
from headway.models.scripted import ScriptedChat
from headway.workspace import Workspace

MakeTask = Callable[..., Path]
Says = Callable[[str, str], str]  # of a stage's name and the colour that is right
WORDS = ("red", "green", "blue", "black", "white", "brown")
# The model before: right in every answer, but for every seventh box where it is patchy.
BEFORE = f"""
import re
from headway.core.errors import Outage

WORDS = {WORDS!r}

def right(request):
    return next(word for word in WORDS if f" {{word}}," in request.messages[-1].content)

def patchy(request):
    number = int(re.search(r"Box (\\d+)", request.messages[-1].content)[1])
    return Outage("down") if number % 7 == 0 else right(request)
"""


def answered(folder: Path) -> Path:
    """The folder with the model before in it."""
    (folder / "before.py").write_text(BEFORE)
    return folder


def before(name: str = "right") -> Pipeline:
    settings = {"template": "Say which colour is named.", "max_tokens": 32}
    return Pipeline.model_validate(
        {"model": f"scripted/before.py:{name}", "steps": [{"generate": settings}]}
    )


class MadeUp:
    """A trainer that leaves an adapter of its stage; it fails at some settings."""

    def __init__(self, fails: Callable[[Any], Exception | None] = lambda how: None) -> None:
        self.fails, self.jobs = fails, list[Any]()

    async def train(self, job: Any, follow: Any) -> Trained:
        self.jobs.append(job)
        if error := self.fails(job.how):
            raise error
        adapter = job.folder / "epoch-1"
        adapter.mkdir(exist_ok=True)
        (adapter / "adapter_model.safetensors").write_bytes(b"matrices")
        (adapter / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
        return Trained((adapter,), (1.0,), (1.0,), 20_000, 60.0)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[..., MadeUp]:
    """Takes the place of trainer and answers; `says` is what a stage's model answers, as JSON where
    that is asked for."""

    def use(trainer: MadeUp, says: Says = lambda stage, right: right) -> MadeUp:
        async def opened(self: Any, name: str, adapter: Path, ask: Any) -> ScriptedChat:
            stage = adapter.parent.name.partition("-")[0]

            def answer(request: ChatRequest) -> str:
                text = request.messages[-1].content
                said = says(stage, next(word for word in WORDS if f" {word}," in text))
                return json.dumps({"label": said}) if request.json_schema else said

            return ScriptedChat(answer, name=name, identity=str(adapter))

        monkeypatch.setattr("headway.engine.tuning.tuner.open_trainer", lambda name: trainer)
        monkeypatch.setattr("headway.engine.tuning.start.insist", lambda: None)
        monkeypatch.setattr("headway.engine.tuning.following.Follower._opened", opened)
        return trainer

    return use


async def tuned(folder: Path, pipeline: Pipeline | None = None, **more: Any) -> TuneFinding:
    async with Workspace.open(folder) as workspace:
        wish = TuneWish(**{"base": "owner/model", "prove": False, **more})
        return await Tuner(workspace._runner(), pipeline or before(), wish).go()


# --- trials ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelError("the loss diverges: 9.10 at step 30 of 60"), "the loss diverges: 9.10"),
        (ModelError("training was killed, most likely because memory was exhausted"), "memory"),
    ],
)
async def test_a_trial_that_fails_is_left_out_and_not_tried_again(
    colours: MakeTask, trained: Callable[..., MadeUp], monkeypatch: pytest.MonkeyPatch,
    error: ModelError, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(preparing, "speed_of", lambda *of: (200.0, True))
    folder = answered(colours(450))
    trainer = trained(MadeUp(lambda how: error if how.rate == 2e-3 else None))
    more = {"minutes": 30.0, "stages": ("half", "full")}
    found = await tuned(folder, **more)
    rates = [1e-3, 2e-3, 5e-4, 1e-3]
    assert [job.how.rate for job in trainer.jobs] == [*rates, 1e-3]  # and then all samples
    assert [s.name for s in found.stages] == ["half"] * 4 + ["full"]
    failed = found.stages[1]
    assert (failed.settings, failed.taken, failed.chosen) == ({"rate": 2e-3}, False, 0)
    assert said in failed.stopped
    assert found.name
    (notice,) = [text for text in found.notices if "left out" in text]
    assert notice.startswith("half, rate 0.002: ")
    assert said in notice
    # The same command trains nothing anew, and tells the same.
    again = await tuned(folder, **more)
    assert len(trainer.jobs) == 5
    assert (again.stages, again.name, again.notices) == (found.stages, found.name, found.notices)


@pytest.mark.parametrize(
    "fails",
    [
        lambda how: ModelError("the loss diverges") if how.rate == 1e-3 else None,
        lambda how: Outage("the judge is down") if how.rate == 2e-3 else None,
    ],
)
async def test_what_is_no_trials_fault_ends_the_tuning(
    colours: MakeTask, trained: Callable[..., MadeUp], monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[Any], Exception | None],
) -> None:  # fmt: skip
    """The settings that were asked for, and a service that did not answer."""
    monkeypatch.setattr(preparing, "speed_of", lambda *of: (200.0, True))
    folder = answered(colours(450))
    trained(MadeUp(fails))
    with pytest.raises(ModelError):
        await tuned(folder, minutes=30.0, stages=("half", "full"))
    assert not list(folder.rglob("failed.json"))


# --- what the first answers say -------------------------------------------------------------------


def shares(found: TuneFinding, name: str) -> tuple[float, ...]:
    (row,) = [row for row in found.likeness if row["name"] == name]
    return row["wanted"], row["base"], row["tuned"]


async def test_answers_are_held_against_answers(
    colours: MakeTask, trained: Callable[..., MadeUp]
) -> None:
    """A tuned model writes `{"label": "red"}` where the pipeline before writes `red`: all three
    are the same answer."""
    trained(MadeUp())
    found = await tuned(answered(colours(300)))
    assert [s.name for s in found.stages] == ["pilot", "half", "full"]
    assert shares(found, "overlap") == (1.0, 1.0, 1.0)
    assert shares(found, "JSON") == (0.0, 0.0, 0.0)
    assert {row["moved"] for row in found.likeness} == {"same"}
    assert all(side.wanted == side.base == side.pilot == side.tuned for side in found.sides)


async def test_an_outage_is_no_text(colours: MakeTask, trained: Callable[..., MadeUp]) -> None:
    trained(MadeUp())
    found = await tuned(answered(colours(300)), before("patchy"))
    assert shares(found, "overlap") == (1.0, 1.0, 1.0)
    assert shares(found, "words") == (1.0, 1.0, 1.0)
    assert found.sides
    assert all(int(side.example[1:]) % 7 for side in found.sides)
    assert all(side.base in WORDS for side in found.sides)


async def test_the_pilots_answers_stay_beside_those_of_all_samples(
    colours: MakeTask, trained: Callable[..., MadeUp]
) -> None:
    def says(stage: str, right: str) -> str:
        # Few enough to prove nothing: the pilot goes on.
        return "brown" if stage == "pilot" and right == "blue" else right

    trained(MadeUp(), says)
    folder = answered(colours(300))
    found = await tuned(folder)
    assert found.likeness_after == "pilot"
    assert shares(found, "overlap")[2] < 1.0
    assert {side.pilot for side in found.sides if side.wanted == "blue"} == {"brown"}
    assert all(side.tuned == side.wanted for side in found.sides)
    alone = await tuned(folder, stages=("pilot",))
    assert {side.tuned for side in alone.sides if side.wanted == "blue"} == {"brown"}
    assert all(side.pilot is None for side in alone.sides)


def astray(stage: str, right: str) -> str:
    return WORDS[WORDS.index(right) - 1]


@pytest.mark.parametrize(
    ("count", "first"), [(300, "after the pilot"), (210, "after half of the samples")]
)
async def test_answers_that_go_astray_stop_a_larger_training(
    colours: MakeTask, trained: Callable[..., MadeUp], count: int, first: str
) -> None:
    trained(MadeUp(), astray)
    folder = answered(colours(count))
    found = await tuned(folder)
    assert len(found.stages) == 1
    assert found.stopped.startswith(f"{first}, answers are less like the wanted ones")
    assert not found.name
    assert found.sides
    # Forced, it goes on, and says the same.
    forced = await tuned(folder, force=True)
    assert forced.stages[-1].name == "full"
    assert (forced.stopped, forced.likeness) == ("", found.likeness)
    assert found.stopped in forced.notices
    assert forced.name


async def test_of_few_samples_all_are_looked_at(
    colours: MakeTask, trained: Callable[..., MadeUp]
) -> None:
    """There is nothing larger to stop: it is told, and dev says whether it paid."""
    trained(MadeUp(), astray)
    found = await tuned(answered(colours(150)))
    assert [s.name for s in found.stages] == ["full"]
    assert found.likeness_after == "full"
    assert shares(found, "overlap") == (1.0, 1.0, 0.0)
    assert found.stopped == ""
    assert any(text.startswith("after all samples, answers are less") for text in found.notices)
    assert found.name


# --- what is kept ---------------------------------------------------------------------------------


async def test_a_moved_task_gives_its_model_the_same_name(
    colours: MakeTask, trained: Callable[..., MadeUp]
) -> None:
    trainer = trained(MadeUp())
    folder = answered(colours(150))
    found = await tuned(folder)
    other = folder.rename(folder.with_name("elsewhere"))
    again = await tuned(other)
    assert again.name == found.name
    assert len(trainer.jobs) == 1


async def test_the_lineage_names_what_was_trained_on(
    colours: MakeTask, trained: Callable[..., MadeUp], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the minutes were enough for a part of train, that part."""
    monkeypatch.setattr(preparing, "speed_of", lambda *of: (20.0, True))
    trainer = trained(MadeUp())
    found = await tuned(answered(colours(300)), minutes=1.0)
    lineage = json.loads((Path(found.folder) / "model.json").read_text())["lineage"]
    samples = list(read_samples(trainer.jobs[-1].train))
    assert lineage["samples"] == len(samples) < found.plan.samples
    assert lineage["data"] == digest([asdict(s) for s in samples])[:16]


@pytest.mark.parametrize(("seconds", "late"), [(50.0, True), (1.0, False)])
async def test_minutes_that_ended_a_training_are_told(
    colours: MakeTask, trained: Callable[..., MadeUp], seconds: float, late: bool
) -> None:
    class Slow(MadeUp):
        async def train(self, job: Any, follow: Any) -> Trained:
            found = await super().train(job, follow)
            told = {"epoch": 1, "epochs": 3, "seconds": seconds, "adapter": str(found.adapters[0])}
            await follow(Told("epoch", told))
            return replace(found, stopped="stopped after epoch 1 of 3")

    trained(Slow())
    found = await tuned(answered(colours(150)), minutes=1.0)
    said = "stopped after epoch 1 of 3"
    if late:
        said += ": the minutes ended; more with --minutes above 1"
    assert found.stages[0].stopped == said


async def test_the_endpoint_that_was_named_is_known(
    colours: MakeTask, trained: Callable[..., MadeUp]
) -> None:
    trained(MadeUp())
    folder = answered(colours(150))
    assert (await tuned(folder)).served_as == ""
    found = await tuned(folder, serve="ollama/colours")
    assert found.served_as == "ollama/colours"
    assert "--lora-modules colours=" in found.serve


@pytest.mark.parametrize(("lost", "verdict"), [(0, "not_proven"), (5, "not_proven"), (9, "worse")])
def test_what_was_forgotten_is_told_with_whether_it_is_proven(lost: int, verdict: str) -> None:
    base = General("base", {f"q{n}": 1.0 for n in range(40)})
    found = forgetting(base, General("tuned", {f"q{n}": float(n >= lost) for n in range(40)}))
    assert found["general_verdict"] == verdict
    assert len(found["forgotten"]) == lost
