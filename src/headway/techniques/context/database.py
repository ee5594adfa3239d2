"""Let the model query the task's database, and show it the rows.

Solved examples and the schema in the prompt: Gao et al., 2023, "Text-to-SQL Empowered by Large
Language Models: A Benchmark Evaluation".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.task import Example

PREFIX = "database:"  # as evidence names a database
LEAST = 5  # solved examples from which nearest ones can decide
MOSTLY = 0.8  # of train: then every question goes to the database
# Steps that find passages or work on those found; one put behind them keeps its rows.
BEFORE = (
    "classify", "expand", "hyde", "retrieve", "rerank", "prefer", "trim", "order", "compress",
    "research",
)  # fmt: skip
TITLES = {
    "always": "query the database for every question",
    "matched": "query the database where the nearest examples were answered from it",
    "model": "query the database where the model says that it holds the answer",
}


class DatabaseQuery:
    """The ways to decide which questions go to the database, the surest first."""

    name: ClassVar[str] = "database"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = (
        "counts, sums, maxima and comparisons over rows that no document holds"
    )
    not_good_for: ClassVar[str] = "answers that stand in documents; models that cannot write SQL"
    addresses: ClassVar[tuple[str, ...]] = (
        "in_database",
        "not_in_knowledge",
        "not_found",
        "wrong_despite_evidence",
    )
    needs: ClassVar[tuple[str, ...]] = ("database",)
    costs: ClassVar[str] = "one or two calls with the schema in the prompt, and a query"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Of several databases the one that most examples of train are answered from."""
        incumbent, databases = ctx.incumbent, ctx.databases
        if incumbent.step("generate") is None or not databases:
            return
        counts = answered_from(ctx.train)
        database = max(databases, key=lambda name: counts[name])  # of equals the first
        solved, now = counts[database], incumbent.step("database")
        ways = ["matched"] if solved >= LEAST else []
        ways = ["always", *ways] if solved and solved >= MOSTLY * len(ctx.train) else ways
        for when in (*ways, "model"):
            if now is None or now.settings.get("when", "model") != when:
                named = database if len(databases) > 1 else None
                yield Candidate(
                    incumbent.with_step("database", _place(incumbent), database=named, when=when),
                    TITLES[when],
                )


def answered_from(train: Sequence[Example]) -> Counter[str]:
    """How many examples are answered by a query, by the database's name."""
    return Counter(
        name
        for example in train
        for name in {
            evidence.document.removeprefix(PREFIX)
            for evidence in example.evidence
            if evidence.tables and (evidence.document or "").startswith(PREFIX)
            if evidence.document
        }
    )


def _place(pipeline: Pipeline) -> str:
    """The step before which the database is asked: the first behind all that search."""
    names = [step.name for step in pipeline.steps]
    last = max((at for at, name in enumerate(names) if name in BEFORE), default=-1)
    return names[last + 1] if last + 1 < len(names) else "generate"
