"""Which trainings fit the minutes: a pilot, half of the samples, all of them, how many epochs, and
how many settings of the trainer are tried on half."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

StageName = Literal["pilot", "half", "full"]
LEAST = 10  # samples; visible gains begin at 50
PILOT, PILOT_FROM, PILOT_EPOCHS = 64, 128, 2
HALF_FROM = 100
TRIED_FROM = 200  # samples from which half of them tell settings apart
EPOCHS = (5, 4, 3, 2, 1)
"""What is tried, best first. On banking77, restaurant8k_ie and tickets the loss of held-out samples
still fell in the third epoch; one that brings nothing is not taken, and two of them end the
training."""
USUAL = 3  # epochs that half of the samples must not cost, and where nobody knows the speed


@dataclass(frozen=True)
class Schedule:
    """stages: samples of each, in the order of their training. seconds: of training; 0 where
    nobody knows how fast it is. short: whether samples had to go for want of minutes. pilot: its
    epochs, at most. trials: trainings on half, each with settings of its own."""

    stages: dict[StageName, int]
    epochs: int
    seconds: float
    short: bool = False
    pilot: int = PILOT_EPOCHS
    trials: int = 1

    def of(self, stage: StageName) -> int:
        """Epochs of a stage."""
        return self.pilot if stage == "pilot" else self.epochs


def schedule(
    n: int, tokens: int, speed: float, minutes: float, wished: Sequence[StageName],
    epochs: int | None = None, settings: int = 1,
) -> Schedule:  # fmt: skip
    """n: samples there are, of so many tokens together; speed: tokens a second of training,
    infinite where it is not known: then nothing is cut, and nothing tried that could be left out.
    epochs: set by hand; a pilot that is not all there is has PILOT_EPOCHS at most. settings: how
    many there are to try on half.

    Where the minutes are too few for USUAL epochs of everything, the half goes first, which only
    tells what more data would bring; then epochs, then the pilot, and samples last. Where minutes
    are left over, they go into settings.
    """
    alone = "full" not in wished  # a pilot and nothing more is what was asked for

    def made(count: int, passes: int, half: bool, pilot: bool, trials: int = 1) -> Schedule:
        stages: dict[StageName, int] = {}
        if pilot:
            stages["pilot"] = min(PILOT, n)
        if half:
            stages["half"] = count // 2
        if "full" in wished:
            stages["full"] = count
        first = passes if alone else min(PILOT_EPOCHS, passes)
        plan = Schedule(stages, passes, 0.0, count < n, first, trials)
        samples = sum(
            plan.of(stage) * number * (trials if stage == "half" else 1)
            for stage, number in stages.items()
        )
        return replace(plan, seconds=samples * tokens / n / speed)

    if alone:
        return made(n, epochs or PILOT_EPOCHS, False, True)
    known = math.isfinite(speed)
    tries = (epochs,) if epochs else EPOCHS if known else (USUAL,)
    halves = (True, False) if "half" in wished and n >= HALF_FROM else (False,)
    pilots = (True, False) if "pilot" in wished and n >= PILOT_FROM else (False,)
    for pilot, half, passes in product(pilots, halves, tries):
        if not half or passes >= min(USUAL, tries[0]):
            plan = made(n, passes, half, pilot)
            if plan.seconds <= 60 * minutes:
                tried = half and known and n >= TRIED_FROM
                while tried and plan.trials < settings:
                    more = made(n, passes, half, pilot, plan.trials + 1)
                    if more.seconds > 60 * minutes:
                        break
                    plan = more
                return plan
    passes = tries[-1]
    count = int(60 * minutes * speed / (passes * tokens / n))
    return made(max(min(n, LEAST), min(n - 1, count)), passes, False, False)
