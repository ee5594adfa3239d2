"""One tuning from its samples to its verdict: prepare, pilot, half, full, prove.

    plan()  samples ── checks ── tokens ── what the minutes allow
    go()    pilot (does the data show what is wanted?) ── half ── full, an epoch at a time, the
            best by the task's metric over held-out samples ── beside the pipeline before, on dev

Everything is kept as it is made, so that the same command goes on after a kill: a stage's folder is
named by all that it was trained on and with, the trainer resumes its checkpoint, and answers that
were measured are in the store. `dev` only scores; an epoch is chosen on a part of `train`.
"""

from __future__ import annotations

import asyncio
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from headway.core.errors import InputError
from headway.core.findings import CheckItem, Estimate
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.task import Example, digest, invalid
from headway.core.training import (
    ADAPTER,
    Job,
    Sample,
    Settings,
    Told,
    Trained,
    read_samples,
    write_samples,
)
from headway.core.tuning import Cost, Side, TuneEpoch, TuneFinding, TunePlan, TuneStage
from headway.engine import statistics as stats
from headway.engine.compare import compare_runs, estimate, to_estimate
from headway.engine.run import Run, Runner
from headway.engine.tuning.checks import check_samples, cleaned, stopping
from headway.engine.tuning.general import General, forgotten, general
from headway.engine.tuning.likeness import likeness
from headway.engine.tuning.samples import (
    SPARE,
    Parted,
    Prompt,
    part_of,
    parted,
    samples_of,
    tuned_pipeline,
)
from headway.engine.tuning.schedule import LEAST, PILOT_EPOCHS, StageName, schedule
from headway.engine.tuning.start import Start, start_of
from headway.models.adapted import PREFIX
from headway.models.embedded import EmbeddedChat
from headway.models.tuned import BESIDE, SERVED, Tuned, folder_of
from headway.steps import build
from headway.steps.generate import Generate
from headway.training import open_trainer
from headway.training.lora import LOG

OVER = 1.5  # times the minutes asked for, at which a training that is slower than planned ends
SIDES = 10
POINTS = 48  # of a curve
LIKENESS = ("name", "wanted", "base", "pilot", "moved")  # of what is told of a feature
PER_MESSAGE = 8  # tokens of the chat template around a message, about
GUESSED = 4e10
"""Bytes of weights times tokens a second of training, where nothing was measured yet: about 400
tokens/s for a file of 100 MB, on two cores."""


@dataclass(frozen=True)
class TuneWish:
    """What a tuning was asked for.

    minutes: of training, all stages together; measuring comes on top. limit: examples of dev that
    it is proven on. stages: of `pilot`, `half` and `full`, those to train; what the data is too
    small for is left out. how: settings of the trainer set by hand. examples: samples that are
    given instead of those of train. force: train although a check says to stop.
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
    """Whether to compare on dev and ask the general probe: not inside a journey, which does."""
    examples: tuple[Example, ...] | None = None
    serve: str | None = None
    """HOUSE/NAME of the endpoint that will serve an adapter of weights in Hugging Face's form."""
    file: Path | None = None
    """Samples in chat form, taken as they are instead of examples of train."""


@dataclass(frozen=True)
class Prepared:
    """All that is settled before a second is spent."""

    start: Start
    before: Pipeline
    after: Pipeline
    parts: Parted
    plan: TunePlan
    how: Settings
    examples: Mapping[str, Example]


class Tuner:
    """One tuning at one desk."""

    def __init__(self, runner: Runner, pipeline: Pipeline, wish: TuneWish = TuneWish()) -> None:
        """pipeline: the best so far, resolved. Raises InputError for settings that cannot be."""
        self.runner, self.wish = runner, wish
        self.desk = runner.desk
        self.task, self.metric = self.desk.task, self.desk.task.metric
        self.before = pipeline
        self.home = self.task.home / "tuning"
        self.checks: list[CheckItem] = []
        self._prepared: Prepared | None = None

    # --- before anything is spent -------------------------------------------------------------

    async def plan(self) -> TunePlan:
        """Samples, checks and what the training would take. Writes the samples' file; searches,
        and asks what the pipeline's steps before the answer ask, but trains nothing."""
        return (await self.prepare()).plan

    async def prepare(self) -> Prepared:
        """Once; see plan()."""
        if self._prepared is None:
            self._prepared = await self._prepare()
        return self._prepared

    async def _prepare(self) -> Prepared:
        start = await start_of(self.desk.parts, self.before.model, self.wish.base)
        examples = self.wish.examples or self.task.split("train")
        usable = [e for e in examples if e.reference is not None]
        after = tuned_pipeline(self.task, self.before, len(usable), self.wish.prompt)
        self._say(f"{len(usable)} samples")
        if self.wish.file is not None:
            raw = tuple(read_samples(self.wish.file))
        else:
            raw = await samples_of(self.runner, after, usable)
        how = settings_of(self.wish.how)
        tokens = await self._tokens(start, raw)
        told: dict[str, Any] = {
            "generate": _generate(after), "tokens": [p + r for p, r in tokens],
            "max_tokens": how.max_tokens,
        }  # fmt: skip
        self.checks = list(await check_samples(raw, self.task, **told))
        clean = cleaned(raw, self.task, **told)
        kept = clean.samples
        if len(kept) < LEAST:
            raise InputError(
                f"{len(kept)} samples can be trained on, of {len(examples)} examples of train",
                where=str(self.task.folder / "examples.jsonl"),
                valid=f"{LEAST} at the very least; gains are usually seen from 50 to 100 on",
                do=f"headway check {self.task.typed}   (counts them; headway draft writes more)",
            )
        of = {s.id: t for s, t in zip(raw, tokens, strict=True)}
        parts = parted(kept, how.seed)
        after = _roomy(after, max(of[s.id][1] for s in kept))
        plan = self._planned(start, after, parts, how, of, clean.counts)
        self.home.mkdir(parents=True, exist_ok=True)
        file = self.home / "samples.jsonl"
        write_samples(file, kept)
        plan = plan.model_copy(update={"samples_file": str(file), "checks": tuple(self.checks)})
        how = how.model_copy(update={"epochs": plan.epochs})
        return Prepared(start, self.before, after, parts, plan, how, {e.id: e for e in examples})

    async def _tokens(self, start: Start, samples: Sequence[Sample]) -> list[tuple[int, int]]:
        """Tokens of each sample's prompt and reply: by the base's own tokenizer where it is
        embedded, else at four characters a token."""
        texts = ["\n".join(str(m.get("content") or "") for m in s.prompt) for s in samples]
        replies = [s.reply for s in samples]
        more = [PER_MESSAGE * len(s.messages) for s in samples]
        if start.served:
            chat = await self.desk.parts.chat(start.base.name)
            counts = await chat.count_tokens([*texts, *replies])
        else:
            counts = [len(text) // 4 + 1 for text in (*texts, *replies)]
        n = len(samples)
        return [(counts[i] + more[i], counts[n + i] + 1) for i in range(n)]

    def _planned(
        self, start: Start, after: Pipeline, parts: Parted, how: Settings,
        of: Mapping[str, tuple[int, int]], left_out: Mapping[str, int],
    ) -> TunePlan:  # fmt: skip
        n = len(parts.train)
        used = [of[s.id] for s in parts.train]
        tokens = sum(p + r for p, r in used)
        speed, measured = self._speed(start)
        by_hand = how.epochs if "epochs" in self.wish.how else None
        planned = schedule(n, tokens, speed, self.wish.minutes, self.wish.stages, by_hand)
        if planned.short:
            text = (
                f"{self.wish.minutes:g} minutes are enough for {planned.stages['full']} of {n}"
                " samples: --minutes M for more."
            )
            self.checks.append(CheckItem(name="minutes", level="warning", text=text))
        return TunePlan(
            base=start.base.name, trainer=self.wish.trainer, pipeline=after.digest[:12],
            describes=after.describe(), samples=n, held=len(parts.held), left_out=dict(left_out),
            tokens=tokens, longest=max(p + r for p, r in used),
            prompt_tokens=sum(p for p, _ in used) / n, reply_tokens=sum(r for _, r in used) / n,
            stages={str(k): v for k, v in planned.stages.items()}, epochs=planned.epochs,
            seconds=planned.seconds, measured=measured,
            settings=how.model_dump(exclude_none=True), notices=self.desk.parts.notices.texts,
        )  # fmt: skip

    def _speed(self, start: Start) -> tuple[float, bool]:
        """Tokens a second of training, and whether they were measured here."""
        known = _read(self.home / "speed.json").get(_speed_key(start))
        if known:
            return float(known), True
        path = Path(start.base.path)
        size = path.stat().st_size if path.is_file() else 1e9
        return GUESSED / size, False

    # --- training -----------------------------------------------------------------------------

    async def go(self) -> TuneFinding:
        """All of it. Raises InputError where a check stops it, unless forced, and what the trainer
        raises."""
        ready = await self.prepare()
        stops = stopping(self.checks)
        if stops and not self.wish.force:
            raise InputError(
                " ".join(check.text for check in stops), where=ready.plan.samples_file,
                do=f"headway tune {self.task.typed} --force   (trains all the same)",
            )  # fmt: skip
        finding = TuneFinding(
            name="", base=ready.start.base.name, trainer=self.wish.trainer, plan=ready.plan
        )
        held = [ready.examples[s.id] for s in ready.parts.held if s.id in ready.examples]
        if held:
            self._say(f"before tuning: {len(held)} held-out samples")
        base = await self._held_run(ready.before, held) if held else None
        facts: dict[str, Any] = {}
        if base is not None:
            facts["held_before"] = estimate(base.scores(self.metric), base.groups)
        stages: list[TuneStage] = []
        runs: dict[str, Run] = {}
        for name, count in ready.plan.stages.items():
            stage, run = await self._stage(ready, name, count, held)
            stages.append(stage)
            if run is not None:
                runs[name] = run
            if name == "pilot" and base is not None and run is not None:
                facts |= self._lesson(ready, base, run)
                if facts.get("stopped") and not self.wish.force:
                    break
        last = stages[-1]
        if base is not None and last.name in runs:
            facts["sides"] = self._sides(ready, base, runs[last.name])
        if "half" in runs and "full" in runs:
            facts["doubling"] = gained(runs["half"], runs["full"], self.metric)
        finding = finding.model_copy(update={**facts, "stages": tuple(stages)})
        if last.name == "full" and last.chosen:
            finding = await self._keep(ready, finding, last)
        return finding.model_copy(
            update={"checks": tuple(self.checks), "notices": self.desk.parts.notices.texts}
        )

    async def _stage(
        self, ready: Prepared, name: StageName | str, count: int, held: Sequence[Example]
    ) -> tuple[TuneStage, Run | None]:
        """Train on so many samples and choose the epoch; its run over what is held out."""
        seed = ready.how.seed
        samples = part_of(ready.parts.train, count, seed)
        how = ready.how
        if name == "pilot":
            how = how.model_copy(update={"epochs": min(how.epochs, PILOT_EPOCHS)})
        key = digest(
            [ready.start.base.path, str(ready.start.adapter), how.model_dump(), self.wish.trainer,
             self.wish.command, [asdict(s) for s in samples]]
        )[:12]  # fmt: skip
        folder = self.home / f"{name}-{key}"
        folder.mkdir(parents=True, exist_ok=True)
        write_samples(folder / "train.jsonl", samples)
        write_samples(folder / "held.jsonl", ready.parts.held)
        job = Job(
            folder=folder, base=ready.start.base, train=folder / "train.jsonl",
            held=folder / "held.jsonl" if ready.parts.held else None, how=how,
            start=ready.start.adapter, command=self.wish.command,
        )  # fmt: skip
        self._say(f"{name}: training on {len(samples)} samples")
        follower = _Follower(self, ready, held)
        trainer = open_trainer(self.wish.trainer)
        done = _read(folder / "done.json")
        if done:
            trained = _trained(done, folder)
        else:
            trained = await trainer.train(job, follower)
            _write(folder / "done.json", _plain(trained, folder))
            self._learn_speed(ready.start, trained)
        for number, adapter in enumerate(trained.adapters, start=1):
            await follower.measure(number, adapter)
        epochs = tuple(
            TuneEpoch(
                epoch=i + 1, loss=_at(trained.losses, i), held_loss=_at(trained.held_losses, i),
                score=follower.score(i + 1),
            )
            for i in range(len(trained.adapters))
        )  # fmt: skip
        chosen = best_epoch(epochs)
        model = str(trained.adapters[chosen - 1]) if chosen else ""
        stage = TuneStage(
            name=name, samples=len(samples), epochs=epochs, chosen=chosen,
            tokens=trained.tokens, seconds=trained.seconds, model=model, stopped=trained.stopped,
            curve=curve_of(folder / LOG),
        )  # fmt: skip
        return stage, follower.runs.get(chosen)

    async def served(self, ready: Prepared, adapter: Path, tag: str) -> str:
        """A trained adapter as a model that this workspace can ask; its name."""
        file = await self._converted(ready, adapter)
        name = f"{PREFIX}{tag}"
        base = Path(ready.start.base.path)
        model = await asyncio.to_thread(EmbeddedChat, name, base, adapter=file)
        self.desk.parts.lend_chat(name, model)
        return name

    async def _converted(self, ready: Prepared, adapter: Path) -> Path:
        """The adapter in GGUF's form, beside the one in peft's."""
        from headway.training.gguf import write_adapter

        file = adapter / BESIDE
        if not file.is_file():
            await asyncio.to_thread(write_adapter, adapter, Path(ready.start.base.path), file)
        return file

    def _copy(self, ready: Prepared, adapter: Path, home: Path, lineage: Mapping[str, Any]) -> None:
        """Put the adapter into the task folder, and describe it where it can be opened."""
        home.mkdir(parents=True, exist_ok=True)
        base = ready.start.base
        for part in (*ADAPTER, BESIDE):
            if (adapter / part).is_file():
                shutil.copyfile(adapter / part, home / part)
        if ready.start.served:
            Tuned.of(home / BESIDE, base.name, lineage, base_file=Path(base.path)).save()
        elif self.wish.serve:
            Tuned.of(home / SERVED, base.name, lineage, served_as=self.wish.serve).save()

    async def _held_run(self, pipeline: Pipeline, held: Sequence[Example]) -> Run:
        return await self.runner.run(self.desk.parts.resolve(pipeline), held, split="train")

    def _learn_speed(self, start: Start, trained: Trained) -> None:
        if trained.seconds > 5 and trained.tokens:
            known = _read(self.home / "speed.json")
            _write(
                self.home / "speed.json",
                {**known, _speed_key(start): trained.tokens / trained.seconds},
            )

    # --- what it shows ------------------------------------------------------------------------

    def _sides(self, ready: Prepared, base: Run, tuned: Run) -> tuple[Side, ...]:
        """Base, tuned and wanted beside each other."""
        wanted = {s.id: s.reply for s in ready.parts.held}
        found = []
        for example in base.examples[:SIDES]:
            one, two = base.record(example), tuned.record(example)
            found.append(
                Side(
                    example=example.id, question=example.question, wanted=wanted[example.id],
                    base=one.answer or one.why, tuned=two.answer or two.why,
                )
            )  # fmt: skip
        return tuple(found)

    def _lesson(self, ready: Prepared, base: Run, pilot: Run) -> dict[str, Any]:
        """What the pilot's outputs say of the data: nearer to what is wanted, or not."""
        wanted = {s.id: s.reply for s in ready.parts.held}
        found = likeness(
            [wanted[e.id] for e in base.examples],
            [base.record(e).answer or "" for e in base.examples],
            [pilot.record(e).answer or "" for e in base.examples],
            base.groups,
        )
        rows = [{k: r[k] for k in LIKENESS} for r in found.rows()]
        facts: dict[str, Any] = {"likeness": tuple(rows), "stopped": found.stops}
        return facts

    async def _keep(self, ready: Prepared, finding: TuneFinding, stage: TuneStage) -> TuneFinding:
        """Give the chosen adapter its name, and prove it."""
        adapter = Path(stage.model)
        key = digest([stage.model, stage.chosen])[:8]
        name = f"{PREFIX}{self.wish.name or f'{_slug(self.task.spec.name)}-{key}'}"
        home = folder_of(name, self.task.folder)
        lineage = {
            "base": ready.start.base.model_dump(), "from": str(ready.start.adapter or ""),
            "settings": ready.how.model_dump(exclude_none=True), "samples": stage.samples,
            "data": digest([asdict(s) for s in ready.parts.train])[:16], "epoch": stage.chosen,
            "pipeline": ready.before.digest, "trainer": self.wish.trainer,
            "losses": [e.loss for e in stage.epochs], "tokens": stage.tokens,
            "seconds": round(stage.seconds, 1),
        }  # fmt: skip
        if ready.start.served:
            await self._converted(ready, adapter)
        await asyncio.to_thread(self._copy, ready, adapter, home, lineage)
        pipeline = ready.after.model_copy(update={"model": name})
        file = self.task.folder / "pipelines" / f"{name.removeprefix(PREFIX)}.yaml"
        pipeline.save(file)
        finding = finding.model_copy(
            update={"name": name, "folder": str(home), "pipeline_file": str(file)}
        )
        if not (ready.start.served and self.wish.prove):
            return finding
        return finding.model_copy(update=await self._proof(ready, pipeline))

    async def _proof(self, ready: Prepared, pipeline: Pipeline) -> dict[str, Any]:
        """Beside the pipeline before, on dev; and the general probe, base and tuned."""
        dev = self.task.split("dev")[: self.wish.limit]
        facts: dict[str, Any] = {}
        resolved = self.desk.parts.resolve(pipeline)
        if dev:
            self._say(f"proof on {len(dev)} examples of dev")
            before = await self.runner.run(ready.before, dev)
            after = await self.runner.run(resolved, dev)
            facts |= {
                "comparison": compare_runs(before, after, self.metric),
                "before": estimate(before.scores(self.metric), before.groups),
                "after": estimate(after.scores(self.metric), after.groups),
                "cost_before": cost_of(before), "cost_after": cost_of(after),
            }  # fmt: skip
        self._say("general probe")
        assert resolved.model is not None
        one = await general(self.desk.chat, ready.start.base.name)
        two = await general(self.desk.chat, resolved.model)
        return facts | forgetting(one, two)

    def _say(self, text: str) -> None:
        self.runner.progress(Event("phase", text))


class _Follower:
    """Hears a trainer, shows how far it is, and measures each epoch as it comes."""

    def __init__(self, tuner: Tuner, ready: Prepared, held: Sequence[Example]) -> None:
        self.tuner, self.ready, self.held = tuner, ready, held
        self.most = OVER * 60 * tuner.wish.minutes
        self.runs: dict[int, Run] = {}

    async def __call__(self, told: Told) -> bool:
        """See core.training.Follow."""
        tell, data = self.tuner.runner.progress, told.data
        if told.kind == "step":
            # A command of one's own says what it says: any of these may be unknown.
            done, total = int(data.get("step") or 0), int(data.get("steps") or 0)
            passed = float(data.get("seconds") or 0)
            left = passed / done * (total - done) if done and total and passed else None
            loss = data.get("loss")
            shown = {} if loss is None else {"loss": float(loss)}
            tell(Event("tick", "steps", done, total, left, data=shown))
        elif told.kind == "note":
            tell(Event("notice", str(data.get("text", ""))))
        elif told.kind == "epoch":
            number, passed = int(data["epoch"]), float(data.get("seconds") or 0)
            await self.measure(number, Path(str(data["adapter"])))
            return passed * (number + 1) / number <= self.most and self._rises(number)
        return True

    def _rises(self, number: int) -> bool:
        """False where the last two epochs are no better than the best before them."""
        found = [self.score(i) for i in range(1, number + 1)]
        scores = [s.mean for s in found if s is not None and s.mean is not None]
        return len(scores) < 3 or max(scores[-2:]) > max(scores[:-2])

    async def measure(self, number: int, adapter: Path) -> None:
        """Score an epoch's adapter over what is held out, once."""
        if number in self.runs or not self.held or not self.ready.start.served:
            return
        tuner = self.tuner
        tag = f"{adapter.parent.name}.{adapter.name}"
        name = await tuner.served(self.ready, adapter, tag)
        pipeline = self.ready.after.model_copy(update={"model": name})
        try:
            self.runs[number] = await tuner._held_run(pipeline, self.held)
        finally:
            await tuner.desk.parts.close_chat(name)

    def score(self, number: int) -> Estimate | None:
        """The task's metric of an epoch, where it was measured."""
        run = self.runs.get(number)
        return estimate(run.scores(self.tuner.metric), run.groups) if run else None


# --- small parts --------------------------------------------------------------------------------


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Settings of the trainer, those set by hand over the defaults. Raises InputError."""
    try:
        return Settings.model_validate(dict(given))
    except ValidationError as error:
        raise invalid(error, Settings, "the settings of the training") from None


def best_epoch(epochs: Sequence[TuneEpoch]) -> int:
    """The epoch with the best score; of equals the one with the least held-out loss, then the
    later. Without scores the least held-out loss decides, without any the last is taken."""
    if not epochs:
        return 0

    def rank(epoch: TuneEpoch) -> tuple[float, float, int]:
        score = epoch.score.mean if epoch.score and epoch.score.mean is not None else 0.0
        loss = epoch.held_loss if epoch.held_loss is not None else 0.0
        return (round(score, 9), -loss, epoch.epoch)

    return max(epochs, key=rank).epoch


def curve_of(log: Path) -> tuple[float, ...]:
    """The losses of a trainer's log, at most POINTS of them; empty where it keeps none. Of a step
    that stands in it twice, since a training was gone on with, the later one counts."""
    losses: dict[int, float] = {}
    for line in log.read_bytes().splitlines() if log.is_file() else ():
        told = orjson.loads(line)
        if told["kind"] == "step":
            losses[told["data"]["step"]] = told["data"]["loss"]
    values = [losses[step] for step in sorted(losses)]
    each = max(1, -(-len(values) // POINTS))
    rows = [values[at : at + each] for at in range(0, len(values), each)]
    return tuple(round(sum(row) / len(row), 4) for row in rows)


def gained(half: Run, full: Run, metric: str) -> Estimate:
    """Paired: the score with all samples minus that with half of them, with its interval."""
    found = stats.paired(half.scores(metric), full.scores(metric), full.groups)
    return Estimate(mean=found.difference, low=found.low, high=found.high, n=found.n)


def cost_of(run: Run) -> Cost:
    """Means of a request over the answers that came."""
    done = [r for r in run.records if r.status != "outage"]
    n = max(1, len(done))
    usd = [r.usage.usd for r in done]
    return Cost(
        prompt_tokens=sum(r.usage.prompt_tokens for r in done) / n,
        completion_tokens=sum(r.usage.completion_tokens for r in done) / n,
        seconds=sum(r.latency_s for r in done) / n,
        usd=None if any(u is None for u in usd) else sum(u or 0.0 for u in usd) / n,
    )


def forgetting(before: General, after: General) -> dict[str, Any]:
    """Both shares, what changed between them, and the questions that were lost."""
    found = forgotten(before, after)
    change = found.change
    return {
        "general_before": to_estimate(before.share), "general_after": to_estimate(after.share),
        "general_change": Estimate(
            mean=change.difference, low=change.low, high=change.high, n=change.n
        ),
        "forgotten": found.lost,
    }  # fmt: skip


def _generate(pipeline: Pipeline) -> Generate:
    """The step that answers."""
    found = next(s for s in build(pipeline) if isinstance(s, Generate))
    return found


def _roomy(pipeline: Pipeline, longest: int) -> Pipeline:
    """Room for the longest wanted reply, and some over."""
    step = pipeline.step("generate")
    now = int(step.settings.get("max_tokens", 256)) if step else 256
    return pipeline.with_step("generate", max_tokens=max(now, int(SPARE * longest)))


def _at(losses: Sequence[float | None], number: int) -> float | None:
    """A loss that is known and finite."""
    found = losses[number] if number < len(losses) else None
    return found if found is not None and math.isfinite(found) else None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "task"


def _speed_key(start: Start) -> str:
    return Path(start.base.path).name


def _read(file: Path) -> dict[str, Any]:
    """A small JSON file; empty where it is not there, or not whole."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: Path, value: Mapping[str, Any]) -> None:
    part = file.with_suffix(".part")
    part.write_bytes(orjson.dumps(value))
    part.replace(file)


def _plain(trained: Trained, folder: Path) -> dict[str, Any]:
    """Paths from the stage's folder: a task may be moved."""
    home = folder.resolve()
    named = [adapter.resolve().relative_to(home).as_posix() for adapter in trained.adapters]
    return {**asdict(trained), "adapters": named}


def _trained(kept: Mapping[str, Any], folder: Path) -> Trained:
    adapters = tuple(folder / name for name in kept["adapters"])
    return Trained(
        adapters, tuple(kept["losses"]), tuple(kept["held_losses"]), kept["tokens"],
        kept["seconds"], kept["stopped"],
    )  # fmt: skip


__all__ = ["Prepared", "TuneWish", "Tuner"]
