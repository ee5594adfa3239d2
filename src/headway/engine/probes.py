"""Diagnosis: replace one thing at a time, and read from the difference what holds a task back.

As is; closed book (no knowledge in the prompt); perfect context (the evidence's passages instead
of the search's); repeats (three samples at 0.7, where perfect context fails); a stronger model,
where one is configured. Context = as is / perfect, behaviour = perfect: two axes, one map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from headway.core.findings import Axes, Diagnosis, Estimate, Headroom
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.task import Example, fraction
from headway.engine import statistics as stats
from headway.engine.causes import Causes, advise
from headway.engine.compare import estimate, kinds_of, usage_of
from headway.engine.evidence import infer_all
from headway.engine.run import (
    CLOSED_BOOK,
    EVIDENCE_CUT,
    PERFECT,
    REPEATS,
    REPEATS_AS_IS,
    Run,
    Runner,
    search_of,
)

DRAWN_FROM = 30  # the map is not drawn below this many examples with evidence
REPEATED = 3
REPEATED_SHARE = 0.2  # of the diagnosed: failures that are repeated, at three calls each


def most_repeated(diagnosed: int) -> int:
    """How many failures are asked again, of so many examples diagnosed."""
    return max(4, int(REPEATED_SHARE * diagnosed))


class Prober:
    """Runs the probes of one pipeline over some examples of explore."""

    def __init__(self, runner: Runner, metric: str) -> None:
        self.runner, self.metric = runner, metric

    async def diagnose(self, pipeline: Pipeline, examples: Sequence[Example]) -> Diagnosis:
        """All probes, the map, and a cause for each failure. Raises as Runner.run does."""
        runner, metric = self.runner, self.metric
        task = runner.desk.task
        tell = runner.progress
        tell(Event("phase", "as it is"))
        as_is = await runner.run(pipeline, examples)
        has_context = task.has_knowledge
        known, inferred = {e.id: e for e in examples}, 0
        if has_context:
            how = search_of(runner.desk.parts.steps(pipeline)) or EVIDENCE_CUT
            known, inferred = await infer_all(
                examples, runner.desk.parts.knowledge(), how, task.spec.output.abstain
            )
        covered = [known[e.id] for e in examples if runner.spans(known[e.id])]
        closed = perfect = None
        if has_context and covered:
            tell(Event("phase", "closed book: no passages"))
            closed = await runner.run(pipeline, covered, probe=CLOSED_BOOK)
            tell(Event("phase", "perfect context: the right passages"))
            perfect = await runner.run(pipeline, covered, probe=PERFECT)
        best = perfect or as_is
        failed = [
            e for e, s in zip(best.examples, best.scores(metric), strict=True)
            if s is not None and s < 0.5
        ]  # fmt: skip
        repeated = await self._repeat(pipeline, failed, perfect is not None, len(examples))
        stronger = await self._stronger(pipeline, failed, perfect is not None)
        causes = Causes(runner, metric, as_is, closed, perfect, repeated, stronger, known)
        tell(Event("phase", "a cause for each failure"))
        failures = await causes.assign()
        counts = Counter(f["cause"] for f in failures)
        drawn = len(covered) >= DRAWN_FROM
        axes, headroom = self._map(as_is, perfect, repeated, stronger, drawn, has_context)
        groups = {e.id: e.cluster for e in examples}
        scores = dict(zip((e.id for e in as_is.examples), as_is.scores(metric), strict=True))
        on = perfect.examples if perfect else as_is.examples
        runs = [r for r in (as_is, closed, perfect, repeated, stronger) if r is not None]
        holds = _holds_back(headroom, has_context)
        found = Diagnosis(
            run=as_is.id,
            n=len(examples),
            coverage=estimate(
                [float(bool(runner.spans(known[e.id]))) for e in examples], as_is.groups
            )
            if has_context
            else Estimate(),
            map=axes,
            as_is=estimate([scores[e.id] for e in on], [groups[e.id] for e in on]),
            closed_book=_of(closed, metric),
            perfect_context=_of(perfect, metric),
            headroom=headroom,
            causes=dict(counts.most_common()),
            kinds=kinds_of(as_is, metric, ("tags",)),
            holds_back=holds,
            funnel=causes.funnel,
            failures=tuple(failures),
            inferred=inferred,
            metric=metric,
            pipeline=as_is.fingerprint,
            usage=usage_of([r for run in runs for r in run.records]),
            notices=runner.desk.parts.notices.texts,
        )
        return found.model_copy(
            update={
                "advice": advise(
                    found, drawn, has_context, len(covered), bool(task.spec.application)
                )
            }
        )

    async def _repeat(
        self, pipeline: Pipeline, failed: Sequence[Example], perfect: bool, diagnosed: int
    ) -> Run | None:
        if not failed:
            return None
        most = most_repeated(diagnosed)
        chosen = sorted(failed, key=lambda e: fraction(f"repeat:{e.id}"))[:most]
        self.runner.progress(Event("phase", f"{len(chosen)} failures again, three times each"))
        probe = REPEATS if perfect else REPEATS_AS_IS
        return await self.runner.run(pipeline, chosen, probe=probe, repeats=REPEATED)

    async def _stronger(
        self, pipeline: Pipeline, failed: Sequence[Example], perfect: bool
    ) -> Run | None:
        name = self.runner.desk.task.spec.models.stronger
        if name is None or not failed or pipeline.model is None:
            return None
        self.runner.progress(Event("phase", f"the failures with {name}"))
        other = self.runner.desk.parts.resolve(pipeline, model=name)
        if perfect:
            return await self.runner.run(other, failed, probe=PERFECT)
        return await self.runner.run(other, failed)

    def _map(
        self, as_is: Run, perfect: Run | None, repeated: Run | None, stronger: Run | None,
        drawn: bool, has_context: bool,
    ) -> tuple[Axes, Headroom]:  # fmt: skip
        metric = self.metric
        best = perfect or as_is
        top = best.scores(metric)
        behaviour = estimate(top, best.groups)
        left = estimate([None if s is None else 1 - s for s in top], best.groups)
        reach = self._part(best, repeated)
        strong = self._part(best, stronger)
        if not has_context:
            room = Headroom(behaviour=left, reachable_at_3=reach, stronger_model=strong)
            return Axes(behaviour=behaviour), room
        if perfect is None:
            return Axes(), Headroom()
        by_id = dict(zip((e.id for e in as_is.examples), as_is.scores(metric), strict=True))
        low = [by_id[e.id] for e in perfect.examples]
        gap = stats.paired(low, top, perfect.groups)
        room = Headroom(
            context=Estimate(mean=gap.difference, low=gap.low, high=gap.high, n=gap.n),
            behaviour=left,
            reachable_at_3=reach,
            stronger_model=strong,
        )
        if not drawn:
            return Axes(), room
        return Axes(context=_ratio(low, top, perfect.groups), behaviour=behaviour), room

    def _part(self, best: Run, other: Run | None) -> Estimate | None:
        """What of the behaviour headroom another run of the failures reaches: the share of
        failures times their mean best gain. Its interval is that of the gain alone."""
        if other is None:
            return None
        before = dict(zip((e.id for e in best.examples), best.scores(self.metric), strict=True))
        share = sum(s is not None and s < 0.5 for s in before.values()) / max(1, len(before))
        gains: list[float | None] = []
        for example in other.examples:
            reached = [r.scores.get(self.metric) for r in other.records if r.example == example.id]
            tops = [s for s in reached if s is not None]
            was = before[example.id]
            gains.append(None if not tops or was is None else max(0.0, max(tops) - was))
        found = estimate(gains, other.groups)
        if found.mean is None or found.low is None or found.high is None:
            return found
        return Estimate(
            mean=found.mean * share, low=found.low * share, high=found.high * share, n=found.n
        )


def _of(run: Run | None, metric: str) -> Estimate | None:
    return None if run is None else estimate(run.scores(metric), run.groups)


def _ratio(
    low: Sequence[float | None], top: Sequence[float | None], groups: Sequence[str]
) -> Estimate | None:
    """min(1, as is / perfect) with a bootstrap over groups; None (undefined) where perfect's own
    interval reaches 0."""
    rows = [
        (a, b, g) for a, b, g in zip(low, top, groups, strict=True)
        if a is not None and b is not None
    ]  # fmt: skip
    perfect = estimate([b for _, b, _ in rows], [g for *_, g in rows])
    if not rows or perfect.low is None or perfect.low <= 0:
        return None
    names = {g: i for i, g in enumerate(dict.fromkeys(g for *_, g in rows))}
    sums = np.zeros((len(names), 2))
    for a, b, g in rows:
        sums[names[g]] += (a, b)
    drawn = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    totals = sums[drawn].sum(axis=1)
    ratios = np.minimum(1.0, totals[:, 0] / np.maximum(totals[:, 1], 1e-9))
    both = sums.sum(axis=0)
    return Estimate(
        mean=float(min(1.0, both[0] / both[1])),
        low=float(np.quantile(ratios, 0.025)),
        high=float(np.quantile(ratios, 0.975)),
        n=len(rows),
    )


def _holds_back(headroom: Headroom, has_context: bool) -> Any:
    """The axis with clearly more headroom: its interval lies above the other's mean."""
    behaviour = headroom.behaviour
    if behaviour is None or behaviour.mean is None or behaviour.low is None:
        return "not_clear"
    if not has_context:
        return "behaviour" if behaviour.mean > 0.02 else "neither"
    context = headroom.context
    if context is None or context.mean is None or context.low is None:
        return "not_clear"
    if max(context.mean, behaviour.mean) < 0.02:
        return "neither"
    if context.low > behaviour.mean:
        return "context"
    if behaviour.low > context.mean:
        return "behaviour"
    return "not_clear"
