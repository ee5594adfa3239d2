"""What a tuning asks beside training, before any of it is asked."""

from __future__ import annotations

from headway.core.findings import Plan
from headway.core.pipeline import Pipeline
from headway.core.tuning import TunePlan
from headway.engine.estimate import Estimator
from headway.engine.estimate.bill import Range
from headway.engine.tuning.preparing import TuneWish


async def plan_measuring(
    estimator: Estimator, before: Pipeline, plan: TunePlan, wish: TuneWish,
    teacher: Pipeline | None = None,
) -> Plan:  # fmt: skip
    """The pipeline before on what is held out and on dev, a teacher on dev, and the judges of all
    answers, those of every epoch too. The tuned model's own answers are made on this machine."""
    passes, bill = estimator.passes, estimator.bill
    dev = estimator.task.split("dev")[: wish.limit] if wish.prove else ()
    held = Range.about(plan.held)
    await passes.spend(before, held, held)
    for pipeline in (before, teacher):
        if pipeline is not None:
            await passes.run(pipeline, dev)
    scoring = await passes.judges.of(before)
    if scoring is not None:
        epochs = sum(
            plan.pilot_epochs if name == "pilot"
            else plan.epochs * (1 + len(plan.trials) * (name == "half"))
            for name in plan.stages
        )  # fmt: skip
        bill.add(scoring.record, Range.about(plan.held * epochs + len(dev)))
    bill.note("the tuned model itself answers on this machine")
    return bill.to_plan("tune")
