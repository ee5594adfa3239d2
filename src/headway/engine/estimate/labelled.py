"""What judging labelled answers would spend, before it spends it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from headway.core.findings import Plan
from headway.core.pipeline import Pipeline
from headway.core.rating import Labelled
from headway.core.task import Example
from headway.engine.estimate.bill import Range
from headway.engine.estimate.commands import Estimator
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


async def plan_pairs(
    estimator: Estimator, bench: Bench, pairs: Sequence[tuple[Pipeline, Pipeline]],
    examples: Sequence[Example],
) -> Plan:  # fmt: skip
    """Both sides' answers where they are not kept, and the pairwise judge, asked in both orders."""
    for pipeline in {p.digest: p for sides in pairs for p in sides}.values():
        await estimator.passes.run(pipeline, examples)
    said = [e.references[0] for e in examples if e.references] or ["word " * 30]
    made_up = [
        Labelled(e, f"perhaps {said[at % len(said)]}", 0.5, other=f"maybe {said[at % len(said)]}")
        for at, e in enumerate(examples[:PLANNED], start=1)
    ]
    each = await Judges(estimator.costs).about([partial(bench.one, a) for a in made_up])
    judged, models = len(pairs) * len(examples), estimator.task.spec.models
    estimator.bill.add(each, Range(judged, 0, judged))
    estimator.bill.note(
        f"{judged} pairs by {models.judge or models.chat}: {each.calls.mean:.3g} calls a pair, each"
        " side first once; equal answers are a tie, and what was judged before costs nothing"
    )
    return estimator.bill.to_plan("judge")
