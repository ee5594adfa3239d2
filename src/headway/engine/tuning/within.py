"""Fine-tuning inside a journey: one training within what the budget leaves."""

from __future__ import annotations

from headway.core.errors import InputError, ModelError
from headway.core.pipeline import Pipeline
from headway.engine.run import Runner
from headway.engine.tuning import notes
from headway.engine.tuning.preparing import TuneWish, home_of
from headway.engine.tuning.tuner import Tuner

SHARE = 1 / 3
"""Of a journey's minutes that are left, for training: as much again goes into choosing the epoch
and proving it, and the other techniques must have their turn."""
MINUTES = 15.0  # where nothing limits them
LEAST = 50  # samples that the minutes must be enough for
BEGUN = "journeys.json"


async def tuned_within(runner: Runner, pipeline: Pipeline) -> Pipeline | None:
    """The pipeline with a model tuned on train; None where that cannot be, which a notice says.

    What is found out while preparing (too few samples, a check that stops it, weights that are
    not here) is no failure of the journey, and neither is a training that breaks.
    """
    say = runner.desk.parts.notices.add
    left = runner.desk.budget.seconds_left
    minutes = MINUTES if left is None else min(MINUTES, SHARE * max(0.0, left) / 60)
    if minutes <= 0:
        return None
    # A journey that is gone on with has less time left, and means the training it had begun.
    kept, key = home_of(runner.desk.parts) / BEGUN, f"{runner.desk.journey} {pipeline.digest}"
    minutes = notes.read(kept).get(key, minutes)
    notes.add(kept, key, minutes)
    wish = TuneWish(minutes=minutes, stages=("full",), prove=False)
    tuner = Tuner(runner, pipeline, wish)
    try:
        plan = (await tuner.prepare()).plan
        planned = plan.stages.get("full", 0)
        if planned < min(LEAST, plan.samples):
            say(
                f"fine_tune: {minutes:.1f} minutes of training are enough for {planned} of"
                f" {plan.samples} samples; headway tune {runner.desk.task.typed} trains for longer"
            )
            return None
        found = await tuner.go()
    except (InputError, ModelError) as error:
        say(f"fine_tune: {error.what}")
        return None
    if not found.name or not found.pipeline_file:
        return None
    return Pipeline.load(found.pipeline_file)
