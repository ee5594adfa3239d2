"""`headway check`: what a task holds, what may be wrong with it, what it can prove and cost.

A new check is one function `(look) -> items` in a file beside this one, and one line here. None
calls a model or fetches one.
"""

from __future__ import annotations

import asyncio
import inspect

from headway.core.errors import HeadwayError
from headway.core.findings import CheckItem, CheckReport
from headway.core.pipeline import Pipeline
from headway.core.task import Task
from headway.engine import check_answers as answers
from headway.engine import check_documents as documents
from headway.engine import check_examples as examples
from headway.engine import check_inputs as inputs
from headway.engine import check_judge as judging
from headway.engine import check_labels as labels
from headway.engine import check_prompt as prompt
from headway.engine import check_proof as proof
from headway.engine.check_look import Check, Look, item
from headway.engine.labels import Doubts
from headway.engine.parts import Parts
from headway.store import Store

CHECKS: tuple[Check, ...] = (
    examples.counts,
    examples.split_sizes,
    examples.baseline_gate,
    examples.evidence,
    examples.tags,
    examples.unreviewed,
    examples.reviews,
    examples.empty_inputs,
    inputs.conversations,
    inputs.files,
    examples.near_duplicates,
    examples.leak_train,
    examples.leak_prompt,
    documents.documents,
    documents.named_in_vain,
    documents.duplicate_documents,
    documents.planted_instructions,
    documents.evidence_found,
    documents.databases,
    labels.in_doubt,
    answers.labels,
    answers.schema,
    answers.lengths,
    answers.metrics,
    answers.goal,
    judging.judge,
    prompt.models,
    prompt.tokens,
    prompt.says,
    proof.one_change,
    proof.journey,
    proof.economics,
    proof.constraints,
    proof.sealed_test,
    proof.cost_of_a_run,
    proof.cost_of_a_journey,
)


class Checker:
    """All checks of one task, with a resolved pipeline as its baseline. doubts: what came of asking
    who doubts a reference, where that was asked just now."""

    def __init__(
        self, task: Task, parts: Parts, store: Store, pipeline: Pipeline,
        doubts: Doubts | None = None,
    ) -> None:  # fmt: skip
        self._of = (task, parts, store, pipeline)
        self._doubts = doubts

    async def check(self) -> CheckReport:
        """Run every check, in their order. A task that is odd gives items, never an exception."""
        look = Look.open(*self._of)
        look.doubts = self._doubts
        items: list[CheckItem] = []
        for one in CHECKS:
            items += await _run(one, look)
        return CheckReport(task=look.task.spec.name, items=tuple(items))


async def _run(one: Check, look: Look) -> list[CheckItem]:
    try:
        if inspect.iscoroutinefunction(one):
            return list(await one(look))
        return await asyncio.to_thread(lambda: list(one(look)))  # type: ignore[arg-type]
    except HeadwayError as error:
        name = getattr(one, "__name__", "check")
        return [item(name, "error", str(error))]
