"""GEPA's reflective search over our evaluation: the adapter, the thread it runs in, the prompt.

Agrawal et al., 2025, "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning".
The package is synchronous, so it runs in a thread of its own; each of its evaluations and each
call of the proposer goes back into the event loop, through our cache and our budget. It writes no
file and prints nothing. With the same seed it asks the same again, so that a search that was cut
off replays from the cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from headway.core.errors import BudgetEnded, HeadwayError, MissingExtra, ModelError, TooLong
from headway.core.pipeline import Pipeline
from headway.core.protocols import TechniqueContext
from headway.core.record import ChatRequest, Message, Record
from headway.core.task import Example
from headway.core.template import placeholders

T = TypeVar("T")
PROMPT = "prompt"  # GEPA's name for what is rewritten
MINIBATCH = 4  # cases that the proposer is shown at a time
SHOWN = 700  # letters of one input, passage list or reply in the proposer's prompt
TEMPERATURE = 0.7  # the proposer's: each call has a seed of its own

RULES = """You improve the prompt of another model. Below are its task, its prompt as it is now, \
and cases in which it was used, each with a score from 0 to 1 and the answer that was wanted.

# Task
{task}

# Prompt as it is now
<prompt>
{prompt}
</prompt>

# Cases
{cases}

# How to rewrite it
- First find what goes wrong in the cases and what rule would have prevented it.
- Change as little as that takes. Keep whatever works, above all in a long prompt.
- State rules that hold for cases nobody has seen. Copy nothing from the cases: no question, no \
name, no number, no answer.
- If the model should think, let it think first and conclude after that; the result stands last.
- Say the form of the answer clearly and exactly once.
{keep}- At most {words} words.
{refused}
Write one or two sentences on what goes wrong. Then write the whole new prompt between <prompt> \
and </prompt>."""


@dataclass(frozen=True)
class Case:
    """One example as a candidate answered it; score None where it could not be scored."""

    example: Example
    record: Record
    score: float | None


@dataclass
class Search:
    """One search: what it works with, and what came of it.

    accept: says why a rewrite is refused; empty where it is not. calls: how many more calls of the
    budget may be used; None without a limit.
    """

    ctx: TechniqueContext
    prompt: str
    feedback: Sequence[Example]
    selection: Sequence[Example]
    accept: Callable[[str, str], str]
    rounds: int
    longest: int
    calls: int | None = None
    selected: dict[str, list[float | None]] = field(default_factory=dict)
    """Scores on the selection part, by prompt; the first is that of the prompt it began with."""
    refused: list[str] = field(default_factory=list)
    proposed: int = 0
    error: HeadwayError | None = None
    """What ended it before its time."""

    def __post_init__(self) -> None:
        self._flying: Future[Any] | None = None
        self._stopped = False
        self._left = self.ctx.calls_left

    async def run(self) -> None:
        """Search to the end. Raises MissingExtra; a budget or a model that ends it is in
        `error`, and what was found until then in `selected`."""
        gepa = _package()
        self._loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(asyncio.to_thread(self._optimize, gepa))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stopped = True
            if self._flying is not None:
                self._flying.cancel()
            await asyncio.wait([work])
            work.exception()  # seen: the cancellation is what counts
            raise
        except (BudgetEnded, ModelError) as error:
            self.error = error

    def _optimize(self, gepa: Any) -> None:
        """In the thread."""
        gepa.optimize(
            seed_candidate={PROMPT: self.prompt},
            trainset=list(self.feedback),
            valset=list(self.selection),
            adapter=Adapter(self, gepa.EvaluationBatch),
            reflection_minibatch_size=min(MINIBATCH, len(self.feedback)),
            max_metric_calls=metric_calls(len(self.selection), self.rounds),
            stop_callbacks=[self._ends],
            logger=_Silent(),
            track_best_outputs=False,
            seed=0,
        )
        if self.error is not None:
            raise self.error

    def _ends(self, state: Any) -> bool:
        """Whether to stop before the metric calls are used up."""
        left = self.ctx.calls_left
        spent = None if left is None or self._left is None else self._left - left
        return (
            self._stopped
            or self.error is not None
            or self.proposed >= self.rounds
            or (self.calls is not None and spent is not None and spent >= self.calls)
        )

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """From the thread: run it in the event loop and wait for it."""
        flying = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._flying = flying
        if self._stopped:
            flying.cancel()
        return flying.result()

    # --- what GEPA asks for ---------------------------------------------------------------------

    def cases(self, prompt: str, examples: Sequence[Example]) -> list[Case]:
        """Examples answered with a prompt, and scored."""
        pipeline = with_prompt(self.ctx.incumbent, prompt)
        records = self.call(self.ctx.evaluate(pipeline, examples))
        metric = self.ctx.task.metric
        return [
            Case(e, r, None if r.status == "outage" else r.scores.get(metric))
            for e, r in zip(examples, records, strict=True)
        ]

    def rewrite(self, prompt: str, cases: Sequence[Case]) -> str | None:
        """The proposer's rewrite; None where it is refused."""
        if self.error is not None:
            raise self.error
        self.proposed += 1
        try:
            text = self.call(self._ask(prompt, cases, self.proposed))
        except (BudgetEnded, ModelError) as error:
            self.error = error
            raise
        why = self.accept(prompt, text)
        if why:
            self.refused.append(why)
            return None
        return text

    async def _ask(self, prompt: str, cases: Sequence[Case], number: int) -> str:
        shown = list(cases)
        while True:
            request = ChatRequest(
                (Message("user", self._question(prompt, shown)),),
                max_tokens=200 + self.longest // 3, temperature=TEMPERATURE, seed=number,
            )  # fmt: skip
            try:
                reply = await self.ctx.chat(request)
            except TooLong:
                if len(shown) == 1:
                    raise
                shown = shown[: len(shown) // 2]
                continue
            return "" if reply.finish != "stop" else between(reply.text)

    def _question(self, prompt: str, cases: Sequence[Case]) -> str:
        spec = self.ctx.task.spec
        held = sorted(placeholders(prompt))
        keep = "".join(f"- Keep {{{{{name}}}}} where it belongs.\n" for name in held)
        refused = "".join(f"- An earlier rewrite was refused: {w}.\n" for w in self.refused[-2:])
        return RULES.format(
            task=spec.description or spec.name, prompt=prompt,
            cases="\n\n".join(_told(n, case) for n, case in enumerate(cases, start=1)),
            keep=keep, words=self.longest // 6, refused=refused,
        )  # fmt: skip


class Adapter:
    """GEPA's `GEPAAdapter` over a Search. What has no score counts as the mean of those beside it,
    so that an outage speaks for no prompt and against none."""

    def __init__(self, search: Search, batch: Any) -> None:
        self._search, self._batch = search, batch

    def evaluate(
        self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        """Scores, in the batch's order."""
        prompt = candidate[PROMPT]
        cases = self._search.cases(prompt, batch)
        if [e.id for e in batch] == [e.id for e in self._search.selection]:
            self._search.selected[prompt] = [case.score for case in cases]
        known = [case.score for case in cases if case.score is not None]
        middle = sum(known) / len(known) if known else 0.0
        return self._batch(
            outputs=[case.record.answer for case in cases],
            scores=[middle if case.score is None else case.score for case in cases],
            trajectories=cases if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The cases, those that went wrong first."""
        cases = [case for case in eval_batch.trajectories if case.score is not None]
        return {PROMPT: [{"case": case} for case in sorted(cases, key=lambda c: c.score)]}

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """One rewrite; nothing where it is refused, and GEPA then goes on to other cases."""
        cases = [row["case"] for row in reflective_dataset[PROMPT]]
        text = self._search.rewrite(candidate[PROMPT], cases) if cases else None
        return {} if text is None else {PROMPT: text}


class _Silent:
    def log(self, message: str) -> None:
        """GEPA's own words are not shown: the ledger says what came of it."""


def _package() -> Any:
    try:
        return import_module("gepa")
    except ImportError:
        raise MissingExtra("meta_prompt", "prompts") from None


def metric_calls(selection: int, rounds: int) -> int:
    """The most examples GEPA may have answered: the selection part for the prompt it begins with
    and for every second rewrite, and a minibatch before and after each."""
    return selection * (1 + rounds // 2) + rounds * 2 * MINIBATCH


def with_prompt(pipeline: Pipeline, prompt: str) -> Pipeline:
    """A copy with another template."""
    return pipeline.with_step("generate", template=prompt)


def between(text: str) -> str:
    """What stands between the last marks; without marks in a fence; else all of it."""
    _, mark, tail = text.rpartition("<prompt>")
    if mark:
        return tail.partition("</prompt>")[0].strip()
    _, mark, tail = text.partition("```")
    if mark and "```" in tail:
        block = tail.rpartition("```")[0]
        first, newline, rest = block.partition("\n")
        return (rest if newline and " " not in first.strip() else block).strip()
    return text.replace("</prompt>", "").strip()


def _told(number: int, case: Case) -> str:
    """One case as the proposer sees it."""
    record = case.record
    reply = next((t["text"] for t in reversed(record.trace) if t.get("text")), record.answer)
    lines = [f"## Case {number}, score {case.score:.2f}"]
    if record.passages:
        lines.append(f"Shown: {_short(' / '.join(p.text for p in record.passages))}")
    lines += [f"Asked: {_short(case.example.question)}", f"Replied: {_short(str(reply or ''))}"]
    if record.why:
        lines.append(f"What broke: {_short(record.why)}")
    lines.append(f"Wanted: {_short(' or '.join(case.example.references[:3]))}")
    return "\n".join(lines)


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= SHOWN else folded[: SHOWN - 4] + " ..."
