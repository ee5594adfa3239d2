"""Accuracy first, then tokens: smaller pipelines that may be as good as the winner."""

from __future__ import annotations

from collections.abc import Iterator

from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate
from headway.engine.run import Run

SAVES = 0.1  # a change must save at least a tenth to be worth the question


def simpler(pipeline: Pipeline, cheaper_models: tuple[str, ...] = ()) -> Iterator[Candidate]:
    """Take out a step, half of the examples, one passage; try cheaper models. Boldest first."""
    for name in ("examples", "rerank"):
        if pipeline.step(name):
            kept = pipeline.without_step(name)
            search = kept.step("retrieve")
            before = pipeline.step("rerank")
            if name == "rerank" and search is not None and before is not None:
                kept = kept.with_step("retrieve", k=int(before.settings.get("k", 4)))
            yield Candidate(kept, f"without {name}")
    shots = pipeline.step("examples")
    if shots is not None and int(shots.settings.get("k", 4)) > 1:
        k = int(shots.settings.get("k", 4)) // 2
        ids = list(shots.settings.get("ids") or [])[:k]
        yield Candidate(
            pipeline.with_step("examples", k=k, ids=ids or None), f"{k} examples instead"
        )
    for name in ("rerank", "retrieve"):
        step = pipeline.step(name)
        if step is not None:
            k = int(step.settings.get("k", 4))
            if k > 1:
                yield Candidate(pipeline.with_step(name, k=k - 1), f"{k - 1} passages instead")
            break
    for model in cheaper_models:
        if model != pipeline.model:
            yield Candidate(Pipeline(model=model, steps=pipeline.steps), f"with {model}")


def saves(candidate: Run, incumbent: Run) -> float:
    """The share of the incumbent's price that the candidate saves: dollars where both are known
    and not free, else tokens. Negative where it costs more."""

    def price(run: Run) -> tuple[float | None, float]:
        usd = [r.usage.usd for r in run.records]
        known = None if any(u is None for u in usd) else sum(u for u in usd if u is not None)
        tokens = sum(r.usage.prompt_tokens + 4 * r.usage.completion_tokens for r in run.records)
        return known, float(tokens)  # a written token costs about four read ones

    (usd_a, tokens_a), (usd_b, tokens_b) = price(incumbent), price(candidate)
    if usd_a and usd_b is not None:
        return 1 - usd_b / usd_a
    return 1 - tokens_b / tokens_a if tokens_a else 0.0
