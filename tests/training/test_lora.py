"""The trainer `lora` end to end, on a tiny model of random weights: what it tells and leaves, and
that a kill at any moment costs nothing but time."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from headway.core.errors import HeadwayError, InputError, MissingExtra, ModelError
from headway.core.training import ADAPTER, Base, Job, Settings, Told, read_samples, write_samples
from headway.training import lora
from headway.training.alone import LOCK
from headway.training.checkpoint import newest
from headway.training.lora import LOG, LoraTrainer

pytest.importorskip("torch")
pytest.importorskip("peft")

HOW = Settings(
    rank=4, alpha=8, rate=5e-3, batch=4, epochs=2, dtype="float32", max_tokens=128, threads=1
)


class Follower:
    """Keeps what it is told; says to stop after epoch `last`; at step `kill` it kills the process
    with signal 9."""

    def __init__(self, last: int = 99, kill: int | None = None) -> None:
        self.told: list[Told] = []
        self.last, self.kill = last, kill

    async def __call__(self, told: Told) -> bool:
        self.told.append(told)
        if told.kind == "step" and told.data["step"] == self.kill:
            _kill_child()
        return told.kind != "epoch" or told.data["epoch"] < self.last

    def all(self, kind: str) -> list[Any]:
        return [t.data for t in self.told if t.kind == kind]


def _children() -> list[int]:
    """Processes of the trainer that this process started."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [p for p in map(int, found) if lora.PROCESS in Path(f"/proc/{p}/cmdline").read_text()]


def _held_open(process: int) -> set[str]:
    """The files that a process has open."""
    return {str(fd.resolve()) for fd in Path(f"/proc/{process}/fd").iterdir()}


def _kill_child() -> None:
    for process in _children():
        os.kill(process, signal.SIGKILL)


def make_job(folder: Path, base: Base, train: Path, how: Settings = HOW, **more: Any) -> Job:
    return Job(folder=folder, base=base, train=train, how=how, **more)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / ADAPTER[1]))


async def test_it_learns_and_leaves_what_peft_loads(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    follow = Follower()
    how = HOW.model_copy(update={"epochs": 3})
    trained = await LoraTrainer().train(
        make_job(tmp_path / "job", tiny, samples_file, how, held=samples_file), follow
    )
    assert [p.name for p in trained.adapters] == ["epoch-1", "epoch-2", "epoch-3"]
    assert trained.stopped == ""
    assert trained.losses[2] < trained.losses[0] - 1
    assert len(trained.held_losses) == 3
    assert trained.held_losses[2] < trained.losses[2]  # of the same samples, after the epoch
    start, steps = follow.all("start")[0], follow.all("step")
    assert start["samples"] == 40
    assert start["steps"] == len(steps) == 30
    assert steps[-1]["tokens"] == trained.tokens == 3 * start["tokens"]
    assert steps[9]["epoch"] == 1
    assert steps[10]["epoch"] == 2
    logged = (tmp_path / "job" / LOG).read_bytes().splitlines()
    assert [orjson.loads(line) for line in logged] == [
        {"kind": t.kind, "data": t.data} for t in follow.told
    ]
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tiny.path), str(trained.adapters[-1])
    )
    assert model.peft_config["default"].base_model_name_or_path == tiny.path
    for name, weight in weights(trained.adapters[-1]).items():
        held = model.state_dict()[name.replace(".weight", ".default.weight")]
        assert torch.equal(held, weight)


async def test_who_follows_can_end_it_and_the_answer_is_waited_for(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    follow = Follower(last=1)
    trained = await LoraTrainer().train(make_job(tmp_path / "job", tiny, samples_file), follow)
    assert len(trained.adapters) == 1
    assert trained.stopped == "stopped after epoch 1 of 2"
    assert follow.told[-1].kind == "epoch"
    assert max(s["epoch"] for s in follow.all("step")) == 1


async def test_killed_at_random_moments_it_comes_to_the_same_weights(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    import torch

    how = HOW.model_copy(update={"checkpoint_s": 1e-6})
    whole = await LoraTrainer().train(
        make_job(tmp_path / "whole", tiny, samples_file, how), Follower()
    )
    job = make_job(tmp_path / "killed", tiny, samples_file, how)
    draw = random.Random(11)
    reached = 0
    for _ in range(3):
        reached = draw.randint(reached + 1, reached + 6)
        with pytest.raises(ModelError, match="memory was exhausted"):
            await LoraTrainer().train(job, Follower(kill=reached))
        assert newest(job.folder) is not None
    follow = Follower()
    trained = await LoraTrainer().train(job, follow)
    assert follow.all("resumed")[0]["step"] >= reached - 1
    assert trained.losses == pytest.approx(whole.losses, abs=1e-6)
    for name, weight in weights(whole.adapters[-1]).items():
        assert torch.allclose(weights(trained.adapters[-1])[name], weight, atol=1e-6, rtol=0)
    # What is finished is told again and not computed again.
    again = Follower()
    assert await LoraTrainer().train(job, again) == trained
    assert [t.kind for t in again.told] == ["start", "resumed", "epoch", "epoch"]


async def test_cancelling_ends_the_process(tmp_path: Path, tiny: Base, samples_file: Path) -> None:
    begun = asyncio.Event()

    async def follow(told: Told) -> bool:
        begun.set()
        await asyncio.sleep(0.01)
        return True

    how = HOW.model_copy(update={"epochs": 500})
    task = asyncio.create_task(
        LoraTrainer().train(make_job(tmp_path / "job", tiny, samples_file, how), follow)
    )
    await begun.wait()
    assert _children()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _children()


async def test_the_same_training_is_not_started_twice(
    tmp_path: Path, tiny: Base, samples_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headway.training.alone.STILL_S", 0.3)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def follow(told: Told) -> bool:
        begun.set()
        await go_on.wait()
        return True

    job = make_job(tmp_path / "job", tiny, samples_file)
    first = asyncio.create_task(LoraTrainer().train(job, follow))
    await begun.wait()
    (child,) = _children()
    # The child holds the folder too: it may outlive who started it.
    assert str(job.folder / LOCK) in _held_open(child)
    asked = (job.folder / "job.json").stat().st_mtime_ns
    message = await refused(job, InputError)
    assert f"this training is still running (process group {child})" in message
    assert f"kill -- -{child}" in message
    assert (job.folder / "job.json").stat().st_mtime_ns == asked
    go_on.set()
    assert len((await first).adapters) == 2
    assert await LoraTrainer().train(job, Follower())  # and now it is free


async def test_it_ends_when_nobody_listens(tmp_path: Path, tiny: Base, samples_file: Path) -> None:
    how = HOW.model_copy(update={"epochs": 500})
    job = make_job(tmp_path, tiny, samples_file, how)
    (tmp_path / "job.json").write_text(job.model_dump_json())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", lora.PROCESS, str(tmp_path / "job.json"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    await process.stdout.readline()
    process.stdin.close()
    reading = asyncio.create_task(process.stdout.read())
    assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGTERM
    await reading


async def refused(job: Job, kind: type[HeadwayError]) -> str:
    with pytest.raises(kind) as caught:
        await LoraTrainer().train(job, Follower())
    assert type(caught.value) is kind
    return str(caught.value)


async def test_three_samples_are_refused_before_anything_heavy(
    tmp_path: Path, tiny: Base, samples_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "few.jsonl"
    write_samples(few, list(read_samples(samples_file))[:3])
    _hide(tmp_path, "torch", monkeypatch)
    message = await refused(make_job(tmp_path / "job", tiny, few), InputError)
    assert "3 samples: too few to learn from" in message
    assert "few.jsonl" in message


async def test_a_missing_extra_says_what_to_install(
    tmp_path: Path, tiny: Base, samples_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide(tmp_path, "peft", monkeypatch)
    message = await refused(make_job(tmp_path / "job", tiny, samples_file), MissingExtra)
    assert "pip install 'headway[finetune]'" in message


def _hide(folder: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a package one that is not installed, for child processes."""
    (folder / "hidden").mkdir()
    (folder / "hidden" / f"{package}.py").write_text("raise ImportError('not installed')")
    _look_first(folder / "hidden", monkeypatch)


def _look_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in paths if p))
