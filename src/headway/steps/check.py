"""Hold an answer against the passages it was given for: its quotes word for word, its statements
one by one. What tools returned in the conversation and the example's files are passages too.

Quotes: OpenAI's prompting guide, citations verified by string matching. Statements: the
faithfulness of Es et al., 2023, "RAGAS: Automated Evaluation of Retrieval Augmented Generation",
used as a gate: block, ask again, or abstain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from headway.core.before import grounds
from headway.core.errors import InputError, TooLong
from headway.core.protocols import Lender, State
from headway.core.record import ChatRequest, Message, Passage
from headway.core.task import Frozen, Output
from headway.core.words import abstains
from headway.steps.abstain import abstained
from headway.steps.generate import entry_of, layout, reader_of
from headway.steps.support import RERANK, Shown, Statement, stands_in, statements

MOST = 24  # statements of one answer that are judged; the trace says of how many
NAMED = 3  # quotes or statements that are named when the model is asked again

JUDGE = (
    "You check whether passages say what is claimed. Reply to each numbered statement on a line of"
    " its own, with its number and yes or no: yes only where the passages say it."
)
# The number and the vote behind it; else a line with the number, whose last word of the two counts.
_VOTE = re.compile(r"\b(\d{1,3})[^\w\n]+(yes|no)\b", re.IGNORECASE)
_LINE = re.compile(r"^\D{0,20}?\b(\d{1,3})\b.*\b(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check says: nothing speaks against the answer, or what does."""

    told: Mapping[str, Any] = field(default_factory=dict)
    against: tuple[str, ...] = ()


class Check(Frozen):
    """Without `citations` or `facts` it checks nothing.

    citations: each quote of `generate` (reasoning: quote) must stand in the passages shown, and
    there must be one. facts: the share of the answer's statements that the passages must support;
    a statement that cannot be judged does not count. by: how that is judged: `words` (all its
    numbers stand in the passages, and enough of its words in their order: `Shown.say`), `model` (a
    chat model is asked, `model` or the pipeline's), `rerank` (by its words and the small embedded
    re-ranker: `Shown.likely`; another `model` must score a passage above 0 for it, made for
    cross-encoders whose scores are logits, and all its numbers must stand there). otherwise:
    `retry` asks the model once more and, where that fails too, abstains, or blocks in a task
    without a phrase for that; `abstain` does so at once; `block` makes the answer invalid; `note`
    only writes it into the trace.

    An abstention, a refusal, an invalid answer and an empty one are left alone, and so is any
    where there is nothing to hold it against; quotes are, where no passages were shown.
    """

    name: ClassVar[str] = "check"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()

    citations: bool = False
    facts: float | None = Field(default=None, ge=0, le=1)
    by: Literal["words", "model", "rerank"] = "words"
    otherwise: Literal["block", "retry", "abstain", "note"] = "retry"
    model: str | None = None

    @model_validator(mode="after")
    def _model_is_used(self) -> Check:
        if self.by == "words" and self.model is not None:
            raise ValueError("model is for by: model or by: rerank, not for by: words")
        return self

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"model": "rerank"} if self.by == "rerank" else {}

    @property
    def chats(self) -> bool:
        """Whether it calls the pipeline's chat model."""
        checks = self.citations or self.facts is not None
        judges = self.facts is not None and self.by == "model" and self.model is None
        return judges or (checks and self.otherwise == "retry")

    async def run(self, state: State, lend: Lender) -> State:
        """The same answer, one asked for again, an abstention, or a reason why it is invalid."""
        phrase = lend.task.spec.output.abstain
        if not (self.citations or self.facts is not None) or _nothing_said(state, phrase):
            return state
        found = await self._judge(state, lend)
        state = replace(state, trace=(*state.trace, {"step": "check", **found.told}))
        if not found.against or self.otherwise == "note":
            return state
        if self.otherwise == "retry":
            state, found = await self._again(state, found, lend)
            if not found.against:
                return state
        if self.otherwise != "block" and phrase is not None:
            return abstained(state, phrase)
        if state.status != "done":
            return state
        return replace(state, status="invalid", output=None, why=f"blocked: {found.against[0]}")

    async def _judge(self, state: State, lend: Lender) -> Found:
        """Both checks of an answer."""
        told: dict[str, Any] = {}
        against: list[str] = []
        # Without passages `generate` was asked to quote from nothing.
        if self.citations and state.passages and (quotes := quotes_of(state)) is not None:
            texts = [f"{p.title}\n{p.text}" for p in _held(state)]
            wrong = [q for q in quotes if not stands_in(q, texts)]
            told["citations"] = (len(quotes) - len(wrong)) / len(quotes) if quotes else 0.0
            against += [f"this quote does not stand in the passages: {_short(q)!r}" for q in wrong]
            if not quotes:
                against.append("no sentence of the passages is quoted")
        if self.facts is not None and lend.task.spec.output.kind not in ("sql", "passages"):
            kept = statements(
                state.output if isinstance(state.output, dict | list) else state.answer,
                state.query,
            )
            votes = await self._votes(kept[:MOST], state, lend)
            judged = [vote for vote in votes if vote is not None]
            share = sum(judged) / len(judged) if judged else None
            told |= {"facts": share, "judged": len(judged), "statements": len(kept)}
            if share is not None and share < self.facts:
                said = zip(kept, votes, strict=False)
                against += [
                    f"the passages do not say this: {_short(s.own)!r}"
                    for s, vote in said
                    if vote is False
                ]
        return Found({**told, "supported": not against}, tuple(against))

    async def _votes(
        self, kept: Sequence[Statement], state: State, lend: Lender
    ) -> list[bool | None]:
        """For each statement whether the passages support it; None where that was not judged."""
        if not kept:
            return []
        passages = _held(state)
        if self.by == "words":
            shown = Shown(passages)
            return [shown.say(statement) for statement in kept]
        if self.by == "rerank":
            return await self._ranked(kept, passages, lend)
        try:
            reply = await lend.chat(asked(kept, passages), self.model)
        except TooLong:
            return [None] * len(kept)
        return votes_of(reply.text, len(kept))

    async def _ranked(
        self, kept: Sequence[Statement], passages: Sequence[Passage], lend: Lender
    ) -> list[bool | None]:
        model, shown = self.model or lend.task.spec.models.rerank, Shown(passages)
        rerank = partial(lend.rerank, model)
        if model == RERANK:
            return [await shown.likely(s, rerank) >= 0.5 for s in kept]
        texts = [f"{p.title}\n{p.text}" if p.title else p.text for p in passages]
        return [shown.figures(s) and max(await rerank(s.text, texts)) > 0 for s in kept]

    async def _again(self, state: State, found: Found, lend: Lender) -> tuple[State, Found]:
        """Ask once more, and check again. What was found stays where nothing can be asked, or
        the new answer is none."""
        request, entry = state.request, entry_of(state)
        if request is None or entry is None:
            return state, found
        output = lend.task.spec.output
        turn = objection(found, entry, output)
        text = str(entry.get("text") or "").strip() or state.answer or "-"
        messages = (*request.messages, Message("assistant", text), Message("user", turn))
        try:
            reply = await lend.chat(replace(request, messages=messages), entry.get("model"))
        except TooLong:
            return state, found
        reader = reader_of(entry)
        told = {**reader.told(reply, "check"), "again": True}
        state = replace(state, messages=messages, trace=(*state.trace, told))
        state = replace(state, **{"why": "", "output": None, **reader.read(reply, output)})
        if state.status != "done" or _nothing_said(state, output.abstain):
            return state, Found() if state.status == "done" else found
        second = await self._judge(state, lend)
        return replace(state, trace=(*state.trace, {"step": "check", **second.told})), second


def _nothing_said(state: State, phrase: str | None) -> bool:
    """Whether there is no answer that says anything, or nothing to hold it against."""
    if state.status != "done" or not (state.answer or "").strip() or not _held(state):
        return True
    return abstains(phrase, state.answer)


def _held(state: State) -> tuple[Passage, ...]:
    """What the answer may rest on."""
    return (*state.passages, *grounds(state.example, state.files))


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."


def quotes_of(state: State) -> list[str] | None:
    """The quotes behind an answer; None where `generate` did not give it. Raises InputError where
    it did and was not asked for quotes."""
    entry = entry_of(state)
    if entry is None:
        return None
    if "quotes" not in entry:
        raise InputError(
            "the step check looks up quotes, and generate asks for none",
            where="pipeline, step check (citations)",
            valid="generate: {reasoning: quote} before it",
        )
    return [str(quote) for quote in entry["quotes"]]


def asked(kept: Sequence[Statement], passages: Sequence[Passage]) -> ChatRequest:
    """The request that has statements judged, all at once."""
    numbered = "\n".join(f"{n}. {' '.join(s.text.split())}" for n, s in enumerate(kept, start=1))
    text = f"{layout(passages)}\n\nStatements:\n{numbered}"
    return ChatRequest(
        messages=(Message("system", JUDGE), Message("user", text)),
        max_tokens=16 + 8 * len(kept),
    )


def votes_of(text: str, count: int) -> list[bool | None]:
    """The votes of a reply on so many statements: by number, the first of each; without numbers
    in their order, if there are as many as statements. None for each that is missing."""
    by_number: dict[int, bool] = {}
    for number, word in (*_VOTE.findall(text), *_LINE.findall(text)):
        by_number.setdefault(int(number), word.lower() == "yes")
    if any(number in by_number for number in range(1, count + 1)):
        return [by_number.get(number) for number in range(1, count + 1)]
    words = [word.lower() == "yes" for word in _WORD.findall(text)]
    if count == 1 and words:
        return [words[0]]
    return [*words] if len(words) == count else [None] * count


def objection(found: Found, entry: Mapping[str, Any], output: Output) -> str:
    """What the model is told when it is asked again."""
    lines = ["That cannot be kept:", *(f"- {text}" for text in found.against[:NAMED])]
    lines.append("Answer the question again, from the passages only, in the same form as before.")
    if entry.get("reasoning") == "quote":
        lines.append("Copy each sentence after 'Quote:' exactly as it stands in a passage.")
    if output.abstain is not None:
        lines.append(f"If the passages do not answer it, the answer is exactly: {output.abstain}")
    return "\n".join(lines)
