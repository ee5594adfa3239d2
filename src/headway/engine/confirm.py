"""What confirm is asked, and the only thing it says: kept, or not.

Each question has its own level, given by the history of earlier answers on the same confirm set;
the levels sum to 0.05 over the whole tree, so whatever a journey chooses to ask, the chance that
it ever keeps something that is no better is at most 0.05. Inside a question there are a few
planned looks (Lan and DeMets, 1983). The history is stored with the hash of confirm and goes on
across journeys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.task import Example, digest
from headway.engine import statistics as stats
from headway.engine.race import against
from headway.engine.run import Run, Runner

TOTAL = 0.05


@dataclass(frozen=True)
class Answer:
    """One answer of confirm, with what a person is shown of it."""

    kept: bool
    ground: Literal["better", "not_worse"]
    level: float
    n: int
    run: Run
    incumbent: Run
    difference: float | None
    low: float | None
    high: float | None
    examples_needed: int | None
    comparable: bool = True


class Confirm:
    """The confirm set of a task, with the history of what it was asked."""

    def __init__(self, runner: Runner, examples: Sequence[Example], metric: str) -> None:
        self.runner, self.examples, self.metric = runner, tuple(examples), metric
        self.name = digest([metric, sorted(e.fingerprint for e in examples)])

    @property
    def history(self) -> str:
        """Answers so far, oldest first: `k` kept, `n` not."""
        return "".join(answer for answer, *_ in self.runner.desk.store.answers(self.name))

    @property
    def level(self) -> float:
        """The level of the next question."""
        return stats.level(self.history, TOTAL)

    async def ask(
        self,
        candidate: Pipeline,
        incumbent: Pipeline,
        looks: Sequence[int],
        *,
        margin: float | None = None,
    ) -> Answer:
        """Is the candidate better than the incumbent or, with a margin, not worse? Spends one
        level. Raises BudgetEnded before it is answered: then nothing was asked."""
        level, history = self.level, self.history
        # Examples come in random order. Those of a group that is known already say less than new
        # ones, so that an early look holds more than its share of what will be known: looks agree
        # more than their shares say, and the level is held (Slepian, 1962).
        fractions = [n / looks[-1] for n in looks]
        thresholds = stats.boundaries(level, fractions)
        kept, comparable = False, True
        for n, share, threshold in zip(looks, fractions, thresholds, strict=True):
            sample = self.examples[:n]
            self.runner.progress(Event("phase", f"proving it on {n} fresh examples"))
            base = await self.runner.run(incumbent, sample)
            run = await self.runner.run(candidate, sample)
            lost = [sum(r.lost(self.metric)) for r in (base, run)]
            comparable = stats.comparable(n, *lost)
            if not comparable:
                break
            p = self._p(base, run, margin)
            if p is not None and p <= threshold:
                kept = True
                break
            if p is not None and share < 1 and 0 < p < 1 and stats.futile(p, share, thresholds[-1]):
                break
        if comparable:
            self.runner.desk.store.put_answer(
                self.name, len(history), "k" if kept else "n",
                journey=self.runner.desk.journey or "", candidate=candidate.digest, level=level,
            )  # fmt: skip
        # Two-sided at twice the level: its lower end is what the one-sided test speaks of.
        found = against(run, base, self.metric, 1 - 2 * level)
        needed = None if kept else self._needed(base, run, level)
        return Answer(
            kept, "better" if margin is None else "not_worse", level, found.n, run, base,
            found.difference, found.low, found.high, needed, comparable,
        )  # fmt: skip

    def _needed(self, base: Run, run: Run, level: float) -> int | None:
        """About how many examples would prove the gain that was seen, if it is real."""
        scored = [
            (b - a, e.cluster)
            for a, b, e in zip(
                base.scores(self.metric), run.scores(self.metric), run.examples, strict=True
            )
            if a is not None and b is not None
        ]
        gains, groups = [gain for gain, _ in scored], [group for _, group in scored]
        if len(gains) < 2 or sum(gains) <= 0:
            return None
        among = [e.cluster for e in self.examples]
        return stats.examples_needed(
            mean(gains), stdev(gains), level, two_sided=False,
            design=stats.design_among(among, gains, groups),
            per_group=len(among) / len(set(among)),
        )  # fmt: skip

    def _p(self, base: Run, run: Run, margin: float | None) -> float | None:
        a, b = base.scores(self.metric), run.scores(self.metric)
        if margin is None:
            return stats.paired(a, b, run.groups, alternative="greater").p
        return stats.not_worse(a, b, margin, run.groups)
