"""Search again: the model reads what was found, and may ask for more.

Yao et al., 2022, "ReAct: Synergizing Reasoning and Acting in Language Models", with search as the
one tool and a line of text as its call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from headway.core.protocols import Lender, Search, State
from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.core.task import Frozen
from headway.steps.expand import cleaned, folded
from headway.steps.generate import layout
from headway.steps.retrieve import By, Cut
from headway.steps.support import put

SHOWN = 1200  # characters of a passage that the model reads to decide

TEMPLATE = (
    "Do the passages hold the answer to the question? If they do, reply: ENOUGH\n"
    "If something is missing, reply SEARCH: and what to search for, with all names and years."
)
# Small models follow what they are shown: passage, question, reply.
EXAMPLES = (
    (
        Passage("", "The lighthouse is open from May to September.", title="Opening"),
        "In which months can I visit the lighthouse?",
        "ENOUGH",
    ),
    (
        Passage("", "Tin melts at 232 degrees.", title="Tin"),
        "Tin or brass: which melts sooner?",
        "SEARCH: melting point of brass",
    ),
)
# No query: nothing at all, and what the prompt itself says.
PARROTED = ("", "melting point of brass", "what to search for")
CALL = re.compile(
    r"^[^\w\n]*(?:(?P<enough>enough)\b"
    r"|search(?:[ \t]+for)?[ \t*\"']*:\s*(?P<query>.*))",
    re.IGNORECASE | re.MULTILINE,
)


class Research(Frozen):
    """At most `rounds` calls to the model, each with at most one search.

    New passages follow those that were there, up to `keep` in all; what was there before is never
    taken away. passages, by, embed and k are as in `retrieve`. template: the instructions.
    """

    name: ClassVar[str] = "research"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("knowledge",)
    chats: ClassVar[bool] = True

    rounds: int = Field(default=2, ge=1, le=8)
    keep: int = Field(default=6, ge=1, le=100)
    passages: Cut = Cut()
    by: By = "text"
    embed: str | None = None
    k: int = Field(default=4, ge=1, le=100)
    template: str = TEMPLATE
    model: str | None = None
    max_tokens: int = Field(default=40, ge=1)

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"embed": "embed"} if self.by != "text" else {}

    @property
    def search(self) -> Search:
        """These settings as the search's own."""
        return self.passages.search(self.by, self.embed, self.k)

    def request(
        self, question: str, passages: Sequence[Passage], asked: Sequence[str]
    ) -> ChatRequest:
        """What is asked of the model; asked: what was searched for already."""
        bounded = [replace(p, text=p.text[:SHOWN]) for p in passages]
        messages = [Message("system", self.template)]
        for passage, example, reply in EXAMPLES:
            messages.append(Message("user", _read([passage], example, ())))
            messages.append(Message("assistant", reply))
        messages.append(Message("user", _read(bounded, question, asked)))
        return ChatRequest(messages=tuple(messages), max_tokens=self.max_tokens)

    async def run(self, state: State, lend: Lender) -> State:
        """Append to `passages` and `ranked`; the trace keeps each query and why it ended."""
        how = replace(self.search, where=state.where)
        passages, ranked = state.passages, state.ranked
        asked: list[str] = []
        ended = "no rounds are left"
        for _ in range(self.rounds):
            if len(passages) >= self.keep:
                ended = "no room for more passages"
                break
            if not state.query.strip():
                ended = "there is no question"
                break
            reply = await lend.chat(self.request(state.query, passages, asked), self.model)
            query = called(reply)
            if not query:
                ended = "enough" if query == "" else "the reply is neither SEARCH nor ENOUGH"
                break
            if folded(query) in {folded(text) for text in (state.query, *asked)}:
                ended = "it was searched for already"
                break
            asked.append(query)
            found = await lend.search(query, how)
            passages, ranked = put(passages, ranked, found, self.keep)
        added = len(passages) - len(state.passages)
        seen = {"step": "research", "queries": asked, "added": added, "ended": ended}
        return replace(
            state,
            passages=passages,
            ranked=ranked,
            trace=(*state.trace, seen),
        )


def _read(passages: Sequence[Passage], question: str, asked: Sequence[str]) -> str:
    parts = [layout(passages) or "(no passages)", f"Question: {question}"]
    if asked:
        parts.append("Searched already: " + "; ".join(asked))
    return "\n\n".join(parts)


def called(reply: ChatReply) -> str | None:
    """What a reply asks to search for; empty where it says that there is enough; None where it
    says neither."""
    found = CALL.search(reply.text) if reply.finish != "refused" else None
    if found is None:
        return None
    if found["enough"]:
        return ""
    query = cleaned(found["query"])
    return query if folded(query) not in PARROTED else None
