"""What a command would spend, before it spends it: calls, tokens, dollars, minutes, with a range.

No model is called and nothing is fetched. Prompts are composed by the pipeline's own steps, which
are lent passages drawn at random from the documents; what the store has measured goes before any
rule of thumb, and what it holds already costs nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, hypot, inf, log
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np
import orjson

from headway.core.errors import HeadwayError, InputError
from headway.core.findings import Estimate, Plan
from headway.core.pipeline import Pipeline
from headway.core.protocols import Database, Search, State, Technique, Vectors
from headway.core.record import ApplicationReply, ChatReply, ChatRequest, Passage, Record, Usage
from headway.core.task import Example, Split, Task, fraction
from headway.engine.budget import Limits
from headway.engine.lender import EVIDENCE_CUT
from headway.engine.needs import unmet
from headway.engine.parts import Parts
from headway.engine.plan import DIAGNOSED, affordable, cut_dev, sizes
from headway.engine.positions import PLACES
from headway.engine.probes import REPEATED, most_repeated
from headway.engine.run import AS_IS, CLOSED_BOOK, PERFECT, Probe
from headway.knowledge import FolderKnowledge
from headway.knowledge.cut import cut
from headway.models.prices import Prices
from headway.steps.database import query_in
from headway.store import Store
from headway.techniques import TECHNIQUES

SAMPLE = 40  # prompts that are composed to learn how long they are
MEASURED = 8  # records or calls from which a measurement goes before the rule of thumb
READS, WRITES = 200.0, 40.0  # tokens a second of a small embedded model on two cores
DOCUMENTS, POOL = 300, 4000  # documents that passages are drawn from, and passages at most
FEWEST = 6  # examples of explore and groups of confirm below which a journey does not start
BEFORE = {"brief": 60, "quote": 60, "steps": 200}  # tokens of thinking before an answer, about
TURN = 8  # tokens that a chat template adds to a message, about


def text_tokens(text: str) -> float:
    """A quarter of the UTF-8 bytes: four letters a token in English, and other scripts dearer,
    as tokenizers have it. Right within a quarter or so."""
    return len(text.encode("utf-8", "replace")) / 4


def request_tokens(request: ChatRequest) -> float:
    """Tokens of a whole prompt, by its characters."""
    return sum(text_tokens(m.content) + TURN for m in request.messages)


@dataclass(frozen=True)
class Range:
    """A guess with the ends it may have."""

    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def about(cls, mean: float, below: float = 1.0, above: float = 1.0) -> Range:
        """`mean`, from `below` times it to `above` times it."""
        return cls(mean, mean * below, mean * above)

    def __add__(self, other: Range) -> Range:
        return Range(self.mean + other.mean, self.low + other.low, self.high + other.high)

    def __mul__(self, other: Range) -> Range:
        """The product of two that do not hang together, so that their worst seldom meet: the ends
        lie as far off, in proportion, as the root of the squares of both."""
        mean = self.mean * other.mean
        low, high = self.low * other.low, self.high * other.high
        if mean > 0 and low > 0:
            low = mean * exp(-hypot(self._off(-1), other._off(-1)))
        if mean > 0:
            high = mean * exp(hypot(self._off(1), other._off(1)))
        return Range(mean, low, high)

    def most(self, limit: float | None) -> Range:
        """No end beyond a limit; None is none."""
        if limit is None:
            return self
        return Range(min(self.mean, limit), min(self.low, limit), min(self.high, limit))

    def _off(self, side: int) -> float:
        """How far an end lies from the mean, as a logarithm."""
        return log(self.high / self.mean) if side > 0 else log(self.mean / self.low)


@dataclass(frozen=True)
class Each:
    """What one example costs. tokens and usd None: not known. n: records it was measured on."""

    calls: Range
    tokens: Range | None
    usd: Range | None
    seconds: Range
    n: int = 0


@dataclass
class Bill:
    """Costs added up, with the sentences that say what they assume."""

    calls: Range = Range()
    tokens: Range | None = Range()
    usd: Range | None = Range()
    seconds: Range = Range()
    n: int | None = None
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, each: Each, passes: Range) -> None:
        """So many examples at this price; no example costs nothing, whatever its price."""
        if not passes.high:
            return
        self.calls += each.calls * passes
        self.seconds += each.seconds * passes
        self.tokens = _sum(self.tokens, each.tokens, passes)
        self.usd = _sum(self.usd, each.usd, passes)
        self.n = each.n if self.n is None else min(self.n, each.n)

    def note(self, text: str) -> None:
        """Say it once."""
        self.notes[text] = None

    def cap(self, dear: float, usual: float, cheap: float) -> None:
        """Keep these shares of the work, where an example turns out dear, as thought, or cheap."""

        def kept(value: Range) -> Range:
            mean = value.mean * usual
            high = min(value.high, value.mean * cheap)
            return Range(mean, min(mean, value.low, value.mean * dear), max(mean, high))

        self.calls, self.seconds = kept(self.calls), kept(self.seconds)
        self.tokens = kept(self.tokens) if self.tokens else self.tokens
        self.usd = kept(self.usd) if self.usd else self.usd

    def to_plan(self, command: str) -> Plan:
        """As a finding; n is how many measured examples the guess rests on, 0 for none."""

        def told(value: Range | None, digits: int) -> Estimate:
            if value is None:
                return Estimate(n=self.n or 0)
            mean, low, high = (round(x, digits) for x in (value.mean, value.low, value.high))
            return Estimate(mean=mean, low=low, high=high, n=self.n or 0)

        minutes = self.seconds * Range(1 / 60, 1 / 60, 1 / 60)
        return Plan(
            command=command, calls=told(self.calls, 0), tokens=told(self.tokens, 0),
            usd=told(self.usd, 4), minutes=told(minutes, 2), notes=tuple(self.notes),
        )  # fmt: skip


def _sum(total: Range | None, each: Range | None, passes: Range) -> Range | None:
    return None if total is None or each is None else total + each * passes


# --- composing prompts without a model ------------------------------------------------------------


WHOLE = 1_000_000  # tokens of a passage that is a whole document


class Rehearsal:
    """Prompts as a pipeline would send them, composed by its own steps without a call."""

    def __init__(self, task: Task, parts: Parts) -> None:
        self.task, self.parts = task, parts
        self._pools: dict[tuple[int, int], tuple[Passage, ...]] = {}
        self._train = tuple(e for e in task.split("train") if e.reference is not None)

    async def requests(self, pipeline: Pipeline, example: Example) -> tuple[list[ChatRequest], int]:
        """The chat requests, and the number of application calls, of one example."""
        dry = _Dry(self)
        try:
            state = self.parts.start(example)
        except HeadwayError:  # a file that cannot be read: `check` says so
            state = State(example, example.question)
        for step in self.parts.steps(pipeline):
            try:
                state = await step.run(state, dry)
            except HeadwayError:
                break  # a step that needs a true reply ends the rehearsal, not the estimate
        return dry.requests, dry.applied

    def passages(self, query: str, how: Search) -> tuple[Passage, ...]:
        """k passages of the documents at random, the same ones each time for the same query."""
        # Widened by what is handed over around it; a whole document is one long passage.
        whole = how.unit == "document"
        pool = self._pool(
            WHOLE if whole else how.tokens + 2 * how.around, 0 if whole else how.overlap
        )
        count = min(how.k, len(pool))
        if not count:
            return ()
        first, stride = int(fraction(f"draw:{query}") * len(pool)), max(1, len(pool) // count)
        return tuple(pool[(first + i * stride) % len(pool)] for i in range(count))

    def nearest(self, question: str, k: int) -> tuple[Example, ...]:
        """k solved examples of train at random: for their length the nearest are not needed."""
        at = int(fraction(f"draw:{question}") * max(1, len(self._train)))
        return (*self._train[at:], *self._train[:at])[:k]

    def _pool(self, tokens: int, overlap: int) -> tuple[Passage, ...]:
        if (tokens, overlap) not in self._pools:
            found: list[Passage] = []
            for name, text in self._documents():
                if len(found) >= POOL:
                    break
                found += [Passage(name, text[a:b], a, b) for a, b in cut(text, tokens, overlap)]
            self._pools[tokens, overlap] = tuple(found[:POOL])
        return self._pools[tokens, overlap]

    def _documents(self) -> Iterable[tuple[str, str]]:
        if not self.task.has_knowledge:
            return
        try:
            knowledge = self.parts.knowledge()
        except InputError:
            return  # `check` says so; a plan goes on without passages
        if isinstance(knowledge, FolderKnowledge):
            for name in sorted(knowledge.names, key=lambda n: fraction(f"draw:{n}"))[:DOCUMENTS]:
                yield name, knowledge.document(name) or ""


class _Dry:
    """A lender that keeps requests instead of making calls."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.task = rehearsal.task
        self.requests: list[ChatRequest] = []
        self.applied = 0
        self._rehearsal = rehearsal

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Keeps the request; the reply is empty."""
        self.requests.append(request)
        return ChatReply("")

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Passages at random."""
        return self._rehearsal.passages(query, how)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """The order as it is."""
        return [-float(place) for place in range(len(texts))]

    async def embed(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        """One and the same vector for all."""
        return np.ones((len(texts), 1), np.float32)

    def metadata(self, document: str) -> Mapping[str, str]:
        """As in a run."""
        return self._rehearsal.parts.knowledge().metadata(document)

    @property
    def domains(self) -> Mapping[str, str]:
        """As in a run."""
        return self._rehearsal.parts.domains

    async def domain(self, question: str, embed: str) -> str | None:
        """The first."""
        return next(iter(self.domains), None)

    def database(self, name: str | None = None) -> Database:
        """As in a run."""
        return self._rehearsal.parts.database(name)

    async def nearest(
        self, question: str, k: int, embed: str | None, **how: Any
    ) -> tuple[Example, ...]:
        """Examples at random."""
        return self._rehearsal.nearest(question, k)

    async def evidence(self, example: Example) -> tuple[Passage, ...]:
        """As in a run."""
        if not self.task.has_knowledge or not example.evidence:
            return ()
        return self._rehearsal.parts.knowledge().passages_of(example.evidence, EVIDENCE_CUT)

    async def apply(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> ApplicationReply:
        """Counts the call."""
        self.applied += 1
        return ApplicationReply(answer="")


class _Told(Exception):
    """A technique wants to ask a model what to propose."""


@dataclass
class _Asked:
    """What a technique is lent while we count its candidates."""

    task: Task
    incumbent: Pipeline
    train: tuple[Example, ...]
    causes: Mapping[str, int]
    parts: Parts

    @property
    def domains(self) -> Mapping[str, str]:
        """As in a journey."""
        return self.parts.domains

    @property
    def documents(self) -> Mapping[str, Mapping[str, str]]:
        """As in a journey."""
        return self.parts.documents

    @property
    def databases(self) -> tuple[str, ...]:
        """As in a journey."""
        return tuple(self.parts.databases())

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Nobody is asked."""
        raise _Told

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Nothing is searched."""
        raise _Told

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Nothing is ordered."""
        raise _Told

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        """Nothing is run."""
        raise _Told

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        """Nothing is trained."""
        raise _Told

    async def context(self) -> int | None:
        """No model is opened."""
        return None

    @property
    def calls_left(self) -> int | None:
        """Nothing is spent."""
        return None

    def notice(self, text: str) -> None:
        """A plan says nothing of it."""


# --- the estimator --------------------------------------------------------------------------------


class Estimator:
    """Plans of the commands that spend, for one task and one resolved pipeline."""

    def __init__(self, task: Task, parts: Parts, store: Store, pipeline: Pipeline) -> None:
        self.task, self.parts, self.store, self.pipeline = task, parts, store, pipeline
        self.rehearsal = Rehearsal(task, parts)
        self._each: dict[str, Each] = {}
        self._runs: list[dict[str, Any]] | None = None
        self._prices: Prices | None = None
        self._bill = Bill()

    async def plan(self, command: str, **options: Any) -> Plan:
        """What the command would spend with these options. Raises InputError."""
        commands: dict[str, Callable[..., Awaitable[None]]] = {
            "evaluate": self._evaluate,
            "diagnose": self._diagnose,
            "try": self._try,
            "optimize": self._optimize,
            "final": self._final,
            "compare": self._compare,
        }
        if command not in commands:
            raise InputError(f"{command!r} spends nothing to plan", valid=", ".join(commands))
        self._bill = Bill()
        await commands[command](**options)
        if not self._bill.calls.high:
            self._bill.note("nothing new is called: all of it is in the store already")
        return self._bill.to_plan(command)

    # --- the commands -----------------------------------------------------------------------------

    async def _evaluate(
        self, pipeline: Any = None, split: Split = "dev", limit: int | None = None,
        repeat: int = 1, **_: Any,
    ) -> None:  # fmt: skip
        await self._pass(self._named(pipeline), self.task.split(split)[:limit], repeat)

    async def _final(self, pipeline: Any = None, **_: Any) -> None:
        best = self.task.folder / "pipelines" / "best.yaml"
        chosen = pipeline or (best if best.is_file() else None)
        await self._pass(self._named(chosen), self.task.split("test"))

    async def _compare(self, a: Any = None, b: Any = None, **_: Any) -> None:
        for named in (a, b):
            run = self._run(named)
            if run is None:
                await self._pass(self._named(named), self.task.split("dev"))
            else:
                ids = set(run["examples"])
                examples = [e for e in self.task.split(run["split"]) if e.id in ids]
                await self._pass(self._named(run["pipeline"]), examples, int(run["repeats"]))

    async def _diagnose(
        self, pipeline: Any = None, limit: int | None = None, positions: bool = False, **_: Any
    ) -> None:
        explore, _confirm = cut_dev(self.task)
        chosen = (explore or self.task.split("dev"))[: limit or DIAGNOSED]
        await self._probes(self._named(pipeline), chosen)
        if positions and self.task.has_knowledge:
            await self._positions(self._named(pipeline), [e for e in chosen if e.evidence])

    async def _try(
        self, technique: str = "", pipeline: Any = None, limit: int | None = None, **_: Any
    ) -> None:
        kind: type[Technique] = TECHNIQUES.load(technique)
        incumbent = self._named(pipeline)
        explore, _confirm = cut_dev(self.task)
        sample = explore[: limit or DIAGNOSED]
        await self._pass(incumbent, sample)
        for candidate in await self._candidates(kind, incumbent):
            await self._pass(candidate, sample)

    async def _optimize(
        self, calls: int | None = None, tokens: int | None = None, usd: float | None = None,
        minutes: float | None = None, axis: str | None = None, test: str = "end",
        pipeline: Any = None, **_: Any,
    ) -> None:  # fmt: skip
        limits = Limits(calls, tokens, usd, minutes)
        baseline = self._named(pipeline)
        explore, confirm = cut_dev(self.task)
        self._say_if_refused(explore, confirm)
        each, bill = await self.each(baseline), self._bill
        reach = affordable(
            limits, each.seconds.mean, each.tokens.mean if each.tokens else 0.0,
            each.usd.mean if each.usd else None,
        )  # fmt: skip
        plan = sizes(
            reach, len(explore), len(confirm), len(self.task.split("test")),
            each.seconds.mean, each.tokens.mean if each.tokens else 0.0,
        )  # fmt: skip
        await self._probes(baseline, explore[: plan.diagnose])
        await self._pass(baseline, explore[: plan.rounds[-1]], seen=plan.diagnose)
        looked = plan.looks[-1] if plan.looks else 0
        kinds = [kind for _, kind in TECHNIQUES if axis in (None, kind.axis) or kind.axis == "both"]
        tried = 0
        for kind in kinds:
            candidates = (
                await self._candidates(kind, baseline) if not unmet(kind, self.task) else []
            )
            if not candidates:
                continue
            tried += 1
            price = _average([await self.each(c) for c in candidates])
            bill.add(price, _raced(len(candidates), plan.rounds))
            # Without gain confirm is not asked; a third of them ask, in two of its three looks.
            bill.add(price, Range(looked * 2 / 9, 0, 2 * looked))
        # A baseline that was beaten is followed by an incumbent that is new on all examples.
        bill.add(each, Range(looked, 0, 2 * (looked + plan.rounds[-1])))
        if axis is None and self.task.metric in self.task.spec.margin:
            bill.add(each, Range(plan.rounds[-1], 0, 3 * (plan.rounds[-1] + looked)))
        if test != "never":
            bill.add(each, Range(2 * plan.test, 0, 2 * plan.test))
            bill.note(
                f"a share is kept back for the sealed test: {plan.test} examples, by the baseline"
                " and by the best"
            )
        bill.note(
            f"{tried} techniques race on up to {plan.rounds[-1]} examples of explore; what gains"
            f" is asked of {looked} of confirm; {plan.diagnose} are diagnosed"
        )
        self._cap(limits, each)

    def _say_if_refused(self, explore: Sequence[Example], confirm: Sequence[Example]) -> None:
        if len(explore) < FEWEST or len({e.cluster for e in confirm}) < FEWEST:
            self._bill.note(
                f"dev is too small for a journey: {FEWEST} examples to explore and {FEWEST} groups"
                " to confirm on are the least, so it would stop before any call"
            )

    def _cap(self, limits: Limits, each: Each) -> None:
        """A budget is enforced before each call, so no end of a range lies beyond it; how far it
        reaches hangs on how dear an example turns out to be."""
        bill = self._bill
        seconds = None if limits.minutes is None else limits.minutes * 60
        limited = [
            (float(limit), total, price)
            for limit, total, price in (
                (limits.calls, bill.calls, each.calls),
                (limits.tokens, bill.tokens, each.tokens),
                (limits.usd, bill.usd, each.usd),
                (seconds, bill.seconds, each.seconds),
            )
            if limit is not None and total and total.mean and price and price.mean
        ]

        def reach(at: Callable[[Range], float]) -> float:
            """The share of the planned work that is paid for at this end of the price."""
            paid = ((limit, total.mean * at(p) / p.mean) for limit, total, p in limited)
            return min((limit / cost if cost else inf for limit, cost in paid), default=inf)

        dear, usual, cheap = (reach(at) for at in (_high, _mean, _low))
        bill.cap(min(1.0, dear), min(1.0, usual), cheap)
        bill.calls = bill.calls.most(limits.calls)
        bill.seconds = bill.seconds.most(seconds)
        bill.tokens = bill.tokens.most(limits.tokens) if bill.tokens else bill.tokens
        bill.usd = bill.usd.most(limits.usd) if bill.usd else bill.usd
        if usual < 1:
            bill.note("the budget ends it where it would go further")
        if limits.usd is not None and bill.usd is None:
            bill.note("a dollar budget needs known prices: without them it ends at the first call")
        if not limits.to_dict():
            bill.note("no budget is given: it goes on until every technique was tried")

    # --- the parts of a command ---------------------------------------------------------------

    async def _pass(
        self, pipeline: Pipeline, examples: Sequence[Example], repeats: int = 1, seen: int = 0,
        probe: Probe = AS_IS,
    ) -> None:  # fmt: skip
        """One run of the examples; what the store holds, and the first `seen`, cost nothing."""
        todo = await self._todo(pipeline, examples[seen:], repeats, probe)
        self._bill.add(await self.each(pipeline), Range.about(todo))

    async def _todo(
        self, pipeline: Pipeline, examples: Sequence[Example], repeats: int, probe: Probe
    ) -> int:
        names = await self.fingerprints(pipeline)
        # Several pipelines of the same data differ in what they read: which one holds now is not
        # known without opening it.
        kept = set(self.store.records(names[0], probe.key)) if len(names) == 1 else set()
        todo = sum((e.fingerprint, r) not in kept for e in examples for r in range(repeats))
        if todo < len(examples) * repeats:
            self._bill.note(
                f"{len(examples) * repeats - todo} of {len(examples) * repeats} answers are in the"
                " store already and cost nothing"
            )
        return todo

    async def _probes(self, pipeline: Pipeline, examples: Sequence[Example]) -> None:
        """A diagnosis: as is, closed book, perfect context, repeats, a stronger model."""
        await self._pass(pipeline, examples)
        known = self.task.has_knowledge
        covered = [e for e in examples if (e.evidence if known else any(map(query_in, e.evidence)))]
        if covered:
            bare = pipeline.without_step("retrieve").without_step("rerank")
            closed = await self.each(bare)
            todo = await self._todo(pipeline, covered, 1, CLOSED_BOOK)
            self._bill.add(closed, Range.about(todo))
            await self._pass(pipeline, covered, probe=PERFECT)
        failed = len(covered or examples)
        again = min(most_repeated(len(examples)), failed)
        each = await self.each(pipeline)
        self._bill.add(each, Range(REPEATED * min(again, failed / 2), 0, REPEATED * again))
        stronger = self.task.spec.models.stronger
        if stronger and pipeline.model:
            other = await self.each(self.parts.resolve(pipeline, model=stronger))
            self._bill.add(other, Range(failed / 2, 0, failed))
        if failed:
            self._bill.note("half of the examples are taken to fail; failures are asked again")

    async def _positions(self, pipeline: Pipeline, covered: Sequence[Example]) -> None:
        """Those right with the evidence alone, once for each place of it."""
        each = await self.each(pipeline)
        for place in PLACES:
            probe = Probe("perfect_context", perfect=True, position=place)
            todo = await self._todo(pipeline, covered, 1, probe)
            self._bill.add(each, Range(todo / 2, 0, todo))

    async def _candidates(self, kind: type[Technique], incumbent: Pipeline) -> list[Pipeline]:
        """What a technique would propose to this pipeline."""
        lent = _Asked(self.task, incumbent, self.task.split("train"), {}, self.parts)
        found: dict[str, Pipeline] = {}
        try:
            async for candidate in kind().propose(lent):
                resolved = self.parts.resolve(candidate.pipeline)
                if resolved != incumbent:
                    found[resolved.digest] = resolved
        except _Told:
            self._bill.note(f"{kind.name} asks a model what to propose: 3 candidates are assumed")
            return [*found.values(), incumbent, incumbent, incumbent][:3]
        return list(found.values())

    # --- which pipeline -----------------------------------------------------------------------

    def _named(self, named: Any) -> Pipeline:
        """An object, a file or a stored name as a resolved pipeline; the baseline for any other."""
        if named is None:
            return self.pipeline
        if isinstance(named, Pipeline):
            return self.parts.resolve(named)
        folder = self.task.folder
        for file in (Path(named), folder / named, folder / "pipelines" / f"{named}.yaml"):
            if file.is_file():
                return self.parts.resolve(Pipeline.load(file))
        run = self._run(named)
        stored = self.store.pipeline(run["pipeline"] if run else str(named))
        if len(stored) == 1:
            return Pipeline.model_validate(stored[0][1])
        self._bill.note(f"{named} is not known here: it is taken to cost what the baseline does")
        return self.pipeline

    def _run(self, named: Any) -> dict[str, Any] | None:
        """The stored run of that name, if it is one."""
        if not isinstance(named, str) or len(named) < 4:
            return None
        return next(iter(self.store.run(named)), None)

    async def fingerprints(self, pipeline: Pipeline) -> list[str]:
        """Under which names the store may hold this pipeline: exactly one where all that it reads
        is at hand, else those of equal data."""
        if all(at_hand(name) for name in models_of(pipeline)):
            try:
                return [await self.parts.fingerprint(pipeline)]
            except HeadwayError:
                pass  # a key that is not set, say: what was measured may be used all the same
        data = pipeline.model_dump(mode="json")
        return [name for name, value in self.store.pipeline("") if value == data]

    # --- what one example costs ---------------------------------------------------------------

    async def each(self, pipeline: Pipeline) -> Each:
        """What one example costs: measured where the store knows it, else estimated."""
        if pipeline.digest not in self._each:
            used = await self._measured(pipeline)
            self._each[pipeline.digest] = (
                self._from_records(pipeline, used)
                if len(used) >= MEASURED
                else await self._from_prompts(pipeline)
            )
        found = self._each[pipeline.digest]
        if found.n:
            self._bill.note(f"measured on {found.n} examples of this pipeline in the store")
        else:
            self._say_assumptions(pipeline)
        return found

    async def _measured(self, pipeline: Pipeline) -> list[tuple[Usage, float]]:
        """Usage and latency of every kept answer of the pipeline as it is."""
        found = []
        for name in await self.fingerprints(pipeline):
            for value in self.store.records(name, AS_IS.key).values():
                data = orjson.loads(value)
                found.append((Usage(**data["usage"]), float(data["latency_s"])))
        return found

    def _from_records(self, pipeline: Pipeline, used: Sequence[tuple[Usage, float]]) -> Each:
        count = len(used)
        prompt = fmean(u.prompt_tokens for u, _ in used)
        completion = fmean(u.completion_tokens for u, _ in used)
        calls = fmean(u.calls + u.cached_calls for u, _ in used)
        paid = [u.usd for u, _ in used]
        usd = None if None in paid else fmean(u for u in paid if u is not None)
        pace = self._pace(pipeline.model)
        if pace is not None:
            seconds = Range.about(self._work(pipeline.model, prompt, completion, calls)) * pace
        else:
            # Latency is of calls side by side, so the time an example takes is a part of it.
            width = concurrency(self.task, pipeline.model)
            seconds = Range.about(fmean(s for _, s in used) / width, 0.6, 2.0)
        return Each(
            Range.about(calls), Range.about(prompt + completion, 0.9, 1.1),
            None if usd is None else Range.about(usd, 0.9, 1.1), seconds, count,
        )  # fmt: skip

    async def _from_prompts(self, pipeline: Pipeline) -> Each:
        dev = self.task.split("dev") or self.task.examples
        sample = sorted(dev, key=lambda e: fraction(f"price:{e.id}"))[:SAMPLE]
        prompts, limits, before, calls, applied = 0.0, 0.0, 0.0, 0, 0
        for example in sample:
            requests, own = await self.rehearsal.requests(pipeline, example)
            prompts += sum(request_tokens(r) for r in requests)
            limits += sum(r.max_tokens for r in requests)
            before += sum(r.max_tokens for r in requests[:-1])
            calls += len(requests) + own
            applied += own
        count = max(1, len(sample))
        most = limits / count
        # Of steps that ask before the answer, half of what they may write is taken.
        written = min(most, self._answer_tokens(pipeline) + before / count / 2)
        prompt = Range.about(prompts / count, 0.75, 1.35)
        completion = Range(written, min(written, 1.0), most)
        each_call = Range.about(calls / count)
        seconds = self._seconds(pipeline, prompt, completion, each_call)
        if applied:  # what an application uses is not known before it says so
            return Each(each_call, None, None, seconds)
        return Each(
            each_call, prompt + completion, self._usd(pipeline.model, prompt, completion), seconds
        )

    def _answer_tokens(self, pipeline: Pipeline) -> float:
        """Tokens of an answer: a reference's, half as long again, and reasoning before it."""
        lengths = [text_tokens(e.references[0]) for e in self.task.examples if e.references]
        generate = pipeline.step("generate")
        form = generate.settings.get("reasoning") if generate is not None else None
        return 1.5 * (fmean(lengths) if lengths else 40.0) + 4 + BEFORE.get(str(form), 0)

    def _usd(self, model: str | None, prompt: Range, completion: Range) -> Range | None:
        if self._prices is None:
            self._prices = Prices.load(self.task.folder)
        price = self._prices.of(model) if model else None
        if price is None:
            return None
        read, write = price.prompt / 1e6, price.completion / 1e6
        return prompt * Range.about(read) + completion * Range.about(write)

    def _seconds(self, pipeline: Pipeline, prompt: Range, completion: Range, calls: Range) -> Range:
        ends = [
            self._work(pipeline.model, p, c, n)
            for p, c, n in zip(_ends(prompt), _ends(completion), _ends(calls), strict=True)
        ]
        pace = self._pace(pipeline.model) or _rule(self.task, pipeline.model)
        return Range(*ends) * pace + self._rerank_seconds(pipeline)

    def asking(self, model: str, prompt: Range, completion: Range, calls: Range) -> Each:
        """What so many tokens cost in calls that no pipeline makes."""
        usd = self._usd(model, prompt, completion)
        pipeline = Pipeline.model_validate({"model": model, "steps": ["generate"]})
        seconds = self._seconds(pipeline, prompt, completion, calls)
        return Each(calls, prompt + completion, usd, seconds)

    def _rerank_seconds(self, pipeline: Pipeline) -> Range:
        """A cross-encoder reads each passage: about 20 ms on two cores."""
        search, rerank = pipeline.step("retrieve"), pipeline.step("rerank")
        if search is None or rerank is None:
            return Range()
        local = str(rerank.settings.get("model", "")).startswith("embedded/")
        return Range.about(0.02 * int(search.settings.get("k", 4)), 0.3, 3.0) if local else Range()

    def _work(self, model: str | None, prompt: float, completion: float, calls: float) -> float:
        """What time is proportional to: computing for a model here, calls for one elsewhere."""
        if model is not None and model.startswith("embedded/"):
            return prompt / READS + completion / WRITES
        return calls

    def _pace(self, model: str | None) -> Range | None:
        """Measured seconds of wall time for one unit of work, over the runs in the store that
        really called the model; None where there are too few."""
        wall = work = calls = 0.0
        if self._runs is None:
            self._runs = self.store.run("")
        for run in self._runs:
            used = run["usage"]
            fresh = used["calls"]
            if run.get("model") != model or fresh < max(MEASURED, used["cached_calls"]):
                continue
            share = fresh / (fresh + used["cached_calls"])
            work += share * self._work(
                model, used["prompt_tokens"], used["completion_tokens"], fresh / share
            )
            wall += run["wall_s"]
            calls += fresh
        if calls < MEASURED or not work:
            return None
        self._bill.note(f"speed of {model or 'the application'} measured over {calls:.0f} calls")
        return Range.about(wall / work, 0.7, 1.6)

    def _say_assumptions(self, pipeline: Pipeline) -> None:
        model, note = pipeline.model, self._bill.note
        if model is None:
            note("tokens and price of the application are not known before its first answers")
            note("the application is taken to need 2 s a call, 8 at once")
            return
        note("tokens are estimated: a quarter of the bytes, with passages drawn at random")
        if model.startswith("embedded/"):
            note(
                f"speed is assumed: {READS:g} prompt and {WRITES:g} answer tokens a second, as"
                " small models reach on two cores"
            )
            if not at_hand(model):
                note(f"{model} is not on this machine yet; fetching it is not counted")
        elif not model.startswith("scripted/"):
            note(f"{model} is taken to need 2 s a call, {concurrency(self.task, model)} at once")
        if self._prices is not None:
            for said in self._prices.notices([model]):
                note(said)


def _mean(value: Range) -> float:
    return value.mean


def _low(value: Range) -> float:
    return value.low


def _high(value: Range) -> float:
    return value.high


def _ends(value: Range) -> tuple[float, float, float]:
    return value.mean, value.low, value.high


def _average(prices: Sequence[Each]) -> Each:
    """The mean of several candidates' prices, with the widest ends."""

    def mean(values: Sequence[Range | None]) -> Range | None:
        known = [v for v in values if v is not None]
        if len(known) < len(values):
            return None
        low, high = min(v.low for v in known), max(v.high for v in known)
        return Range(fmean(v.mean for v in known), low, high)

    return Each(
        mean([p.calls for p in prices]) or Range(),
        mean([p.tokens for p in prices]),
        mean([p.usd for p in prices]),
        mean([p.seconds for p in prices]) or Range(),
        min(p.n for p in prices),
    )


def _raced(candidates: int, rounds: Sequence[int]) -> Range:
    """Examples that a race takes: half fall out each round, or all after the first. A second
    turn, after something was kept, can double it."""
    passes, alive = candidates * rounds[0], candidates
    low = passes
    for before, now in pairwise(rounds):
        alive = (alive + 1) // 2
        passes += alive * (now - before)
    return Range((low + passes) / 2 * 1.25, low, 2 * passes)


def models_of(pipeline: Pipeline) -> list[str]:
    """Names of all models that a resolved pipeline uses, the chat model first."""
    named = [pipeline.model] if pipeline.model else []
    for step in pipeline.steps:
        named += [str(v) for k in ("model", "embed") if (v := step.settings.get(k))]
    return list(dict.fromkeys(named))


def at_hand(name: str) -> bool:
    """Whether a model can be opened here without fetching anything."""
    if not name.startswith("embedded/"):
        return True  # a service or a script: opening it makes no call
    from headway.models.pull import status

    try:
        return status(name).present
    except InputError:
        return False  # weights of one's own would be hashed whole; their data must do


def concurrency(task: Task, model: str | None) -> int:
    """Calls that are in flight at once, as configured."""
    provider = (model or "").partition("/")[0]
    own = task.spec.endpoints.get(provider)
    if own is not None:
        return own.concurrency
    if model is None:
        return 8
    if provider == "embedded":
        from headway.models.embedded import SLOTS

        return SLOTS
    from headway.models.service import PROVIDERS

    known = PROVIDERS.get(provider)
    return known.concurrency if known else 8


def _rule(task: Task, model: str | None) -> Range:
    """Seconds for one unit of work where nothing is measured: a rule of thumb, so a wide range."""
    if model is not None and model.startswith("embedded/"):
        return Range(1.0, 0.3, 3.0)
    if model is not None and model.startswith("scripted/"):
        return Range(0.001, 0.0, 0.01)
    width = concurrency(task, model)
    return Range(2.0 / width, 0.3 / width, 20.0 / width)
