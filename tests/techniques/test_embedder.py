"""What the technique `embedder_adapter` proposes."""

from __future__ import annotations

from typing import Any

from headway.core.pipeline import Pipeline
from headway.core.protocols import Search
from headway.techniques.context.embedder_adapter import EmbedderAdapter
from headway.testing.techniques import ScriptedContext, large_task, proposals


class Context(ScriptedContext):
    """Keeps what was asked for."""

    asked: tuple[str, Search] | None = None
    gives: str | None = "tuned/boxes-12"

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        self.asked = (base, how)
        return self.gives


def proposed(
    gives: str | None = "tuned/boxes-12", **retrieve: Any
) -> tuple[Context, list[dict[str, Any]]]:
    task = large_task()
    pipeline = Pipeline.model_validate(
        {"model": "scripted/echo", "steps": [{"retrieve": retrieve}, "generate"]}
    )
    context = Context(task, pipeline, task.split("train"))
    context.gives = gives
    found = [c.pipeline.step("retrieve") for c in proposals(EmbedderAdapter, context)]
    return context, [dict(step.settings) for step in found if step is not None]


def test_search_by_words_becomes_hybrid_then_dense() -> None:
    context, found = proposed(k=3, passages={"tokens": 96, "overlap": 16, "unit": "sentences"})
    assert [(f["by"], f["embed"], f["k"]) for f in found] == [
        ("hybrid", "tuned/boxes-12", 3),
        ("dense", "tuned/boxes-12", 3),
    ]
    assert context.asked is not None
    base, how = context.asked
    assert base == context.task.spec.models.embed
    assert (how.tokens, how.overlap, how.unit) == (96, 16, "sentences")


def test_search_by_meaning_keeps_its_kind_and_its_base() -> None:
    context, found = proposed(by="dense", embed="house/e")
    assert [(f["by"], f["embed"]) for f in found] == [("dense", "tuned/boxes-12")]
    assert context.asked is not None
    assert context.asked[0] == "house/e"


def test_nothing_twice_and_nothing_without_gain() -> None:
    context, found = proposed(by="hybrid", embed="tuned/boxes-11")
    assert found == []
    assert context.asked is None
    assert proposed(gives=None)[1] == []
