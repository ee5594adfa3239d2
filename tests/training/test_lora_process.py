"""The process of the trainer `lora`, run within the test: one clear message for what can go wrong,
the course of the rate, and what a diverging loss is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import HeadwayError, InputError, ModelError
from headway.core.training import (
    ADAPTER,
    Base,
    Job,
    Settings,
    Told,
    read_samples,
    write_samples,
)
from headway.training import lora_process

pytest.importorskip("torch")
pytest.importorskip("peft")

HOW = Settings(rank=4, alpha=8, rate=5e-3, batch=4, epochs=2, dtype="float32", max_tokens=128)


def update(**settings: Any) -> Settings:
    return HOW.model_copy(update=settings)


class Stop(Exception):
    """Ends a training from within, as a kill would from without."""


class Kept(lora_process.Line):
    """A line whose other end is this list; it stops the training when it hears of step `stop`."""

    def __init__(self, stop: int | None = None) -> None:
        self.told: list[Told] = []
        self.stop = stop

    def tell(self, told: Told) -> None:
        self.told.append(told)
        if told.kind == "step" and told.data["step"] == self.stop:
            raise Stop

    def all(self, kind: str) -> list[Any]:
        return [t.data for t in self.told if t.kind == kind]

    def go_on(self, replies: Any = None) -> bool:
        return True


def refused(kind: type[HeadwayError], **job: Any) -> str:
    with pytest.raises(kind) as caught:
        lora_process.train(Job(**{"how": HOW, **job}), Kept())
    assert type(caught.value) is kind
    return str(caught.value)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / ADAPTER[1]))


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_stopped_and_gone_on_with_it_comes_to_the_same(
    dropout: float, tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    import torch

    def job(name: str) -> Job:
        how = update(dropout=dropout, checkpoint_s=1e-6)
        return Job(
            folder=tmp_path / name, base=tiny, train=samples_file, held=samples_file, how=how
        )

    steps: dict[int, float] = {}
    whole, begun = Kept(), 0
    lora_process.train(job("whole"), whole)
    for stop in (1, 4, 10, 11, 12, 20):  # 10 and 20 are the last of their epoch
        line = Kept(stop)
        with pytest.raises(Stop):
            lora_process.train(job("stopped"), line)
        steps |= {s["step"]: s["loss"] for s in line.all("step")}
        assert [r["step"] for r in line.all("resumed")] == ([begun] if begun else [])
        begun = stop - 1  # this step was told before it could be kept
    last = Kept()
    lora_process.train(job("stopped"), last)
    steps |= {s["step"]: s["loss"] for s in last.all("step")}
    assert steps == {s["step"]: s["loss"] for s in whole.all("step")}
    beside = ("adapter", "seconds", "answers")
    assert [{k: v for k, v in e.items() if k not in beside} for e in last.all("epoch")] == [
        {k: v for k, v in e.items() if k not in beside} for e in whole.all("epoch")
    ]
    for name, weight in weights(tmp_path / "whole" / "epoch-2").items():
        assert torch.equal(weights(tmp_path / "stopped" / "epoch-2")[name], weight)


def test_other_data_in_the_same_folder_begin_anew(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    lora_process.train(Job(folder=tmp_path, base=tiny, train=samples_file, how=HOW), Kept())
    other = tmp_path / "other.jsonl"
    write_samples(other, list(read_samples(samples_file))[:16])
    line = Kept()
    lora_process.train(Job(folder=tmp_path, base=tiny, train=other, how=HOW), line)
    assert "begun anew" in line.all("note")[0]["text"]
    assert line.all("start")[0]["samples"] == 16
    assert not line.all("resumed")


def test_it_goes_on_from_an_adapter_of_another_rank(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    first, second = Kept(), Kept()
    lora_process.train(Job(folder=tmp_path / "a", base=tiny, train=samples_file, how=HOW), first)
    start = tmp_path / "a" / "epoch-2"
    how = update(rank=8, epochs=1)
    job = Job(folder=tmp_path / "b", base=tiny, train=samples_file, how=how, start=start)
    lora_process.train(job, second)
    assert second.all("epoch")[0]["loss"] < first.all("epoch")[1]["loss"]
    shapes = {k: v.shape for k, v in weights(start).items()}
    assert {k: v.shape for k, v in weights(tmp_path / "b" / "epoch-1").items()} == shapes


def test_samples_that_are_all_too_long(tmp_path: Path, tiny: Base, samples_file: Path) -> None:
    how = update(max_tokens=16)
    message = refused(InputError, folder=tmp_path, base=tiny, train=samples_file, how=how)
    assert "0 of 40 samples have at most 16 tokens" in message
    assert "a greater max_tokens: the longest has" in message


@pytest.mark.parametrize("kind", ["gguf", "hf"])
def test_weights_that_cannot_be_read(kind: Any, tmp_path: Path, samples_file: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "broken.gguf").write_bytes(b"GGUF, or so it says")
    path = tmp_path / "broken" / ("broken.gguf" if kind == "gguf" else "")
    base = Base(name="own/broken", kind=kind, path=str(path))
    message = refused(InputError, folder=tmp_path, base=base, train=samples_file)
    assert "these weights cannot be read" in message
    assert str(path) in message


def test_a_start_that_is_no_adapter(tmp_path: Path, tiny: Base, samples_file: Path) -> None:
    for name in ADAPTER:
        (tmp_path / name).write_text("{}")
    message = refused(InputError, folder=tmp_path, base=tiny, train=samples_file, start=tmp_path)
    assert "this adapter cannot be gone on from" in message


def test_a_loss_that_diverges_asks_for_a_smaller_rate(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    good = Job(folder=tmp_path / "good", base=tiny, train=samples_file, how=HOW)
    lora_process.train(good.model_copy(update={"how": update(epochs=8, rate=1e-2)}), Kept())
    message = refused(
        ModelError, folder=tmp_path, base=tiny, train=samples_file,
        start=tmp_path / "good" / "epoch-8", how=update(rate=1.0, epochs=8, warmup=1.0),
    )  # fmt: skip
    assert "the loss diverges" in message
    assert "a smaller rate, for instance 2e-01" in message


def test_memory_that_runs_out_is_named(tmp_path: Path, tiny: Base, samples_file: Path) -> None:
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    job = Job(folder=tmp_path, base=tiny, train=samples_file)
    for error in (caught.value, MemoryError()):
        known = lora_process.known(error, job)
        assert known is not None
        assert "memory was exhausted" in str(known)
        assert "a smaller model" in str(known)
    assert lora_process.known(RuntimeError("shapes differ"), job) is None


def test_a_full_disk_is_named(tmp_path: Path, tiny: Base, samples_file: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as stream:
        stream.write(b"x")
    known = lora_process.known(caught.value, Job(folder=tmp_path, base=tiny, train=samples_file))
    assert "the disk is full" in str(known)


def test_the_rate_rises_then_falls_to_a_tenth() -> None:
    how = Settings(rate=1e-3, warmup=0.1)
    rates = [lora_process.rate_at(step, 100, how) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates.index(max(rates)) in (9, 10)
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-4)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert lora_process.rate_at(0, 1, Settings(rate=1e-3, warmup=0.0)) == 1e-3


@pytest.mark.parametrize(
    ("first", "last", "diverging"),
    [
        ([2.0] * 5, [1.0], False),
        ([2.0] * 5, [math.nan], True),
        ([2.0] * 5, [math.inf], True),
        ([2.0] * 5, [9.0] * 19, False),  # too few steps to tell
        ([2.0] * 5, [4.1] * 20, True),
        ([2.0] * 5, [3.9] * 20, False),  # not twice as much
        ([0.1] * 5, [1.0] * 20, False),  # not a nat more
    ],
)
def test_what_diverging_is(first: list[float], last: list[float], diverging: bool) -> None:
    assert lora_process.diverges(first, last) is diverging
