"""Show the model's own right answers on train, with its reasoning.

DSPy's BootstrapFewShot (Khattab et al., 2023, "DSPy: Compiling Declarative Language Model Calls
into Self-Improving Pipelines"): run the pipeline on train, keep the replies whose answers the
metric finds right, show them as they are. The replies become part of the pipeline.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.record import Record
from headway.core.statements import plain
from headway.core.task import Example
from headway.techniques.behaviour.fixed_examples import EVIDENCE, varied
from headway.techniques.behaviour.reasoning import ENFORCED
from headway.techniques.behaviour.shots import fitting, shows_evidence, with_examples

RIGHT = 1.0  # the score that counts as right
NEARLY = 0.8  # the score that counts where too few are right
TRIES, BATCH = 96, 16  # examples of train that are run at most, and at a time
COUNTS = (2, 4, 8)
FIRST = ("generate", "vote")  # whose replies answer the request that a shown example stands for
_AFTER = re.compile(r"\W+$")
# A passage by its number: beside the example other passages stand, so it would be wrong there.
_NUMBERED = re.compile(r"\[\d+\]|\bpassages? \d", re.IGNORECASE)


class BootstrappedExamples:
    """2, 4 and 8 of its own replies that were found right. Where it does not reason yet, replies
    with brief reasoning; where too few of those are right, with a working in an enforced field."""

    name: ClassVar[str] = "bootstrapped_examples"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "showing a way of thinking that nobody wrote down; figures, steps"
    not_good_for: ClassVar[str] = "models that are seldom right yet; short prompts"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "unstable", "unfaithful",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=12",)
    costs: ClassVar[str] = (
        "2 to 8 examples with reasoning as prompt tokens; up to 96 calls on train, 192 where the"
        " first form of reasoning finds too few"
    )

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Growing numbers of replies, of as many kinds as there are."""
        step = ctx.incumbent.step("generate")
        if step is None or not ctx.train:
            return
        shows = shows_evidence(ctx.incumbent)
        abstain = ctx.task.spec.output.abstain
        most = 0
        for base in self._bases(ctx.incumbent, step.settings):
            own, tried, least = await self._successes(ctx, base)
            replies = {e.id: reply for e, reply in own}
            usable = varied([e for e, _ in own], COUNTS[-1], with_evidence=shows, abstain=abstain)
            most = max(most, len(usable))
            if most >= COUNTS[0]:
                break
        else:
            ctx.notice(
                f"{self.name}: of {tried} questions of train the model answered {most} rightly in"
                f" a form that can be shown; {COUNTS[0]} are needed."
            )
            return
        sizes = [
            len(e.question) + len(replies[e.id]) + shows * EVIDENCE * len(e.evidence)
            for e in usable
        ]
        counts = await fitting(ctx, [k for k in COUNTS if k <= len(usable)], sizes)
        score = "" if least == RIGHT else f", scored {least:g} or more"
        for k in counts:
            ids = [e.id for e in usable[:k]]
            yield Candidate(
                with_examples(
                    base, k, select="fixed", ids=ids, replies={i: replies[i] for i in ids},
                    show="evidence" if shows else "question",
                ),
                f"{k} of the model's own right replies with their reasoning{score}",
            )  # fmt: skip

    def _bases(self, incumbent: Pipeline, now: Mapping[str, Any]) -> list[Pipeline]:
        """What may answer, in turn, until enough is right."""
        if now.get("reasoning", "none") != "none":
            return [incumbent]
        bases = [incumbent.with_step("generate", reasoning="brief")]
        if now.get("contract", "none") == "none":
            bases.append(incumbent.with_step("generate", **ENFORCED))
        return bases

    async def _successes(
        self, ctx: TechniqueContext, base: Pipeline
    ) -> tuple[list[tuple[Example, str]], int, float]:
        """(example, reply) of those found right, how many were tried, and the least score."""
        found: dict[float, list[tuple[Example, str]]] = {RIGHT: [], NEARLY: []}
        tried = 0
        pool = [e for e in ctx.train if e.reference is not None][:TRIES]
        # Twice as many as are shown at most, so that there is a choice of kinds.
        while tried < len(pool) and len(found[RIGHT]) < 2 * COUNTS[-1]:
            batch = pool[tried : tried + BATCH]
            tried += len(batch)
            records = await ctx.evaluate(base, batch)
            for example, record in zip(batch, records, strict=True):
                score, reply = record.scores.get(ctx.task.metric), _reply(base, record)
                for least in found:
                    if reply is not None and score is not None and score >= least:
                        found[least].append((example, reply))
        least = RIGHT if len(found[RIGHT]) >= COUNTS[0] else NEARLY
        return found[least], tried, least


def _reply(base: Pipeline, record: Record) -> str | None:
    """The reply that was scored, as it came; None where it answers another request than the first
    (`repair`, `revise` and `check` ask again), or would show a wrong form."""
    step = base.step("generate")
    # As steps.generate.entry_of: the last reply that was read as an answer.
    told = next((t for t in reversed(record.trace) if "text" in t and "finish" in t), None)
    if step is None or told is None or told.get("step") not in FIRST:
        return None
    text = str(told["text"] or "").strip()
    if record.status != "done" or told["finish"] != "stop" or _overruled(record, text):
        return None
    marked = step.settings.get("contract", "none") == "json" or "Answer:" in text
    return text if text and marked and not _NUMBERED.search(text) else None


def _overruled(record: Record, text: str) -> bool:
    """Whether the answer is an abstention that no model wrote: `check` gives the phrase itself
    where the reply does not hold."""
    said = _AFTER.sub("", plain(record.answer or ""))
    return record.abstained and not _AFTER.sub("", plain(text)).endswith(said)
