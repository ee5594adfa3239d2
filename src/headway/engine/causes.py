"""One cause for each failure, in a fixed order, and what to do about the common ones.

The order is that of the way a question takes: the service, the label, the knowledge, the cut, the
search, the prompt, the form of the output, the model. The first that applies is the cause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headway.core.findings import Diagnosis, Estimate
from headway.core.record import Passage, Record
from headway.core.task import Example
from headway.engine.run import Run, Runner, Span, search_of
from headway.techniques import TECHNIQUES

DEEP = 100

# Cause -> (axis, what it means in a sentence a newcomer understands).
CAUSES: dict[str, tuple[str, str]] = {
    "outage": ("", "the service did not answer"),
    "refused": ("behaviour", "the model declined to answer"),
    "label_suspect": ("", "two models agree with the evidence against the reference"),
    "not_in_knowledge": ("context", "the evidence is not in the knowledge"),
    "contradictory_knowledge": ("context", "the knowledge says two different things"),
    "in_database": ("context", "the answer stands in the database, which was not asked rightly"),
    "cut_apart": ("context", "the evidence is split between two passages"),
    "not_found": ("context", f"search does not have the evidence in its first {DEEP}"),
    "ranked_too_low": ("context", "search finds the evidence, but below what is shown"),
    "crowded_out": ("context", "the evidence is shown among others, and alone it is answered"),
    "invalid_output": ("behaviour", "the answer breaks the agreed form"),
    "unstable": ("behaviour", "asked again, the model sometimes gets it right"),
    "unfaithful": ("behaviour", "the answer is not supported by what was shown"),
    "wrong_despite_evidence": ("behaviour", "the right passage is shown, and the answer is wrong"),
    "beyond_model": ("behaviour", "a stronger model gets it right, this one never does"),
}


class Causes:
    """Assigns causes from the probes' runs."""

    def __init__(
        self, runner: Runner, metric: str, as_is: Run, closed: Run | None, perfect: Run | None,
        repeated: Run | None, stronger: Run | None, known: Mapping[str, Example] | None = None,
    ) -> None:  # fmt: skip
        """known: the examples by id, with inferred evidence where they had none."""
        self.runner, self.metric, self._known = runner, metric, known or {}
        self.as_is, self.closed = as_is, closed
        self._perfect = _records(perfect)
        self._repeated: dict[str, list[Record]] = {}
        for record in repeated.records if repeated else ():
            self._repeated.setdefault(record.example, []).append(record)
        self._stronger = _records(stronger)
        self._how = search_of(runner.desk.parts.steps(as_is.pipeline))
        self.funnel: dict[str, int] = {}

    async def assign(self) -> list[dict[str, Any]]:
        """One row a failure, worst first; fills the funnel over all examples with evidence."""
        failures = []
        scores = self.as_is.scores(self.metric)
        for example, score in zip(self.as_is.examples, scores, strict=True):
            record = self.as_is.record(example)
            example = self._known.get(example.id, example)
            failed = record.status == "outage" or (score is not None and score < 0.5)
            found = await self._found(example, record)
            self._count(found)
            if failed:
                cause = self._cause(example, record, found)
                failures.append(
                    {
                        "example": example.id,
                        "question": example.question[:500],
                        "wanted": " | ".join(example.references)[:300],
                        "answered": (record.answer or "")[:500],
                        "score": score,
                        "cause": cause,
                        "axis": CAUSES[cause][0],
                        "why": record.why[:200],
                        "tags": list(example.tags),
                    }
                )
        return sorted(failures, key=lambda f: (f["score"] is not None, f["score"] or 0.0))

    def _right(self, record: Record | None) -> bool:
        score = record.scores.get(self.metric) if record else None
        return score is not None and score >= 0.5

    async def _found(self, example: Example, record: Record) -> str:
        """How far the evidence came: the first stage of the funnel that it failed, or `shown`.

        `none`: there is no evidence to follow.
        """
        desk = self.runner.desk
        if not desk.task.has_knowledge or not example.evidence:
            return "none"
        spans = self.runner.spans(example)
        if len(spans) < len(example.evidence):
            return "not_in_knowledge"
        if self._how is None:
            shown = record.passages
            return "shown" if _hold(shown, spans) else "not_found"
        knowledge = desk.parts.knowledge()
        if any(not knowledge.holds(span, self._how) for span in spans):
            return "cut_apart"
        if _hold(record.passages, spans):
            return "shown"
        deep = await knowledge.search(example.question, replace(self._how, k=DEEP))
        return "ranked_too_low" if _hold(deep, spans) else "not_found"

    def _count(self, found: str) -> None:
        """Every stage that the evidence passed, as counts."""
        if found == "none":
            return
        stages = ("in the knowledge", "whole in one passage", f"found in {DEEP}", "in the prompt")
        failed = ("not_in_knowledge", "cut_apart", "not_found", "ranked_too_low")
        passed = failed.index(found) if found in failed else len(stages)
        self.funnel["with evidence"] = self.funnel.get("with evidence", 0) + 1
        for stage in stages[:passed]:
            self.funnel[stage] = self.funnel.get(stage, 0) + 1

    def _cause(self, example: Example, record: Record, found: str) -> str:
        if record.status in ("outage", "refused"):
            return record.status
        if found not in ("none", "shown"):
            return found
        perfect = self._perfect.get(example.id)
        if found == "shown" and self._right(perfect):
            return "crowded_out"
        return self._behaviour(example, record)

    def _behaviour(self, example: Example, record: Record) -> str:
        """The causes that are left when the right thing was shown, or nothing can be."""
        if record.status == "invalid":
            return "invalid_output"
        if any(self._right(r) for r in self._repeated.get(example.id, ())):
            return "unstable"
        if record.passages and not _supported(record.answer or "", record.passages):
            return "unfaithful"
        if self._right(self._stronger.get(example.id)):
            return "beyond_model"
        return "wrong_despite_evidence"


def _records(run: Run | None) -> dict[str, Record]:
    return {r.example: r for r in run.records} if run else {}


def _hold(passages: Sequence[Passage], spans: Sequence[Span]) -> bool:
    return all(any(p.covers(*span) for p in passages) for span in spans)


def _supported(answer: str, passages: Sequence[Passage]) -> bool:
    """Whether most of an answer's words stand in what was shown: quotation, not entailment."""
    words = set(re.findall(r"\w+", answer.lower()))
    shown = set(re.findall(r"\w+", " ".join(p.text for p in passages).lower()))
    return not words or len(words & shown) >= 0.6 * len(words)


def advise(
    found: Diagnosis, drawn: bool, has_context: bool, covered: int, application: bool = False
) -> tuple[str, ...]:
    """Sentences: which axis holds the task back, with figures, then what addresses the causes."""
    said: list[str] = []
    context, behaviour = found.headroom.context, found.headroom.behaviour
    if not has_context:
        said.append("The task has no knowledge, so the context axis does not apply.")
    elif not drawn:
        said.append(
            f"{covered} of the {found.n} diagnosed examples have evidence that the knowledge"
            " holds; the map needs 30. Diagnose more, or add `evidence` to examples.jsonl."
        )
    if found.inferred:
        said.append(
            f"The evidence of {found.inferred} examples was inferred by quotation: a guess, which"
            " evidence in examples.jsonl replaces."
        )
    if found.holds_back == "context":
        said.append(
            f"Context holds it back: with the right passages {found.metric} would be"
            f" {_figure(found.perfect_context)} instead of {_figure(found.as_is)}."
        )
    elif found.holds_back == "behaviour":
        then = (
            f"even with the right passages it reaches {_figure(found.perfect_context)}, and search"
            f" costs only {_figure(context)} of that"
            if has_context
            else f"{_figure(behaviour)} of {found.metric} is left to gain"
        )
        said.append(f"Behaviour holds it back, not context: {then}.")
    elif found.holds_back == "not_clear" and drawn:
        said.append(
            f"Both axes have headroom: context {_figure(context)}, behaviour {_figure(behaviour)};"
            " so many examples cannot tell which is larger."
        )
    for cause, count in list(found.causes.items())[:3]:
        helps = [
            name
            for name, kind in TECHNIQUES
            if cause in kind.addresses and ("application" in kind.needs) == application
        ]
        if helps:
            share = f"{count} of {sum(found.causes.values())} failures"
            said.append(f"{share}: {CAUSES[cause][1]}. Try: {', '.join(helps[:4])}.")
    closed = found.closed_book
    if closed and closed.mean and found.as_is.mean and closed.mean > 0.9 * found.as_is.mean:
        said.append(
            "Without any passages the answers are as good: the knowledge is not used, or the"
            " model knows the answers already."
        )
    return tuple(said)


def _figure(value: Estimate | None) -> str:
    if value is None or value.mean is None:
        return "(not known)"
    return f"{value.mean:.2f} ({value.low:.2f} to {value.high:.2f})"
