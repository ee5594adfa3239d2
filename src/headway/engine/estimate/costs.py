"""What one example costs: measured where the store knows it, else by composing its prompts."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import orjson

from headway.core.errors import HeadwayError
from headway.core.pipeline import Pipeline
from headway.core.record import Usage
from headway.core.task import Task, fraction
from headway.engine.estimate.bill import Bill, Each, Range, ends
from headway.engine.estimate.models import at_hand, concurrency, models_of, rule
from headway.engine.estimate.rehearsal import Rehearsal, request_tokens, text_tokens
from headway.engine.parts import Parts
from headway.engine.run import AS_IS
from headway.models.prices import Prices
from headway.store import Store

SAMPLE = 40  # prompts that are composed to learn how long they are
MEASURED = 8  # records or calls from which a measurement goes before the rule of thumb
READS, WRITES = 200.0, 40.0  # tokens a second of a small embedded model on two cores
BEFORE = {"brief": 60, "quote": 60, "steps": 200}  # tokens of thinking before an answer, about


class Costs:
    """What examples cost through pipelines, for one task. What that assumes is noted on `bill`."""

    def __init__(self, task: Task, parts: Parts, store: Store) -> None:
        self.task, self.parts, self.store = task, parts, store
        self.rehearsal = Rehearsal(task, parts)
        self.bill = Bill()
        self.judged: set[str] = set()
        """Metrics that a judge scores: a run's wall time holds the judge's."""
        self._each: dict[str, Each] = {}
        self._runs: list[dict[str, Any]] | None = None
        self._prices: Prices | None = None

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
            self.bill.note(f"measured on {found.n} examples of this pipeline in the store")
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
        if not calls:  # a search alone
            free = None if _services(pipeline) else Range()
            return Each(each_call, free, free, seconds)
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
        units = [
            self._work(pipeline.model, p, c, n)
            for p, c, n in zip(ends(prompt), ends(completion), ends(calls), strict=True)
        ]
        pace = self._pace(pipeline.model) or rule(self.task, pipeline.model)
        return Range(*units) * pace + self._rerank_seconds(pipeline)

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
            if self.judged & set(run.get("metrics", ())):
                continue
            share = fresh / (fresh + used["cached_calls"])
            work += share * self._work(
                model, used["prompt_tokens"], used["completion_tokens"], fresh / share
            )
            wall += run["wall_s"]
            calls += fresh
        if calls < MEASURED or not work:
            return None
        self.bill.note(f"speed of {model or 'the application'} measured over {calls:.0f} calls")
        return Range.about(wall / work, 0.7, 1.6)

    def _say_assumptions(self, pipeline: Pipeline) -> None:
        model, note = pipeline.model, self.bill.note
        search = pipeline.step("retrieve")
        if search is not None and search.settings.get("embed"):
            note("embedding the documents, which is done once, is not counted")
        for name in _services(pipeline):
            note(f"what {name} is asked for the search is not counted")
        if model is None:
            if pipeline.step("application"):
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


def _services(pipeline: Pipeline) -> list[str]:
    """Services that embed or re-rank for the pipeline."""
    here = ("embedded/", "scripted/", "tuned/")
    asked = {
        str(step.settings.get(name, ""))
        for step in pipeline.steps
        for name in ("embed", *(["model"] if step.name in ("rerank", "compress") else []))
    }
    return sorted(name for name in asked if name and not name.startswith(here))
