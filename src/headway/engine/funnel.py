"""How far the evidence of an example comes on its way from the documents into the answer.

In the knowledge; whole in one passage, not cut apart; found in 100 by the plain question (of a
conversation that the pipeline condenses, the question that it wrote); found in k by the pipeline's
own search, whatever the queries and filters; in the prompt, after re-ranking, rules and trimming;
used. Evidence in a database (`database:NAME`) skips the stages of the knowledge: it counts as
having passed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headway.core.pipeline import Pipeline
from headway.core.record import Passage, Record
from headway.core.task import Example
from headway.engine.run import Runner, Span, asked_in, search_of
from headway.steps.support import Shown, statements

DEEP = 100
DATABASE = "database:"
STAGES = (
    "in the knowledge",
    "whole in one passage",
    f"found in {DEEP}",
    "found in k",
    "in the prompt",
    "used",
)
# What of them is not known where the search is the user's own, or there is none.
SEARCHED = frozenset(STAGES[1:4])
_CUT, _DEEP, _FOUND, _SHOWN, _USED = range(1, len(STAGES))


@dataclass(frozen=True)
class Way:
    """How many stages were passed (None: there is no evidence to follow), and where it ended.

    cause: why it ended there; empty where the evidence was shown, or there is none. why: a
    sentence, where more is known than the cause says. asked: all the evidence is in databases.
    """

    passed: int | None = None
    cause: str = ""
    why: str = ""
    asked: bool = False

    @property
    def shown(self) -> bool:
        """Whether all the evidence reached the prompt."""
        return self.passed is not None and self.passed > _SHOWN


NO_EVIDENCE = Way()


class Funnel:
    """Follows evidence, and counts over all examples how far it came."""

    def __init__(self, runner: Runner, pipeline: Pipeline) -> None:
        self.runner = runner
        self._how = search_of(runner.desk.parts.steps(pipeline))
        self._counts = [0] * (len(STAGES) + 1)

    @property
    def counts(self) -> dict[str, int]:
        """Stage -> examples that passed it, in order; empty where no example has evidence."""
        total, *passed = self._counts
        if not total:
            return {}
        known = {
            stage: many
            for stage, many in zip(STAGES, passed, strict=True)
            if (self._how is not None or stage not in SEARCHED)
            and (stage != "used" or self.runner.desk.task.spec.output.kind != "passages")
        }
        return {"with evidence": total, **known}

    async def follow(self, example: Example, record: Record, right: bool) -> Way:
        """The way of one example's evidence in one record; counted."""
        way = await self._follow(example, record)
        if way.shown and (right or self._quoted(example, record)):
            way = replace(way, passed=_USED + 1)
        if way.passed is not None:
            for place in range(way.passed + 1):
                self._counts[place] += 1
        return way

    async def _follow(self, example: Example, record: Record) -> Way:
        wanted = [e for e in example.evidence if e.document]
        asked = [e for e in wanted if str(e.document).startswith(DATABASE)]
        read = len(wanted) - len(asked) if self.runner.desk.task.has_knowledge else 0
        if not read and not asked:
            return NO_EVIDENCE
        whole = frozenset(str(e.document) for e in wanted if not (e.text or "").strip())
        spans = self.runner.spans(example)
        documents = [s for s in spans if not s[0].startswith(DATABASE)]
        if read:
            way = await self._documents(example, record, documents, read, whole)
            if not way.shown:
                return way
        rows = [s for s in spans if s[0].startswith(DATABASE)]
        if len(rows) < len(asked) or not _hold(record.passages, rows, whole):
            return Way(_SHOWN, "in_database", _asked(record), asked=not read)
        return Way(_SHOWN + 1, asked=not read)

    async def _documents(
        self, example: Example, record: Record, spans: Sequence[Span], wanted: int,
        whole: frozenset[str],
    ) -> Way:  # fmt: skip
        """The way of what stands in documents."""
        if len(spans) < wanted:
            return Way(0, "not_in_knowledge")
        if _hold(record.passages, spans, whole):
            return Way(_SHOWN + 1)
        if self._how is None:
            return Way(_CUT, "not_found")
        ranked = [s for s in record.ranked if not s[0].startswith(DATABASE)]
        place = _place(ranked, spans, whole)
        if place is not None:
            return Way(_SHOWN, "ranked_too_low", _lost(record, place))
        knowledge = self.runner.desk.parts.knowledge()
        if any(s[0] not in whole and not knowledge.holds(s, self._how) for s in spans):
            return Way(_CUT, "cut_apart")
        how = replace(self._how, k=DEEP, diversity=0.0)
        asked = asked_in(record, example)
        deep = await knowledge.search(asked, how)
        place = _place([(p.document, p.start, p.end) for p in deep], spans, whole)
        left_out = self._filtered(record, spans)
        if place is None:
            return Way(_DEEP, "not_found", left_out)
        what = "the plain question" if asked == example.question else "the condensed question"
        why = left_out or f"{what} finds it at place {place}"
        return Way(_FOUND, "ranked_too_low", why)

    def _filtered(self, record: Record, spans: Sequence[Span]) -> str:
        """Whether a filter of the search left the evidence's documents out."""
        parts = self.runner.desk.parts
        filters = (t["where"] for t in record.trace if isinstance(t.get("where"), Mapping))
        for field, value in dict(next(filters, {})).items():
            name, wanted = (
                ("folder", parts.folder_of(value)) if field == "domain" else (field, value)
            )
            if any(parts.knowledge().metadata(s[0]).get(name) != wanted for s in spans):
                return f"the search was limited to {field} {value!r}"
        return ""

    def _quoted(self, example: Example, record: Record) -> bool:
        """Whether the answer is made of what stands in the evidence."""
        desk = self.runner.desk
        if record.abstained or desk.task.spec.output.kind not in ("text", "json"):
            return False
        evidence = [p for p in record.passages if p.document.startswith(DATABASE)]
        for document, start, end in self.runner.spans(example):
            if not document.startswith(DATABASE):
                text = desk.parts.knowledge().document(document) or ""
                evidence.append(Passage(document, text[start:end], start, end))
        return supported(example, record, evidence) is True


def supported(example: Example, record: Record, passages: Sequence[Passage]) -> bool | None:
    """Whether the passages say all that the answer says, by words and numbers; None where there
    is nothing to compare."""
    answer = record.output if isinstance(record.output, dict | list) else record.answer or ""
    shown = Shown(passages)
    judged = [shown.say(s) for s in statements(answer, asked_in(record, example))]
    known = [one for one in judged if one is not None]
    return all(known) if known else None


def _hold(passages: Sequence[Passage], spans: Sequence[Span], whole: frozenset[str]) -> bool:
    return _place([(p.document, p.start, p.end) for p in passages], spans, whole) is not None


def _place(ranked: Sequence[Span], spans: Sequence[Span], whole: frozenset[str]) -> int | None:
    """The rank, from 1, of the last passage needed for all spans; None where one is missing.

    Of a document that is evidence as a whole, any passage will do.
    """
    last = 0
    for document, start, end in spans:
        at = next(
            (
                rank
                for rank, (name, a, b) in enumerate(ranked, start=1)
                if name == document and (document in whole or (a <= start and end <= b))
            ),
            None,
        )
        if at is None:
            return None
        last = max(last, at)
    return last


def _lost(record: Record, place: int) -> str:
    """Which step lost what the search had found, by the marks that the steps left."""
    after = [t for t in record.trace if t.get("step") not in (None, "retrieve", "generate")]
    for entry in after:
        kept = entry.get("kept")
        if entry["step"] != "compress" and isinstance(kept, int) and place > kept:
            return f"{entry['step']} has it at place {place} and keeps {kept}"
    if any(entry["step"] == "compress" for entry in after):
        return f"found at place {place}; compress left its sentences out"
    last = f"; {after[-1]['step']} came last" if after else ""
    return f"found at place {place}, and not shown{last}"


def _asked(record: Record) -> str:
    """Why the database gave nothing, by the mark of the step that asked it."""
    for entry in record.trace:
        if entry.get("step") == "database":
            return str(entry.get("why") or entry.get("error") or "")
    return "the pipeline does not ask it"
