"""Reason and act by turns: think, call a tool, read what it says.

Yao et al., 2022, "ReAct: Synergizing Reasoning and Acting in Language Models".
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.task import Example
from headway.techniques.behaviour.placing import answers

SAME = ("passages", "by", "embed")  # searched as before
FIGURES = 0.5  # of train's answers hold a figure, from which on there is something to calculate
_FIGURE = re.compile(r"\d")


class ReasonAndAct:
    """With all tools that the task has, then with the calculator alone."""

    name: ClassVar[str] = "react"
    axis: ClassVar[Axis] = "both"
    good_for: ClassVar[str] = "figures to be worked out; facts found one by one; questions for SQL"
    not_good_for: ClassVar[str] = "small models, which lose the form; tight latency"
    # What search or a database fail to bring has techniques of its own, which cost less.
    addresses: ClassVar[tuple[str, ...]] = ("wrong_despite_evidence", "unstable")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "up to five calls more, one after the other, of up to 120 written tokens"
    times: ClassVar[float] = 4.0

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """None where it acts already, or there is nothing to look up and to calculate."""
        if not answers(ctx.incumbent) or ctx.incumbent.step("react"):
            return
        if ctx.task.spec.output.kind not in ("text", "json"):
            return
        search, database = ctx.incumbent.step("retrieve"), _database(ctx)
        looks = [*(["search"] if search else []), *(["database"] if database else [])]
        counts = figures(ctx.train) >= FIGURES
        same = (
            {name: search.settings[name] for name in SAME if name in search.settings}
            if (search)
            else {}
        )
        if looks:
            tools = ["calculate", *looks] if counts else looks
            which = {"database": database} if database and len(ctx.databases) > 1 else {}
            yield Candidate(
                _acting(ctx.incumbent, tools=tools, **same, **which),
                f"thinks and acts by turns: {', '.join(tools)}",
            )
        if counts:
            yield Candidate(
                _acting(ctx.incumbent, tools=["calculate"]), "thinks and calculates by turns"
            )


def _acting(pipeline: Pipeline, **settings: Any) -> Pipeline:
    return pipeline.with_step("react", before="generate", **settings)


def _database(ctx: TechniqueContext) -> str | None:
    """The database that is asked: the pipeline's, or the task's first."""
    step = ctx.incumbent.step("database")
    named = step.settings.get("database") if step else None
    return str(named) if named else next(iter(ctx.databases), None)


def figures(train: Sequence[Example]) -> float:
    """The share of answers in train that hold a figure, of questions that hold two."""
    solved = [e for e in train if e.references]
    found = [
        e
        for e in solved
        if _FIGURE.search(e.references[0]) and len(re.findall(r"\d+", e.question)) > 1
    ]
    return len(found) / len(solved) if solved else 0.0
