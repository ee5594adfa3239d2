"""What a person is told of a judge, and of people's verdicts on answers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from headway.core.findings import Estimate, Finding, UsageTotal
from headway.core.rating import Labels
from headway.core.reading import Frozen

Standing = Literal["may_decide", "below", "unknown"]


class Missed(Frozen):
    """A labelled answer that the judge gave no score."""

    id: str
    why: str


class Repeats(Frozen):
    """The same answers judged `k` times. identical: share that got one and the same score each
    time; sd: of a score from one time to another."""

    k: int
    n: int
    identical: Estimate
    sd: float | None


class JudgeFinding(Finding):
    """A metric beside people on the same answers.

    agreement: by measure, over the `completed` of `n` answers; those in `unscored` count as misses,
    those in `outage` for nothing. baselines: the same for the class that people give most and for
    word overlap. people: how far people agree with each other, the ceiling; empty where nobody
    voted twice. measure: the one that decides, and `needed`, what it must reach for the metric to
    decide a journey; standing is `unknown` where there are too few answers to say, or where outages
    took too many. position: in pairs, how often the side that stood first won, of verdicts that
    named a side; 0.5 is no bias. length: partial rank correlation of score with length, given
    people's label; 0 is no bias. told_apart: the difference in `measure` from which two judges
    would be told apart by so many answers.
    """

    schema_name: ClassVar[str] = "headway/judge/1"

    metric: str
    judge: str | None
    source: str
    labels: Labels
    n: int
    groups: int
    agreement: dict[str, Estimate]
    baselines: dict[str, dict[str, Estimate]]
    people: dict[str, Estimate] = Field(default_factory=dict)
    measure: str
    needed: float
    standing: Standing
    unscored: tuple[Missed, ...] = ()
    outage: tuple[Missed, ...] = ()
    verdicts: dict[str, int] = Field(default_factory=dict)
    """For yes/no labels: how often people and judge said what, such as `people_yes_judge_no`."""
    repeats: Repeats | None = None
    position: Estimate | None = None
    length: Estimate | None = None
    told_apart: float | None = None
    answers: tuple[dict[str, Any], ...] = ()
    """One row an answer: id, people, score, unscored, length."""
    usage: UsageTotal = UsageTotal()
    notices: tuple[str, ...] = ()

    @property
    def completed(self) -> int:
        """How many answers no outage took."""
        return self.n - len(self.outage)

    def rows(self) -> list[dict[str, Any]]:
        """One row a measure, judge and baselines side by side."""
        found = []
        for who, by in ((self.metric, self.agreement), *self.baselines.items()):
            found += [{"judge": who, "measure": m, **e.model_dump()} for m, e in by.items()]
        return found


class Fault(Frozen):
    """A flag of people, and what was at fault. supported: whether what was shown says what the
    answer says; None where that is not known."""

    example: str
    question: str
    answer: str
    flag: str
    supported: bool | None
    fault: str
    verdict: str


class RatingsFinding(Finding):
    """People's verdicts on a task's answers.

    strengths: Elo-scaled points of pipelines by preferences, strongest first. linked: whether a
    chain of preferences leads from each to every other; if not, their points do not compare.
    """

    schema_name: ClassVar[str] = "headway/ratings/1"

    task: str
    added: int = 0
    ratings: int = 0
    preferences: int = 0
    people: tuple[str, ...] = ()
    flags: dict[str, int] = Field(default_factory=dict)
    mean: Estimate | None = None
    """Mean rating, scaled to [0, 1]."""
    agreement: dict[str, Estimate] = Field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    strengths: dict[str, Estimate] = Field(default_factory=dict)
    by: str = "people"
    linked: bool = True
    position: Estimate | None = None
    unscored: tuple[Missed, ...] = ()
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a pipeline where there are preferences, else one a flag."""
        if self.strengths:
            return [{"pipeline": name, **e.model_dump()} for name, e in self.strengths.items()]
        return [{"flag": name, "n": n} for name, n in self.flags.items()]
