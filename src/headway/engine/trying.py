"""One technique's candidates beside the incumbent, on explore: a look, not a proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headway.core.findings import Finding, JourneyStep
from headway.core.pipeline import Pipeline
from headway.core.protocols import Candidate, Technique
from headway.core.task import Example
from headway.engine import statistics as stats
from headway.engine.compare import keep_run, summarise, unreviewed
from headway.engine.journey import Lent
from headway.engine.needs import insist
from headway.engine.race import against
from headway.engine.run import Run, Runner


class Tried(Finding):
    """A technique's candidates beside the incumbent on explore; nothing is kept or proven.
    notices: what the technique had to say, above all why it has no candidate."""

    schema_name = "headway/try/1"

    incumbent: str
    metric: str
    n: int
    steps: tuple[JourneyStep, ...]
    unreviewed: int = 0
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a candidate."""
        return [step.model_dump() for step in self.steps]


async def tried(
    runner: Runner, kind: type[Technique], incumbent: Pipeline, sample: Sequence[Example]
) -> Tried:
    """All candidates of a technique over a sample. Raises InputError where the task does not have
    what the technique needs."""
    task, parts = runner.desk.task, runner.desk.parts
    insist(kind, task)
    lent = Lent(task, incumbent, task.split("train"), {}, runner)
    steps: list[JourneyStep] = []
    base: Run | None = None
    async for candidate in kind().propose(lent):
        # The incumbent is run only where there is something to hold beside it.
        base = base or await runner.run(incumbent, sample)
        run = await runner.run(parts.resolve(candidate.pipeline), sample)
        keep_run(runner.desk.store, run, summarise(run, task.spec.metrics))
        steps.append(_step(kind, candidate, run, base, task.metric))
    return Tried(
        incumbent=await parts.fingerprint(incumbent), metric=task.metric,
        n=len(sample), steps=tuple(steps), unreviewed=unreviewed(sample),
        notices=tuple(lent.said) if steps or lent.said else (_no_reason(kind),),
    )  # fmt: skip


def _step(
    kind: type[Technique], candidate: Candidate, run: Run, base: Run, metric: str
) -> JourneyStep:
    found = against(run, base, metric)
    return JourneyStep(
        technique=kind.name, axis=kind.axis, candidate=candidate.title,
        verdict=stats.verdict(found, 0.05), decision="dropped", reason="tried",
        measured_on="explore", n=found.n, detail="tried on explore only: a hint, not a proof",
        difference=found.difference, low=found.low, high=found.high,
        calls=sum(r.usage.calls for r in run.records), pipeline=run.fingerprint,
    )  # fmt: skip


def _no_reason(kind: type[Technique]) -> str:
    return (
        f"{kind.name} did not say why. It is good for {kind.good_for}; not for {kind.not_good_for}."
    )
