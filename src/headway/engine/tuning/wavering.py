"""Active learning: which inputs that nobody has answered are next worth a person's label.

    train, scored ──> where the pipeline fails ──┐
    inputs, embedded ──> a few by lot ──> near failures, far from each other ──> asked
    asked ──> several samples each ──> where they disagree ──> near, wavering, far: in that order

Asking costs SAMPLES calls an input, so only ASKED times as many inputs are asked as are wanted;
which they are is decided by embeddings alone. The papers stand in `worth`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headway.core.findings import Plan
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.protocols import Vectors
from headway.core.record import Record, Score
from headway.core.task import Example, Task, fraction
from headway.engine.drafting.filters import asks
from headway.engine.estimate import Estimator, Range
from headway.engine.lender import ScoringLender
from headway.engine.run import REPEATS_AS_IS, Runner, Span
from headway.engine.tuning.worth import disagreement, near_failures, spread, worth

ASKED = 4  # inputs asked for each that is wanted
# Inputs drawn by lot for each that is asked: chosen among all of a log, those that are farthest
# from each other are its oddest ones (bench/training/active.py).
DRAWN = 3
SAMPLES = 4
TRAIN = 100  # examples of train, at most, that say where the pipeline fails


@dataclass(frozen=True)
class Worthwhile:
    """An input worth a label. wavers: the share of its samples that disagree, None where fewer than
    two came; near: how likely the pipeline fails here, by the labelled examples around it, None
    where there are none. outputs: of the samples; None for one in a broken form, or refused."""

    example: Example
    wavers: float | None
    near: float | None
    outputs: tuple[Any, ...] = ()

    @property
    def why(self) -> tuple[str, ...]:
        """In words, as tags."""
        said = {"wavers": self.wavers, "near failures": self.near}
        return tuple(f"{name} {value:.1f}" for name, value in said.items() if value is not None)


class Waverer:
    """Ranks inputs for one resolved pipeline. samples: of each that is asked, at 0.7."""

    def __init__(
        self, runner: Runner, pipeline: Pipeline, *, samples: int = SAMPLES, seed: int = 7
    ) -> None:
        self.runner, self.pipeline, self.samples, self.seed = runner, pipeline, samples, seed
        self.task, self.desk = runner.desk.task, runner.desk

    async def rank(
        self, inputs: Sequence[Example], n: int, vectors: Vectors | None = None
    ) -> list[Worthwhile]:
        """Inputs in the order in which they are worth a label: those that were asked, up to ASKED
        times n. vectors: unit vectors of their questions. Their references are not looked at.

        What was asked before is taken from the store. Raises BudgetEnded, and what Runner.run
        raises.
        """
        if vectors is None:
            vectors = await self._embed(inputs)
        known, failed = await self._failures()
        near = near_failures(vectors, known, failed)
        there = np.vstack([known, await self._embed(self._others(inputs))])
        chosen = self._preselected(inputs, vectors, near, there, n)
        sampled = await self._sampled([inputs[i] for i in chosen])
        kind = self.task.spec.output.kind
        wavers = [disagreement(one, kind) if len(one) > 1 else None for one in sampled]
        own = near[chosen]
        asked = np.array([own[i] if w is None else w for i, w in enumerate(wavers)])
        order = spread(worth(asked, own), vectors[chosen], there, len(chosen))
        return [
            Worthwhile(inputs[chosen[i]], wavers[i], float(own[i]) if len(known) else None,
                       sampled[i])
            for i in order
        ]  # fmt: skip

    async def __call__(
        self, examples: Sequence[Example], vectors: Vectors, n: int
    ) -> tuple[list[int], Mapping[int, tuple[str, ...]]]:
        """As `Sampler.pick`: places in order, and for each why it was taken."""
        place = {example.id: at for at, example in enumerate(examples)}
        ranked = await self.rank(examples, n, vectors)
        order = [place[one.example.id] for one in ranked]
        return order, dict(zip(order, (one.why for one in ranked), strict=True))

    async def _failures(self) -> tuple[Vectors, list[float]]:
        """Vectors of the scored examples of train, and how far each is from a full score."""
        train = labelled(self.task)
        if not train:
            return await self._embed(()), []
        self.runner.progress(Event("phase", "where it fails on train"))
        run = await self.runner.run(self.pipeline, train, split="train")
        scores = zip(train, run.scores(self.task.metric), strict=True)
        scored = [(example, 1.0 - score) for example, score in scores if score is not None]
        return await self._embed([e for e, _ in scored]), [failed for _, failed in scored]

    def _others(self, inputs: Sequence[Example]) -> list[Example]:
        """All of the task's examples, as asking the same again teaches nothing. Only their
        questions are looked at."""
        own = {example.id for example in inputs}
        return [example for example in self.task.examples if example.id not in own]

    def _preselected(
        self, inputs: Sequence[Example], vectors: Vectors, near: Any, there: Vectors, n: int
    ) -> list[int]:
        """Places of the inputs that are asked."""
        lots = sorted(
            range(len(inputs)), key=lambda i: fraction(f"pick:{self.seed}:{inputs[i].id}")
        )
        drawn = lots[: DRAWN * ASKED * n]
        chosen = spread(worth(None, near[drawn]), vectors[drawn], there, ASKED * n)
        return [drawn[i] for i in chosen]

    async def _sampled(self, inputs: Sequence[Example]) -> list[tuple[Any, ...]]:
        """The outputs of each input's samples; those lost to an outage are left out."""
        if not inputs:
            return []
        many = f"{self.samples} samples of {len(inputs)} inputs"
        self.runner.progress(Event("phase", f"where it wavers: {many}"))
        bare = [bared(example) for example in inputs]
        run = await Runner(self.desk, unscored, self.runner.progress).run(
            self.pipeline, bare, split="train", probe=REPEATS_AS_IS, repeats=self.samples
        )
        found: dict[str, list[Any]] = {example.id: [] for example in bare}
        for record in run.records:
            if record.status != "outage":
                found[record.example].append(output_of(record))
        return [tuple(found[example.id]) for example in bare]

    async def _embed(self, examples: Sequence[Example]) -> Vectors:
        model = self.task.spec.models.embed
        return await self.desk.embed(model, [asks(e) for e in examples], "passage")


async def plan_wavering(
    estimator: Estimator, pipeline: Pipeline, inputs: int, n: int, samples: int = SAMPLES
) -> Plan:
    """What rank() would spend on so many inputs."""
    train = labelled(estimator.task)
    await estimator.passes.run(pipeline, train)
    asked = min(inputs, ASKED * n)
    estimator.bill.add(await estimator.costs.each(pipeline), Range.about(asked * samples))
    estimator.bill.note(
        f"{len(train)} of train say where it fails; {samples} samples of each of {asked} inputs"
    )
    estimator.bill.note("what the same command has asked before costs nothing")
    return estimator.bill.to_plan("draft")


def labelled(task: Task) -> tuple[Example, ...]:
    """Examples of train that a score says something of: drafts wait for a person's label first."""
    known = [e for e in task.split("train") if e.reference is not None and e.reviewed is not False]
    return tuple(known[:TRAIN])


async def unscored(
    example: Example, record: Record, spans: Sequence[Span], lend: ScoringLender
) -> Mapping[str, Score]:
    """Scores nothing: a judge would be paid for answers that are only compared with each other."""
    return {}


def output_of(record: Record) -> Any:
    """What a record says: its parsed output, else its answer; None where it broke the contract of
    its form, or refused."""
    if record.status != "done":
        return None
    return record.answer if record.output is None else record.output


def bared(example: Example) -> Example:
    """The input alone, without what a log or a person said to it."""
    copied = example.model_copy(update={"reference": None, "evidence": ()})
    copied.__dict__.pop("fingerprint", None)  # it was that of the whole example
    return copied
