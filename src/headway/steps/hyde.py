"""Search with a made-up answer: a passage looks more like a passage than a question does.

Gao et al., 2022, "Precise Zero-Shot Dense Retrieval without Relevance Labels" (HyDE). The paper
takes the mean of the vectors; here each text is searched for and the rankings are merged, so that
it serves every kind of search.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from headway.core.protocols import Lender, Query, State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.task import Frozen
from headway.steps.expand import UNSEEN, folded
from headway.steps.reading import refuses

MOST_WORDS = 200  # of one made-up passage; what is longer is cut

TEMPLATE = (
    "Write two sentences, as they could stand in a document, that answer the question. Keep its"
    " names. Make up what you do not know. Write only the two sentences."
)
# What is no passage: said instead of one, though it is not a refusal.
USELESS = re.compile(
    r"^\W*(?:i(?:'m| am)? (?:sorry|do(?:n't| not)|can(?:not|'t)|need|have no|am not|not)"
    r"|unfortunately|there is no (?:information|passage|document)|no (?:information|answer)\b"
    r"|please (?:provide|give)|as an ai|none\W*$|null\W*$|n/a\W*$|unknown\W*$)",
    re.IGNORECASE,
)
OPENING = re.compile(
    r"^(?:(?:sure|certainly|of course|okay)\W+)?(?:here(?:'s| is| are)[^:\n]{0,80}:"
    r"|(?:passage|answer|document|text)\s*:)\s*",
    re.IGNORECASE,
)


class Hyde(Frozen):
    """n passages of at most max_tokens are made up, in n calls to the model.

    keep_question: the question itself is searched for too. template: the instructions. One
    passage is made at temperature 0, several at 0.7 with a seed each.
    """

    name: ClassVar[str] = "hyde"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    keep_question: bool = True
    n: int = Field(default=1, ge=1, le=8)
    template: str = TEMPLATE
    max_tokens: int = Field(default=80, ge=1)
    model: str | None = None

    def request(self, question: str, number: int = 0) -> ChatRequest:
        """What is asked of the model for the passage of that number."""
        return ChatRequest(
            messages=(Message("system", self.template), Message("user", question)),
            max_tokens=self.max_tokens,
            temperature=0.0 if self.n == 1 else 0.7,
            seed=None if self.n == 1 else number,
        )

    async def run(self, state: State, lend: Lender) -> State:
        """Fill `queries`: those of steps before, or the question, and what was made up. Where
        nothing was, the search stays as it is."""
        if not state.query.strip():
            return state
        replies = await asyncio.gather(
            *(lend.chat(self.request(state.query, number), self.model) for number in range(self.n))
        )
        passages = (made_up(reply, state.query) for reply in replies)
        made = list(dict.fromkeys(passage for passage in passages if passage))
        queries = state.queries
        if made:
            question = Query(state.query)
            earlier = queries or (question,)
            kept = earlier if self.keep_question else [q for q in earlier if q != question]
            queries = (*kept, *(Query(text, as_passage=True) for text in made))
        seen = {"step": "hyde", "made_up": made}
        why = {} if made else {"why": "the reply was no passage; the question alone is searched"}
        return replace(state, queries=queries, trace=(*state.trace, {**seen, **why}))


def made_up(reply: ChatReply, question: str) -> str:
    """The passage in a reply, on one line; empty where it has none: nothing, a refusal, an
    apology, or the question again."""
    text = " ".join(UNSEEN.sub(" ", reply.text.replace("```", " ")).split())
    text = OPENING.sub("", text).strip(' "“”*`')
    if reply.finish == "refused" or refuses(text) or USELESS.match(text):
        return ""
    text = " ".join(text.split()[:MOST_WORDS])
    return text if folded(text) not in ("", folded(question)) else ""
