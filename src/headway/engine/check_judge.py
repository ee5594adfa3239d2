"""Whether the first metric may decide a journey: how far it was found to agree with people."""

from __future__ import annotations

from headway.core.findings import CheckItem
from headway.engine.check_look import Look, item
from headway.engine.judging import believed

_LEVELS = {"below": "error", "unknown": "warning", "may_decide": "ok"}


async def judge(look: Look) -> list[CheckItem]:
    """What `headway judge` has measured of the first metric, by the judge it is set up with."""
    metric = look.metrics.get(look.task.metric)
    if metric is None:
        return []
    may = await believed(look.task, look.store, metric)
    if may.standing is None:
        return []
    level = "note" if may.standing == "may_decide" and may.do else _LEVELS[may.standing]
    found = {"metric": metric.name, "standing": may.standing}
    return [item("judge", level, f"{may.text}.", **found)]  # type: ignore[arg-type]
