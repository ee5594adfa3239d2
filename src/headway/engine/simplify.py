"""Accuracy first, then tokens: smaller pipelines that may be as good as the winner."""

from __future__ import annotations

from collections.abc import Iterator

from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate
from headway.engine.run import Run
from headway.techniques.context.compression import shrinks
from headway.techniques.context.shown import counts, handed, with_handed

SAVES = 0.1  # a change must save at least a tenth to be worth the question
# What a pipeline can do without, what costs most first: calls, then what is read. Not the steps
# that only order passages: without them nothing is saved.
SPARE = (
    "vote", "react", "research", "stage", "revise", "check", "repair", "expand", "hyde", "classify",
    "database", "examples", "compress", "trim", "rerank", "abstain",
)  # fmt: skip


def simpler(pipeline: Pipeline, cheaper_models: tuple[str, ...] = ()) -> Iterator[Candidate]:
    """Take out a step, half of the examples, one passage; try cheaper models. Boldest first."""
    for name in SPARE:
        if pipeline.step(name):
            yield Candidate(_without(pipeline, name), f"without {name}")
    vote = pipeline.step("vote")
    if vote is not None and int(vote.settings.get("n", 5)) > 3:
        yield Candidate(pipeline.with_step("vote", n=3), "3 samples instead")
    shots = pipeline.step("examples")
    if shots is not None and int(shots.settings.get("k", 4)) > 1:
        k = int(shots.settings.get("k", 4)) // 2
        ids = list(shots.settings.get("ids") or [])[:k]
        yield Candidate(
            pipeline.with_step("examples", k=k, ids=ids or None), f"{k} examples instead"
        )
    shown = handed(pipeline)
    if shown > 1:
        yield Candidate(with_handed(pipeline, shown - 1), f"{shown - 1} passages instead")
    for model in cheaper_models:
        if model != pipeline.model:
            yield Candidate(Pipeline(model=model, steps=pipeline.steps), f"with {model}")


def _without(pipeline: Pipeline, name: str) -> Pipeline:
    """Without a step. Where it handed on fewer passages than came to it, no more come now: those
    that it says; of what was cut by score half, of what was shortened as much text as it left."""
    step = pipeline.step(name)
    if step is not None and name in ("rerank", "trim", "compress"):
        came, said = handed(pipeline, to=name), counts((step,))
        kept = said[0][1] if said else came
        if name == "trim" and not said:
            kept = came // 2
        if name == "compress":
            kept = came // shrinks(pipeline, int(step.settings.get("sentences", 2)))
        pipeline = with_handed(pipeline, max(1, min(came, kept)), to=name)
    return pipeline.without_step(name)


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
