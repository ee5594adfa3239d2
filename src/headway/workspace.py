"""Every verb of Headway as one method: the only door for the command line, the web and Python.

Asynchronous once. `run_sync` is the thin synchronous door; it also works where a loop is already
running, as in a notebook.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from headway import intake
from headway.core.errors import InputError
from headway.core.findings import (
    WORN,
    CheckReport,
    Comparison,
    Diagnosis,
    Finding,
    Journey,
    Plan,
    RunFinding,
    Spent,
    Suspect,
    TestFinding,
)
from headway.core.judgement import JudgeFinding, RatingsFinding
from headway.core.pipeline import Pipeline
from headway.core.progress import Event, Notices, Progress, silent
from headway.core.protocols import Technique
from headway.core.rating import FILE as RATINGS
from headway.core.rating import LabelledFile, add_verdicts
from headway.core.record import Record, Score
from headway.core.review import Review, Ruling
from headway.core.task import Example, Split, Task, TaskSpec
from headway.core.tuning import MergeFinding, TuneFinding, TunePlan
from headway.engine import showing
from headway.engine.budget import Budget, Limits
from headway.engine.compare import compare_runs, keep_run, summarise
from headway.engine.departure import Departure
from headway.engine.drafting import Drafter, DraftFinding, LogFinding, Order, Sampler, open_drafter
from headway.engine.journey import Wish, test_name
from headway.engine.judging import PAIRWISE, Bench, keep_judged, metric_of
from headway.engine.labels import Doubter, keep_doubts
from headway.engine.lender import Desk, ScoringLender
from headway.engine.parts import Parts
from headway.engine.people import People, ToRate
from headway.engine.pipelines import pipeline_of
from headway.engine.plan import cut_dev
from headway.engine.probes import Prober
from headway.engine.reviewing import QueueFinding, Reviewer, What
from headway.engine.run import Run, Runner, Span
from headway.engine.showing import Shown
from headway.engine.trying import Tried, tried
from headway.engine.tuning import (
    Filter,
    Source,
    Tuner,
    TuneWish,
    able,
    baked,
    inputs_of,
    merge_kinds,
    plan_measuring,
    plan_source,
    servable,
    start_of,
    with_source,
)
from headway.engine.tuning.wavering import Waverer, plan_wavering
from headway.intake.labelled import read_labelled
from headway.intake.logs import Request
from headway.intake.ragas import write_ragas
from headway.intake.verdicts import read_rated
from headway.metrics import load_all, score
from headway.models import pull as pulling
from headway.models.adapted import PREFIX
from headway.models.catalogue import entry_of
from headway.models.check import capabilities_of, said_by
from headway.models.tuned import Tuned
from headway.report.written import write  # here, so that `headway.report` stays the function
from headway.store import Store
from headway.techniques import TECHNIQUES

if TYPE_CHECKING:
    from headway.engine.estimate import Estimator

T = TypeVar("T")
RATED = 30  # answers of explore about which people or the pairwise judge are asked


class Workspace:
    """One task, opened. Use as an async context manager, so that all is committed and freed."""

    def __init__(
        self,
        task: Task,
        *,
        model: str | None = None,
        progress: Progress = silent,
        store: Path | None = None,
    ) -> None:
        """store: another file than the task's own."""
        self.task = task
        self.progress = progress
        self.notices = Notices(progress)
        self._model = model
        at = store or Path(os.environ.get("HEADWAY_STORE") or task.home / "store.db")
        self.store = Store(at)
        self.parts = Parts(task, progress, self.notices, self.store.capabilities)
        self._metrics = load_all(task)
        for said in task.reviews.told():
            self.notices.add(f"{said}: headway review {task.typed}")

    @classmethod
    def open(
        cls, folder: str | Path | Task, *, model: str | None = None, progress: Progress = silent
    ) -> Workspace:
        """Load the task and open its store. Raises InputError."""
        task = folder if isinstance(folder, Task) else Task.load(folder)
        return cls(task, model=model, progress=progress)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.parts.close()
        self.store.close()

    # --- finding pipelines and runs -------------------------------------------------------------

    def pipeline(self, named: Path | str | Pipeline | None = None) -> Pipeline:
        """A pipeline, resolved: an object, a file, a fingerprint, or the task's baseline."""
        if isinstance(named, Pipeline):
            return self.parts.resolve(named, self._model)
        name = str(named) if named else None
        return pipeline_of(self.parts, self.store, name, self._model)

    def _runner(
        self, limits: Limits | None = None, journey: str | None = None, spent: Spent | None = None
    ) -> Runner:
        budget = Budget(limits or Limits(), spent=spent or Spent())
        desk = Desk(self.task, self.parts, self.store, budget, journey)
        return Runner(desk, self._score, self.progress)

    async def _score(
        self, example: Example, record: Record, spans: Sequence[Span], lend: ScoringLender
    ) -> Mapping[str, Score]:
        return await score(self.task, example, record, tuple(spans), self._metrics, lend)

    def _examples(self, split: Split, limit: int | None) -> tuple[Example, ...]:
        examples = self.task.split(split)
        if not examples:
            raise InputError(
                f"the split {split!r} holds no examples",
                where=str(self.task.folder / "examples.jsonl"),
                do=f"headway {self._next(split)} {self.task.typed}",
            )
        return examples[:limit] if limit else examples

    def _explore(self, most: int) -> tuple[Example, ...]:
        """The first examples of explore; of dev where that has none."""
        explore, _ = cut_dev(self.task)
        return (explore or self._examples("dev", None))[:most]

    def _next(self, split: Split) -> str:
        """The command that an empty split needs."""
        if self.task.set_aside(split):
            return "review"
        return "check" if self.task.examples or not self.task.has_knowledge else "draft"

    # --- the verbs ------------------------------------------------------------------------------

    async def evaluate(
        self,
        pipeline: Path | str | Pipeline | None = None,
        split: Split = "dev",
        limit: int | None = None,
        repeat: int = 1,
        by: Sequence[str] = ("tags",),
        ragas: Path | None = None,
    ) -> RunFinding:
        """Run a pipeline over a split and score it. The sealed test opens by `final` only. ragas: a
        file that questions, passages, answers and references are written to, in Ragas' format."""
        run = await self._run(pipeline, split, limit, repeat)
        if ragas is not None:
            write_ragas(ragas, run.examples, run.records)
        found = summarise(run, self.task.spec.metrics, by, self.notices.texts)
        keep_run(self.store, run, found)
        return found

    async def _run(
        self, pipeline: Path | str | Pipeline | None, split: Split, limit: int | None, repeat: int
    ) -> Run:
        if split == "test":
            raise InputError(
                "the test split is sealed: looking at it while working wears it out",
                valid="--split dev, or train",
                do=f"headway final {self.task.typed}   (opens it, after asking)",
            )
        examples = self._examples(split, limit)
        return await self._runner().run(
            self.pipeline(pipeline), examples, split=split, repeats=repeat
        )

    async def compare(self, a: str, b: str, metric: str | None = None) -> Comparison:
        """Two pipelines or runs, paired; b minus a. Runs what is not there yet on dev."""
        metric = metric or self.task.metric
        if metric not in self.task.spec.metrics:
            raise InputError(
                f"the task does not measure {metric!r}", valid=", ".join(self.task.spec.metrics)
            )
        runs = []
        for name in (a, b):
            stored = self.store.run(name)[:1] if len(name) >= 4 else []
            limit = len(stored[0]["examples"]) if stored else None
            repeat = int(stored[0]["repeats"]) if stored else 1
            split: Split = stored[0]["split"] if stored else "dev"
            run = await self._run(name, split, limit, repeat)
            keep_run(self.store, run, summarise(run, self.task.spec.metrics))
            runs.append(run)
        return compare_runs(runs[0], runs[1], metric, named=(a, b))

    async def diagnose(
        self,
        pipeline: Path | str | Pipeline | None = None,
        limit: int | None = None,
        positions: bool = False,
    ) -> Diagnosis:
        """Probe a pipeline on explore: the map, the headroom of each axis, a cause a failure.

        positions: also ask whether it matters where the evidence stands among the passages.
        """
        chosen = self._explore(limit or 60)
        return await Prober(self._runner(), self.task.metric).diagnose(
            self.pipeline(pipeline), chosen, positions
        )

    async def try_technique(
        self,
        technique: str,
        pipeline: Path | str | Pipeline | None = None,
        limit: int | None = None,
    ) -> Tried:
        """All candidates of a technique beside a pipeline on explore; spends nothing of confirm.
        Raises InputError where the task does not have what the technique needs."""
        kind: type[Technique] = TECHNIQUES.load(technique)
        incumbent = self.pipeline(pipeline)
        return await tried(self._runner(), kind, incumbent, self._explore(limit or 60))

    async def optimize(
        self,
        calls: int | None = None,
        tokens: int | None = None,
        usd: float | None = None,
        minutes: float | None = None,
        axis: Literal["context", "behaviour"] | None = None,
        test: Literal["end", "never"] = "end",
        resume: bool = False,
        pipeline: Path | str | Pipeline | None = None,
    ) -> Journey:
        """One journey under one budget; writes `pipelines/best.yaml` when something was kept.

        A journey that was cut off goes on with the same command. With `resume` the last journey
        goes on although it ended, with this budget on top of what it spent.
        """
        baseline = self.pipeline(pipeline)
        fingerprint = await self.parts.fingerprint(baseline)
        wish = Wish(Limits(calls, tokens, usd, minutes), axis, test)
        departure = Departure(self.task, self.store, self._runner, baseline, fingerprint, wish)
        return await departure.go(resume)

    async def final(self, pipeline: Path | str | Pipeline | None = None) -> TestFinding:
        """Open the sealed test for one pipeline: counted, and shown beside the figure."""
        chosen = self.pipeline(pipeline or self._best())
        examples = self._examples("test", None)
        fingerprint = await self.parts.fingerprint(chosen)
        openings = self.store.open_test(test_name(self.task), fingerprint, None)
        run = await self._runner().run(chosen, examples, split="test")
        figure = summarise(run, self.task.spec.metrics, ("tags",), self.notices.texts)
        keep_run(self.store, run, figure)
        return TestFinding(
            pipeline=fingerprint, figure=figure, openings=openings, worn=openings > WORN
        )

    async def show(self, example_id: str | None = None, pipeline: Any = None) -> Shown:
        """The exact messages of one example. Calls no chat model; it does search and re-rank. Of a
        pipeline that asks before the answer, replies that are in the store are taken from there."""
        chosen, example = self.pipeline(pipeline), self._example(example_id)
        return await showing.show(self._runner(), chosen, example)

    def _example(self, id: str | None) -> Example:
        if id is None:
            return self._examples("dev", None)[0]
        for example in self.task.examples:
            if example.id == id:
                if self.task.side(example) == "test":
                    raise InputError(
                        f"the example {id!r} is in the sealed test", valid="one of train or dev"
                    )
                return example
        raise InputError(
            f"there is no example {id!r}",
            where=str(self.task.folder / "examples.jsonl"),
            valid=", ".join(e.id for e in self.task.split("dev")[:3]) + ", ...",
        )

    async def check(self, labels: bool = False) -> CheckReport:
        """What the task holds, what may be wrong with it, and what it can prove. labels: first ask
        every voter which references of train and dev are in doubt, and fill the queue of `review`;
        that runs the embedding and re-ranking models over them."""
        from headway.engine.check import Checker

        doubts = None
        if labels:
            desk = self._runner().desk
            self.progress(Event("phase", "references in doubt"))
            doubts = await Doubter(desk).doubt()
            keep_doubts(desk, doubts)
        return await Checker(self.task, self.parts, self.store, self.pipeline(), doubts).check()

    async def plan(self, command: str, **options: Any) -> Plan:
        """What a command would spend, with its range, before it spends it."""
        return await self._estimator().plan(command, **options)

    def _estimator(self, pipeline: Pipeline | None = None) -> Estimator:
        from headway.engine.estimate import Estimator

        return Estimator(self.task, self.parts, self.store, pipeline or self.pipeline())

    # --- examples where there are none, and people's verdicts on them -----------------------------

    async def draft(self, order: Order = Order(), limits: Limits = Limits()) -> DraftFinding:
        """Examples written from the task's documents by the model in the role `teacher`, else the
        chat model, and added to `examples.jsonl`, unreviewed. Opens the task anew to see them.

        A draft that was cut off goes on with the same order.
        """
        drafter = open_drafter(self.parts, self.store, self._writer(), order, limits, self.progress)
        found = await drafter.draft()
        self.store.flush()
        return found

    def _writer(self) -> str:
        """The model that writes drafts."""
        models = self.task.spec.models
        return self._model or models.teacher or models.chat

    async def plan_draft(self, order: Order = Order()) -> Plan:
        """What a draft would spend, with its range."""
        from headway.engine.drafting.plan import plan_draft

        model = self._writer()
        order = Drafter(self._runner().desk, model, model, order).order  # refuses what cannot be
        return plan_draft(self._estimator(), model, order)

    async def draft_from(
        self, log: str | Path, n: int = 60, seed: int = 7, unmasked: bool = False,
        pick: Literal["spread", "wavering"] = "spread",
        pipeline: Path | str | Pipeline | None = None, limits: Limits = Limits(),
    ) -> LogFinding:  # fmt: skip
        """Examples sampled from a production log, spread over what is asked, personal data masked,
        and added to `examples.jsonl`, unreviewed.

        unmasked: copy them as they are. pick `wavering`: those next worth a label, where the
        pipeline (`pipelines/best.yaml`, else the baseline) fails nearby on train or disagrees with
        itself; the same again takes the next ones. Raises InputError where the extra that masks is
        missing.
        """
        found = intake.read_masked(log, unmasked)
        sampler = self._sampler(log, n, seed, pick, pipeline, limits)
        sampled = await sampler.sample(found)
        self.store.flush()
        return sampled

    def _sampler(
        self, log: str | Path, n: int, seed: int, pick: str, pipeline: Any, limits: Limits
    ) -> Sampler:
        runner = self._runner(limits)
        waverer = None
        if pick == "wavering":
            waverer = Waverer(runner, self.pipeline(pipeline or self._best()), seed=seed)
        return Sampler(runner.desk, Path(log).name, n, seed, self.progress, waverer)

    def _best(self) -> Path | None:
        """The pipeline that a journey wrote, if there is one."""
        file = self.task.folder / "pipelines" / "best.yaml"
        return file if file.is_file() else None

    async def plan_draft_from(
        self, log: str | Path, n: int = 60, unmasked: bool = False,
        pipeline: Path | str | Pipeline | None = None,
    ) -> Plan:  # fmt: skip
        """What draft_from() with `wavering` would spend; sampling without it asks no chat model."""
        chosen = self.pipeline(pipeline or self._best())
        sampler = self._sampler(log, n, 7, "wavering", chosen, Limits())
        inputs = sampler.candidates(intake.read_masked(log, unmasked).requests)
        return await plan_wavering(self._estimator(chosen), chosen, len(inputs), n)

    def reviewer(self) -> Reviewer:
        """What waits for a person's verdict, and how one is written down."""
        suspects = [Suspect.model_validate(s) for s in self.store.suspects()]
        knowledge = self.parts.knowledge() if self.task.has_knowledge else None
        return Reviewer(self.task, suspects, knowledge)

    async def review(self, what: What = "all") -> QueueFinding:
        """The queue: suspects first, then drafts."""
        return self.reviewer().queue(what)

    async def rule(self, example: str, verdict: Ruling, **more: Any) -> Review:
        """Write one verdict into `reviews.jsonl`. Options: reference, question, by, note."""
        return self.reviewer().rule(example, verdict, **more)

    async def report(self, file: Path | None = None, journey: str | None = None) -> Path:
        """Write the last journey, or the one named, as one self-contained HTML file."""
        return write(self.task, self.store, file, journey)

    # --- judges and people ----------------------------------------------------------------------

    async def judge(
        self,
        file: Path | None = None,
        metric: str | None = None,
        *,
        columns: Mapping[str, str] | None = None,
        yes: str | None = None,
        scale: tuple[float, float] | None = None,
        repeat: int = 1,
        limit: int | None = None,
    ) -> JudgeFinding:
        """Hold a metric against people on a labelled file, or without one on the task's own
        `ratings.jsonl`; kept, so that a journey knows whether the metric may decide."""
        name = metric or self.task.metric
        read = self._labelled(file, limit, columns=columns, yes=yes, scale=scale)
        tested = metric_of(self.task, name, read.labels)
        bench = Bench(self._runner().desk, tested, name, self.progress)
        found = await bench.judge(
            read.answers, read.labels, source=file.name if file else RATINGS, repeat=repeat,
            notices=read.notices,
        )  # fmt: skip
        keep_judged(self.store, self.task, found, bench.asked)
        return found

    def _labelled(self, file: Path | None, limit: int | None, **how: Any) -> LabelledFile:
        if file is not None:
            return read_labelled(file, limit=limit, **how)
        return People(self._runner()).labelled(limit)

    async def plan_judge(self, file: Path | None = None, metric: str | None = None,
                         repeat: int = 1, limit: int | None = None,
                         **how: Any) -> Plan:  # fmt: skip
        """What `judge` would spend. Options: columns, yes, scale."""
        from headway.engine.estimate.labelled import plan_judge

        name = metric or self.task.metric
        read = self._labelled(file, limit, **how)
        bench = Bench(self._runner().desk, metric_of(self.task, name, read.labels), name)
        return await plan_judge(bench, read.answers, repeat)

    async def import_ratings(
        self,
        file: Path,
        *,
        columns: Mapping[str, str] | None = None,
        by: str = "",
        scale: tuple[float, float] = (1.0, 5.0),
        pipeline: Path | str | Pipeline | None = None,
    ) -> RatingsFinding:
        """Take people's verdicts from a table into `ratings.jsonl`; rows without an answer mean the
        pipeline's, as it stands in the store. Then all verdicts, added up."""
        fingerprint = await self.parts.fingerprint(self.pipeline(pipeline))
        answers = People(self._runner()).answers(fingerprint)
        verdicts = read_rated(file, self.task, answers, columns, by=by, scale=scale)
        return self.ratings(added=add_verdicts(self.task.folder, verdicts))

    def ratings(self, added: int = 0) -> RatingsFinding:
        """People's verdicts, added up: ratings, flags and what was at fault, strengths."""
        return People(self._runner()).finding(added)

    async def to_rate(
        self,
        pipeline: Path | str | None = None,
        *,
        against: str | None = None,
        by: str = "",
        limit: int | None = None,
    ) -> list[ToRate]:
        """Answers on explore that this person has not rated yet, in an order drawn by lot; with
        `against` pairs of two pipelines' answers. Runs what is not in the store."""
        sample = self._explore(limit or RATED)
        people, first = People(self._runner()), str(pipeline or "baseline")
        if against is None:
            return await people.single(self.pipeline(first), first, sample, by)
        both = [(Path(name).stem, self.pipeline(name)) for name in (first, against)]
        return await people.pairs(both[0], both[1], sample, by)

    async def judge_pairs(
        self, pairs: Sequence[tuple[str, str]], limit: int | None = None
    ) -> RatingsFinding:
        """Strengths of pipelines by the pairwise judge, over answers on explore."""
        sample, opened = self._explore(limit or RATED), self._sides(pairs)
        named = [
            ((Path(a).stem, opened[a]), (Path(b).stem, opened[b])) for a, b in pairs
        ]  # fmt: skip
        return await People(self._runner()).judged_pairs(named, sample)

    async def plan_judge_pairs(
        self, pairs: Sequence[tuple[str, str]], limit: int | None = None
    ) -> Plan:
        """What `judge_pairs` would spend."""
        from headway.engine.estimate.labelled import plan_pairs

        sample, opened = self._explore(limit or RATED), self._sides(pairs)
        bench, sides = Bench(self._runner().desk, None, PAIRWISE), [
            (opened[a], opened[b]) for a, b in pairs
        ]  # fmt: skip
        return await plan_pairs(self._estimator(), bench, sides, sample)

    def _sides(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Pipeline]:
        return {name: self.pipeline(name) for pair in pairs for name in pair}

    # --- tuning ---------------------------------------------------------------------------------

    async def tune(
        self,
        pipeline: Path | str | Pipeline | None = None,
        wish: TuneWish = TuneWish(),
        *,
        teacher: Path | str | Pipeline | None = None,
        inputs: Path | None = None,
        keep: Filter | None = None,
        log: Path | None = None,
        unmasked: bool = False,
    ) -> TuneFinding:
        """Fine-tune the pipeline's model and hold it against the pipeline on dev; the result is a
        model `tuned/NAME` of the task folder, and a pipeline with it.

        teacher: a pipeline or a model that answers `inputs` (a JSONL file; those of train where
        none is given), of which `keep` says what is trained on. log: train on a production log's
        own answers. Of both, personal data is masked; unmasked: take it as it is. A tuning that was
        cut off goes on with the same call.
        """
        start = await start_of(self.parts, self.pipeline(pipeline).model, wish.base)
        able(start, wish.trainer)
        servable(self.task, start, wish.serve)
        source = self._source(teacher, inputs, keep, log, unmasked)
        return await (await self._tuner(pipeline, wish, source, ask=True)).go()

    async def plan_tune(
        self, pipeline: Path | str | Pipeline | None = None, wish: TuneWish = TuneWish(),
        **source: Any,
    ) -> TunePlan:  # fmt: skip
        """What tune() would train on and take; trains nothing. A teacher is not asked: what it
        would answer is planned for with as many answers as there are inputs."""
        found = self._source(**source)
        plan = await (await self._tuner(pipeline, wish, found, ask=False)).plan()
        before = self.pipeline(pipeline)
        measure, teach = self._estimator(before), self._estimator(before)
        measuring = await plan_measuring(measure, before, plan, wish, found.teacher)
        teaching = await plan_source(teach, found)
        return plan.model_copy(update={"teaching": teaching, "measuring": measuring})

    async def _tuner(
        self, pipeline: Path | str | Pipeline | None, wish: TuneWish, source: Source, ask: bool
    ) -> Tuner:
        runner = self._runner()
        return Tuner(
            runner, self.pipeline(pipeline), await with_source(runner, wish, source, ask=ask)
        )

    def _source(
        self, teacher: Path | str | Pipeline | None = None, inputs: Path | None = None,
        keep: Filter | None = None, log: Path | None = None, unmasked: bool = False,
    ) -> Source:  # fmt: skip
        return Source(
            None if teacher is None else self._teacher(teacher),
            None if inputs is None else inputs_of(self._requests(inputs, unmasked)),
            keep,
            None if log is None else baked(self.task, self._requests(log, unmasked), log.name),
        )

    def _requests(self, file: Path, unmasked: bool) -> Sequence[Request]:
        found = intake.read_masked(file, unmasked)
        for notice in found.notices:
            self.notices.add(notice)
        return found.requests

    def _teacher(self, named: Path | str | Pipeline) -> Pipeline:
        """A pipeline, or the baseline with another model. The model that this workspace was opened
        with is the student's: with it, the student would be taught by itself."""
        if isinstance(named, Pipeline):
            return self.parts.resolve(named)
        file = str(named).endswith((".yaml", ".yml"))
        of, model = (str(named), None) if file else (None, str(named))
        return pipeline_of(self.parts, self.store, of, model)

    async def merge(
        self, name: str, kinds: Sequence[str] = ("q8_0",),
        pipeline: Path | str | Pipeline | None = None, limit: int = 100,
    ) -> MergeFinding:  # fmt: skip
        """Merge a tuned model's weights into its base's, and measure each quantisation on dev, with
        the pipeline that was tuned if not with another. name: with or without `tuned/`."""
        name = PREFIX + name.removeprefix(PREFIX)
        Tuned.load(name, self.task.folder)  # says so where there is none, before its pipeline does
        asked = self.pipeline(pipeline or f"pipelines/{name.removeprefix(PREFIX)}.yaml")
        return await merge_kinds(self._runner(), name, kinds, asked, limit)

    # --- models ---------------------------------------------------------------------------------

    async def models(self) -> list[pulling.ModelCard]:
        """The models that can be fetched, and whether each is here."""
        return pulling.cards()

    async def pull(self, name: str) -> Path:
        """Fetch a model of the catalogue, resumed and verified. Raises InputError, ModelError."""
        role = entry_of(name).role
        return (await pulling.obtain(name, role, self.progress, self.notices.add))[1]

    async def remove_model(self, name: str) -> int:
        """Take a fetched model off this machine; the bytes freed."""
        return pulling.remove(name)

    async def check_model(self, name: str) -> dict[str, Any]:
        """Ask an endpoint what it really does, and keep it; an embedded model answers once."""
        model = await self.parts.chat(name)
        found = await capabilities_of(model)
        if found is None:
            return await said_by(model)
        self.store.put_capabilities(name, found)
        self.store.flush()
        return {"name": name, **found}


# --- verbs that need no opened task ---------------------------------------------------------------


def techniques(name: str | None = None) -> list[type[Technique]]:
    """All techniques, ours first, or the one of that name. Raises InputError."""
    return [kind for _, kind in TECHNIQUES] if name is None else [TECHNIQUES.load(name)]


def init_task(
    folder: str | Path,
    docs: str | Path | None = None,
    questions: str | Path | None = None,
    force: bool = False,
) -> intake.Summary:
    """Make a task folder from documents and questions; without them one that runs at once."""
    return intake.init(folder, docs, questions, force=force)


def import_task(
    source: str | Path,
    folder: str | Path,
    format: str | None = None,
    force: bool = False,
    columns: Mapping[str, str] | None = None,
) -> intake.Summary:
    """Make a task folder from SQuAD, BEIR, Ragas' rows or a table; the format is found where not
    given."""
    options = intake.Options(columns=dict(columns or {}))
    return intake.bring_in(source, folder, format=format, options=options, force=force)


SCHEMAS: dict[str, Any] = {
    "task": TaskSpec,
    "example": Example,
    "pipeline": Pipeline,
    "evaluate": RunFinding,
    "compare": Comparison,
    "diagnose": Diagnosis,
    "optimize": Journey,
    "check": CheckReport,
    "plan": Plan,
    "try": Tried,
    "final": TestFinding,
    "draft": DraftFinding,
    "draft-from": LogFinding,
    "review": QueueFinding,
    "verdict": Review,
    "judge": JudgeFinding,
    "ratings": RatingsFinding,
    "tune": TuneFinding,
    "tune-plan": TunePlan,
    "merge": MergeFinding,
}


def schema(name: str = "task") -> dict[str, Any]:
    """The JSON Schema of a file that people write, or of a document that a command prints."""
    if name not in SCHEMAS:
        raise InputError(f"there is no schema {name!r}", valid=", ".join(SCHEMAS))
    found: dict[str, Any] = SCHEMAS[name].model_json_schema()
    if issubclass(SCHEMAS[name], Finding):
        marker = {"const": SCHEMAS[name].schema_name}
        found["properties"] = {"schema": marker, **found["properties"]}
    return found


# --- the synchronous door -------------------------------------------------------------------------


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; in a thread of its own where a loop is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    found: list[T] = []
    failed: list[BaseException] = []

    def inside() -> None:
        try:
            found.append(asyncio.run(work))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=inside, name="headway-door")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
