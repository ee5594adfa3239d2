"""What judging labelled answers would spend, before it spends it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from headway.core.findings import Plan
from headway.core.rating import Labelled
from headway.engine.estimate.bill import Range
from headway.engine.estimate.costs import Costs
from headway.engine.estimate.judges import Judges
from headway.engine.judging import Bench

PLANNED = 20  # answers whose prompts are composed for a plan


async def plan_judge(bench: Bench, answers: Sequence[Labelled], repeat: int = 1) -> Plan:
    """From the prompts of a few answers, without a call."""
    desk = bench.desk
    costs = Costs(desk.task, desk.parts, desk.store)
    each = await Judges(costs).about([partial(bench.one, a) for a in answers[:PLANNED]])
    costs.bill.add(each, Range.about(len(answers) * repeat))
    models = desk.task.spec.models
    costs.bill.note(
        f"{len(answers)} answers by {models.judge or models.chat}, {repeat} times each:"
        f" {each.calls.mean:.3g} calls an answer; what was judged before costs nothing"
        if each.calls.high
        else "no chat model is asked: this metric is measured offline"
    )
    return costs.bill.to_plan("judge")
