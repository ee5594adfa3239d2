"""One tuning from its samples to its verdict: prepare, pilot, half, full, prove.

    plan()  samples ── checks ── tokens ── what the minutes allow
    go()    pilot ── half, with as many settings as there are minutes for ── full, with the best
            of them ── beside the pipeline before, on dev

Each is trained an epoch at a time, and the best taken by the task's metric over held-out samples.
The answers of the first that is measured say whether the data shows what is wanted.

Everything is kept as it is made, so that the same command goes on after a kill: a stage's folder is
named by all that it was trained on and with, the trainer resumes its checkpoint, and answers that
were measured are in the store. `dev` only scores; an epoch is chosen on a part of `train`.
"""

from __future__ import annotations

import asyncio
import contextlib
import filecmp
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from headway.core.errors import InputError, ModelError, Outage, Rejected
from headway.core.findings import Estimate
from headway.core.pipeline import Pipeline
from headway.core.progress import Event
from headway.core.record import ChatReply, Record
from headway.core.task import Example, digest
from headway.core.training import ADAPTER, Job, Sample, Settings, Trained, write_samples
from headway.core.tuning import (
    AFTER,
    Cost,
    Side,
    TuneEpoch,
    TuneFinding,
    TunePlan,
    TuneStage,
    titled,
)
from headway.engine import statistics as stats
from headway.engine.compare import compare_runs, estimate, to_estimate
from headway.engine.run import Run, Runner
from headway.engine.tuning import notes
from headway.engine.tuning.checks import stopping
from headway.engine.tuning.following import OVER, Follower, converted
from headway.engine.tuning.general import General, forgotten, general
from headway.engine.tuning.likeness import likeness
from headway.engine.tuning.preparing import (
    SCHEDULES,
    Prepared,
    TuneWish,
    differing,
    home_of,
    learn_speed,
    prepare,
    replanned,
    settings_of,
)
from headway.engine.tuning.samples import part_of
from headway.engine.tuning.schedule import StageName
from headway.engine.tuning.start import able
from headway.models.adapted import PREFIX
from headway.models.tuned import BESIDE, SERVED, Tuned, folder_of
from headway.steps import build
from headway.steps.generate import Generate
from headway.training import open_trainer
from headway.training.answering import TransformersChat
from headway.training.lora import LOG

SIDES = 10
POINTS = 48  # of a curve
DONE, FAILED = "done.json", "failed.json"  # of a stage's folder


class Tried(NamedTuple):
    """One training, its run over what is held out, and the settings it was made with."""

    stage: TuneStage
    run: Run | None
    how: Settings


class Pair(NamedTuple):
    """One held-out example: the answer that is wanted, and what two models made of it."""

    example: Example
    wanted: str
    base: Record
    tuned: Record


class Tuner:
    """One tuning at one desk."""

    def __init__(self, runner: Runner, pipeline: Pipeline, wish: TuneWish = TuneWish()) -> None:
        """pipeline: the best so far, resolved."""
        self.runner, self.wish = runner, wish
        self.desk = runner.desk
        self.task, self.metric = self.desk.task, self.desk.task.metric
        self.before = pipeline
        self.home = home_of(self.desk.parts)
        self._prepared: Prepared | None = None

    async def plan(self) -> TunePlan:
        """What it would train on and take, without asking a chat model; see preparing.prepare."""
        return (await prepare(self.runner, self.before, self.wish, ask=False)).plan

    async def prepare(self) -> Prepared:
        """Once."""
        if self._prepared is None:
            self._prepared = await prepare(self.runner, self.before, self.wish)
        return self._prepared

    async def go(self) -> TuneFinding:
        """All of it. Raises InputError where a check stops it, unless forced, and what the trainer
        raises."""
        ready = await self.prepare()
        stops = stopping(ready.plan.checks)
        if stops and not self.wish.force:
            raise InputError(
                " ".join(check.text for check in stops), where=ready.plan.samples_file,
                do="the same command with --force   (trains all the same)",
            )  # fmt: skip
        able(ready.start, self.wish.trainer)
        notes.add(self.home / SCHEDULES, ready.key, asdict(ready.schedule))
        finding = TuneFinding(
            name="", base=ready.start.base.name, trainer=self.wish.trainer, plan=ready.plan
        )
        base = await self._base(ready)
        facts: dict[str, Any] = {}
        if base is not None:
            facts["held_before"] = estimate(base.scores(self.metric), base.groups)
        stages: list[TuneStage] = []
        runs: dict[str, Run] = {}
        left = list(ready.schedule.stages)
        while left:
            name = left.pop(0)
            tried = await self._tried(ready, name, sum(s.seconds for s in stages))
            stages += [one.stage for one in tried]
            stage, run, how = next(one for one in tried if one.stage.taken)
            ready = replace(ready, how=how)
            if base is not None and run is not None:
                if not runs:
                    facts |= self._lesson(ready, name, base, run)
                runs[name] = run
            if facts.get("stopped"):
                break
            if name == "pilot":
                ready = replanned(self.desk.parts, ready, self.wish, stage.seconds)
                left = [stage for stage in ready.schedule.stages if stage != "pilot"]
        last = stages[-1]
        if base is not None and last.name in runs:
            facts["sides"] = self._sides(ready, base, runs[last.name], runs.get("pilot"))
        if "half" in runs and "full" in runs:
            facts["doubling"] = gained(runs["half"], runs["full"], self.metric)
        finding = finding.model_copy(update={**facts, "stages": tuple(stages)})
        if last.name == "full" and last.chosen:
            finding = await self._keep(ready, finding, last)
        return finding.model_copy(update={"notices": self.desk.parts.notices.texts})

    async def _base(self, ready: Prepared) -> Run | None:
        """The pipeline before, over what is held out."""
        if not ready.held or not ready.here:
            return None
        self._say(f"before tuning: {len(ready.held)} held-out samples")
        return await self.runner.run(ready.before, ready.held, split="train")

    async def _tried(self, ready: Prepared, name: StageName, spent: float) -> list[Tried]:
        """Train one stage; on half with as many settings as the schedule has, while they take no
        longer than they should. One of them is taken. spent: seconds of the stages before."""
        tried = [await self._stage(ready, name, ready.how, spent)]
        for how in ready.others[: ready.schedule.trials - 1] if name == "half" else ():
            each = max(one.stage.seconds for one in tried)
            gone = spent + sum(one.stage.seconds for one in tried)
            if gone + 3 * each > OVER * 60 * self.wish.minutes:  # this one, and then all samples
                self.desk.parts.notices.add(
                    "training is slower than was planned: not all settings were tried on half"
                )
                break
            tried.append(await self._trial(ready, name, how, gone))
        best = max(tried, key=lambda one: rank_of(one.stage))
        return [
            one._replace(stage=one.stage.model_copy(update={"taken": one is best}))
            for one in tried
        ]  # fmt: skip

    async def _trial(
        self, ready: Prepared, name: StageName, wished: Settings, spent: float
    ) -> Tried:
        """A training that tries settings. One that fails, as its loss diverges or memory ends, is a
        trial not taken: it is told, and kept, so that the same command does not fail again."""
        samples, _, folder = self._asked(ready, name, wished)
        failed, begun = notes.read(folder / FAILED), time.monotonic()
        if not failed:
            try:
                return await self._stage(ready, name, wished, spent)
            except (Outage, Rejected):
                raise  # of a service that scores it: no fault of the settings
            except ModelError as error:
                failed = {"why": error.what, "seconds": time.monotonic() - begun}
                notes.write(folder / FAILED, failed)
        other = differing(settings_of(ready.plan.settings), wished)
        self.desk.parts.notices.add(f"{titled(name, other)}: {failed['why']}; left out")
        stage = TuneStage(
            name=name, samples=len(samples), settings=other, stopped=failed["why"],
            seconds=failed["seconds"],
        )  # fmt: skip
        return Tried(stage, None, wished)

    def _asked(
        self, ready: Prepared, name: StageName, wished: Settings
    ) -> tuple[tuple[Sample, ...], Settings, Path]:
        """What a stage trains on and how, and its folder, which is named by both."""
        samples = part_of(ready.parts.train, ready.schedule.stages[name], wished.seed)
        how = wished.model_copy(update={"epochs": ready.schedule.of(name)})
        key = digest(
            [ready.weights, how.model_dump(), self.wish.trainer, self.wish.command,
             [asdict(s) for s in samples]]
        )[:12]  # fmt: skip
        return samples, how, self.home / f"{name}-{key}"

    async def _stage(
        self, ready: Prepared, name: StageName, wished: Settings, spent: float
    ) -> Tried:
        """Train with one set of settings and choose the epoch."""
        samples, how, folder = self._asked(ready, name, wished)
        folder.mkdir(parents=True, exist_ok=True)
        write_samples(folder / "train.jsonl", samples)
        write_samples(folder / "held.jsonl", ready.parts.held)
        job = Job(
            folder=folder, base=ready.start.base, train=folder / "train.jsonl",
            held=folder / "held.jsonl" if ready.parts.held else None, how=how,
            start=ready.start.adapter, command=self.wish.command,
        )  # fmt: skip
        other = differing(settings_of(ready.plan.settings), wished)
        self._say(f"{titled(name, other)}: training on {len(samples)} samples")
        follower = Follower(self.runner, ready, OVER * 60 * self.wish.minutes - spent)
        trainer = open_trainer(self.wish.trainer)
        done = notes.read(folder / DONE)
        if done:
            trained = _trained(done, folder)
        else:
            trained = await trainer.train(job, follower)
            if not follower.late:  # with more minutes the same training goes on
                notes.write(folder / DONE, _plain(trained, folder))
            each = ready.plan.prompt_tokens + ready.plan.reply_tokens
            tokens = trained.tokens or (not trained.stopped) * each * len(samples) * how.epochs
            learn_speed(self.desk.parts, ready.start, self.wish.trainer, tokens, trained.seconds)
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
        stopped = trained.stopped
        if stopped and follower.late:
            stopped += f": the minutes ended; more with --minutes above {self.wish.minutes:g}"
        stage = TuneStage(
            name=name, samples=len(samples), epochs=epochs, chosen=chosen,
            tokens=trained.tokens, seconds=trained.seconds, model=model, stopped=stopped,
            settings=other, curve=curve_of(folder / LOG),
        )  # fmt: skip
        return Tried(stage, follower.runs.get(chosen), wished)

    def _copy(self, ready: Prepared, adapter: Path, home: Path, lineage: Mapping[str, Any]) -> None:
        """Put the adapter into the task folder, and describe it where it can be opened."""
        home.mkdir(parents=True, exist_ok=True)
        base = ready.start.base
        if not _equal(adapter / ADAPTER[1], home / ADAPTER[1]):
            for merged in home.glob("merged-*.gguf"):
                merged.unlink()  # of the weights that were here before
        for part in (*ADAPTER, BESIDE):
            if (adapter / part).is_file():
                shutil.copyfile(adapter / part, home / part)
        if ready.start.served:
            Tuned.of(home / BESIDE, base.name, lineage, base_file=Path(base.path)).save()
        else:
            Tuned.of(home / SERVED, base.name, lineage, served_as=self.wish.serve or "").save()

    # --- what it shows ------------------------------------------------------------------------

    def _sides(self, ready: Prepared, base: Run, tuned: Run, pilot: Run | None) -> tuple[Side, ...]:
        """Base, pilot, tuned and wanted beside each other."""

        def said(record: Record) -> str:
            return record.answer or record.why

        def between(example: Example) -> str | None:
            if pilot is None or pilot is tuned:
                return None
            record = pilot.record(example)
            return None if record.status == "outage" else said(record)

        return tuple(
            Side(
                example=pair.example.id, question=pair.example.question, wanted=pair.wanted,
                base=said(pair.base), pilot=between(pair.example), tuned=said(pair.tuned),
            )
            for pair in self._pairs(ready, base, tuned)[:SIDES]
        )  # fmt: skip

    def _lesson(self, ready: Prepared, name: StageName, base: Run, tuned: Run) -> dict[str, Any]:
        """What the answers after a stage say of the data: nearer to what is wanted, or not. Where
        they are farther, nothing larger is trained, unless that is forced or there is none."""
        pairs = self._pairs(ready, base, tuned)
        found = likeness(
            [pair.wanted for pair in pairs],
            [pair.base.answer or "" for pair in pairs],
            [pair.tuned.answer or "" for pair in pairs],
            [pair.example.cluster for pair in pairs],
        )
        rows = tuple(asdict(feature) for feature in found.features)
        facts: dict[str, Any] = {"likeness": rows, "likeness_after": name}
        if found.stops:
            said = f"after {AFTER[name]}, {found.stops}"
            if name != "full" and not self.wish.force:
                return facts | {"stopped": said}
            self.desk.parts.notices.add(said)
        return facts

    def _pairs(self, ready: Prepared, base: Run, tuned: Run) -> list[Pair]:
        """What is held out and both answered. What is wanted is read out of a sample's reply as the
        pipeline reads a model's: both sides of a comparison are answers."""
        generate = next(step for step in build(ready.after) if isinstance(step, Generate))
        output = self.task.spec.output
        wanted = {
            s.id: str(generate.read(ChatReply(s.reply), output)["answer"]) for s in ready.parts.held
        }
        both = [Pair(e, wanted[e.id], base.record(e), tuned.record(e)) for e in base.examples]
        return [p for p in both if "outage" not in (p.base.status, p.tuned.status)]

    async def _keep(self, ready: Prepared, finding: TuneFinding, stage: TuneStage) -> TuneFinding:
        """Give the chosen adapter its name, and prove it."""
        adapter = Path(stage.model)
        key = digest([_place(adapter, self.home), stage.chosen])[:8]
        name = f"{PREFIX}{self.wish.name or f'{self.task.slug}-{key}'}"
        home = folder_of(name, self.task.folder)
        samples, how, _ = self._asked(ready, "full", ready.how)
        lineage = {
            "base": ready.start.base.model_dump(), "from": str(ready.start.adapter or ""),
            "settings": how.model_dump(exclude_none=True), "samples": stage.samples,
            "data": digest([asdict(s) for s in samples])[:16], "epoch": stage.chosen,
            "pipeline": ready.before.digest, "trainer": self.wish.trainer,
            "losses": [e.loss for e in stage.epochs], "tokens": stage.tokens,
            "seconds": round(stage.seconds, 1), "shows": self.desk.parts.shows(ready.after),
        }  # fmt: skip
        if self.wish.taught:
            lineage["taught"] = dict(self.wish.taught)
        if ready.start.served:
            await converted(ready, adapter)
        await self.desk.parts.close_chat(name)  # another model may have had the name
        await asyncio.to_thread(self._copy, ready, adapter, home, lineage)
        pipeline = ready.after.model_copy(update={"model": name})
        file = self.task.folder / "pipelines" / f"{name.removeprefix(PREFIX)}.yaml"
        pipeline.save(file)
        finding = finding.model_copy(
            update={"name": name, "folder": str(home), "pipeline_file": str(file)}
        )
        if not ready.start.served:
            kept = Tuned.load(name, self.task.folder)
            serve = {"serve": kept.commands(), "served_as": kept.served_as}
            finding = finding.model_copy(update=serve)
        if not self.wish.prove or not ready.here:
            return finding
        if ready.start.served:
            return finding.model_copy(update=await self._proof(ready, pipeline))
        return finding.model_copy(update=await self._proof_unserved(ready, pipeline, home))

    async def _proof_unserved(
        self, ready: Prepared, pipeline: Pipeline, home: Path
    ) -> dict[str, Any]:
        """The same, before anything serves the model: transformers answers, one process for the
        base and its adapter. What fails there takes nothing from what was trained."""
        base, parts, model = ready.start.base, self.desk.parts, str(pipeline.model)
        tuned = TransformersChat.over(model, base, home, self.home / "answers", ready.how)
        parts.lend_chat(model, tuned)
        parts.lend_chat(base.name, tuned.bare())
        parts.notices.add(
            f"{model} was asked by transformers on this machine, without enforced forms: its"
            " seconds say nothing of what will serve it"
        )
        try:
            return await self._proof(ready, pipeline)
        except (ModelError, InputError) as error:
            parts.notices.add(f"it is not measured here: {error.what}")
            return {}
        finally:
            await parts.close_chat(base.name)
            await parts.close_chat(model)

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
            if self.wish.teacher is not None:
                teacher = await self.runner.run(self.wish.teacher, dev)
                facts |= {
                    "teacher": estimate(teacher.scores(self.metric), teacher.groups),
                    "cost_teacher": cost_of(teacher),
                    "beside_teacher": compare_runs(teacher, after, self.metric),
                }
        self._say("general probe")
        assert resolved.model is not None
        one = await general(self.desk.chat, ready.start.base.name)
        two = await general(self.desk.chat, resolved.model)
        return facts | forgetting(one, two)

    def _say(self, text: str) -> None:
        self.runner.progress(Event("phase", text))


# --- small parts --------------------------------------------------------------------------------


def best_epoch(epochs: Sequence[TuneEpoch]) -> int:
    """The epoch with the best score; of equals the one with the least held-out loss, then the
    later. Without scores the least held-out loss decides, without any the last is taken."""
    return max(epochs, key=lambda e: (*_rank(e), e.epoch)).epoch if epochs else 0


def rank_of(stage: TuneStage) -> tuple[float, float]:
    """Of its chosen epoch, to hold settings against each other: score, then held-out loss."""
    if not stage.chosen:
        return (-math.inf, -math.inf)
    return _rank(stage.epochs[stage.chosen - 1])


def _rank(epoch: TuneEpoch) -> tuple[float, float]:
    score = epoch.score.mean if epoch.score else None
    loss = math.inf if epoch.held_loss is None else epoch.held_loss
    return (-math.inf if score is None else round(score, 9), -loss)


def curve_of(log: Path) -> tuple[float, ...]:
    """The losses of a trainer's log, at most POINTS of them; empty where it keeps none. Of a step
    that stands in it twice, since a training was gone on with, the later one counts. A line that
    a full disk cut short is none."""
    losses: dict[int, float] = {}
    for line in log.read_bytes().splitlines() if log.is_file() else ():
        with contextlib.suppress(orjson.JSONDecodeError):
            told = orjson.loads(line)
            if told["kind"] == "step":
                losses[told["data"]["step"]] = told["data"]["loss"]
    values = [losses[step] for step in sorted(losses)]
    each = max(1, -(-len(values) // POINTS))
    rows = [values[at : at + each] for at in range(0, len(values), each)]
    return tuple(round(sum(row) / len(row), 4) for row in rows)


def gained(half: Run, full: Run, metric: str) -> Estimate:
    """Paired: the score with all samples minus that with half of them, with its interval."""
    return _change(stats.paired(half.scores(metric), full.scores(metric), full.groups))


def _change(found: stats.Paired) -> Estimate:
    """A paired difference as an estimate."""
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
    """Both shares, what changed between them, whether that is proven, and the questions that were
    lost."""
    found = forgotten(before, after)
    return {
        "general_before": to_estimate(before.share), "general_after": to_estimate(after.share),
        "general_change": _change(found.change), "general_verdict": found.verdict,
        "forgotten": found.lost,
    }  # fmt: skip


def _equal(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _at(losses: Sequence[float | None], number: int) -> float | None:
    """A loss that is known and finite."""
    found = losses[number] if number < len(losses) else None
    return found if found is not None and math.isfinite(found) else None


def _place(path: Path, home: Path) -> str:
    """The path from that folder on: a task may be moved."""
    return path.resolve().relative_to(home.resolve()).as_posix()


def _plain(trained: Trained, folder: Path) -> dict[str, Any]:
    named = [_place(adapter, folder) for adapter in trained.adapters]
    return {**asdict(trained), "adapters": named}


def _trained(kept: Mapping[str, Any], folder: Path) -> Trained:
    adapters = tuple(folder / name for name in kept["adapters"])
    return Trained(
        adapters, tuple(kept["losses"]), tuple(kept["held_losses"]), kept["tokens"],
        kept["seconds"], kept["stopped"],
    )  # fmt: skip


__all__ = ["Prepared", "TuneWish", "Tuner"]
