"""What every Trainer must do. Subclass, give the trainer and a job, and pytest runs the checks:

    class TestMine(TrainerContract):
        @pytest.fixture
        def trainer(self):
            return MyTrainer()

        @pytest.fixture
        def job(self, tmp_path):
            return Job(folder=tmp_path / "job", base=..., train=write(tmp_path), how=...)

The job must take at least two epochs, each of them at least a tenth of a second, and all of them
seconds.
"""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import orjson
import pytest

from headway.core.errors import InputError
from headway.core.training import ADAPTER, Job, Told, Trained, Trainer


class Listener:
    """Hears what a trainer tells. stop: say so after that many epochs."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.told: list[Told] = []
        self.heard = asyncio.Condition()

    async def __call__(self, told: Told) -> bool:
        """Whether to go on."""
        async with self.heard:
            self.told.append(told)
            self.heard.notify_all()
        return self.stop is None or len(self.of("epoch")) < self.stop

    async def until(self, kind: str) -> None:
        """Wait until something of a kind is told."""
        async with self.heard:
            await self.heard.wait_for(lambda: bool(self.of(kind)))

    def of(self, kind: str) -> list[Any]:
        """The data of all that was told of a kind."""
        return [told.data for told in self.told if told.kind == kind]


class TrainerContract:
    """Checks of `headway.core.training.Trainer`. Provide the fixtures `trainer` and `job`."""

    def _whole(self, trained: Trained, job: Job) -> None:
        """Adapters that are there, with one loss each."""
        assert trained.adapters
        assert len(trained.losses) == len(trained.adapters)
        assert len(trained.held_losses) in (0, len(trained.adapters))  # none: nothing held out
        for adapter in trained.adapters:
            assert adapter.resolve().is_relative_to(job.folder.resolve())
            assert all((adapter / name).stat().st_size for name in ADAPTER)
            assert orjson.loads((adapter / ADAPTER[0]).read_bytes())["peft_type"] == "LORA"
        assert all(math.isnan(loss) or loss >= 0 for loss in trained.losses)
        assert trained.seconds > 0
        assert trained.tokens >= 0

    async def test_has_the_name_it_is_found_by(self, trainer: Trainer) -> None:
        assert trainer.name
        assert trainer.name == type(trainer).name

    async def test_leaves_an_adapter_an_epoch(self, trainer: Trainer, job: Job) -> None:
        heard = Listener()
        trained = await trainer.train(job, heard)
        self._whole(trained, job)
        assert trained.stopped == ""
        assert len(trained.adapters) == job.how.epochs

    async def test_tells_what_it_does(self, trainer: Trainer, job: Job) -> None:
        heard = Listener()
        trained = await trainer.train(job, heard)
        assert heard.told[0].kind == "start"
        assert heard.of("start")[0]["samples"] >= 1
        epochs = heard.of("epoch")
        assert [Path(data["adapter"]) for data in epochs] == list(trained.adapters)
        assert [data["epoch"] for data in epochs] == list(range(1, len(epochs) + 1))
        for data in heard.of("step"):
            assert math.isfinite(data["loss"])
            assert {"step", "steps", "epoch", "rate", "tokens", "seconds"} <= set(data)
        for data in heard.of("note"):
            assert data["text"]

    async def test_stops_when_it_is_told(self, trainer: Trainer, job: Job) -> None:
        trained = await trainer.train(job, Listener(stop=1))
        self._whole(trained, job)
        assert len(trained.adapters) == 1
        assert trained.stopped

    async def test_the_same_job_again_gives_the_same(self, trainer: Trainer, job: Job) -> None:
        first = await trainer.train(job, Listener())
        bytes_ = [(path / ADAPTER[1]).read_bytes() for path in first.adapters]
        again = await trainer.train(job, Listener())
        assert again.adapters == first.adapters
        assert [(path / ADAPTER[1]).read_bytes() for path in again.adapters] == bytes_

    async def test_a_cancelled_training_can_be_gone_on_with(
        self, trainer: Trainer, job: Job
    ) -> None:
        heard = Listener()
        task = asyncio.create_task(trainer.train(job, heard))
        await heard.until("start")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        self._whole(await trainer.train(job, Listener()), job)

    async def test_samples_that_are_none(self, trainer: Trainer, job: Job) -> None:
        for content in ("", '{"messages": "none"}\n', "no JSON\n"):
            job.train.write_text(content)
            with pytest.raises(InputError):
                await trainer.train(job, Listener())
