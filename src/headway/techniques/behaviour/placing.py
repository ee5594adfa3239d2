"""Where the steps around the answer have their place in a pipeline."""

from __future__ import annotations

from typing import Any

from headway.core.pipeline import Pipeline

# What follows `generate`, in the order in which it is done.
FOLLOWS = ("generate", "vote", "repair", "revise", "check")


def answers(pipeline: Pipeline) -> bool:
    """Whether a model's reply is what the pipeline answers with."""
    return pipeline.step("generate") is not None and pipeline.step("application") is None


def put(pipeline: Pipeline, name: str, **settings: Any) -> Pipeline:
    """A copy with a step of FOLLOWS in its place, or with these settings laid over it."""
    earlier = FOLLOWS[: FOLLOWS.index(name)]
    names = [step.name for step in pipeline.steps]
    at = max((i + 1 for i, n in enumerate(names) if n in earlier), default=len(names))
    return pipeline.with_step(name, before=names[at] if at < len(names) else None, **settings)
