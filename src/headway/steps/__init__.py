"""What pipelines are made of: one file a step, one line here.

A step is a frozen pydantic model (its fields are its settings) with `run(state, lend)`.
"""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from headway.core.catalogue import Family
from headway.core.pipeline import Pipeline
from headway.core.protocols import Step
from headway.core.task import invalid

STEPS = Family(
    "step",
    {
        "condense": "headway.steps.condense:Condense",
        "history": "headway.steps.history:History",
        "classify": "headway.steps.classify:Classify",
        "expand": "headway.steps.expand:Expand",
        "hyde": "headway.steps.hyde:Hyde",
        "retrieve": "headway.steps.retrieve:Retrieve",
        "rerank": "headway.steps.rerank:Rerank",
        "prefer": "headway.steps.prefer:Prefer",
        "trim": "headway.steps.trim:Trim",
        "order": "headway.steps.order:Order",
        "compress": "headway.steps.compress:Compress",
        "research": "headway.steps.research:Research",
        "database": "headway.steps.database:Database",
        "examples": "headway.steps.examples:Examples",
        "abstain": "headway.steps.abstain:Abstain",
        "stage": "headway.steps.stage:Stage",
        "react": "headway.steps.react:React",
        "generate": "headway.steps.generate:Generate",
        "vote": "headway.steps.vote:Vote",
        "repair": "headway.steps.repair:Repair",
        "revise": "headway.steps.revise:Revise",
        "check": "headway.steps.check:Check",
        "application": "headway.steps.application:Application",
    },
)


def build(pipeline: Pipeline, where: str = "pipeline") -> tuple[Step, ...]:
    """The pipeline's steps, ready to run. Raises InputError naming step and setting."""
    steps = []
    for number, spec in enumerate(pipeline.steps, start=1):
        place = f"{where}, step {number} ({spec.name})"
        kind: type[BaseModel] = STEPS.load(spec.name, where=place)
        try:
            steps.append(kind.model_validate(dict(spec.settings)))
        except ValidationError as error:
            raise invalid(error, kind, place) from None
    return tuple(steps)  # type: ignore[arg-type]  # each class of the table is a Step by contract


__all__ = ["STEPS", "build"]
