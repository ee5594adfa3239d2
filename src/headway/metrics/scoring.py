"""One record through all metrics: the rules that hold for every metric, in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from headway.core.errors import InputError, ModelError, Rejected
from headway.core.protocols import Metric, MetricLender, Scored
from headway.core.record import Record, Score
from headway.core.task import Example, Task


async def score(
    task: Task,
    example: Example,
    record: Record,
    evidence: tuple[tuple[str, int, int], ...],
    metrics: Iterable[Metric],
    lend: MetricLender | None = None,
) -> dict[str, Score]:
    """Scores by the metrics' names, each in [0, 1], or None where a metric does not apply.

    An outage is None throughout: it is not an answer. Invalid output and a refusal are answers
    that score 0, wherever the metric applies and has no say of its own on them (a person may have
    rated a refusal). A metric whose model fails leaves the record unscored, and says so; one whose
    model rejects the request (a wrong key) stops everything. Raises InputError, naming metric and
    example, for a score that is not a number in [0, 1].
    """
    if record.status == "outage":
        return {metric.name: Score(None) for metric in metrics}
    scored = Scored(task, example, record, evidence, lend)
    return {
        metric.name: await measure(metric, scored)
        if record.status == "done" or getattr(metric, "any_status", False)
        else Score(0.0 if applies(metric, scored) else None)
        for metric in metrics
    }


async def measure(metric: Metric, scored: Scored) -> Score:
    """One answer by one metric: what `score` says of each."""
    try:
        found = await metric.score(scored)
    except Rejected:
        raise
    except ModelError as error:
        return Score(None, unscored=error.what)
    made = found if isinstance(found, Score) else Score(found)
    if made.value is None:
        return made
    # Written so that NaN, which is in no range, fails as well.
    if not 0.0 <= made.value <= 1.0:
        raise InputError(
            f"metric {metric.name!r} gave {made.value!r} for example {scored.example.id!r}",
            valid="a number from 0 to 1, or None where the metric does not apply",
        )
    return replace(made, value=float(made.value))


def applies(metric: Metric, scored: Scored) -> bool:
    """Whether the example has what the metric needs, and the metric applies by its own word."""
    has = {"reference": bool(scored.example.references), "evidence": bool(scored.evidence)}
    own = getattr(metric, "applies", None)
    return all(has.get(need, True) for need in metric.needs) and (own is None or own(scored))
