"""One record through all metrics: the rules that hold for every metric, in one place."""

from __future__ import annotations

from collections.abc import Iterable

from headway.core.errors import InputError
from headway.core.protocols import Metric, Scored
from headway.core.record import Record
from headway.core.task import Example, Task


async def score(
    task: Task,
    example: Example,
    record: Record,
    evidence: tuple[tuple[str, int, int], ...],
    metrics: Iterable[Metric],
) -> dict[str, float | None]:
    """Scores by the metrics' names, each in [0, 1], or None where a metric does not apply.

    An outage is None throughout: it is not an answer. Invalid output and a refusal are answers
    that score 0, wherever the metric applies. Raises InputError, naming metric and example, for
    a score that is not a number in [0, 1].
    """
    if record.status == "outage":
        return {metric.name: None for metric in metrics}
    if record.status != "done":
        return {m.name: 0.0 if applies(m, example, evidence) else None for m in metrics}
    scored = Scored(task, example, record, evidence)
    scores: dict[str, float | None] = {}
    for metric in metrics:
        value = await metric.score(scored)
        # Written so that NaN, which is in no range, fails as well.
        if value is not None and not 0.0 <= value <= 1.0:
            raise InputError(
                f"metric {metric.name!r} gave {value!r} for example {example.id!r}",
                valid="a number from 0 to 1, or None where the metric does not apply",
            )
        scores[metric.name] = None if value is None else float(value)
    return scores


def applies(
    metric: Metric, example: Example, evidence: tuple[tuple[str, int, int], ...] = ()
) -> bool:
    """Whether the example has what the metric needs."""
    has = {"reference": example.reference is not None, "evidence": bool(evidence)}
    return all(has.get(need, True) for need in metric.needs)
