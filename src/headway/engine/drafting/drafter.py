"""`headway draft`: examples from the task's documents, written by a model and filtered.

Everything goes through the desk, so that a draft which was killed goes on with the same command,
and the same command later finds what it wrote before instead of writing it twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, ClassVar

from headway.core.errors import BudgetEnded, InputError, ModelError, Outage, Rejected, TooLong
from headway.core.findings import Spent
from headway.core.progress import Event, Progress, silent
from headway.core.protocols import Knowledge
from headway.core.record import ChatReply, ChatRequest, Passage
from headway.core.statements import holds_figures, numbers
from headway.core.task import Evidence, Example, digest
from headway.engine.budget import Budget, Limits
from headway.engine.check_twins import words
from headway.engine.drafting import filters
from headway.engine.drafting.facts import PASSAGE, Fact, Facts, Groups, widened
from headway.engine.drafting.keeping import Drafted, keep, written
from headway.engine.drafting.writer import Writer
from headway.engine.lender import Desk
from headway.engine.parts import Parts
from headway.store import Store

# Pairs first: their documents share a group, which later drafts then keep to.
KINDS = ("two_passages", "one_passage", "figures", "unanswerable")
TRIES = 6  # drafts that are begun for each one wanted, at most
PASSAGES_LOOKED_AT = 5  # found for a question that is to have no answer


@dataclass(frozen=True)
class Order:
    """What was asked for. n counts what the same order wrote before. kinds: all that fit the task
    where none is named."""

    n: int = 60
    kinds: tuple[str, ...] = ()
    seed: int = 7
    closed_book: bool = False

    def shares(self) -> dict[str, int]:
        """How many of each kind, in the order they are written."""
        kinds = [kind for kind in KINDS if kind in (self.kinds or KINDS)]
        each, more = divmod(self.n, len(kinds))
        first = sorted(kinds, key=lambda kind: kind in ("two_passages", "unanswerable"))[:more]
        return {kind: each + (kind in first) for kind in kinds}


class DraftFinding(Drafted):
    """What was drafted, what was thrown away and why."""

    schema_name: ClassVar[str] = "headway/draft/1"

    task: str
    model: str
    checked_by: str
    wanted: int
    drafted: int
    known: int = 0
    """Of those wanted, drafts that the same order wrote before."""
    kinds: dict[str, int]
    tries: dict[str, int]
    removed: dict[str, int]
    documents: int
    """Documents that the drafts are about."""
    of_documents: int
    closed_book: int | None = None
    """Drafts that the same model answers without any document; None where it was not asked."""
    complete: bool
    stopped: str = ""

    def rows(self) -> list[dict[str, Any]]:
        """One row a draft."""
        return [
            {
                "id": e.id, "kind": e.tags[0], "question": e.question, "reference": e.reference,
                "documents": ", ".join(v.document or "" for v in e.evidence),
            }
            for e in self.examples
        ]  # fmt: skip


@dataclass(frozen=True)
class _Draft:
    """One try: an example, or why there is none."""

    example: Example | None = None
    problem: str = ""
    vector: Any = None


@dataclass
class Drafter:
    """Drafts for one task. model: who writes; checker: who answers again."""

    desk: Desk
    model: str
    checker: str
    order: Order = Order()
    progress: Progress = silent
    removed: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.task = self.desk.task
        self._refuse()
        if not self.order.kinds:
            abstains = self.task.spec.output.abstain is not None
            kinds = tuple(k for k in KINDS if abstains or k != "unanswerable")
            self.order = replace(self.order, kinds=kinds)
            if not abstains:
                self.desk.parts.notices.add(
                    "No unanswerable questions are drafted: task.yaml has no phrase for them"
                    " (output: {kind: text, abstain: ...})."
                )
        self._written = written(self.task)
        self._kept: list[Example] = []
        self._groups = Groups(self.task.examples)
        self._writer = Writer(self._asks(self.model), self._asks(self.checker),
                              self.task.spec.description)  # fmt: skip

    def _refuse(self) -> None:
        """Raises InputError for what cannot be drafted for this task."""
        task, unknown = self.task, [k for k in self.order.kinds if k not in KINDS]
        where = str(task.folder / "task.yaml")
        if unknown:
            raise InputError(f"there is no kind of draft {unknown[0]!r}", valid=", ".join(KINDS))
        from_log = f"headway draft {task.typed} --from LOG.jsonl   (samples questions from a log)"
        if task.spec.output.kind not in ("text", "passages"):
            raise InputError(
                f"drafts are questions with a text for an answer; here the output is"
                f" {task.spec.output.kind!r}",
                where=where,
                do=from_log,
            )
        if not task.has_knowledge:
            raise InputError(
                "drafts are written from documents, and the task has none", where=where,
                valid="knowledge: {path: knowledge/}", do=from_log,
            )  # fmt: skip
        if "unanswerable" in self.order.kinds and task.spec.output.abstain is None:
            raise InputError(
                "an unanswerable question needs the phrase that says so",
                where=where,
                valid="output: {kind: text, abstain: not in the documents}",
                do=f"--kinds {','.join(k for k in KINDS if k != 'unanswerable')}",
            )

    def _asks(self, model: str) -> Callable[[ChatRequest], Any]:
        async def ask(request: ChatRequest) -> ChatReply:
            return await self.desk.chat(request, model)

        return ask

    # --- the whole way --------------------------------------------------------------------------

    async def draft(self) -> DraftFinding:
        """Draft until there are enough, or the tries, the facts or the budget have ended; what was
        drafted is then written. Raises Outage where nothing at all was answered."""
        knowledge = self.desk.parts.knowledge()
        # A kind has an order of its own, so that a larger order begins with all of a smaller one.
        facts = {kind: Facts(knowledge, f"{self.order.seed}:{kind}") for kind in self.order.kinds}
        self._known = await self._questions()
        stopped = ""
        try:
            short, able = 0, []
            for kind, wanted in self.order.shares().items():
                left = wanted - await self._some(kind, wanted, facts[kind])
                short += left
                able += [] if left else [kind]
            # What a kind could not give, others may.
            for kind in able:
                if short and kind in ("one_passage", "figures"):
                    short -= await self._some(kind, short, facts[kind])
            if short:
                stopped = "no more could be drafted: every fact, or every try, is used"
        except BudgetEnded as error:
            stopped = error.what
        return self._told(knowledge, keep(self.task, self._kept), stopped)

    async def _questions(self) -> filters.Known:
        """What the task asks already, drafts of this order aside: they are met by their ids."""
        asked = [filters.asks(e) for e in self.task.examples]
        embed = self.task.spec.models.embed
        return filters.Known(asked, await self.desk.embed(embed, asked, "passage"))

    async def _some(self, kind: str, wanted: int, facts: Facts) -> int:
        """Draft so many of a kind; how many were kept."""
        if wanted:
            self.progress(Event("phase", f"{wanted} of the kind {kind}"))
        kept, begun = 0, 0
        width = 2 * (await self.desk.parts.chat(self.model)).concurrency
        while kept < wanted and begun < TRIES * wanted:
            # As many as the share kept so far says it takes.
            more = ceil((wanted - kept) * (begun + 1) / (kept + 1))
            size = min(width, more, TRIES * wanted - begun)
            chosen = [f for _ in range(size) if (f := facts.take(kind == "figures")) is not None]
            if not chosen:
                break
            begun += len(chosen)
            for draft in await self._wave([await self._seed(kind, f, facts) for f in chosen], kind):
                if kept < wanted:
                    kept += self._take(kind, draft)
        return kept

    async def _wave(self, seeds: Sequence[tuple[Fact, Passage | None]], kind: str) -> list[_Draft]:
        """Drafts of several facts side by side, in the order of the facts. When the budget ends,
        those that are through count."""
        found = await asyncio.gather(
            *(self._try(kind, fact, other) for fact, other in seeds), return_exceptions=True
        )
        self.tries[kind] += len(found)
        drafts = [f for f in found if isinstance(f, _Draft)]
        for error in found:
            if isinstance(error, BudgetEnded):
                for draft in drafts:
                    self._take(kind, draft)
                raise error
            if isinstance(error, BaseException):
                raise error
        lost = [d for d in drafts if d.problem == "lost"]
        if drafts and len(lost) == len(drafts) and not self._kept:
            raise Outage(
                f"{self.model} does not answer", do="run the same command again: it goes on"
            )
        return drafts

    async def _seed(self, kind: str, fact: Fact, facts: Facts) -> tuple[Fact, Passage | None]:
        """A fact, and for two passages another one that speaks of the same; groups are made here,
        one fact after another, so that they do not hang on which call is quicker."""
        if kind != "two_passages":
            self._groups.of(fact.document)
            return fact, None
        found = await self.desk.search(f"{fact.passage.title} {fact.text}", PASSAGE)
        others = [p for p in found if self._groups.may_pair(fact.document, p.document)
                  and not (p.document == fact.document and _overlap(p, fact.passage))]  # fmt: skip
        # Another document before another place of the same one.
        others.sort(key=lambda p: p.document == fact.document)
        if others:
            self._groups.pair(fact.document, others[0].document)
            if others[0].document != fact.document:
                facts.use(others[0].document)
        return fact, others[0] if others else None

    def _take(self, kind: str, draft: _Draft) -> int:
        """Keep a draft, or count why not."""
        example = draft.example
        problem = draft.problem
        if example is not None and example.id not in self._written:
            if self._known.near(example.question, draft.vector):
                problem = "duplicate"
            else:
                self._known.add(example.question, draft.vector)
        if problem or example is None:
            self.removed[problem] += 1
            return 0
        self._kept.append(example)
        data = {"question": example.question, "answer": str(example.reference), "reference": None}
        self.progress(Event("answer", done=len(self._kept), total=self.order.n, data=data))
        return 1

    # --- one draft ------------------------------------------------------------------------------

    async def _try(self, kind: str, fact: Fact, other: Passage | None) -> _Draft:
        try:
            if kind == "unanswerable":
                found = await self._unanswerable(fact)
            elif kind == "two_passages":
                found = await self._two(fact, other)
            else:
                found = await self._one(kind, fact)
            return await self._finished(found)
        except TooLong:
            return _Draft(problem="too_long")
        except Rejected:
            raise
        except ModelError:
            return _Draft(problem="lost")

    async def _finished(self, draft: _Draft) -> _Draft:
        """With the question's vector, and a tag where the model knows the answer by itself."""
        example = draft.example
        if example is None:
            return draft
        if self.order.closed_book and "unanswerable" not in example.tags:
            said = await self._writer.closed_book(example.question)
            if filters.agree(said, str(example.reference)):
                example = example.model_copy(update={"tags": (*example.tags, "closed_book")})
        embed = self.task.spec.models.embed
        vectors = await self.desk.embed(embed, [example.question], "passage")
        return replace(draft, example=example, vector=vectors[0])

    async def _one(self, kind: str, fact: Fact) -> _Draft:
        """A question about one fact."""
        asked = await self._writer.question(fact.passage, fact.text, kind == "figures")
        shown = _words_of([fact.passage])
        problem = filters.question_problem(asked, fact.text, shown) if asked else "malformed"
        if asked is None or problem:
            return _Draft(problem=problem or "malformed")
        evidence, answer, problem = await self._answered(asked, [fact.passage])
        if problem:
            return _Draft(problem=problem)
        quoted = " ".join(e.text or "" for e in evidence)
        if filters.gives_away(asked, answer):
            return _Draft(problem="holds_answer")
        if filters.question_problem(asked, quoted) == "copies_quote":
            return _Draft(problem="copies_quote")
        bare = kind == "figures" and not numbers(answer)
        if bare or not holds_figures(quoted, answer):
            return _Draft(problem="no_figure" if kind == "figures" else "not_supported")
        again = await self._writer.again(asked, self._facts(evidence))
        if not again or not filters.agree(again, answer):
            return _Draft(problem="not_supported")
        return _Draft(self._example(kind, asked, answer, evidence, [fact.document]))

    async def _two(self, fact: Fact, other: Passage | None) -> _Draft:
        """A question over two passages, which neither answers alone."""
        if other is None:
            return _Draft(problem="one_is_enough")
        passages = [fact.passage, other]
        asked = await self._writer.question_of_two(passages, fact.text)
        shown = _words_of(passages)
        problem = filters.question_problem(asked, fact.text, shown) if asked else "malformed"
        if asked is None or problem:
            return _Draft(problem=problem or "malformed")
        evidence, answer, problem = await self._answered(asked, passages)
        if problem:
            return _Draft(problem=problem)
        if filters.gives_away(asked, answer):
            return _Draft(problem="holds_answer")
        halves = [[e for e in evidence if self._inside(e, p)] for p in passages]
        if not all(halves):
            return _Draft(problem="one_is_enough")
        again = await self._writer.again(asked, self._facts(evidence))
        if not again or not filters.agree(again, answer):
            return _Draft(problem="not_supported")
        for half in halves:
            again = await self._writer.again(asked, self._facts(half))
            if again is None:  # whether this half is enough is not known
                return _Draft(problem="malformed")
            if filters.agree(again, answer):
                return _Draft(problem="one_is_enough")
        documents = [fact.document, other.document]
        return _Draft(self._example("two_passages", asked, answer, evidence, documents))

    async def _unanswerable(self, fact: Fact) -> _Draft:
        """A question that the documents nearly answer. That they do not is what has to be shown: of
        the passage, of each that a search finds and of all of them, the checker says so. An answer
        is believed without a quote for it, and a reply that cannot be read is no word for it."""
        asked = await self._writer.question_of_none(fact.passage, fact.text)
        shown = _words_of([fact.passage])
        problem = filters.question_problem(asked, fact.text, shown) if asked else "malformed"
        if asked is None or problem:
            return _Draft(problem=problem or "malformed")
        found = await self.desk.search(asked, replace(PASSAGE, k=PASSAGES_LOOKED_AT))
        near = [p for p in found if not _overlap(p, fact.passage)]
        # Each alone first: among others a small model overlooks what a passage says.
        for passages in ([fact.passage], *([p] for p in near), [fact.passage, *near]):
            again = await self._writer.again(asked, [(p.title, p.text) for p in passages])
            if again is None:
                return _Draft(problem="malformed")
            if again:
                return _Draft(problem="answerable")
        abstain = self.task.spec.output.abstain or ""
        return _Draft(self._example("unanswerable", asked, abstain, [], [fact.document]))

    async def _answered(
        self, asked: str, passages: Sequence[Passage]
    ) -> tuple[list[Evidence], str, str]:
        """Evidence, answer and the problem with them."""
        found = await self._writer.answer(asked, passages)
        if found is None:
            return [], "", "malformed"
        if not found.answer or not found.quotes:
            return [], "", "no_answer"
        evidence: list[Evidence] = []
        for quote in found.quotes:
            placed = next((e for p in passages if (e := self._placed(quote, p)) is not None), None)
            if placed is None:
                return [], "", "quote_not_found"
            evidence += [e for e in placed if e not in evidence]
        if len(found.answer.split()) > filters.ANSWER_WORDS:
            return [], "", "malformed"
        return evidence, found.answer, ""

    def _placed(self, quote: str, passage: Passage) -> list[Evidence] | None:
        """The quote as evidence in the passage's document: its whole sentences, as they stand
        there; None where it does not stand in the passage."""
        knowledge = self.desk.parts.knowledge()
        named = Evidence(document=passage.document, text=quote, start=passage.start)
        span = knowledge.locate(named) or _without_case(quote, passage)
        text = knowledge.document(passage.document)
        if not quote.strip() or span is None or text is None:
            return None
        _, start, end = span
        if start < passage.start or end > passage.end or len(words(quote)) < 2:
            return None
        return [
            Evidence(document=passage.document, text=text[a:b], start=a)
            for a, b in widened(text, start, end)
        ]

    def _facts(self, evidence: Sequence[Evidence]) -> list[tuple[str, str]]:
        """(title of the document, text) of each piece: what the checker is told."""
        knowledge: Knowledge = self.desk.parts.knowledge()
        return [
            (p.title, e.text or "")
            for e in evidence
            for p in knowledge.passages_of((e,), PASSAGE)[:1]
        ]

    @staticmethod
    def _inside(evidence: Evidence, passage: Passage) -> bool:
        at = evidence.start or 0
        return evidence.document == passage.document and passage.start <= at < passage.end

    def _example(
        self, kind: str, asked: str, answer: str, evidence: Sequence[Evidence], about: Sequence[str]
    ) -> Example:
        text = self.task.spec.output.kind == "text"
        return Example(
            id=f"draft-{digest([kind, sorted(about), asked])[:12]}",
            inputs={"question": asked},
            reference=answer if text else None,
            evidence=tuple(evidence),
            group=self._groups.of(about[0]),
            tags=(kind,),
            source=f"draft:{self.model}",
            reviewed=False,
        )

    def _told(self, knowledge: Knowledge, new: tuple[Example, ...], stopped: str) -> DraftFinding:
        kept = self._kept
        about = {e.group for e in kept} | {v.document for e in kept for v in e.evidence}
        return DraftFinding(
            task=self.task.spec.name,
            model=self.model,
            checked_by=self.checker,
            wanted=self.order.n,
            drafted=len(new),
            known=len(kept) - len(new),
            kinds=dict(Counter(e.tags[0] for e in kept)),
            tries=dict(self.tries),
            removed=dict(self.removed.most_common()),
            documents=len(about & set(knowledge.names)),
            of_documents=len(knowledge.names),
            closed_book=sum("closed_book" in e.tags for e in kept)
            if self.order.closed_book
            else None,
            complete=len(kept) >= self.order.n,
            stopped=stopped,
            spent=self.desk.budget.spent(),
            file=str(self.task.folder / "examples.jsonl"),
            examples=new,
            notices=self.desk.parts.notices.texts,
        )


def open_drafter(
    parts: Parts, store: Store, model: str, order: Order, limits: Limits, progress: Progress
) -> Drafter:
    """A drafter that goes on where the same order, cut off, had come to: it knows what that spent.
    The checker is the task's judge, else the writer itself. Raises InputError."""
    task = parts.task
    about = [parts.knowledge().fingerprint] if task.has_knowledge else []
    asked = [*about, model, order.kinds, order.seed, order.closed_book, limits.to_dict()]
    id = f"draft-{digest(asked)[:12]}"
    calls, tokens, usd = store.spent(id)
    budget = Budget(limits, spent=Spent(calls=calls, tokens=tokens, usd=usd))
    desk = Desk(task, parts, store, budget, id)
    return Drafter(desk, model, task.spec.models.judge or model, order, progress)


def _words_of(passages: Sequence[Passage]) -> str:
    """All that a writer is shown of the documents."""
    return "\n".join(f"{p.title}\n{p.document}\n{p.text}" for p in passages)


def _overlap(one: Passage, other: Passage) -> bool:
    return one.document == other.document and one.start < other.end and other.start < one.end


def _without_case(quote: str, passage: Passage) -> tuple[str, int, int] | None:
    """Where a quote stands in a passage but for the case of its letters: models begin it like a
    sentence. What becomes evidence is the document's own text."""
    text, wanted = passage.text.lower(), quote.strip(" \n\"'“”").lower()
    at = text.find(wanted) if wanted and len(text) == len(passage.text) else -1
    return (
        None if at < 0 else (passage.document, passage.start + at, passage.start + at + len(wanted))
    )
