"""One cause for each failure, in a fixed order, and a verdict: what is at fault.

The order is that of the way a question takes: the service, the label, the knowledge, the cut, the
search, the prompt, the form of the output, the model. The first that applies is the cause.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from headway.core.before import grounds
from headway.core.record import Record
from headway.core.task import Example
from headway.engine.funnel import DEEP, Funnel, Way, supported
from headway.engine.labels import contradiction
from headway.engine.people import fault_of, flag_on, flags_of
from headway.engine.run import Run, Runner, search_of

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

# What is at fault, by cause; where a cause is not named, the model is.
FAULTS = {
    "outage": "service",
    "label_suspect": "label",
    "not_in_knowledge": "knowledge",
    "contradictory_knowledge": "knowledge",
    "in_database": "database",
    "cut_apart": "search",
    "not_found": "search",
    "ranked_too_low": "search",
    "crowded_out": "search",
}


class Causes:
    """Assigns causes from the probes' runs."""

    def __init__(
        self, runner: Runner, metric: str, as_is: Run, closed: Run | None, perfect: Run | None,
        repeated: Run | None, stronger: Run | None, known: Mapping[str, Example] | None = None,
        suspects: Collection[str] = (),
    ) -> None:  # fmt: skip
        """known: the examples by id, with inferred evidence where they had none. suspects: those
        whose label is suspect by the rule."""
        self.runner, self.metric, self._known = runner, metric, known or {}
        self._suspects = frozenset(suspects)
        self.as_is, self.closed = as_is, closed
        self._perfect = _records(perfect)
        self._repeated: dict[str, list[Record]] = {}
        for record in repeated.records if repeated else ():
            self._repeated.setdefault(record.example, []).append(record)
        self._stronger = _records(stronger)
        self._funnel = Funnel(runner, as_is.pipeline)
        self._flags = flags_of(runner.desk.task)

    @property
    def funnel(self) -> dict[str, int]:
        """Stage -> how many examples with evidence passed it, in order; filled by `assign`."""
        return self._funnel.counts

    async def assign(self) -> list[dict[str, Any]]:
        """One row a failure, worst first; fills the funnel over all examples with evidence."""
        failures = []
        scores = self.as_is.scores(self.metric)
        for example, score in zip(self.as_is.examples, scores, strict=True):
            record = self.as_is.record(example)
            example = self._known.get(example.id, example)
            way = await self._funnel.follow(example, record, self._right(record))
            if record.status == "outage" or (score is not None and score < 0.5):
                said = await self._contradicted(example, record)
                failures.append({**self._row(example, record, way, said), "score": score})
        return sorted(failures, key=lambda f: (f["score"] is not None, f["score"] or 0.0))

    def _row(self, example: Example, record: Record, way: Way, said: str) -> dict[str, Any]:
        faithful = self._faithful(example, record)
        cause = self._cause(example, record, way, faithful, bool(said))
        perfect = self._perfect.get(example.id)
        whys = (
            way.why if cause == way.cause else "",
            said if cause == "contradictory_knowledge" else "",
            record.why,
        )
        task = self.runner.desk.task
        fault, verdict = verdict_of(cause, record, way, faithful, task.has_knowledge)
        flag = flag_on(self._flags, record)
        if flag == "hallucination" and faithful and not way.shown and fault != "label":
            # What people call made up stands in what was shown: it is the search that is wrong.
            fault, verdict = fault_of(faithful, way.shown)
        if task.spec.output.kind == "passages":  # nobody answered
            verdict = f"{fault} at fault: {CAUSES[cause][1]}"
        return {
            "example": example.id,
            "question": example.question[:500],
            "wanted": " | ".join(example.references)[:300],
            "answered": (record.answer or "")[:500],
            "cause": cause,
            "axis": CAUSES[cause][0],
            "fault": fault,
            "faithful": faithful,
            "verdict": verdict,
            "flag": flag,
            "right_with_evidence": self._right(perfect) if perfect else None,
            "why": "; ".join(filter(None, whys))[:200],
            "tags": list(example.tags),
        }

    def _right(self, record: Record | None) -> bool:
        score = record.scores.get(self.metric) if record else None
        return score is not None and score >= 0.5

    def _faithful(self, example: Example, record: Record) -> bool | None:
        """Whether the answer is supported by what was shown; None where nothing was shown, nothing
        answered, or the answer is no text to be quoted (a label, SQL). Saying that one does not
        know claims nothing, and is supported."""
        if not record.passages or record.status in ("outage", "refused"):
            return None
        if self.runner.desk.task.spec.output.kind not in ("text", "json"):
            return None
        files = self.runner.desk.parts.files(example)
        shown = (*record.passages, *grounds(example, files))
        return record.abstained or supported(example, record, shown)

    async def _contradicted(self, example: Example, record: Record) -> str:
        """What contradicts the evidence, as a sentence; empty where nothing does."""
        parts, steps = self.runner.desk.parts, self.runner.desk.parts.steps(self.as_is.pipeline)
        if record.status != "done" or not self.runner.desk.task.has_knowledge:
            return ""
        if self.runner.desk.task.spec.output.kind != "text" or (how := search_of(steps)) is None:
            return ""
        spans = self.runner.spans(example)
        return await contradiction(example, record, spans, parts.knowledge(), how)

    def _cause(
        self, example: Example, record: Record, way: Way, faithful: bool | None, contradicted: bool
    ) -> str:
        if record.status in ("outage", "refused"):
            return record.status
        if example.id in self._suspects:
            return "label_suspect"
        if contradicted and way.cause != "not_in_knowledge":
            return "contradictory_knowledge"
        if way.cause:
            return way.cause
        if way.shown and self.runner.desk.task.spec.output.kind == "passages":
            return "ranked_too_low"  # all of it is there, below what is of no use
        if way.shown and self._right(self._perfect.get(example.id)):
            return "in_database" if way.asked else "crowded_out"
        return self._behaviour(example, record, faithful)

    def _behaviour(self, example: Example, record: Record, faithful: bool | None) -> str:
        """The causes that are left when the right thing was shown, or nothing can be."""
        if record.status == "invalid":
            return "invalid_output"
        if any(self._right(r) for r in self._repeated.get(example.id, ())):
            return "unstable"
        if faithful is False:
            return "unfaithful"
        if self._right(self._stronger.get(example.id)):
            return "beyond_model"
        return "wrong_despite_evidence"


def verdict_of(
    cause: str, record: Record, way: Way, faithful: bool | None, has_knowledge: bool
) -> tuple[str, str]:
    """(what is at fault, one plain sentence): search, model, label, service, knowledge, database,
    or none where that cannot be told."""
    fault = FAULTS.get(cause, "model")
    if fault in ("service", "label"):
        return fault, f"{fault} at fault: {CAUSES[cause][1]}"
    if cause == "crowded_out":
        return fault, "search at fault: the right passage was shown, lost among others"
    if fault != "model":
        return fault, f"{fault} at fault, {_manner(record, faithful)}"
    if cause == "wrong_despite_evidence" and has_knowledge and not way.shown:
        return "none", "fault not clear: where the answer stands is not known"
    if cause == "refused" or not way.shown:
        return fault, f"model at fault: {CAUSES[cause][1]}"
    how = ", and the answer is made up" if faithful is False else ""
    return fault, f"model at fault: the right passage was shown{how}"


def _manner(record: Record, faithful: bool | None) -> str:
    """How the model did with what it was shown."""
    if not record.passages:
        return "nothing was shown"
    if record.abstained:
        return "and the answer says that it does not know"
    if faithful is None:
        return "answer not judged" if (record.answer or "").strip() else "no answer to judge"
    return "answer faithful" if faithful else "answer made up"


def _records(run: Run | None) -> dict[str, Record]:
    return {r.example: r for r in run.records} if run else {}
