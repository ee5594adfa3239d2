"""Diagnosis: replace one thing at a time, and read from the difference what holds a task back.

As is; closed book (no knowledge in the prompt); perfect context (the evidence's passages instead
of the search's); repeats (three samples at 0.7, where perfect context fails); a stronger model,
where one is configured. Context = as is / perfect, behaviour = perfect: two axes, one map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import hypot
from statistics import fmean
from typing import Any

import numpy as np

from headway.core.findings import Axes, Diagnosis, Estimate, Headroom
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.protocols import Scored
from headway.core.task import Example, fraction
from headway.engine import statistics as stats
from headway.engine.advice import advise
from headway.engine.causes import Causes
from headway.engine.compare import estimate, kinds_of, unreviewed, usage_of
from headway.engine.evidence import infer_all
from headway.engine.labels import Doubter, keep_doubts, noise
from headway.engine.positions import PLACES, Place, told
from headway.engine.run import (
    CLOSED_BOOK,
    EVIDENCE_CUT,
    PERFECT,
    REPEATS,
    REPEATS_AS_IS,
    Probe,
    Run,
    Runner,
    asked_in,
    search_of,
)
from headway.engine.statistics.pairs import Verdict
from headway.metrics import load, measure

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

    async def diagnose(
        self, pipeline: Pipeline, examples: Sequence[Example], positions: bool = False
    ) -> Diagnosis:
        """All probes, the map, and a cause for each failure. positions: also whether it matters
        where the evidence stands. Raises as Runner.run does."""
        runner, metric = self.runner, self.metric
        task = runner.desk.task
        tell = runner.progress
        tell(Event("phase", "as it is"))
        as_is = await runner.run(pipeline, examples)
        asked = {e.id: asked_in(as_is.record(e), e) for e in examples}
        known, inferred = {e.id: e for e in examples}, 0
        if task.has_knowledge:
            how = search_of(runner.desk.parts.steps(pipeline)) or EVIDENCE_CUT
            known, inferred = await infer_all(
                examples, runner.desk.parts.knowledge(), how, task.spec.output.abstain, asked
            )
        covered = [known[e.id] for e in examples if runner.spans(known[e.id])]
        has_context = task.has_knowledge or bool(covered)  # or the answers stand in databases
        closed = perfect = None
        if covered:
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
        tell(Event("phase", "references in doubt"))
        suspects = keep_doubts(runner.desk, await Doubter(runner.desk, quick=True).doubt(examples))
        agreed = [s.example for s in suspects if s.agreed]
        causes = Causes(runner, metric, as_is, closed, perfect, repeated, stronger, known, agreed)
        tell(Event("phase", "a cause for each failure"))
        failures = await causes.assign()
        counts = Counter(f["cause"] for f in failures)
        drawn = len(covered) >= DRAWN_FROM
        axes, headroom, more = self._map(as_is, perfect, repeated, stronger, drawn, has_context)
        groups = {e.id: e.cluster for e in examples}
        scores = dict(zip((e.id for e in as_is.examples), as_is.scores(metric), strict=True))
        on = perfect.examples if perfect else as_is.examples
        places = await self._positions(pipeline, perfect, asked) if positions else {}
        by_place, place_told = self._by_place(places)
        probed = (as_is, closed, perfect, repeated, stronger, *places.values())
        runs = [r for r in probed if r is not None]
        worth = await self._context(as_is, covered) if covered else {}
        every = [s for s in as_is.scores(metric) if s is not None]
        left = 1 - fmean(every) if every else 0.0
        holds = _holds_back(headroom, has_context, more, left)
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
            **worth,
            positions=by_place,
            failures=tuple(failures),
            unreviewed=unreviewed(examples),
            inferred=inferred,
            label_noise=noise(runner.desk, examples),
            metric=metric,
            pipeline=as_is.fingerprint,
            usage=usage_of([r for run in runs for r in run.records]),
            notices=runner.desk.parts.notices.texts,
        )
        said = advise(found, task, drawn, has_context, len(covered))
        return found.model_copy(update={"advice": (*said, *filter(None, [place_told]))})

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

    async def _positions(
        self, pipeline: Pipeline, perfect: Run | None, asked: Mapping[str, str]
    ) -> dict[Place, Run]:
        """The examples that are right with the evidence alone, with it first, in the middle and
        last among passages that do not hold it. asked: what those are searched by."""
        if perfect is None or not self.runner.desk.task.has_knowledge:
            return {}
        scores = perfect.scores(self.metric)
        right = [
            e for e, s in zip(perfect.examples, scores, strict=True) if s is not None and s >= 0.5
        ]
        found = {}
        for place in PLACES if right else ():
            self.runner.progress(Event("phase", f"the evidence {place} among other passages"))
            probe = Probe("perfect_context", perfect=True, position=place)
            found[place] = await self.runner.run(pipeline, right, probe=probe, asked=asked)
        return found

    def _by_place(self, places: Mapping[Place, Run]) -> tuple[dict[str, Estimate], str]:
        """The score at each place, and what to do about it."""
        if not places:
            return {}, ""
        scores = {place: run.scores(self.metric) for place, run in places.items()}
        groups = next(iter(places.values())).groups
        found = {place: estimate(values, groups) for place, values in scores.items()}
        return {str(place): e for place, e in found.items()}, told(scores, groups, found)

    async def _context(self, as_is: Run, covered: Sequence[Example]) -> dict[str, Estimate]:
        """What was shown is worth, by metric, over examples with evidence."""
        task = self.runner.desk.task
        groups = [e.cluster for e in covered]
        found = {}
        for name in ("context_precision", "context_signal", "context_recall"):
            metric = load(name, task.folder)
            scores: list[float | None] = []
            for example in covered:
                record, spans = as_is.record(example), self.runner.spans(example)
                lost = record.status == "outage"
                scored = Scored(task, example, record, spans)
                scores.append(None if lost else (await measure(metric, scored)).value)
            found[name] = estimate(scores, groups)
        return found

    def _map(
        self, as_is: Run, perfect: Run | None, repeated: Run | None, stronger: Run | None,
        drawn: bool, has_context: bool,
    ) -> tuple[Axes, Headroom, Verdict]:  # fmt: skip
        """Both axes, what is left on each, and whether context has more left than behaviour."""
        metric = self.metric
        best = perfect or as_is
        top = best.scores(metric)
        behaviour = estimate(top, best.groups)
        left = estimate([None if s is None else 1 - s for s in top], best.groups)
        labels = self.runner.desk.task.spec.output.labels
        reach = self._part(best, repeated, chance=1 / len(labels) if labels else 0.0)
        strong = self._part(best, stronger)
        if not has_context:
            room = Headroom(behaviour=left, reachable_at_3=reach, stronger_model=strong)
            return Axes(behaviour=behaviour), room, "not_proven"
        if perfect is None:
            return Axes(), Headroom(), "not_proven"
        by_id = dict(zip((e.id for e in as_is.examples), as_is.scores(metric), strict=True))
        low = [by_id[e.id] for e in perfect.examples]
        gap = stats.paired(low, top, perfect.groups)
        room = Headroom(
            context=Estimate(mean=gap.difference, low=gap.low, high=gap.high, n=gap.n),
            behaviour=left,
            reachable_at_3=reach,
            stronger_model=strong,
        )
        more = more_context(low, top, perfect.groups)
        if not drawn:
            return Axes(), room, more
        return Axes(context=_ratio(low, top, perfect.groups), behaviour=behaviour), room, more

    def _part(self, best: Run, other: Run | None, chance: float = 0.0) -> Estimate | None:
        """What of the behaviour headroom another run of the failures reaches: the share of
        failures times their mean best gain, less what repeats would gain by guessing. chance: that
        a guess is right."""
        if other is None:
            return None
        before = dict(zip((e.id for e in best.examples), best.scores(self.metric), strict=True))
        failed = estimate(
            [None if s is None else float(s < 0.5) for s in before.values()], best.groups
        )
        gains: list[float | None] = []
        for example in other.examples:
            reached = [r.scores.get(self.metric) for r in other.records if r.example == example.id]
            tops = [s for s in reached if s is not None]
            was = before[example.id]
            gains.append(None if not tops or was is None else max(0.0, max(tops) - was))
        guessed = 1 - (1 - chance) ** other.repeats
        return _product(failed, _beyond(estimate(gains, other.groups), guessed))


def _of(run: Run | None, metric: str) -> Estimate | None:
    return None if run is None else estimate(run.scores(metric), run.groups)


def _beyond(found: Estimate, guessed: float) -> Estimate:
    """A share less what guessing reaches of it (Abbott 1925), as `stats.reachable` has it."""

    def corrected(share: float | None) -> float | None:
        return None if share is None else max(0.0, (share - guessed) / (1 - guessed))

    return Estimate(
        mean=corrected(found.mean), low=corrected(found.low), high=corrected(found.high), n=found.n
    )


def _product(share: Estimate, gain: Estimate) -> Estimate:
    """A share of examples times the mean gain on them, with the uncertainty of both: the method of
    variance estimates recovery (Zou and Donner, 2008)."""
    s, g = share, gain
    if s.mean is None or s.low is None or s.high is None:
        return Estimate(n=g.n)
    if g.mean is None or g.low is None or g.high is None:
        return g
    mean = s.mean * g.mean
    below = hypot(g.mean * (s.mean - s.low), s.mean * (g.mean - g.low))
    above = hypot(g.mean * (s.high - s.mean), s.mean * (g.high - g.mean))
    return Estimate(mean=mean, low=max(0.0, mean - below), high=min(1.0, mean + above), n=g.n)


def more_context(
    low: Sequence[float | None], top: Sequence[float | None], groups: Sequence[str]
) -> Verdict:
    """Whether context has more headroom (`better`) or behaviour (`worse`), example by example: the
    two depend on one another, and where perfect context lies they share. low: as is, top: perfect
    context."""
    left = [None if b is None else 1 - b for b in top]
    gain = [None if a is None or b is None else b - a for a, b in zip(low, top, strict=True)]
    return stats.verdict(stats.paired(left, gain, groups))


def _ratio(
    low: Sequence[float | None], top: Sequence[float | None], groups: Sequence[str]
) -> Estimate | None:
    """min(1, as is / perfect) with a bootstrap over groups, widened to hold what the interval of
    their difference says, which is no certainty where all are alike; None (undefined) where
    perfect's own interval reaches 0."""
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
    gap = stats.paired([a for a, *_ in rows], [b for _, b, _ in rows], [g for *_, g in rows])
    per = len(rows) / both[1]
    return Estimate(
        mean=float(min(1.0, both[0] / both[1])),
        low=max(0.0, min(float(np.quantile(ratios, 0.025)), 1 - (gap.high or 0.0) * per)),
        high=min(1.0, max(float(np.quantile(ratios, 0.975)), 1 - (gap.low or 0.0) * per)),
        n=len(rows),
    )


def _holds_back(headroom: Headroom, has_context: bool, more: Verdict, left: float = 0.0) -> Any:
    """The axis with proven more headroom. more: whether context has (see `more_context`). left:
    what all examples lack; where they lack much more than those with evidence, it is not clear."""
    behaviour = headroom.behaviour
    if behaviour is None or behaviour.mean is None or behaviour.low is None:
        return "not_clear"
    if not has_context:
        return "behaviour" if behaviour.mean > 0.02 else "neither"
    context = headroom.context
    if context is None or context.mean is None or context.low is None:
        return "not_clear"
    if max(context.mean, behaviour.mean) < 0.02:
        return "neither" if left < 0.04 else "not_clear"
    return {"better": "context", "worse": "behaviour"}.get(more, "not_clear")
