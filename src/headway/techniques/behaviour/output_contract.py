"""An agreed form that is enforced, and mended where it breaks: by the task's schema or labels.

Where the backend decodes under a schema the form cannot break (Willard and Louf, 2023, "Efficient
Guided Generation for LLMs"); elsewhere it is asked for, and what breaks it is read with patience or
asked for again. An answer that was cut off has kept its form as far as it goes: it needs room.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.record import Record
from headway.techniques.behaviour.placing import answers, put

SAMPLE = 16  # examples of train that are answered to see whether answers are cut off
SPARE = 10  # times as many calls must be left for that
# The step's own defaults: what is doubled.
TOKENS, ROOM = 256, {"brief": 120, "steps": 400, "quote": 120}


class OutputContract:
    """Contract `json`, a repair of what breaks it, and more room where answers are cut off."""

    name: ClassVar[str] = "output_contract"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "labels, JSON, answers wrapped in talk, answers cut off"
    not_good_for: ClassVar[str] = "free text whose style counts"
    addresses: ClassVar[tuple[str, ...]] = ("invalid_output", "wrong_despite_evidence")
    needs: ClassVar[tuple[str, ...]] = ()
    costs: ClassVar[str] = "some 50 prompt tokens; a second call where the form is broken"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """The contract where it is not there; a repair for labels, JSON and what stands behind
        thinking; twice the tokens where answers on train are cut off."""
        incumbent, kind = ctx.incumbent, ctx.task.spec.output.kind
        step = incumbent.step("generate")
        if step is None or not answers(incumbent):
            return
        bare = step.settings.get("contract", "none") == "none"
        agreed = incumbent.with_step("generate", contract="json")
        if bare:
            yield Candidate(agreed, "answers as JSON, enforced where the model allows it")
        thinks = step.settings.get("reasoning", "none") != "none"
        if incumbent.step("repair") is None and (kind in ("label", "json") or thinks or not bare):
            yield Candidate(put(incumbent, "repair"), "mends the form, or asks once more for it")
            if bare:
                yield Candidate(
                    put(agreed, "repair"), "answers as JSON; mends the form, or asks once more"
                )
        cut, asked = await _cut_off(ctx)
        if cut:
            yield Candidate(
                roomier(incumbent, step.settings),
                f"twice the tokens: {cut} of {asked} answers on train were cut off",
            )


def roomier(pipeline: Pipeline, settings: Mapping[str, Any]) -> Pipeline:
    """A copy with twice the tokens for the answer, and for what stands before it."""
    form = str(settings.get("reasoning", "none"))
    room = settings.get("room") or ROOM.get(form)
    return pipeline.with_step(
        "generate",
        max_tokens=2 * int(settings.get("max_tokens", TOKENS)),
        room=2 * int(room) if room else None,
    )


async def _cut_off(ctx: TechniqueContext) -> tuple[int, int]:
    """(how many of the incumbent's answers on train were cut off, of how many); (0, 0) where the
    budget does not allow to look."""
    some = ctx.train[:SAMPLE]
    left = ctx.calls_left
    if not some or (left is not None and left < SPARE * len(some)):
        return 0, 0
    records = await ctx.evaluate(ctx.incumbent, some)
    return sum(map(was_cut, records)), len(records)


def was_cut(record: Record) -> bool:
    """Whether the reply that is the answer was cut off at max_tokens."""
    ended = [e["finish"] for e in record.trace if "finish" in e and "text" in e]
    return bool(ended) and ended[-1] == "length"
