"""Before a second is spent: samples, checks, tokens, and what the minutes allow."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from headway.core.errors import InputError, MissingExtra
from headway.core.findings import CheckItem
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.task import Example, Task, digest, invalid, read_yaml
from headway.core.training import Sample, Settings, read_samples, write_samples
from headway.core.tuning import TunePlan
from headway.engine.parts import Parts
from headway.engine.run import Runner
from headway.engine.tuning import notes
from headway.engine.tuning.checks import Cleaned, examined
from headway.engine.tuning.samples import (
    SPARE,
    Parted,
    Prompt,
    parted,
    samples_of,
    tuned_pipeline,
    unheld,
)
from headway.engine.tuning.schedule import LEAST, Schedule, StageName, schedule
from headway.engine.tuning.seen import made_from
from headway.engine.tuning.start import Start, packaged, servable, start_of
from headway.models.adapted import PREFIX
from headway.models.tuned import folder_of
from headway.steps import build
from headway.steps.generate import Generate

OF_QUESTIONS = ("samples", "sample_duplicates", "sample_leaks", "sample_lengths")
RESERVED = {"baseline": "what a task starts from", "best": "what its journeys write"}
PER_MESSAGE = 8  # tokens of the chat template around a message, about
GUESSED = 4e10
"""Bytes of weights times tokens a second of training, where nothing was measured yet: about 400
tokens/s for a file of 100 MB, on two cores. Of a GPU or a command nothing is guessed."""
ROOM = 4096
"""Tokens of a sample, at most, where nobody says how many: what is computed at once."""
TIMES: tuple[Mapping[str, float], ...] = (
    {"rate": 2.0}, {"rate": 0.5}, {"rank": 2.0, "alpha": 2.0},
)  # fmt: skip
"""What is tried where minutes are left over, in this order, as times the settings. The rate first:
it is what low-rank training is most sensitive to, while rank matters where the data is more than a
small one holds (Biderman et al., 2024, "LoRA Learns Less and Forgets Less")."""
ENOUGH = 10_000  # tokens of a training, from which its speed is one to plan with
SPEED, SCHEDULES = "speed.json", "schedules.json"


@dataclass(frozen=True)
class TuneWish:
    """What a tuning was asked for.

    minutes: of training, all stages together; measuring comes on top. limit: examples of dev that
    it is proven on. stages: of `pilot`, `half` and `full`, those to train; what the data is too
    small for is left out. how: settings of the trainer set by hand. force: train although a check
    says to stop. prove: compare on dev and ask the general probe. examples: instead of those of
    train. file: samples in chat form, taken as they are. serve: HOUSE/NAME of the endpoint that
    will serve an adapter of weights in Hugging Face's form. teacher: whose answers `examples` hold,
    to be measured beside the student; taught: how they were come by, for the lineage. standing:
    whether questions stand in for answers that nobody has given yet: a plan.
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
    teacher: Pipeline | None = None
    taught: Mapping[str, Any] = field(default_factory=dict)
    standing: bool = False


@dataclass(frozen=True)
class Prepared:
    """All that is settled before a second is spent. before, after: the pipeline as it is, and as
    the tuned model will run in it, but for that model's name. others: settings that may be tried
    beside `how`. examples: by id, those that samples were made of. weights: hashes of what training
    starts from, base and adapter. key: of all that the schedule follows from. here: whether the
    result can be asked on this machine, by the embedded runtime or the trainer's own process."""

    start: Start
    before: Pipeline
    after: Pipeline
    parts: Parted
    plan: TunePlan
    schedule: Schedule
    how: Settings
    others: tuple[Settings, ...]
    examples: Mapping[str, Example]
    weights: tuple[str, str]
    key: str
    here: bool = True

    @property
    def held(self) -> list[Example]:
        """The examples that are held out of train to choose an epoch by. Samples of a file that
        only share an id with an example are none of it."""
        return [
            example for s in self.parts.held
            if (example := self.examples.get(s.id)) is not None and made_from(s, example)
        ]  # fmt: skip


def home_of(parts: Parts) -> Path:
    """Where a task's trainings are kept; not meant for git."""
    return parts.task.home / "tuning"


async def prepare(
    runner: Runner, before: Pipeline, wish: TuneWish, *, ask: bool = True
) -> Prepared:
    """Make the samples, check and clean them, part them, and plan. Writes their file; searches, and
    asks what the pipeline's steps before the answer ask, but trains nothing. ask: False for a plan
    alone, which leaves such steps out.

    A tuning that was begun keeps its schedule, whatever speed was measured meanwhile. Raises
    InputError where a tuning cannot be.
    """
    parts, task = runner.desk.parts, runner.desk.task
    how = settings_of(wish.how)
    if wish.name is not None:
        _free(task, before, wish, wish.name)
    start = await start_of(parts, before.model, wish.base)
    servable(task, start, wish.serve)
    how = _same_shape(how, wish, start)
    examples = wish.examples or task.split("train")
    usable = [e for e in examples if e.reference is not None]
    after = tuned_pipeline(task, before, len(usable), wish.prompt)
    runner.progress(Event("phase", f"{len(usable)} samples"))
    if wish.file is not None:
        raw = tuple(read_samples(wish.file))
    else:
        raw = await samples_of(runner, after, usable, ask=ask)
    tokens = await tokens_of(parts, start, raw)
    how = _long_enough(how, wish, start, tokens)
    told: dict[str, Any] = {
        "generate": next(s for s in build(after) if isinstance(s, Generate)),
        "tokens": [p + r for p, r in tokens], "max_tokens": how.max_tokens,
    }  # fmt: skip
    checks, clean = await examined(raw, task, **told)
    if wish.standing:
        text = "The teacher has not answered yet: what its replies show is checked when it has."
        asked = (c for c in checks if c.name in OF_QUESTIONS)
        checks = (*asked, CheckItem(name="sample_replies", level="note", text=text))
    checks = (*checks, *_said_beside(after, start, wish, usable, ask))
    if len(clean.samples) < LEAST:
        raise _too_few(task, wish, len(raw), clean, max((p + r for p, r in tokens), default=0))
    of = {s.id: t for s, t in zip(raw, tokens, strict=True)}
    after = _roomy(after, max(of[s.id][1] for s in clean.samples))
    apart = parted(clean.samples, how.seed)
    checks = (*checks, *unheld(apart))
    used = [of[s.id] for s in apart.train]
    weights = await asyncio.to_thread(start.hashes)
    key = digest(
        [weights, wish.minutes, wish.stages, wish.trainer, wish.command, how.model_dump(),
         [asdict(s) for s in apart.train]]
    )[:12]  # fmt: skip
    others = _others(how, wish, start) if apart.held else ()
    planned, measured = _scheduled(parts, start, wish, how, used, key, len(others))
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
        pilot_epochs=planned.pilot,
        trials=tuple(differing(how, other) for other in others[: planned.trials - 1]),
        seconds=planned.seconds or None, measured=measured,
        settings=how.model_dump(exclude_none=True),
        checks=tuple(checks), samples_file=str(file), notices=parts.notices.texts,
    )  # fmt: skip
    by_id = {e.id: e for e in examples}
    return Prepared(
        start, before, after, apart, plan, planned, how, others, by_id, weights, key,
        measurable(start, wish),
    )  # fmt: skip


def _long_enough(
    how: Settings, wish: TuneWish, start: Start, tokens: Sequence[tuple[int, int]]
) -> Settings:
    """The settings with room for the longest sample, as far as the model reads that much: what
    was retrieved is part of a sample."""
    longest = max((p + r for p, r in tokens), default=0)
    if not start.served:
        longest = 2 * longest  # of a tokenizer that nobody asked
    if "max_tokens" in wish.how or longest <= how.max_tokens:
        return how
    most = min(ROOM, start.context() or ROOM)
    return how.model_copy(update={"max_tokens": max(how.max_tokens, min(longest, most))})


def _said_beside(
    after: Pipeline, start: Start, wish: TuneWish, usable: Sequence[Example], ask: bool
) -> list[CheckItem]:
    """What a person should know of the samples that no look at them shows."""
    found = []

    def note(name: str, text: str, level: Literal["note", "warning"] = "note") -> None:
        found.append(CheckItem(name=name, level=level, text=text))

    drafts = sum(e.reviewed is False for e in usable)
    if drafts and wish.file is None and wish.examples is None:
        note(
            "sample_drafts",
            f"Drafts that nobody has reviewed: {drafts} of {len(usable)} examples. A model learns"
            " their mistakes too: headway review.",
            "warning",
        )
    try:
        packaged(start, wish.trainer)
    except MissingExtra as missing:
        note("extra", f"{missing.what}: {missing.do}", "warning")
    if not start.served:
        note("sample_tokens", "Tokens are counted at four characters each, and so are about.")
    steps = build(after)
    answers = next(i for i, step in enumerate(steps) if isinstance(step, Generate))
    asking = [step.name for step in steps[:answers] if getattr(step, "chats", False)]
    if asking and not ask:
        note(
            "sample_calls",
            f"Not asked for this plan, and then once an example: {', '.join(asking)}. Prompts are"
            " planned without what they add.",
        )
    return found


def _too_few(task: Task, wish: TuneWish, raw: int, clean: Cleaned, longest: int) -> InputError:
    """Why there are too few samples, and what to do."""
    gone = ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in clean.counts.items())
    long = clean.counts.get("too_long", 0)
    return InputError(
        f"{len(clean.samples)} samples can be trained on, of {raw}" + (f": {gone}" if gone else ""),
        where=str(wish.file or task.folder / "examples.jsonl"),
        valid=f"{LEAST} at the very least; gains are usually seen from 50 to 100 on",
        do=f"--max-tokens {longest}   (the longest has as many)"
        if long > raw / 2
        else f"headway check {task.typed}   (counts them; headway draft writes more)",
    )


def _free(task: Task, before: Pipeline, wish: TuneWish, name: str) -> None:
    """Raises InputError for a name that is none, or under which something else would be lost."""
    own = PREFIX + name
    folder_of(own, task.folder)
    if whose := RESERVED.get(name.lower()):
        raise InputError(
            f"--name {name} is taken: pipelines/{name}.yaml is {whose}", do="another --name"
        )
    needed = {
        "the model of this pipeline": before.model, "what this training starts from": wish.base,
        "the teacher's model": wish.teacher and wish.teacher.model,
    }  # fmt: skip
    for what, model in needed.items():
        if model in (own, name):
            raise InputError(
                f"{own} is {what}: it would be overwritten",
                do=f"--name {name}-2   (or leave --name out)",
            )
    file = task.folder / "pipelines" / f"{name}.yaml"
    held = read_yaml(file) if file.is_file() else {"model": own}
    if not isinstance(held, dict) or held.get("model") != own:
        raise InputError(
            f"this pipeline is there, and its model is not {own}: it would be overwritten",
            where=str(file), do="another --name",
        )  # fmt: skip


def _same_shape(how: Settings, wish: TuneWish, start: Start) -> Settings:
    """The settings, with rank and scale of the adapter that is gone on from. Raises InputError
    where others were set."""
    if start.adapter is None:
        return how
    shape = start.shape()
    if other := [name for name in shape if wish.how.get(name, shape[name]) != shape[name]]:
        raise InputError(
            f"an adapter that is gone on from keeps its {other[0]}, {shape[other[0]]:g}",
            where=str(start.adapter), do=f"leave --{other[0]} out, or start from the base",
        )  # fmt: skip
    return how.model_copy(update=shape)


def _others(how: Settings, wish: TuneWish, start: Start) -> tuple[Settings, ...]:
    """The settings to try beside these: nothing that was set by hand, that an adapter which is gone
    on from fixes, or that a command does not ask for."""
    fixed = {*wish.how, *start.shape()}
    if wish.command is not None:
        fixed |= {name for name in type(how).model_fields if f"{{{name}}}" not in wish.command}

    def times(by: Mapping[str, float]) -> Settings:
        return how.model_validate(
            {**how.model_dump(), **{name: getattr(how, name) * x for name, x in by.items()}}
        )

    return tuple(times(by) for by in TIMES if not fixed & set(by))


def differing(how: Settings, other: Settings) -> dict[str, float]:
    """What the other settings have otherwise, passes aside."""
    before, after = how.model_dump(exclude={"epochs"}), other.model_dump(exclude={"epochs"})
    return {name: after[name] for name in after if after[name] != before[name]}


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
    key: str, others: int,
) -> tuple[Schedule, bool]:  # fmt: skip
    """The schedule, and whether its speed was measured here."""
    speed, measured = speed_of(parts, start, wish.trainer)
    begun = notes.read(home_of(parts) / SCHEDULES).get(key)
    if begun:
        return Schedule(**begun), measured
    by_hand = how.epochs if "epochs" in wish.how else None
    tokens = sum(p + r for p, r in used)
    # What nobody can look at here is not worth a training of its own.
    stages = wish.stages if measurable(start, wish) or "full" not in wish.stages else ("full",)
    found = schedule(len(used), tokens, speed, wish.minutes, stages, by_hand, 1 + others)
    return found, measured


def measurable(start: Start, wish: TuneWish) -> bool:
    """Whether answers of the result can be had on this machine."""
    return start.served or wish.trainer == "lora"


def replanned(parts: Parts, ready: Prepared, wish: TuneWish, spent: float) -> Prepared:
    """After a pilot of so many seconds, whose speed was a guess: what is left is planned by the
    speed that it showed, and kept."""
    speed, measured = speed_of(parts, ready.start, wish.trainer)
    if ready.plan.measured or not measured or "full" not in ready.schedule.stages:
        return ready
    by_hand = ready.how.epochs if "epochs" in wish.how else None
    later = tuple(s for s in wish.stages if s != "pilot")
    minutes = max(1.0, wish.minutes - spent / 60)
    found = schedule(
        len(ready.parts.train), ready.plan.tokens, speed, minutes, later, by_hand,
        1 + len(ready.others),
    )  # fmt: skip
    if found.short:
        parts.notices.add(
            f"by the speed of the pilot {wish.minutes:g} minutes are enough for"
            f" {found.stages['full']} of {len(ready.parts.train)} samples: --minutes M for more"
        )
    stages: dict[StageName, int] = {"pilot": ready.schedule.stages["pilot"], **found.stages}
    found = replace(found, stages=stages, pilot=ready.schedule.pilot)
    notes.add(home_of(parts) / SCHEDULES, ready.key, asdict(found))
    return replace(ready, schedule=found)


def speed_of(parts: Parts, start: Start, trainer: str) -> tuple[float, bool]:
    """Tokens a second of training, infinite where nobody knows, and whether they were measured
    here."""
    known = notes.read(home_of(parts) / SPEED).get(_runs(start, trainer))
    if known:
        return float(known), True
    if not start.served or trainer != "lora":
        return math.inf, False
    return GUESSED / Path(start.base.path).stat().st_size, False


def learn_speed(parts: Parts, start: Start, trainer: str, tokens: float, seconds: float) -> None:
    """Remember how fast it went, for the next plan. Not of a command: its seconds are also those
    of loading and saving, and samples would be cut by them."""
    if trainer == "lora" and seconds > 0 and tokens >= ENOUGH:
        notes.add(home_of(parts) / SPEED, _runs(start, trainer), tokens / seconds)


def _runs(start: Start, trainer: str) -> str:
    """Under which a speed is kept: what trains what."""
    weights = Path(start.base.path).name
    return weights if trainer == "lora" else f"{trainer}: {weights}"


def _roomy(pipeline: Pipeline, longest: int) -> Pipeline:
    """Room for the longest wanted reply, and some over."""
    step = pipeline.step("generate")
    now = int(step.settings.get("max_tokens", 256)) if step else 256
    return pipeline.with_step("generate", max_tokens=max(now, int(SPARE * longest)))
