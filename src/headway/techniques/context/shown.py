"""How many passages each step of a pipeline hands on, and where a step has its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headway.core.pipeline import Pipeline, StepSpec

# The order of the steps between search and prompt.
SIDE = ("retrieve", "rerank", "prefer", "trim", "compress", "order")
# Those that settle how many passages are handed on: the setting, and its default (None: all).
COUNTS: Mapping[str, tuple[str, int | None]] = {
    "retrieve": ("k", 4),
    "rerank": ("k", 4),
    "prefer": ("k", None),
    "trim": ("most", None),
}


def search_settings(pipeline: Pipeline) -> dict[str, Any] | None:
    """The settings of the pipeline's search; None where it has none, or is an application."""
    step = pipeline.step("retrieve")
    return None if step is None or pipeline.step("application") else dict(step.settings)


def cut_settings(pipeline: Pipeline) -> dict[str, Any]:
    """How the pipeline's search cuts passages, as far as that is written."""
    return dict((search_settings(pipeline) or {}).get("passages") or {})


def with_cut(pipeline: Pipeline, **settings: Any) -> Pipeline:
    """A copy with these settings laid over the cut; all others stay."""
    return pipeline.with_step("retrieve", passages={**cut_settings(pipeline), **settings})


def before(pipeline: Pipeline, name: str) -> tuple[StepSpec, ...]:
    """The steps before a step of SIDE: where it stands, or else where it would be put in."""
    names = [step.name for step in pipeline.steps]
    if name in names:
        return pipeline.steps[: names.index(name)]
    earlier = SIDE[: SIDE.index(name)]
    return pipeline.steps[: max((i + 1 for i, n in enumerate(names) if n in earlier), default=0)]


def put(pipeline: Pipeline, name: str, **settings: Any) -> Pipeline:
    """A copy with a step of SIDE in its place, or with these settings laid over it."""
    at = len(before(pipeline, name))
    follows = pipeline.steps[at].name if at < len(pipeline.steps) else None
    return pipeline.with_step(name, before=follows, **settings)


def counts(steps: tuple[StepSpec, ...]) -> list[tuple[str, int]]:
    """(step, how many passages it hands on at most) of each that settles it, in order."""
    found = ((s.name, s.settings.get(*COUNTS[s.name])) for s in steps if s.name in COUNTS)
    return [(name, int(count)) for name, count in found if count is not None]


def handed(pipeline: Pipeline, to: str | None = None) -> int:
    """How many passages at most come to a step of SIDE, or to the prompt; 0 without a search."""
    found = counts(before(pipeline, to) if to else pipeline.steps)
    return min((count for _, count in found), default=0)


def with_handed(pipeline: Pipeline, count: int, to: str | None = None) -> Pipeline:
    """A copy in which `count` passages come to a step, or to the prompt: the last step before
    that settles it hands on so many, and those before that one no fewer."""
    found = counts(before(pipeline, to) if to else pipeline.steps)
    for name, now in found:
        if now < count or name == found[-1][0]:
            more: dict[str, Any] = {COUNTS[name][0]: count}
            pipeline = pipeline.with_step(name, **more)
    return pipeline
