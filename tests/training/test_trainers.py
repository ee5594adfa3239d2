"""Trainers of the table pass the checks that all must; the command's stand beside its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headway.core.training import Base, Job, Settings, Trainer
from headway.testing.training import TrainerContract
from headway.training import open_trainer


class TestLora(TrainerContract):
    @pytest.fixture
    def trainer(self) -> Trainer:
        pytest.importorskip("torch")
        return open_trainer("lora")

    @pytest.fixture
    def job(self, tiny: Base, samples_file: Path, tmp_path: Path) -> Job:
        train = tmp_path / "train.jsonl"
        shutil.copy(samples_file, train)
        how = Settings(epochs=2, rank=4, alpha=8, dtype="float32", threads=1)
        return Job(folder=tmp_path / "job", base=tiny, train=train, how=how)
