"""A tuning of weights in Hugging Face's form, which nothing serves yet: it is measured all the
same, by transformers, on a tiny model that learns a task within seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.core.pipeline import Pipeline
from headway.engine.tuning.preparing import TuneWish
from headway.engine.tuning.tuner import Tuner
from headway.testing.tiny import WORDS, tiny_model
from headway.workspace import Workspace

MakeTask = Callable[..., Path]


async def test_weights_that_nothing_serves_are_measured_all_the_same(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "peft", "transformers"):
        pytest.importorskip(package)
    monkeypatch.setenv("HEADWAY_THREADS", "1")
    base = tiny_model(tmp_path / "tiny")
    folder = make_task(
        "colours", knowledge=False, description="Say it.", instructions="Say it.",
        output={"kind": "text"}, metrics=["exact_match"], models={"chat": "scripted/echo"},
        splits={"train": 0.6, "dev": 0.2, "test": 0.2, "seed": 7},
    )  # fmt: skip
    rows = [
        {"id": f"c{n}", "inputs": {"question": f"{WORDS[n % 10]} {WORDS[n * 7 % 9]} {n}"},
         "reference": WORDS[n % 10]}
        for n in range(150)
    ]  # fmt: skip
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"template": "Say it.", "max_tokens": 4}
    before = Pipeline.model_validate({"model": "scripted/echo", "steps": [{"generate": settings}]})
    how = {"rank": 4, "alpha": 8.0, "rate": 2e-2, "epochs": 3, "dtype": "float32", "threads": 1}
    async with Workspace.open(folder) as workspace:
        wish = TuneWish(base=base.path, stages=("pilot", "full"), how=how, limit=8, force=True)
        found = await Tuner(workspace._runner(), before, wish).go()
        full = found.stages[-1]
        scores = [e.score for e in full.epochs]
        assert all(score is not None and score.n >= 8 for score in scores)
        assert scores[-1] is not None
        assert found.held_before is not None
        assert (scores[-1].mean or 0) > (found.held_before.mean or 0)
        # Chosen by the task's own word, ten answers beside each other, proven on dev.
        best = max(s.mean or 0 for s in scores if s is not None)
        chosen = full.epochs[full.chosen - 1].score
        assert chosen is not None
        assert chosen.mean == best
        assert len(found.sides) == 10
        assert found.comparison is not None
        assert found.comparison.n == 8
        assert found.general_change is not None
        assert found.serve.startswith("vllm serve")
        assert any("by transformers" in text for text in found.notices)
        # Told from the store: nothing is trained or asked again.
        again = await Tuner(workspace._runner(), before, wish).go()
        assert again.stages == found.stages
        assert again.comparison == found.comparison
        # A model like any other, which says what would serve it.
        evaluated = await workspace.evaluate(found.pipeline_file, limit=8)
        assert evaluated.model == found.name
        assert found.after is not None
        assert evaluated.metrics["exact_match"].mean == found.after.mean
    async with Workspace.open(folder) as workspace:
        more = await workspace.evaluate(found.pipeline_file, limit=10)
        assert more.n == 10
        assert any("vllm serve" in text for text in workspace.notices.texts)
