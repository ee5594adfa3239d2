"""What a person is told of a tuning: what went in, how it went, whether it paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from headway.core.findings import CheckItem, Comparison, Estimate, Finding, Plan
from headway.core.task import Frozen


class TuneEpoch(Frozen):
    """One pass over the samples. Losses are in nats a token of the replies, None where a trainer
    does not say; score: the task's metric over the held-out samples, where the model can be served
    here."""

    epoch: int
    loss: float | None = None
    held_loss: float | None = None
    score: Estimate | None = None


AFTER: Mapping[str, str] = {
    "pilot": "the pilot", "half": "half of the samples", "full": "all samples",
}  # fmt: skip
"""A stage, as what was trained by then."""


def titled(stage: str, settings: Mapping[str, float]) -> str:
    """A stage with the settings that it has otherwise: `half, rate 0.002`."""
    return ", ".join([stage, *(f"{name} {value:g}" for name, value in settings.items())])


class TuneStage(Frozen):
    """One training. chosen: the epoch whose adapter is taken, from 1; 0 where it failed. stopped:
    why it ended before its last epoch. settings: those that differ from the plan's. taken: False
    where other settings did better on as many samples."""

    name: Literal["pilot", "half", "full"]
    samples: int
    epochs: tuple[TuneEpoch, ...] = ()
    chosen: int = 0
    tokens: int = 0
    seconds: float = 0.0
    model: str = ""
    stopped: str = ""
    settings: dict[str, float] = Field(default_factory=dict)
    taken: bool = True
    curve: tuple[float, ...] = ()
    """Training loss from the first step to the last, each the mean of as many steps."""


class Side(Frozen):
    """One held-out input: what is wanted, and what the models say to it. pilot: where one was
    trained before the tuned model, and answered."""

    example: str
    question: str
    wanted: str
    base: str
    tuned: str
    pilot: str | None = None


class Cost(Frozen):
    """Means of a request. seconds: of the calls, as they were first made."""

    prompt_tokens: float
    completion_tokens: float
    seconds: float
    usd: float | None


class TunePlan(Finding):
    """What a tuning would take, before anything is spent. Seconds are of training, measured where
    this model was trained here before, else a guess (`measured`)."""

    schema_name: ClassVar[str] = "headway/tune-plan/1"

    base: str
    trainer: str
    pipeline: str
    describes: str
    samples: int
    held: int
    left_out: dict[str, int] = Field(default_factory=dict)
    tokens: int
    """Of one pass over the samples, prompts and replies."""
    longest: int
    prompt_tokens: float
    """Mean of a sample's prompt."""
    reply_tokens: float
    stages: dict[str, int] = Field(default_factory=dict)
    """Samples of each stage, in the order in which they are trained."""
    epochs: int
    pilot_epochs: int = 0
    trials: tuple[dict[str, float], ...] = ()
    """Settings that are tried on half beside those below, for the minutes that are left over."""
    seconds: float | None
    """Of training; None where nobody knows how fast it is: a GPU or a command, the first time."""
    measured: bool
    settings: dict[str, Any] = Field(default_factory=dict)
    checks: tuple[CheckItem, ...] = ()
    samples_file: str = ""
    teaching: Plan | None = None
    """What a teacher would spend first."""
    measuring: Plan | None = None
    """What is asked beside training: of the pipeline before, a teacher, and judges."""
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a stage."""
        return [{"stage": name, "samples": count} for name, count in self.stages.items()]


class TuneFinding(Finding):
    """One tuning, told to its end.

    comparison: on dev, the tuned pipeline minus the one before. doubling: held-out score of all
    samples minus that of half of them, with the same settings, which is about what twice the
    samples would bring (a little less, where these were the best of several on half). general:
    share of a small general probe that base and tuned model get right, and the verdict about the
    tuned one. likeness: of the answers after the first stage that was measured, to what is wanted.
    teacher: on dev as well, and beside_teacher: the student minus the teacher.
    """

    schema_name: ClassVar[str] = "headway/tune/1"

    name: str
    """The tuned model's, as pipelines name it; empty where none was made."""
    base: str
    trainer: str
    plan: TunePlan
    stages: tuple[TuneStage, ...] = ()
    sides: tuple[Side, ...] = ()
    likeness: tuple[dict[str, Any], ...] = ()
    likeness_after: Literal["", "pilot", "half", "full"] = ""
    held_before: Estimate | None = None
    doubling: Estimate | None = None
    general_before: Estimate | None = None
    general_after: Estimate | None = None
    general_change: Estimate | None = None
    general_verdict: Literal["better", "worse", "not_proven"] | None = None
    forgotten: tuple[str, ...] = ()
    before: Estimate | None = None
    after: Estimate | None = None
    comparison: Comparison | None = None
    cost_before: Cost | None = None
    cost_after: Cost | None = None
    teacher: Estimate | None = None
    cost_teacher: Cost | None = None
    beside_teacher: Comparison | None = None
    stopped: str = ""
    folder: str = ""
    pipeline_file: str = ""
    serve: str = ""
    """What to type so that it is served, where that is not done in this process."""
    served_as: str = ""
    """As what it is known already once it is served; empty where that is still to be named."""
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row an epoch."""
        return [
            {
                "stage": titled(stage.name, stage.settings), "samples": stage.samples,
                "epoch": e.epoch, "loss": e.loss, "held_loss": e.held_loss,
                "score": e.score.mean if e.score else None,
            }
            for stage in self.stages
            for e in stage.epochs
        ]  # fmt: skip


class Merged(Frozen):
    """One kind of weights of a tuned model. same: share of answers that are letter for letter
    those of the adapter over its base. size: bytes. seconds: mean of a request."""

    kind: str
    model: str
    size: int
    score: Estimate
    seconds: float
    same: float


class MergeFinding(Finding):
    """A tuned model's weights merged, each kind beside the adapter, on dev."""

    schema_name: ClassVar[str] = "headway/merge/1"

    name: str
    metric: str
    n: int
    merged: tuple[Merged, ...]
    notices: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """One row a kind."""
        return [m.model_dump() for m in self.merged]
