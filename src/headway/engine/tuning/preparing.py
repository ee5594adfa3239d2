"""Before a second is spent: samples, checks, tokens, and what the minutes allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from headway.core.errors import InputError
from headway.core.findings import CheckItem
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.task import Example, digest, invalid
from headway.core.training import Sample, Settings, Trained, read_samples, write_samples
from headway.core.tuning import TunePlan
from headway.engine.parts import Parts
from headway.engine.run import Runner
from headway.engine.tuning import notes
from headway.engine.tuning.checks import examined
from headway.engine.tuning.samples import (
    SPARE,
    Parted,
    Prompt,
    parted,
    samples_of,
    tuned_pipeline,
)
from headway.engine.tuning.schedule import LEAST, Schedule, StageName, schedule
from headway.engine.tuning.start import Start, start_of
from headway.steps import build
from headway.steps.generate import Generate

PER_MESSAGE = 8  # tokens of the chat template around a message, about
GUESSED = 4e10
"""Bytes of weights times tokens a second of training, where nothing was measured yet: about 400
tokens/s for a file of 100 MB, on two cores."""
SPEED, SCHEDULES = "speed.json", "schedules.json"


@dataclass(frozen=True)
class TuneWish:
    """What a tuning was asked for.

    minutes: of training, all stages together; measuring comes on top. limit: examples of dev that
    it is proven on. stages: of `pilot`, `half` and `full`, those to train; what the data is too
    small for is left out. how: settings of the trainer set by hand. force: train although a check
    says to stop. prove: compare on dev and ask the general probe. examples: instead of those of
    train. file: samples in chat form, taken as they are. serve: HOUSE/NAME of the endpoint that
    will serve an adapter of weights in Hugging Face's form.
    """

    minutes: float = 15.0
    base: str | None = None
    prompt: Prompt = "auto"
    stages: tuple[StageName, ...] = ("pilot", "half", "full")
    trainer: str = "lora"
    command: str | None = None
    name: str | None = None
    how: Mapping[str, Any] = field(default_factory=dict)
    limit: int = 100
    force: bool = False
    prove: bool = True
    examples: tuple[Example, ...] | None = None
    file: Path | None = None
    serve: str | None = None


@dataclass(frozen=True)
class Prepared:
    """All that is settled before a second is spent. before, after: the pipeline as it is, and as
    the tuned model will run in it, but for that model's name. examples: by id, those that samples
    were made of. key: of all that the schedule follows from."""

    start: Start
    before: Pipeline
    after: Pipeline
    parts: Parted
    plan: TunePlan
    schedule: Schedule
    how: Settings
    examples: Mapping[str, Example]
    key: str

    @property
    def held(self) -> list[Example]:
        """The examples that are held out of train to choose an epoch by."""
        return [self.examples[s.id] for s in self.parts.held if s.id in self.examples]


def home_of(parts: Parts) -> Path:
    """Where a task's trainings are kept; not meant for git."""
    return parts.task.home / "tuning"


async def prepare(runner: Runner, before: Pipeline, wish: TuneWish) -> Prepared:
    """Make the samples, check and clean them, part them, and plan. Writes their file; searches, and
    asks what the pipeline's steps before the answer ask, but trains nothing.

    A tuning that was begun keeps its schedule, whatever speed was measured meanwhile. Raises
    InputError where a tuning cannot be.
    """
    parts, task = runner.desk.parts, runner.desk.task
    how = settings_of(wish.how)
    start = await start_of(parts, before.model, wish.base)
    examples = wish.examples or task.split("train")
    usable = [e for e in examples if e.reference is not None]
    after = tuned_pipeline(task, before, len(usable), wish.prompt)
    runner.progress(Event("phase", f"{len(usable)} samples"))
    if wish.file is not None:
        raw = tuple(read_samples(wish.file))
    else:
        raw = await samples_of(runner, after, usable)
    tokens = await tokens_of(parts, start, raw)
    told: dict[str, Any] = {
        "generate": next(s for s in build(after) if isinstance(s, Generate)),
        "tokens": [p + r for p, r in tokens], "max_tokens": how.max_tokens,
    }  # fmt: skip
    checks, clean = await examined(raw, task, **told)
    if len(clean.samples) < LEAST:
        raise InputError(
            f"{len(clean.samples)} samples can be trained on, of {len(examples)} examples of train",
            where=str(task.folder / "examples.jsonl"),
            valid=f"{LEAST} at the very least; gains are usually seen from 50 to 100 on",
            do=f"headway check {task.typed}   (counts them; headway draft writes more)",
        )
    of = {s.id: t for s, t in zip(raw, tokens, strict=True)}
    after = _roomy(after, max(of[s.id][1] for s in clean.samples))
    apart = parted(clean.samples, how.seed)
    used = [of[s.id] for s in apart.train]
    key = digest(
        [start.base.model_dump(), str(start.adapter), wish.minutes, wish.stages, wish.trainer,
         wish.command, how.model_dump(), [asdict(s) for s in apart.train]]
    )[:12]  # fmt: skip
    planned, measured = _scheduled(parts, start, wish, how, used, key)
    if planned.short:
        text = (
            f"{wish.minutes:g} minutes are enough for {planned.stages['full']} of {len(used)}"
            " samples: --minutes M for more."
        )
        checks = (*checks, CheckItem(name="minutes", level="warning", text=text))
    file = home_of(parts) / "samples.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_samples(file, clean.samples)
    plan = TunePlan(
        base=start.base.name, trainer=wish.trainer, pipeline=after.digest[:12],
        describes=after.describe(), samples=len(used), held=len(apart.held),
        left_out=clean.counts, tokens=sum(p + r for p, r in used),
        longest=max(p + r for p, r in used), prompt_tokens=sum(p for p, _ in used) / len(used),
        reply_tokens=sum(r for _, r in used) / len(used),
        stages={str(k): v for k, v in planned.stages.items()}, epochs=planned.epochs,
        seconds=planned.seconds, measured=measured, settings=how.model_dump(exclude_none=True),
        checks=tuple(checks), samples_file=str(file), notices=parts.notices.texts,
    )  # fmt: skip
    how = how.model_copy(update={"epochs": planned.epochs})
    by_id = {e.id: e for e in examples}
    return Prepared(start, before, after, apart, plan, planned, how, by_id, key)


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Settings of the trainer, those set by hand over the defaults. Raises InputError."""
    try:
        return Settings.model_validate(dict(given))
    except ValidationError as error:
        raise invalid(error, Settings, "the settings of the training") from None


async def tokens_of(parts: Parts, start: Start, samples: Sequence[Sample]) -> list[tuple[int, int]]:
    """Tokens of each sample's prompt and reply: by the base's own tokenizer where it is embedded,
    else at four characters a token."""
    texts = ["\n".join(str(m.get("content") or "") for m in s.prompt) for s in samples]
    replies = [s.reply for s in samples]
    more = [PER_MESSAGE * len(s.messages) for s in samples]
    if start.served:
        chat = await parts.chat(start.base.name)
        counts = await chat.count_tokens([*texts, *replies])
    else:
        counts = [len(text) // 4 + 1 for text in (*texts, *replies)]
    n = len(samples)
    return [(counts[i] + more[i], counts[n + i] + 1) for i in range(n)]


def _scheduled(
    parts: Parts, start: Start, wish: TuneWish, how: Settings, used: Sequence[tuple[int, int]],
    key: str,
) -> tuple[Schedule, bool]:  # fmt: skip
    """The schedule, and whether its speed was measured here."""
    speed, measured = speed_of(parts, start)
    begun = notes.read(home_of(parts) / SCHEDULES).get(key)
    if begun:
        return Schedule(**begun), True
    by_hand = how.epochs if "epochs" in wish.how else None
    tokens = sum(p + r for p, r in used)
    return schedule(len(used), tokens, speed, wish.minutes, wish.stages, by_hand), measured


def speed_of(parts: Parts, start: Start) -> tuple[float, bool]:
    """Tokens a second of training, and whether they were measured here."""
    path = Path(start.base.path)
    known = notes.read(home_of(parts) / SPEED).get(path.name)
    if known:
        return float(known), True
    return GUESSED / (path.stat().st_size if path.is_file() else 1e9), False


def learn_speed(parts: Parts, start: Start, trained: Trained) -> None:
    """Remember how fast it went, for the next plan."""
    if trained.seconds > 5 and trained.tokens:
        speed = trained.tokens / trained.seconds
        notes.add(home_of(parts) / SPEED, Path(start.base.path).name, speed)


def _roomy(pipeline: Pipeline, longest: int) -> Pipeline:
    """Room for the longest wanted reply, and some over."""
    step = pipeline.step("generate")
    now = int(step.settings.get("max_tokens", 256)) if step else 256
    return pipeline.with_step("generate", max_tokens=max(now, int(SPARE * longest)))
