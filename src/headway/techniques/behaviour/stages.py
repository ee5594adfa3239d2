"""Split the task into stages with a prompt each: first what is asked and what matters, then the
answer from that.

"Split complex tasks into simpler subtasks" (OpenAI's prompting guide). Khot et al., 2023,
"Decomposed Prompting: A Modular Approach for Solving Complex Tasks".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.task import Output, Task
from headway.core.template import placeholders
from headway.techniques.behaviour.placing import answers
from headway.techniques.behaviour.quotes import shows_passages

FIELDS = 30  # fields or labels that are named in a prompt


class Stages:
    """What is asked and the facts that matter; then also a stage of the task's own kind: a plan
    for texts, the words behind each field, what speaks for which label."""

    name: ClassVar[str] = "stages"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "tasks of several parts: much to read, several fields, many labels"
    not_good_for: ClassVar[str] = "questions of one fact; models that note down what is not there"
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "crowded_out", "unfaithful")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "a call more a stage, up to 160 written tokens, which the next reads"
    times: ClassVar[float] = 2.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """One stage, each of the two, then both. None where there are stages already, and where
        the task's own words would be read as placeholders."""
        if not answers(ctx.incumbent) or ctx.incumbent.step("stage"):
            return
        if ctx.task.spec.output.kind == "passages":
            return
        shown = shows_passages(ctx.incumbent)
        first, second = facts(ctx.task, shown), own(ctx.task.spec.output)
        if placeholders(first + second[1]):
            return
        yield Candidate(
            staged(ctx.incumbent, ("Facts", first)), "lists what is asked and what matters, first"
        )
        yield Candidate(staged(ctx.incumbent, second[:2]), second[2])
        yield Candidate(
            staged(ctx.incumbent, ("Facts", first), second[:2]),
            f"lists what matters; {second[2]}; then answers",
        )


def staged(pipeline: Pipeline, *stages: tuple[str, str]) -> Pipeline:
    """A copy with stages, (title, prompt) each, before `generate`."""
    data = pipeline.model_dump(mode="json")
    at = [step.name for step in pipeline.steps].index("generate")
    made = [{"name": "stage", "settings": {"title": t, "template": p}} for t, p in stages]
    data["steps"][at:at] = made
    return Pipeline.model_validate(data)


def facts(task: Task, shown: bool) -> str:
    """The prompt of the first stage, from the task's own description."""
    described = task.spec.description.strip().rstrip(".")
    where = "the passages" if shown else "what you are given"
    return "\n".join(
        [
            *([f"The whole task: {described}."] if described else []),
            "This is its first stage: do not answer yet.",
            f"1. List what exactly is asked. 2. List each fact from {where} that matters for it,"
            " one on a line, with its names, figures and dates as they stand there.",
        ]
    )


def own(output: Output) -> tuple[str, str, str]:
    """(title, prompt, what it does in a few words) of the stage that fits the kind of answer."""
    if output.kind == "label":
        names = ", ".join(output.labels[:FIELDS])
        more = " and others" if len(output.labels) > FIELDS else ""
        return (
            "Labels that come close",
            f"The text is to get one of these labels: {names}{more}. Do not decide yet. Name the"
            " two or three that come closest, one on a line, each with what in the text speaks"
            " for it and what against.",
            "weighs the labels that come close",
        )
    fields = list((output.json_schema or {}).get("properties", ()))[:FIELDS]
    if output.kind == "json" and fields:
        return (
            "Found for each field",
            f"A record with these fields is to be filled: {', '.join(fields)}. Do not fill it yet."
            " For each field write a line with its name and the words of the text that belong in"
            " it, or 'not stated'.",
            "finds the words behind each field",
        )
    return (
        "Plan",
        "Do not answer yet. Write the steps that lead to the answer, numbered, one on a line, at"
        " most five, each with what is needed for it.",
        "plans the steps",
    )
