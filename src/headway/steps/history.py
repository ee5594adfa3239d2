"""How much of a conversation is shown: all, nothing, the last turns, and what becomes of the older
ones.

OpenAI's prompting guide: for conversations beyond a length, "summarize or filter previous
dialogue"; long ones piece by piece, each summary read with the next piece (a running summary).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import log, sqrt
from typing import Any, ClassVar, Literal

from pydantic import Field

from headway.core.conversation import SPEAKERS, as_text, exchanges, words_in
from headway.core.protocols import Lender, State
from headway.core.record import ChatRequest, Message
from headway.core.sentences import sentence_spans
from headway.core.task import Frozen
from headway.steps.reading import refuses
from headway.steps.support import content

TEMPLATE = (
    "Summarise the conversation for somebody who has to answer its next message: what is it about,"
    " what was asked and answered, what is still open. Keep names, numbers and dates. At most"
    " {words} words, plain sentences, nothing else."
)
EARLIER = "Earlier in this conversation: "


class History(Frozen):
    """turns: so many last exchanges (a message of the user and what answered it) are shown word for
    word; None is all. older: what becomes of those before: they are dropped, or their sentences
    nearest to the question are kept (`extract`, without a call), or a model's summary of them
    (`summary`), of at most `words` words. beyond: only where the conversation is longer, in words.
    piece: words that one call for a summary reads; of longer ones the summary so far is read with
    the next piece. template: its instructions, with {words}.

    The input's own system messages always stay. Costs nothing where there is no history.
    """

    name: ClassVar[str] = "history"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()

    turns: int | None = Field(default=None, ge=0)
    older: Literal["drop", "extract", "summary"] = "drop"
    beyond: int = Field(default=0, ge=0)
    words: int = Field(default=120, ge=1)
    piece: int = Field(default=600, ge=20)
    template: str = TEMPLATE
    model: str | None = None

    @property
    def chats(self) -> bool:
        """Whether the pipeline's chat model is called."""
        return self.older == "summary"

    def request(self, so_far: str, piece: str) -> ChatRequest:
        """What is asked of the model for one piece of the older turns."""
        told = self.template.replace("{words}", str(self.words))
        asked = f"{piece}\n\nSummary:"
        if so_far:
            asked = f"Summary so far: {so_far}\n\nThe conversation goes on:\n{asked}"
        return ChatRequest(
            (Message("system", told), Message("user", asked)), max_tokens=2 * self.words + 20
        )

    async def run(self, state: State, lend: Lender) -> State:
        """Shorten `history`."""
        parts = exchanges(state.history)
        if not parts:
            return state
        at = 0 if self.turns is None else max(0, len(parts) - self.turns)
        if words_in(state.history) <= self.beyond:
            at = 0
        told: dict[str, Any] = {"step": "history", "shown": len(parts) - at, "of": len(parts)}
        kept = [m for exchange in parts[at:] for m in exchange]
        older = [m for exchange in parts[:at] for m in exchange]
        if older and self.older != "drop":
            text, why = await self.shortened(state, older, kept, lend)
            told |= {"older": text, **({"why": why} if why else {})}
            kept = _led(text, kept)
        given = [m for m in state.history if m.role == "system"]
        return replace(state, history=(*given, *kept), trace=(*state.trace, told))

    async def shortened(
        self, state: State, older: Sequence[Message], kept: Sequence[Message], lend: Lender
    ) -> tuple[str, str]:
        """The older turns in few words; and why they were extracted, where the model's summary
        could not be used."""
        target = f"{state.query}\n{as_text(kept)}"
        if self.older == "extract":
            return extracted(older, target, self.words), ""
        so_far = ""
        for piece in pieces(older, self.piece):
            reply = await lend.chat(self.request(so_far, piece), self.model)
            text = " ".join(reply.text.split())
            if reply.finish == "refused" or not text or refuses(text):
                why = "no summary came back; the nearest sentences are shown"
                return extracted(older, target, self.words), why
            so_far = _whole(text, 2 * self.words, reply.finish == "length")
        return so_far, ""


def _led(text: str, kept: Sequence[Message]) -> list[Message]:
    """The turns with what was said earlier at the head of the first one of the user. What a model
    wrote stands in a turn, not among the instructions."""
    if not text:
        return list(kept)
    note = f"[{EARLIER}{text}]"
    if kept and kept[0].role == "user":
        return [Message("user", f"{note}\n\n{kept[0].content}"), *kept[1:]]
    return [Message("user", note), *kept]


def _whole(text: str, words: int, cut: bool) -> str:
    """At most so many words, and of a text that was cut off its whole sentences."""
    short = text.split()
    if len(short) > words:
        text, cut = " ".join(short[:words]), True
    spans = sentence_spans(text)
    return text[: spans[-2][1]] if cut and len(spans) > 1 else text


def pieces(messages: Sequence[Message], words: int) -> list[str]:
    """Turns in pieces of at most so many words; a longer turn is cut."""
    found: list[str] = []
    lines: list[str] = []
    size = 0
    for message in messages:
        said = message.content.split()
        for start in range(0, len(said), words):
            part = said[start : start + words]
            if lines and size + len(part) > words:
                found.append("\n".join(lines))
                lines, size = [], 0
            lines.append(f"{SPEAKERS[message.role]}: {' '.join(part)}")
            size += len(part)
    return [*found, *(["\n".join(lines)] if lines else [])]


def extracted(messages: Sequence[Message], target: str, words: int) -> str:
    """Sentences of turns that share most with the target, in their order, of at most so many words;
    of equals the later. Shared words weigh by how few sentences hold them; long sentences weigh
    less, by the root of their length."""
    said = [
        (message, " ".join(message.content[start:end].split()))
        for message in messages
        for start, end in sentence_spans(message.content)
    ]
    held = [content(text) for _, text in said]
    often = Counter(word for words_of in held for word in words_of)
    wanted = content(target)

    def worth(at: int) -> float:
        shared = sum(log(1 + len(said) / often[word]) for word in held[at] & wanted)
        return shared / sqrt(max(1, len(held[at])))

    left, chosen = words, []
    for at in sorted(range(len(said)), key=lambda at: (-worth(at), -at)):
        size = len(said[at][1].split())
        if size <= left:
            chosen.append(at)
            left -= size
    return " ".join(f"{SPEAKERS[said[at][0].role]}: {said[at][1]}" for at in sorted(chosen))
