"""A model small enough to train within seconds: a Llama of random weights, with a tokenizer of its
own and a chat template."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.core.training import Base, Sample, write_samples
from headway.testing.tiny import WORDS, tiny_model


def colour_samples(count: int) -> list[Sample]:
    """Samples of several lengths whose reply follows from the prompt."""
    made = []
    for i in range(count):
        word, other = WORDS[i % len(WORDS)], WORDS[(i * 7 + 3) % len(WORDS)]
        asked = " ".join([word] * (1 + i % 5) + [other])
        messages = (
            {"role": "system", "content": "Say the last word."},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": f"{other} {word}"},
        )
        made.append(Sample(f"s{i}", f"g{i}", messages))
    return made


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """What the trainer's process sets for itself stays out of the tests that follow."""
    yield
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """The weights of such a model, as a folder in Hugging Face's form."""
    pytest.importorskip("torch")
    pytest.importorskip("peft")
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def samples_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty of its samples."""
    file = tmp_path_factory.mktemp("samples") / "train.jsonl"
    write_samples(file, colour_samples(40))
    return file
