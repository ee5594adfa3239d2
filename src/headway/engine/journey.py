"""The journey: baseline, diagnosis, techniques tried in the order of what they could bring, what is
proven kept, the sealed test opened once.

Everything it decides is in the ledger as soon as it is decided, and everything it measures is in
the store as soon as it is measured: after a kill the same command replays to where it was and goes
on. Sizes and looks are planned once, before they are used, and kept with the journey.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from headway.core.errors import BudgetEnded, InputError
from headway.core.findings import (
    Diagnosis,
    Headroom,
    Journey,
    JourneyStep,
    RunFinding,
    TestFigure,
)
from headway.core.pipeline import Pipeline
from headway.core.progress import Event, Progress
from headway.core.protocols import Candidate, Search, Technique, TechniqueContext
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example, Task, digest
from headway.engine import statistics as stats
from headway.engine.budget import Limits
from headway.engine.compare import compare_runs, estimate, latency_of, summarise, unreviewed
from headway.engine.confirm import Answer, Confirm
from headway.engine.embedder import tune_embedder
from headway.engine.judging import believed
from headway.engine.needs import unmet
from headway.engine.plan import Sizes, affordable, cut_dev, sizes
from headway.engine.probes import Prober
from headway.engine.race import Lap, against, race
from headway.engine.run import Run, Runner
from headway.engine.simplify import SAVES, saves, simpler
from headway.engine.tuning import tuned_within
from headway.metrics import load
from headway.techniques import TECHNIQUES

SPEED_FROM = 8  # examples from which the speed is first measured
LEAST = 20  # examples in explore and in confirm for a journey to say anything


@dataclass(frozen=True)
class Wish:
    """What a journey was asked for."""

    limits: Limits = field(default_factory=Limits)
    axis: Literal["context", "behaviour"] | None = None
    test: Literal["end", "never"] = "end"


@dataclass
class Lent:
    """What a technique is lent (`TechniqueContext`)."""

    task: Task
    incumbent: Pipeline
    train: tuple[Example, ...]
    causes: Mapping[str, int]
    runner: Runner
    said: list[str] = field(default_factory=list)
    """What the technique gave notice of."""

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Charged to the journey's budget."""
        name = model or self.task.spec.models.proposer or self.task.spec.models.chat
        return await self.runner.desk.chat(request, name)

    @property
    def domains(self) -> Mapping[str, str]:
        """See TechniqueContext."""
        return self.runner.desk.parts.domains

    @property
    def documents(self) -> Mapping[str, Mapping[str, str]]:
        """See TechniqueContext."""
        return self.runner.desk.parts.documents

    @property
    def databases(self) -> tuple[str, ...]:
        """See TechniqueContext."""
        return tuple(self.runner.desk.parts.databases())

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """See TechniqueContext."""
        return await self.runner.desk.search(query, how)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """See TechniqueContext."""
        return await self.runner.desk.rerank(model, query, texts)

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        """See TechniqueContext."""
        allowed = {e.id for e in self.train}
        if outside := [e.id for e in examples if e.id not in allowed]:
            raise ValueError(f"a technique may evaluate on train only, not on {outside[0]!r}")
        resolved = self.runner.desk.parts.resolve(pipeline)
        return (await self.runner.run(resolved, examples, split="train")).records

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        """See TechniqueContext."""
        return await tune_embedder(self.runner.desk, base, how, self.notice)

    async def tune(self, pipeline: Pipeline) -> Pipeline | None:
        """See TechniqueContext."""
        return await tuned_within(self.runner, self.runner.desk.parts.resolve(pipeline))

    async def context(self) -> int | None:
        """See TechniqueContext."""
        name = self.incumbent.model or self.task.spec.models.chat
        return getattr(await self.runner.desk.parts.chat(name), "context", None)

    @property
    def calls_left(self) -> int | None:
        """See TechniqueContext."""
        return self.runner.desk.budget.calls_left

    def notice(self, text: str) -> None:
        """See TechniqueContext."""
        self.said.append(text)
        self.runner.desk.parts.notices.add(text)


def ranked(
    room: Headroom, causes: Mapping[str, int], axis: str | None = None
) -> list[type[Technique]]:
    """All techniques, or those of an axis: by what the axis has left, times the share of failures
    that the technique addresses, for what an example then costs. Equals in the table's order."""
    left = {
        "context": (room.context.mean if room.context else None) or 0.0,
        "behaviour": (room.behaviour.mean if room.behaviour else None) or 0.0,
    }
    left["both"] = max(left.values())
    total = max(1, sum(causes.values()))

    def worth(kind: type[Technique]) -> float:
        share = sum(n for cause, n in causes.items() if cause in kind.addresses)
        times: float = getattr(kind, "times", 1.0)
        return max(0.0, left[kind.axis]) * (0.1 + share / total) / times

    kinds = [kind for _, kind in TECHNIQUES if axis is None or kind.axis in (axis, "both")]
    return sorted(kinds, key=lambda kind: -worth(kind))


@dataclass
class Traveller:
    """One journey under way."""

    runner: Runner
    id: str
    question: str
    wish: Wish
    baseline: Pipeline
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        desk = self.runner.desk
        self.task, self.store, self.budget = desk.task, desk.store, desk.budget
        self.metric = self.task.metric
        self.explore, self.confirm_examples = cut_dev(self.task)
        self.confirm = Confirm(self.runner, self.confirm_examples, self.metric)
        self.entries = self.store.entries(self.id)
        self.steps: list[JourneyStep] = []
        self.incumbent = Candidate(self.baseline, "baseline")
        self.proven = self.baseline
        """The last incumbent that was kept for a gain. What is kept for its price is no worse than
        this one, so that small losses do not add up."""
        self.leading: tuple[float, Pipeline] | None = None
        self.stopped: str | None = None
        self.complete = True
        self.low: float | None = None
        self.dearer = (1.0, 1.0, 1.0)
        """Calls, tokens and seconds of an example with the incumbent, in those of the baseline."""
        self._met: list[type[Technique]] = []
        self._saved = 0.0
        self._show: Progress = self.runner.progress
        self.runner.progress = self._tell

    # --- telling --------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        """Every event carries what is spent and how long yet; the clock is saved now and then."""
        now = time.monotonic()
        if now - self._saved > 5:
            self._saved = now
            self._save()
        spent = self.budget.spent()
        self._show(
            Event(
                event.kind, event.text, event.done, event.total, self._left(),
                spent.model_dump(), event.data,
            )
        )  # fmt: skip

    def _left(self) -> float | None:
        """Seconds to the end as now planned: what the budget allows, the test's share included."""
        left = self.budget.seconds_left
        return None if left is None else max(0.0, left) + self.budget.hold_s

    def _save(self) -> None:
        self.state["seconds"] = self.budget.seconds
        self.state["stopped"] = self.stopped
        self.store.put_journey(self.id, self.question, self.state)

    # --- the whole way --------------------------------------------------------------------------

    async def go(self) -> Journey:
        """All of it. A budget that ends ends the journey, not the report."""
        diagnosis: Diagnosis | None = None
        baseline_run: RunFinding | None = None
        test: TestFigure | None = None
        self._save()
        self._gate()
        await self._believe()
        try:
            await self._measure()
            plan = self._plan
            diagnosis = await Prober(self.runner, self.metric).diagnose(
                self.baseline, self.explore[: plan.diagnose]
            )
            base = await self.runner.run(self.baseline, self.explore[: plan.diagnose])
            baseline_run = summarise(base, self.task.spec.metrics)
            self.low = baseline_run.metrics[self.metric].low
            if diagnosis.holds_back == "neither":
                self.stopped = f"no axis has headroom left over the {plan.diagnose} diagnosed"
            else:
                await self._techniques(diagnosis)
                await self._simplify()
        except BudgetEnded as error:
            seen = {step.technique for step in self.steps}
            left = [kind.name for kind in self._met if kind.name not in seen]
            self.stopped = error.what + (f"; not tried: {', '.join(left)}" if left else "")
            self.complete = diagnosis is not None
        if self.stopped is None:
            self.stopped = "every technique was tried"
        self.budget.hold_calls, self.budget.hold_tokens, self.budget.hold_s = 0, 0, 0.0
        try:
            test = await self._test()
        except BudgetEnded:
            self.stopped += "; the budget ended before the sealed test was through"
            self.complete = False
        self._save()
        self.store.flush()
        return await self._report(diagnosis, baseline_run, test)

    def _gate(self) -> None:
        """The baseline gate: enough examples to say anything."""
        groups = len({e.cluster for e in self.confirm_examples})
        if len(self.explore) < 6 or groups < 6:
            raise InputError(
                f"dev has {len(self.explore)} examples to explore and {groups} groups to confirm"
                " on; a journey can prove nothing with fewer than 6 of each",
                where=str(self.task.folder / "examples.jsonl"),
                valid="50 or more examples in dev; 200 prove differences of about 0.1",
                do=f"headway check {self.task.typed}   (says what they can prove)",
            )
        if min(len(self.explore), len(self.confirm_examples)) < LEAST:
            self.runner.desk.parts.notices.add(
                f"Few examples: {len(self.explore)} to explore and {len(self.confirm_examples)} to"
                " confirm on. Only large differences can be proven."
            )

    async def _believe(self) -> None:
        """A metric that is known to agree too little with people may not decide. One that was
        never held against them may, and that stands in the ledger."""
        parts = self.runner.desk.parts
        metric = load(self.metric, self.task.folder)
        may = await believed(self.task, self.store, metric, parts)
        if may.standing == "below":
            raise InputError(
                may.text,
                where=str(self.task.folder / "task.yaml"),
                valid="another metric first, a better judge (models: judge), or what you will"
                " accept (judging: agreement)",
                do=f"{may.do}   (measures again)",
            )
        if may.standing is not None:
            self.store.put_entry(self.id, "judge", {"standing": may.standing, "text": may.text})
            if may.do:
                parts.notices.add(f"{may.text}.")

    async def _measure(self) -> None:
        """The first answers measure what an example costs; then sizes are planned, once."""
        if "plan" in self.state:
            self._plan = Sizes.from_dict(self.state["plan"])
        else:
            self._tell(Event("phase", "the first answers"))
            # One answer alone first: it loads the model, builds the index, and is shown early.
            await self.runner.run(self.baseline, self.explore[:1])
            first = await self.runner.run(self.baseline, self.explore[: SPEED_FROM + 1])
            used = [r for r in first.records if r.status != "outage"]
            fresh = sum(r.usage.calls > 0 for r in used)
            width = (
                (await self.runner.desk.parts.chat(self.baseline.model)).concurrency
                if self.baseline.model
                else 1
            )
            # From the cache there is no wall time: then the calls' own, side by side.
            seconds = (
                first.wall_s / fresh
                if fresh >= len(used) / 2
                else sum(r.latency_s for r in used) / max(1, len(used)) / (2 * width)
            )
            tokens = sum(r.usage.prompt_tokens + r.usage.completion_tokens for r in used)
            usd = [r.usage.usd for r in used]
            each = None if any(u is None for u in usd) else sum(u or 0 for u in usd) / len(used)
            tokens_each = tokens / max(1, len(used))
            reach = affordable(self.wish.limits, seconds, tokens_each, each, self.budget.seconds)
            self._plan = sizes(
                reach, len(self.explore), len(self.confirm_examples),
                len(self.task.split("test")), seconds, tokens_each, max(1.0, _costs(first)[0]),
            )  # fmt: skip
            self.state["plan"] = self._plan.to_dict()
            self._save()
        self._hold()

    def _hold(self) -> None:
        """Keep the sealed test's share back: baseline and best, a tenth on top for noise."""
        if self.wish.test == "never":
            return
        calls, tokens, seconds = (self._plan.test * (1 + times) for times in self.dearer)
        self.budget.hold_calls = (
            ceil(calls * self._plan.calls_each) if self.wish.limits.calls else 0
        )
        self.budget.hold_tokens = int(1.1 * tokens * self._plan.tokens_each)
        self.budget.hold_s = 1.1 * seconds * self._plan.seconds_each

    # --- techniques -----------------------------------------------------------------------------

    async def _techniques(self, diagnosis: Diagnosis) -> None:
        """Every technique once, in the order of what it could bring; again after something was
        kept, where it has something new to propose."""
        order = ranked(diagnosis.headroom, diagnosis.causes, self.wish.axis)
        for technique in order:
            need = unmet(technique, self.task)
            if need:
                self._note(self._dropped(technique, None, "needs_unmet", need), technique.name)
            else:
                self._met.append(technique)
        tried: set[str] = set()
        for turn in (1, 2):
            kept_before = len([s for s in self.steps if s.decision == "kept"])
            if turn == 2 and not kept_before:
                return
            for technique in self._met:
                if self._reached_goal():
                    return
                await self._try(technique, turn, tried, diagnosis)

    async def _try(
        self, technique: type[Technique], turn: int, tried: set[str], diagnosis: Diagnosis
    ) -> None:
        """One technique: propose, race, confirm, decide; from the ledger where it stands there."""
        name = technique.name if turn == 1 else f"{technique.name}#{turn}"
        if name in self.entries:
            self._replay(self.entries[name], tried)
            return
        self._tell(Event("phase", f"{technique.name} ({technique.axis})"))
        calls, told = self.budget.calls, len(self.runner.desk.parts.notices.texts)
        lent: TechniqueContext = Lent(
            self.task, self.incumbent.pipeline, self.task.split("train"),
            diagnosis.causes, self.runner,
        )  # fmt: skip
        proposed = []
        async for candidate in technique().propose(lent):
            pipeline = self.runner.desk.parts.resolve(candidate.pipeline)
            if pipeline.digest not in tried and pipeline != self.incumbent.pipeline:
                tried.add(pipeline.digest)
                proposed.append(Candidate(pipeline, candidate.title))
        if not proposed:
            if turn == 1:
                # A technique that tried and gave up has said why.
                said = self.runner.desk.parts.notices.texts[told:]
                detail = said[-1] if said else "had nothing new to propose here"
                step = self._dropped(technique, None, "no_gain", detail)
                self._note(step, name)
            return
        lap = await race(
            self.runner, proposed, self.incumbent, self.explore, self._plan.rounds, self.metric
        )
        assert lap is not None
        step = await self._decide(technique, lap, calls)
        self._note(step, name, tried=[c.pipeline.digest for c in proposed])

    async def _decide(self, technique: type[Technique], lap: Lap, calls: int) -> JourneyStep:
        """What the race's winner is worth: over a constraint, no gain, or asked of confirm."""
        found = {
            "technique": technique.name, "axis": technique.axis, "candidate": lap.candidate.title,
            "difference": lap.found.difference, "low": lap.found.low, "high": lap.found.high,
            "measured_on": "explore", "n": lap.found.n, "pipeline": lap.run.fingerprint,
        }  # fmt: skip
        limit = self._breaks(lap.run)
        if limit:
            return self._step(found, "dropped", limit[0], limit[1], calls, None)
        # Too little even if true: a gain the explore sample puts below half a point. What costs
        # less for it, as a tuned model with its short prompt does, may be worth keeping all the
        # same.
        if lap.difference <= 0.005:
            margin, saved = self.task.spec.margin.get(self.metric), saves(lap.run, lap.incumbent)
            if margin is not None and saved >= SAVES and lap.difference >= -margin:
                return await self._as_good(
                    lap.candidate, lap.run, lap.incumbent, found, margin, saved, calls
                )
            text = f"no gain over {lap.found.n} examples of explore"
            verdict = "worse" if stats.verdict(lap.found) == "worse" else "not_proven"
            return self._step(found, "dropped", "no_gain", text, calls, verdict)
        answer = await self.confirm.ask(
            lap.candidate.pipeline, self.incumbent.pipeline, self._plan.looks
        )
        found |= {
            "difference": answer.difference, "low": answer.low, "high": answer.high,
            "measured_on": "confirm", "n": answer.n, "level": answer.level,
        }  # fmt: skip
        if answer.kept:
            limit = self._breaks(answer.run)
            if limit:
                return self._step(found, "dropped", limit[0], limit[1], calls, "better")
            self._takes(lap.candidate, lap.run, lap.incumbent)
            self.proven = lap.candidate.pipeline
            self.low = estimate(lap.run.scores(self.metric), lap.run.groups).low
            text = f"better on {answer.n} fresh examples, at level {answer.level:.4f}"
            return self._step(found, "kept", "better", text, calls, "better")
        self._lead(answer, lap.candidate.pipeline)
        if not answer.comparable:
            text = "too many answers were lost to outages to compare"
            return self._step(found, "dropped", "not_comparable", text, calls, "not_comparable")
        text = f"not proven on {answer.n} fresh examples"
        if answer.examples_needed and answer.examples_needed > answer.n:
            text += f"; about {answer.examples_needed} would be needed"
        return self._step(found, "dropped", "not_proven", text, calls, "not_proven")

    def _takes(self, candidate: Candidate, run: Run, before: Run) -> None:
        """A new incumbent, and what the sealed test will cost with it."""
        self.incumbent = candidate
        ratios = (
            a / b if a and b else 1.0 for a, b in zip(_costs(run), _costs(before), strict=True)
        )
        calls, tokens, seconds = (was * now for was, now in zip(self.dearer, ratios, strict=True))
        self.dearer = (calls, tokens, seconds)
        self._hold()

    def _lead(self, answer: Answer, pipeline: Pipeline) -> None:
        """The best guess that is not proven is offered as `leading`."""
        gain = answer.difference or 0.0
        if gain > 0 and (self.leading is None or gain > self.leading[0]):
            self.leading = (gain, pipeline)

    def _breaks(self, run: Run) -> tuple[str, str] | None:
        """The constraint that a run breaks: (reason, sentence)."""
        limits = self.task.spec.constraints
        p95 = latency_of(run.records).p95
        if limits.latency_p95_s is not None and p95 is not None and p95 > limits.latency_p95_s:
            return "too_slow", f"p95 {p95:.2f} s is over the limit of {limits.latency_p95_s:g} s"
        prompts = sorted(r.usage.prompt_tokens for r in run.records if r.status != "outage")
        if limits.prompt_tokens_p95 is not None and prompts:
            at = prompts[min(len(prompts) - 1, int(0.95 * len(prompts)))]
            if at > limits.prompt_tokens_p95:
                return "too_many_tokens", (
                    f"p95 {at} prompt tokens is over the limit of {limits.prompt_tokens_p95:g}"
                )
        if limits.usd_per_1k_requests is not None:
            usd = [r.usage.usd for r in run.records]
            if all(u is not None for u in usd) and usd:
                per_1k = 1000 * sum(u for u in usd if u is not None) / len(usd)
                if per_1k > limits.usd_per_1k_requests:
                    return "too_costly", (
                        f"${per_1k:.2f} a thousand requests is over the limit of"
                        f" ${limits.usd_per_1k_requests:g}"
                    )
        return None

    def _reached_goal(self) -> bool:
        """Whether the incumbent's lower bound on explore meets the goal."""
        goal = self.task.spec.goal.get(self.metric)
        if goal is None and self.task.spec.economics is not None:
            money = self.task.spec.economics
            goal = stats.break_even(money.success, money.failure)
        if goal is not None and self.low is not None and self.low >= goal:
            # Chosen as the best of many there: the sealed test says whether it is so.
            self.stopped = f"the goal of {goal:g} is met on explore, from {self.low:.3f} on"
            return True
        return False

    # --- simplify -------------------------------------------------------------------------------

    async def _simplify(self) -> None:
        """Accuracy first, then tokens: keep each smaller pipeline that is proven not worse, and
        look from there for smaller ones yet."""
        margin = self.task.spec.margin.get(self.metric)
        if margin is None or self.incumbent.pipeline == self.baseline or self.wish.axis:
            return
        asked: set[str] = set()
        while await self._smaller(margin, asked):
            pass

    async def _smaller(self, margin: float, asked: set[str]) -> bool:
        """One smaller pipeline than the incumbent kept; False where there is none left to ask."""
        for candidate in simpler(self.incumbent.pipeline, self.task.spec.models.candidates):
            pipeline = self.runner.desk.parts.resolve(candidate.pipeline)
            name = f"simplify:{pipeline.digest[:12]}"
            if name in asked:
                continue
            asked.add(name)
            if name in self.entries:
                self._replay(self.entries[name], set())
                if self.steps[-1].decision == "kept":
                    return True
                continue
            self._tell(Event("phase", f"simplify: {candidate.title}"))
            step = await self._smaller_or_not(Candidate(pipeline, candidate.title), margin)
            self._note(step, name)
            if step.decision == "kept":
                return True
        return False

    async def _smaller_or_not(self, candidate: Candidate, margin: float) -> JourneyStep:
        """What saves a tenth on explore and loses little there is asked of confirm."""
        calls = self.budget.calls
        sample = self.explore[: self._plan.rounds[-1]]
        base = await self.runner.run(self.incumbent.pipeline, sample)
        run = await self.runner.run(candidate.pipeline, sample)
        found = against(run, await self.runner.run(self.proven, sample), self.metric)
        saved = saves(run, base)
        facts = {
            "technique": "simplify", "axis": "both", "candidate": candidate.title,
            "difference": found.difference, "low": found.low, "high": found.high,
            "measured_on": "explore", "n": found.n, "pipeline": run.fingerprint,
            "beside": "proven",
        }  # fmt: skip
        if saved < SAVES or (found.difference or 0.0) < -margin:
            why = (
                f"saves only {max(0.0, saved):.0%}"
                if saved < SAVES
                else f"loses more than the margin of {margin:g} on explore"
            )
            return self._step(facts, "dropped", "no_gain", why, calls, None)
        return await self._as_good(candidate, run, base, facts, margin, saved, calls)

    async def _as_good(
        self, candidate: Candidate, run: Run, base: Run, facts: dict[str, Any], margin: float,
        saved: float, calls: int,
    ) -> JourneyStep:  # fmt: skip
        """Is it as good, at a smaller price? run, base: its and the incumbent's, on explore."""
        answer = await self.confirm.ask(
            candidate.pipeline, self.proven, self._plan.looks, margin=margin
        )
        facts = facts | {
            "beside": "proven",
            "difference": answer.difference, "low": answer.low, "high": answer.high,
            "measured_on": "confirm", "n": answer.n, "level": answer.level,
        }  # fmt: skip
        if not answer.kept:
            text = f"saves {saved:.0%}, but 'not worse by {margin:g}' is not proven"
            return self._step(facts, "dropped", "not_proven", text, calls, "not_proven")
        self._takes(candidate, run, base)
        text = f"not worse by {margin:g} on {answer.n} fresh examples, saves {saved:.0%}"
        return self._step(facts, "kept", "not_worse_and_cheaper", text, calls, "not_proven")

    # --- the ledger -----------------------------------------------------------------------------

    def _step(
        self, found: dict[str, Any], decision: str, reason: str, detail: str, calls: int,
        verdict: str | None,
    ) -> JourneyStep:  # fmt: skip
        return JourneyStep.model_validate(
            {**found, "decision": decision, "reason": reason, "detail": detail,
             "calls": self.budget.calls - calls, "verdict": verdict}
        )  # fmt: skip

    def _dropped(
        self, technique: type[Technique], title: str | None, reason: str, detail: str
    ) -> JourneyStep:
        return JourneyStep(
            technique=technique.name, axis=technique.axis, candidate=title, verdict=None,
            decision="dropped", reason=reason, detail=detail,
        )  # fmt: skip

    def _note(self, step: JourneyStep, name: str, tried: Sequence[str] = ()) -> None:
        """Write one step into the ledger, with all that a replay needs."""
        if name in self.entries:
            self.steps.append(JourneyStep.model_validate(self.entries[name]["step"]))
            return
        self.steps.append(step)
        entry = {
            "step": step.model_dump(mode="json"),
            "tried": list(tried),
            "incumbent": self.incumbent.pipeline.model_dump(mode="json"),
            "title": self.incumbent.title,
            "low": self.low,
            "dearer": self.dearer,
            "leading": None
            if self.leading is None
            else [self.leading[0], self.leading[1].model_dump(mode="json")],
        }
        self.store.put_entry(self.id, name, entry)
        self.entries[name] = entry
        self._save()
        self._tell(Event("step", step.technique, data=step.model_dump(mode="json")))

    def _replay(self, entry: dict[str, Any], tried: set[str]) -> None:
        """Take one step from the ledger as it was decided."""
        self.steps.append(JourneyStep.model_validate(entry["step"]))
        tried.update(entry["tried"])
        self.incumbent = Candidate(Pipeline.model_validate(entry["incumbent"]), entry["title"])
        if (self.steps[-1].decision, self.steps[-1].reason) == ("kept", "better"):
            self.proven = self.incumbent.pipeline
        self.low = entry["low"]
        calls, tokens, seconds = entry.get("dearer", self.dearer)
        self.dearer = (calls, tokens, seconds)
        self._hold()
        if entry["leading"]:
            gain, pipeline = entry["leading"]
            self.leading = (gain, Pipeline.model_validate(pipeline))

    # --- the end --------------------------------------------------------------------------------

    async def _test(self) -> TestFigure | None:
        """Open the sealed test once, if the best differs from the pipeline last tested."""
        if self.wish.test == "never" or self.incumbent.pipeline == self.baseline:
            return None
        examples = self.task.split("test")[: self._plan.test]
        if not examples:
            return None
        name = test_name(self.task)
        best = await self.runner.desk.parts.fingerprint(self.incumbent.pipeline)
        self._tell(Event("phase", f"the sealed test: {len(examples)} examples, opened once"))
        openings = self.store.open_test(name, best, self.id)
        waiting = len(self.task.set_aside("test").get("unreviewed", ()))
        if waiting:
            self.runner.desk.parts.notices.add(
                f"Drafts kept out of the sealed test until a person has reviewed them: {waiting}"
                f" (headway review {self.task.typed})."
            )
        base = await self.runner.run(self.baseline, examples, split="test")
        run = await self.runner.run(self.incumbent.pipeline, examples, split="test")
        found = compare_runs(base, run, self.metric)
        return TestFigure(
            baseline=estimate(base.scores(self.metric), base.groups),
            best=estimate(run.scores(self.metric), run.groups),
            difference=found.difference, low=found.low, high=found.high, p=found.p,
            verdict=found.verdict, openings=openings, n=found.n, unreviewed=found.unreviewed,
        )  # fmt: skip

    async def _report(
        self, diagnosis: Diagnosis | None, baseline_run: RunFinding | None, test: TestFigure | None
    ) -> Journey:
        fingerprint = self.runner.desk.parts.fingerprint
        leading = self.leading[1] if self.leading else None
        if leading == self.incumbent.pipeline:
            leading = None
        return Journey(
            journey=self.id,
            baseline=await fingerprint(self.baseline),
            steps=tuple(self.steps),
            best=await fingerprint(self.incumbent.pipeline),
            leading=await fingerprint(leading) if leading else None,
            test=test,
            stopped=self.stopped or "",
            complete=self.complete,
            spent=self.budget.spent(),
            metric=self.metric,
            goal=self.task.spec.goal.get(self.metric),
            diagnosis=diagnosis,
            baseline_run=baseline_run,
            baseline_describes=self.baseline.describe(),
            best_describes=self.incumbent.pipeline.describe(),
            leading_describes=leading.describe() if leading else None,
            examples=len(self.explore) + len(self.confirm_examples),
            unreviewed=unreviewed((*self.explore, *self.confirm_examples)),
            plan={
                "diagnose": self._plan.diagnose, "explore": self._plan.rounds[-1],
                "confirm": self._plan.looks[-1], "test": self._plan.test,
            }
            if hasattr(self, "_plan")
            else {},
            notices=self.runner.desk.parts.notices.texts,
        )  # fmt: skip


def _costs(run: Run) -> tuple[float, float, float]:
    """Mean calls, tokens and seconds of an example, as they were first spent."""
    done = [r for r in run.records if r.status != "outage"]
    count = max(1, len(done))
    return (
        sum(r.usage.calls + r.usage.cached_calls for r in done) / count,
        sum(r.usage.prompt_tokens + r.usage.completion_tokens for r in done) / count,
        sum(r.latency_s for r in done) / count,
    )


def test_name(task: Task) -> str:
    """The hash under which openings of a task's sealed test are counted."""
    return digest(sorted(e.fingerprint for e in task.split("test")))
