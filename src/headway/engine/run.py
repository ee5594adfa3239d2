"""A pipeline over examples: records out, each kept as soon as it is made.

Records are kept under (pipeline fingerprint, probe, example, repeat), so nothing is measured
twice: a run first takes what the store has. Scores are computed anew from the stored answers, so
a changed metric never meets an old score.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, product
from typing import Any, Literal

import orjson

from headway.core.errors import BudgetEnded, ModelError, Outage, Rejected, TooLong
from headway.core.pipeline import Pipeline
from headway.core.progress import Event, Progress, silent
from headway.core.protocols import Search, Step
from headway.core.record import Passage, Record, Score, Usage
from headway.core.task import Evidence, Example, Split, digest
from headway.engine.evidence import rows_of
from headway.engine.lender import EVIDENCE_CUT, Desk, ExampleLender, ScoringLender
from headway.engine.positions import Place, placed
from headway.metrics.text import is_abstention
from headway.steps.database import PREFIX, query_in

Span = tuple[str, int, int]
# One answer: an example, which of its repeats, and its record where it is kept.
Todo = tuple[Example, int, Record | None]
# Scores of one record, by metric.
Scorer = Callable[[Example, Record, Sequence[Span], ScoringLender], Awaitable[Mapping[str, Score]]]
ProbeName = Literal["as_is", "closed_book", "perfect_context", "repeats"]


@dataclass(frozen=True)
class Probe:
    """What is replaced in a run to see what it causes. `as_is` replaces nothing.

    position: with `perfect`, the evidence stands `first`, `middle` or `last` among passages that
    do not hold it.
    """

    name: ProbeName = "as_is"
    temperature: float | None = None
    perfect: bool = False
    position: Place | None = None

    @property
    def key(self) -> str:
        """Under which records are kept."""
        place = [self.position] if self.position else []
        return digest([self.name, self.temperature, self.perfect, *place])[:12]


AS_IS = Probe()
CLOSED_BOOK = Probe("closed_book")
PERFECT = Probe("perfect_context", perfect=True)
# Three samples at 0.7 give a ceiling, never a gain.
REPEATS = Probe("repeats", temperature=0.7, perfect=True)
REPEATS_AS_IS = Probe("repeats", temperature=0.7)


@dataclass(frozen=True)
class Run:
    """What came out: one record an example and repeat, in the order of the examples."""

    id: str
    pipeline: Pipeline
    fingerprint: str
    split: Split
    probe: Probe
    examples: tuple[Example, ...]
    records: tuple[Record, ...]
    wall_s: float
    repeats: int = 1
    set_aside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of the split's examples that people's verdicts leave out, as `Task.set_aside` has it."""
    scoring: Usage = field(default_factory=Usage)
    """What the metrics asked of chat models: judges."""

    def scores(self, metric: str) -> list[float | None]:
        """One score an example, the mean over its repeats; None for an outage or where the
        metric does not apply."""
        by_example: dict[str, list[float | None]] = {e.id: [] for e in self.examples}
        for record in self.records:
            by_example[record.example].append(
                None if record.status == "outage" else record.scores.get(metric)
            )
        return [
            None
            if not scores or any(s is None for s in scores)
            else sum(s for s in scores if s is not None) / len(scores)
            for scores in (by_example[e.id] for e in self.examples)
        ]

    def lost(self, metric: str) -> list[bool]:
        """Whether an example has no score although it should: an outage of the pipeline or of
        what judges it; in the order of the examples."""
        lost = {r.example for r in self.records if r.status == "outage" or metric in r.unscored}
        return [e.id in lost for e in self.examples]

    @property
    def groups(self) -> list[str]:
        """The group of each example."""
        return [e.cluster for e in self.examples]

    def record(self, example: Example, repeat: int = 0) -> Record:
        """The record of an example."""
        return next(r for r in self.records if r.example == example.id and r.repeat == repeat)


class Runner:
    """Runs pipelines at one desk."""

    def __init__(self, desk: Desk, scorer: Scorer, progress: Progress = silent) -> None:
        self.desk, self.scorer, self.progress = desk, scorer, progress

    async def run(
        self,
        pipeline: Pipeline,
        examples: Sequence[Example],
        *,
        split: Split = "dev",
        probe: Probe = AS_IS,
        repeats: int = 1,
        progress: Progress | None = None,
        asked: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a resolved pipeline. asked: by example, what is searched for where a probe searches
        (`Probe.position`); its question, where nothing is said. Raises BudgetEnded, Rejected,
        InputError, and Outage where nothing at all was answered; single outages are records."""
        start = time.perf_counter()
        fingerprint = await self.desk.parts.fingerprint(pipeline)
        self.desk.parts.advise(pipeline)
        steps = self.desk.parts.steps(pipeline)
        kept = self.desk.store.records(fingerprint, probe.key)
        self.desk.store.put_pipeline(fingerprint, pipeline.model_dump(mode="json"))
        found: dict[tuple[str, int], Record] = {}
        answered: list[Todo] = []
        asking: list[Todo] = []
        for example, repeat in product(examples, range(repeats)):
            value = kept.get((self._key(example, probe), repeat))
            if value:
                answered.append((example, repeat, reread(value, example)))
            else:
                asking.append((example, repeat, None))
        # A file that cannot be read is told before anything is spent.
        for example in {e.id: e for e, *_ in asking}.values():
            self.desk.parts.files(example)
        tell = progress or self.progress
        total = len(examples) * repeats
        done, known, scoring = 0, len(answered), Usage()

        async def one(example: Example, repeat: int, record: Record | None) -> None:
            nonlocal done, scoring
            new = record is None
            if record is None:
                record = await self._answer(pipeline, steps, example, probe, repeat, asked or {})
            if new and record.status != "outage":
                self.desk.store.put_record(
                    fingerprint, probe.key, self._key(example, probe), repeat, orjson.dumps(record)
                )
            record, asked_for_it = await self._score(example, record)
            scoring += asked_for_it
            found[example.id, repeat] = record
            done += 1
            if not new:
                if done in (known, total):
                    tell(Event("tick", done=done, total=total))
                return
            tell(
                Event(
                    "answer",
                    done=done,
                    total=total,
                    data=_told(example, record),
                )
            )

        if answered or asking:
            queue, width = await self._queue(pipeline, asking, repeats)
            # What is kept comes first: it only has to be scored.
            await self._all([*([item] for item in answered), *queue], one, found, width)
        self.desk.store.flush()
        run = Run(
            id=digest([fingerprint, probe.key, [e.fingerprint for e in examples], repeats])[:12],
            pipeline=pipeline,
            fingerprint=fingerprint,
            split=split,
            probe=probe,
            examples=tuple(examples),
            records=tuple(found[e.id, r] for r in range(repeats) for e in examples),
            wall_s=time.perf_counter() - start,
            repeats=repeats,
            set_aside=self.desk.task.set_aside(split),
            scoring=scoring,
        )
        return run

    async def _queue(
        self, pipeline: Pipeline, asking: Sequence[Todo], repeats: int
    ) -> tuple[list[list[Todo]], int]:
        """What is asked, in parts each of which one worker does in order; and how many workers.

        Twice as many as calls in flight, so that searching for one example never leaves a place
        of the model empty. Repeats of an example in one part, and as many workers as places, where
        there are examples enough: each place then reads a prompt once for all its repeats (on the
        embedded model 3.4 times as fast with prompts of 370 tokens and replies of 9: LOG.md).
        """
        if pipeline.model is None:
            return [[item] for item in asking], 8
        places = (await self.desk.parts.chat(pipeline.model)).concurrency
        parts = [list(of) for _, of in groupby(asking, key=lambda item: item[0].id)]
        if repeats > 1 and len(parts) >= 4 * places:
            return parts, places
        return [[item] for item in asking], 2 * places

    async def _all(
        self,
        queue: Sequence[Sequence[Todo]],
        one: Any,
        found: dict[tuple[str, int], Record],
        width: int,
    ) -> None:
        """Work through the queue with `width` workers; one error stops all. When the budget ends,
        the calls on the way are let through first: they are paid for."""
        waiting = iter(queue)
        few = min(sum(map(len, queue)), 10)
        lost = 0
        ended: BudgetEnded | None = None

        async def work() -> None:
            nonlocal lost, ended
            for example, repeat, kept in chain.from_iterable(waiting):
                if ended is not None:
                    return
                try:
                    await one(example, repeat, kept)
                except BudgetEnded as error:
                    ended = error
                    return
                record = found[example.id, repeat]
                lost += record.status == "outage"
                # Nothing but outages from the start: the service is down, so say that now.
                if lost >= few and lost == len(found):
                    raise Outage(record.why)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(width, len(queue))):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            self.desk.store.flush()
            raise errors.exceptions[0] from None
        if ended is not None:
            self.desk.store.flush()
            raise ended

    async def _answer(
        self, pipeline: Pipeline, steps: Sequence[Step], example: Example, probe: Probe,
        repeat: int, asked: Mapping[str, str],
    ) -> Record:  # fmt: skip
        """One example through the steps."""
        lend = ExampleLender(
            self.desk, pipeline.model, repeat=repeat, temperature=probe.temperature
        )
        pinned = probe.perfect or probe.name == "closed_book"
        shown: tuple[Passage, ...] = ()
        if probe.perfect:
            shown = await self._perfect(steps, example)
        state = replace(
            self.desk.parts.start(example),
            passages=shown,
            ranked=tuple((p.document, p.start, p.end) for p in shown),
            pinned=pinned,
        )
        start = time.perf_counter()
        status: Literal["done", "invalid", "refused", "outage"]
        try:
            if probe.position is not None:
                how = search_of(steps) or EVIDENCE_CUT
                query = asked.get(example.id, example.question)
                among = await placed(shown, query, steps, how, lend, probe.position)
                state = replace(state, passages=among)
            for step in steps:
                if pinned and step.supplies_context:
                    continue
                state = await step.run(state, lend)
            status, why = state.status, state.why
        except TooLong as error:
            status, why = "invalid", str(error)
        except Rejected:
            raise
        except ModelError as error:
            status, why = "outage", str(error)
        elapsed = time.perf_counter() - start
        return Record(
            example=example.id,
            answer=state.answer,
            output=state.output,
            abstained=status == "done" and is_abstention(self.desk.task, state.answer or ""),
            status=status,
            why=why,
            usage=lend.usage,
            latency_s=max(0.0, elapsed - lend.waited_s) + lend.original_s,
            passages=state.passages,
            ranked=state.ranked,
            trace=state.trace,
            repeat=repeat,
        )

    async def _perfect(self, steps: Sequence[Step], example: Example) -> tuple[Passage, ...]:
        """The passages that hold the example's evidence, after the rows of its queries."""
        parts, evidence = self.desk.parts, example.evidence
        rows = await rows_of(evidence, parts.databases)
        rest = [e for e in evidence if query_in(e) is None]
        if not rest or not self.desk.task.has_knowledge:
            return rows
        # Cut as the pipeline cuts, so that only what is shown changes, not its form.
        how = search_of(steps) or EVIDENCE_CUT
        return (*rows, *parts.knowledge().passages_of(rest, how))

    def _key(self, example: Example, probe: Probe) -> str:
        """Under which an example's record is kept. With perfect context, what its queries give is
        shown, whether or not the pipeline reads the databases."""
        named = [found[0] for e in example.evidence if (found := query_in(e))]
        if not probe.perfect or not named:
            return example.fingerprint
        databases = self.desk.parts.databases()
        held = [databases[name].fingerprint for name in named if name in databases]
        return digest([example.fingerprint, held])

    async def _score(self, example: Example, record: Record) -> tuple[Record, Usage]:
        """The record scored, and what that asked of chat models."""
        if record.status == "outage":
            return record, Usage()
        spans, lend = self.spans(example), ScoringLender(self.desk)
        scored = record.with_scores(await self.scorer(example, record, spans, lend))
        return scored, lend.usage

    def spans(self, example: Example) -> tuple[Span, ...]:
        """Where the example's evidence stands: ("database:NAME", 0, 0) for a query. What cannot be
        located is left out."""
        found = (self._span(e) for e in example.evidence)
        return tuple(span for span in found if span is not None)

    def _span(self, evidence: Evidence) -> Span | None:
        parts, query = self.desk.parts, query_in(evidence)
        if query is not None:
            return (f"{PREFIX}{query[0]}", 0, 0) if query[0] in parts.databases() else None
        return parts.knowledge().locate(evidence) if self.desk.task.has_knowledge else None


def _told(example: Example, record: Record) -> dict[str, Any]:
    """What a person is shown of one answer as it comes."""
    answer = record.answer
    if answer is None and record.status == "done" and record.passages:
        # Nobody answers: what was found first.
        answer = record.passages[0].title or record.passages[0].document
    return {
        "question": example.question,
        "answer": answer,
        "reference": example.references[0] if example.references else None,
        "status": record.status,
        "why": record.why,
        "scores": record.scores,
    }


def asked_in(record: Record, example: Example) -> str:
    """The question as the pipeline searched for it: the last turn of a conversation as `condense`
    wrote it anew, where it did, else as it stands."""
    told = (t.get("question") for t in reversed(record.trace) if t.get("step") == "condense")
    return next((q for q in told if isinstance(q, str) and q.strip()), example.question)


def search_of(steps: Sequence[Step]) -> Search | None:
    """How the steps search; None where they do not."""
    return next((found for s in steps if (found := getattr(s, "search", None)) is not None), None)


def reread(value: bytes, example: Example) -> Record:
    """A record as it was kept; its calls now count as cached."""
    data = orjson.loads(value)
    used = Usage(**data["usage"])
    return Record(
        **{
            **data,
            "example": example.id,
            "usage": replace(used, calls=0, cached_calls=used.calls + used.cached_calls),
            "passages": tuple(Passage(**p) for p in data["passages"]),
            "ranked": tuple((d, s, e) for d, s, e in data["ranked"]),
            "trace": tuple(data["trace"]),
        }
    )


__all__ = ["AS_IS", "CLOSED_BOOK", "EVIDENCE_CUT", "PERFECT", "REPEATS", "Probe", "Run", "Runner"]
