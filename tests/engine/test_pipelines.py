"""Which pipeline a name means, and what is said of one whose steps stand in the wrong place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headway.core.progress import Notices, silent
from headway.core.task import Task
from headway.engine.parts import Parts
from headway.engine.pipelines import pipeline_of
from headway.store import Store


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (["retrieve", "rerank", "trim", "generate"], []),
        (["expand", "hyde", "retrieve", "generate"], []),
        (["database", "order", "generate"], []),
        (["classify", "rerank", "retrieve", "generate"], ["rerank stands before any step"]),
        (["retrieve", "hyde", "generate"], ["hyde stands after every step that searches"]),
        (["generate", "retrieve"], ["retrieve stands after generate"]),
    ],
)
async def test_steps_that_change_nothing_where_they_stand_are_told(
    tmp_path: Path, steps: list[str], said: list[str]
) -> None:
    (tmp_path / "task.yaml").write_text("{name: t, models: {chat: scripted/echo}, knowledge: {}}")
    (tmp_path / "examples.jsonl").write_text('{"id": "a", "inputs": {"question": "Q?"}}\n')
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump({"steps": steps}))
    notices = Notices()
    parts, store = Parts(Task.load(tmp_path), silent, notices), Store(tmp_path / "store.db")
    try:
        pipeline_of(parts, store, str(file), None)
    finally:
        await parts.close()
        store.close()
    assert len(notices.texts) == len(said)
    assert all(
        text.startswith(f"{file}: {want}") for text, want in zip(notices.texts, said, strict=True)
    )
