"""What a person is told: run summaries, comparisons, diagnoses, journeys.

Each is frozen data with one versioned JSON form (`to_json`), a table in a notebook
(`_repr_html_`) and a data frame where pandas is installed (`to_pandas`). An estimate is always
`{"mean", "low", "high", "n"}`, mean null where it does not apply.
"""

from __future__ import annotations

import html
from typing import Any, ClassVar, Literal

from pydantic import Field

from headway.core.errors import MissingExtra
from headway.core.task import Frozen

WORN = 5  # openings of the sealed test after which its figure is called worn

Verdict = Literal["better", "worse", "not_proven", "not_comparable"]


class Estimate(Frozen):
    """A mean with its 95% interval, over n examples."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class Finding(Frozen):
    """Base: one JSON document with its schema's name and version."""

    schema_name: ClassVar[str] = "headway/finding/1"

    def to_json(self) -> dict[str, Any]:
        """Plain data, `schema` first."""
        return {"schema": self.schema_name, **self.model_dump(mode="json")}

    def rows(self) -> list[dict[str, Any]]:
        """The finding as table rows: its main list, else its own single fields."""
        return [{k: v for k, v in self.to_json().items() if not isinstance(v, (dict, list))}]

    def to_pandas(self) -> Any:
        """A pandas DataFrame of `rows()`. Raises MissingExtra without pandas."""
        try:
            import pandas  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            raise MissingExtra("to_pandas()", "pandas") from None
        return pandas.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        rows = self.rows()
        if not rows:
            return f"<p>{html.escape(self.schema_name)}: nothing</p>"

        def cell(value: Any) -> str:
            text = f"{value:.3f}" if isinstance(value, float) else str(value)
            return f"<td>{html.escape(text)}</td>"

        head = "".join(f"<th>{html.escape(name)}</th>" for name in rows[0])
        body = "".join(f"<tr>{''.join(cell(v) for v in row.values())}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Kind(Frozen):
    """How one kind of question does. worse: proven below the rest, after correction."""

    by: str
    value: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    worse: bool


class UsageTotal(Frozen):
    """What was used. calls are new ones; tokens and usd count cached calls at their first price."""

    calls: int = 0
    cached_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float | None = 0.0


class Latency(Frozen):
    """Seconds an example, of the original calls."""

    p50: float | None = None
    p95: float | None = None


class RunFinding(Finding):
    """One pipeline over the examples of a split."""

    schema_name: ClassVar[str] = "headway/evaluate/1"

    run: str
    pipeline: str
    split: str
    n: int
    completed: int
    outage: int
    invalid: int
    refused: int
    metrics: dict[str, Estimate]
    kinds: tuple[Kind, ...] = ()
    usage: UsageTotal
    latency_s: Latency
    wall_s: float
    scoring: UsageTotal = UsageTotal()
    """What the metrics asked of chat models beside that: judges."""
    model: str | None = None
    describes: str = ""
    unreviewed: int = 0
    """Examples that a machine drafted and no person has reviewed."""
    set_aside: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Ids of the split's examples that are not in it, by why: `ambiguous`, `unreviewed`."""
    unscored: dict[str, int] = Field(default_factory=dict)
    """By metric, answers that it should have scored and could not: its model failed."""
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a metric."""
        return [{"metric": name, **e.model_dump()} for name, e in self.metrics.items()]


class Comparison(Finding):
    """Two runs, paired example by example: b minus a, the verdict about b."""

    schema_name: ClassVar[str] = "headway/compare/1"

    a: str
    b: str
    metric: str
    n: int
    groups: int
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    verdict: Verdict
    examples_needed: int | None = None
    method: str = ""
    why: str = ""
    worst_case: tuple[float, float] | None = None
    unreviewed: int = 0
    one_sided: int = 0
    """Examples left out since the metric applies to one answer only: an abstention claims nothing,
    so that it can be neither faithful nor not."""


class Axes(Frozen):
    """The place on the map; None is undefined or does not apply."""

    context: Estimate | None = None
    behaviour: Estimate | None = None


class Suspect(Frozen):
    """An example whose reference is doubted, until a person rules.

    proposed: the answer that the doubters agree on, None where they name none. doubt: higher is
    more doubtful, by which the queue is ordered. votes: who says what, by the voter's name.
    """

    example: str
    fingerprint: str
    reference: Any = None
    proposed: Any = None
    doubt: float = 0.0
    votes: dict[str, Any] = Field(default_factory=dict)
    why: str = ""
    agreed: bool = False
    """The rule holds: two different models agree with the evidence and each other against it."""


class LabelNoise(Frozen):
    """How many references are wrong, and the score that a perfect system would then reach.

    n: examples looked at. suspects: by the rule, not ruled on. in_doubt: in the queue, not ruled
    on, the suspects included. reviewed: with a person's verdict. basis: people's `verdicts`, or
    the `suspects` alone, as if each were wrong. outside: verdicts on what nobody doubted count
    too; else all of it is taken to be right, and the ceiling may be too high. share: of wrong
    references among the n. ceiling: 1 - share, for a yes/no metric; partial credit gives more.
    """

    n: int
    suspects: int
    in_doubt: int
    reviewed: int
    basis: Literal["verdicts", "suspects"]
    outside: bool = False
    share: Estimate
    ceiling: Estimate


class Headroom(Frozen):
    """Points to gain on each axis; behaviour split by what could reach it."""

    context: Estimate | None = None
    behaviour: Estimate | None = None
    reachable_at_3: Estimate | None = None
    stronger_model: Estimate | None = None


class Diagnosis(Finding):
    """What the probes say."""

    schema_name: ClassVar[str] = "headway/diagnose/1"

    run: str
    n: int
    coverage: Estimate
    map: Axes
    as_is: Estimate
    closed_book: Estimate | None
    perfect_context: Estimate | None
    headroom: Headroom
    causes: dict[str, int]
    kinds: tuple[Kind, ...] = ()
    advice: tuple[str, ...] = ()
    unreviewed: int = 0
    inferred: int = 0
    """Examples whose evidence nobody wrote down: it was found by quotation."""
    holds_back: Literal["context", "behaviour", "neither", "not_clear"] = "not_clear"
    funnel: dict[str, int] = Field(default_factory=dict)
    """Stage -> examples whose evidence came so far, in order."""
    context_precision: Estimate | None = None
    context_signal: Estimate | None = None
    context_recall: Estimate | None = None
    positions: dict[str, Estimate] = Field(default_factory=dict)
    """Score by the place of the evidence among other passages, where that was asked for."""
    label_noise: LabelNoise | None = None
    """Over the diagnosed examples that have a reference."""
    failures: tuple[dict[str, Any], ...] = ()
    """One row a failure: example, question, wanted, answered, score, cause, axis, fault, faithful,
    verdict, right_with_evidence, why, tags."""
    metric: str = ""
    pipeline: str = ""
    usage: UsageTotal = UsageTotal()
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a probe."""
        probes = {
            "as_is": self.as_is,
            "closed_book": self.closed_book,
            "perfect_context": self.perfect_context,
        }
        return [{"probe": name, **e.model_dump()} for name, e in probes.items() if e is not None]


class JourneyStep(Frozen):
    """One technique's best candidate in the ledger. difference and its interval are confirm's,
    at this step's own level, where confirm was asked; else explore's at 95%. beside: what it was
    held against: the incumbent of the moment; or, where it is to be as good at a smaller price, the
    last pipeline that was proven better, so that losses within the margin do not add up."""

    technique: str
    axis: str
    candidate: str | None
    verdict: Verdict | None
    decision: Literal["kept", "dropped"]
    reason: str
    detail: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    calls: int = 0
    measured_on: Literal["explore", "confirm"] | None = None
    n: int = 0
    level: float | None = None
    pipeline: str | None = None
    beside: Literal["incumbent", "proven"] = "incumbent"


class TestFigure(Frozen):
    """The sealed test, opened once for this journey."""

    baseline: Estimate
    best: Estimate
    difference: float | None
    low: float | None
    high: float | None
    openings: int
    p: float | None = None
    verdict: Verdict | None = None
    n: int = 0
    unreviewed: int = 0
    """Always 0: the test holds reviewed examples only."""


class Spent(Frozen):
    """What a journey has spent of its budget; limits None where there is none."""

    calls: int = 0
    tokens: int = 0
    usd: float | None = 0.0
    minutes: float = 0.0
    limits: dict[str, float] = Field(default_factory=dict)


class TestFinding(Finding):
    """The sealed test, opened by hand."""

    schema_name = "headway/final/1"

    pipeline: str
    figure: RunFinding
    openings: int
    worn: bool


class Journey(Finding):
    """The ledger of one optimisation."""

    schema_name: ClassVar[str] = "headway/optimize/1"

    journey: str
    baseline: str
    steps: tuple[JourneyStep, ...]
    best: str
    leading: str | None
    test: TestFigure | None
    stopped: str
    spent: Spent
    complete: bool = True
    """False where the budget ended before the diagnosis or the sealed test was through."""
    metric: str = ""
    goal: float | None = None
    diagnosis: Diagnosis | None = None
    baseline_run: RunFinding | None = None
    best_describes: str = ""
    baseline_describes: str = ""
    leading_describes: str | None = None
    examples: int = 0
    """Of dev: what it decided on was drawn from them."""
    unreviewed: int = 0
    """How many of those a machine drafted and no person has reviewed."""
    plan: dict[str, int] = Field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a step."""
        return [step.model_dump() for step in self.steps]


class Plan(Finding):
    """What a command would spend, before it spends it: an estimate with its range."""

    schema_name: ClassVar[str] = "headway/plan/1"

    command: str
    calls: Estimate
    tokens: Estimate
    usd: Estimate
    minutes: Estimate
    notes: tuple[str, ...] = ()


class CheckItem(Frozen):
    """One thing that `check` looked at. level: ok, note, warning or error."""

    name: str
    level: Literal["ok", "note", "warning", "error"]
    text: str
    data: dict[str, Any] = Field(default_factory=dict)


class CheckReport(Finding):
    """All that `check` found."""

    schema_name: ClassVar[str] = "headway/check/1"

    task: str
    items: tuple[CheckItem, ...]

    @property
    def errors(self) -> int:
        """How many items are errors."""
        return sum(item.level == "error" for item in self.items)

    def rows(self) -> list[dict[str, Any]]:
        """One row an item."""
        return [item.model_dump(exclude={"data"}) for item in self.items]
