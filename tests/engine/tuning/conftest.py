"""A task to tune on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

WORDS = ("red", "green", "blue", "black", "white", "brown")


@pytest.fixture
def colours(make_task: Callable[..., Path]) -> Callable[..., Path]:
    """Makes a task without documents: which colour a sentence names. Some 0.6 of its examples are
    of train."""

    def make(count: int = 150, model: str = "scripted/echo") -> Path:
        folder = make_task(
            "colours", knowledge=False, description="Say which colour is named.",
            output={"kind": "label", "labels": list(WORDS)}, metrics=["label_accuracy"],
            models={"chat": model},
            splits={"train": 0.6, "dev": 0.2, "test": 0.2, "seed": 7},
        )  # fmt: skip
        rows = [
            {"id": f"c{n}", "reference": WORDS[n % 6],
             "inputs": {"question": f"Box {n} is {WORDS[n % 6]}, said {n * 7 % 101}."}}
            for n in range(count)
        ]  # fmt: skip
        (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make
