"""Two runs, paired example by example."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headway.core.findings import Comparison, Estimate, Kind, Latency, RunFinding, UsageTotal
from headway.core.record import Record, Usage
from headway.core.task import Example
from headway.engine import statistics as stats
from headway.engine.run import Run
from headway.store import Store

LEVEL = 0.05


def to_estimate(found: stats.Estimate) -> Estimate:
    """The statistics' estimate as a finding's."""
    return Estimate(mean=found.mean, low=found.low, high=found.high, n=found.n)


def estimate(values: Sequence[float | None], groups: Sequence[str]) -> Estimate:
    """Mean and 95% interval of one run's scores."""
    return to_estimate(stats.estimate(list(values), list(groups)))


def compare_runs(
    a: Run, b: Run, metric: str, *, named: tuple[str, str] | None = None
) -> Comparison:
    """b minus a over the examples both ran; the verdict is about b, at the 5% level, two-sided."""
    names = named or (a.fingerprint, b.fingerprint)
    pairs = _pairs(a, b)
    groups = [e.cluster for e in pairs]
    scores_a, scores_b = _on(a, pairs, metric), _on(b, pairs, metric)
    lost_a, lost_b = _lost(a, pairs, metric), _lost(b, pairs, metric)
    scale = all(0 <= s <= 1 for s in (*scores_a, *scores_b) if s is not None)
    bounds = None
    if any(lost_a) or any(lost_b):
        bounds = stats.bounds_with_outage(scores_a, scores_b, lost_a, lost_b) if scale else None
    worst = (bounds.low, bounds.high) if bounds else None
    if not stats.comparable(len(pairs), sum(lost_a), sum(lost_b)):
        why = (
            f"{sum(lost_a)} and {sum(lost_b)} of {len(pairs)} answers were lost to outages"
            if pairs
            else "the two runs share no examples"
        )
        return Comparison(
            a=names[0], b=names[1], metric=metric, n=len(pairs), groups=len(set(groups)),
            difference=None, low=None, high=None, p=None, verdict="not_comparable",
            why=why, worst_case=worst, unreviewed=unreviewed(pairs),
        )  # fmt: skip
    found = stats.paired(scores_a, scores_b, groups)
    verdict = stats.verdict(found, LEVEL)
    needed, why = None, ""
    if verdict == "not_proven":
        if found.method == "too_few_groups":
            why = f"{found.groups} groups are too few to prove anything; at least 6 are needed"
        elif found.difference is not None and found.sd is not None:
            needed = stats.examples_needed(
                found.difference, found.sd, LEVEL, per_group=found.n / found.groups
            )
            why = (
                "the interval includes zero"
                if needed is not None
                else "there is next to no difference to prove"
            )
    return Comparison(
        a=names[0], b=names[1], metric=metric, n=found.n, groups=found.groups,
        difference=found.difference, low=found.low, high=found.high, p=found.p,
        verdict=verdict, examples_needed=needed, method=found.method, why=why, worst_case=worst,
        unreviewed=unreviewed(pairs),
        one_sided=sum(
            (x is None) != (y is None) and not (one or two)
            for x, y, one, two in zip(scores_a, scores_b, lost_a, lost_b, strict=True)
        ),
    )  # fmt: skip


def unreviewed(examples: Iterable[Example]) -> int:
    """How many a machine drafted and no person has reviewed."""
    return sum(e.reviewed is False for e in examples)


def _pairs(a: Run, b: Run) -> list[Example]:
    inside = {e.fingerprint for e in b.examples}
    return [e for e in a.examples if e.fingerprint in inside]


def _on(run: Run, examples: Sequence[Example], metric: str) -> list[float | None]:
    by_id = dict(zip((e.id for e in run.examples), run.scores(metric), strict=True))
    return [by_id[e.id] for e in examples]


def _lost(run: Run, examples: Sequence[Example], metric: str) -> list[bool]:
    by_id = dict(zip((e.id for e in run.examples), run.lost(metric), strict=True))
    return [by_id[e.id] for e in examples]


def kinds_of(run: Run, metric: str, by: Sequence[str]) -> tuple[Kind, ...]:
    """The run's metric by tag, group, or a field of the inputs; worse only after correction."""
    labels: dict[str, list[tuple[str, ...] | str | None]] = {}
    for name in by:
        if name == "tags":
            rows: list[tuple[str, ...] | str | None] = [e.tags or None for e in run.examples]
        elif name == "group":
            rows = [e.cluster for e in run.examples]
        elif name == "reference":
            rows = [e.references[0] if e.references else None for e in run.examples]
        else:
            rows = [str(e.inputs[name]) if name in e.inputs else None for e in run.examples]
        if any(rows):
            labels[name] = rows
    if not labels or len(run.examples) < 2:
        return ()
    found = stats.worse_kinds(run.scores(metric), labels, run.groups)
    return tuple(
        Kind(by=k.by, value=k.value, n=k.n, mean=k.mean, low=k.low, high=k.high, worse=k.worse)
        for k in found
    )


def summarise(
    run: Run, metrics: Sequence[str], by: Sequence[str] = ("tags",), notices: Sequence[str] = ()
) -> RunFinding:
    """What a person is told of a run."""
    records = run.records
    lost = sum(r.status == "outage" for r in records)
    return RunFinding(
        run=run.id,
        pipeline=run.fingerprint,
        split=run.split,
        n=len(records),
        completed=len(records) - lost,
        outage=lost,
        invalid=sum(r.status == "invalid" for r in records),
        refused=sum(r.status == "refused" for r in records),
        metrics={m: estimate(run.scores(m), run.groups) for m in metrics},
        kinds=kinds_of(run, metrics[0], by),
        usage=usage_of(records),
        scoring=total_of(run.scoring),
        latency_s=latency_of(records),
        wall_s=round(run.wall_s, 3),
        model=run.pipeline.model,
        describes=run.pipeline.describe(),
        unreviewed=unreviewed(run.examples),
        set_aside=dict(run.set_aside),
        unscored={m: lost for m in metrics if (lost := sum(m in r.unscored for r in records))},
        notices=tuple(notices),
    )


def keep_run(store: Store, run: Run, found: RunFinding) -> None:
    """Keep a run's figures under its id, with what it takes to run it again."""
    value = {
        **found.to_json(),
        "examples": [e.id for e in run.examples],
        "repeats": run.repeats,
    }
    store.put_run(run.id, run.fingerprint, run.split, run.probe.name, value)
    store.flush()


def usage_of(records: Sequence[Record]) -> UsageTotal:
    """The sum of what records used."""
    total = Usage()
    for record in records:
        total += record.usage
    return total_of(total)


def total_of(total: Usage) -> UsageTotal:
    """What was used, as findings tell it."""
    return UsageTotal(
        calls=total.calls, cached_calls=total.cached_calls, prompt_tokens=total.prompt_tokens,
        completion_tokens=total.completion_tokens, usd=total.usd,
    )  # fmt: skip


def latency_of(records: Sequence[Record]) -> Latency:
    """Median and 95th percentile of the seconds an example took."""
    took = sorted(r.latency_s for r in records if r.status != "outage")
    if not took:
        return Latency()
    return Latency(
        p50=round(took[(len(took) - 1) // 2], 4),
        p95=round(took[min(len(took) - 1, int(0.95 * len(took)))], 4),
    )
