"""From many candidates to one, on growing samples of explore: successive halving.

Jamieson and Talwalkar, 2016, "Non-stochastic Best Arm Identification". Explore's scores may be
looked at as often as wanted; nothing is proven here, only chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headway.core.protocols import Candidate
from headway.core.task import Example
from headway.engine import statistics as stats
from headway.engine.run import Run, Runner

CLEAR = 0.8  # level of the interval by which a race ends early; nothing is claimed from it


@dataclass(frozen=True)
class Lap:
    """A candidate's standing against the incumbent on explore. found: with a 95% interval in what a
    race returns."""

    candidate: Candidate
    run: Run
    incumbent: Run
    found: stats.Paired

    @property
    def difference(self) -> float:
        """Mean difference; minus infinity where nothing could be compared."""
        return self.found.difference if self.found.difference is not None else float("-inf")


async def race(
    runner: Runner,
    candidates: Sequence[Candidate],
    incumbent: Candidate,
    examples: Sequence[Example],
    rounds: Sequence[int],
    metric: str,
) -> Lap | None:
    """The best candidate after growing samples; None without candidates. A candidate that is
    clearly no better falls out; the race ends early when the first is clearly better."""
    field = list(candidates)
    laps: list[Lap] = []
    for at, size in enumerate(rounds):
        sample = examples[:size]
        base = await runner.run(incumbent.pipeline, sample)
        laps = []
        for candidate in field:
            run = await runner.run(candidate.pipeline, sample)
            laps.append(Lap(candidate, run, base, against(run, base, metric, CLEAR)))
        laps.sort(key=lambda lap: -lap.difference)
        if not laps:
            return None
        best = laps[0]
        # Below zero, not at it: among many ties a few answers decide where an end at zero lies.
        hopeless = best.found.high is not None and best.found.high < 0
        clear = best.found.low is not None and best.found.low > 0.02 and size >= 12
        # Which of the last two gains more matters less than the calls it takes to tell.
        if hopeless or (clear and len(laps) <= 2):
            break
        if at + 1 < len(rounds):
            alive = [lap for lap in laps if lap.found.high is None or lap.found.high >= 0]
            field = [lap.candidate for lap in alive[: max(1, (len(field) + 1) // 2)]]
    best = laps[0]
    return replace(best, found=against(best.run, best.incumbent, metric))


def against(run: Run, base: Run, metric: str, level: float = 0.95) -> stats.Paired:
    """Paired difference, run minus base, of two runs over the same examples in the same order."""
    return stats.paired(base.scores(metric), run.scores(metric), run.groups, level=level)
