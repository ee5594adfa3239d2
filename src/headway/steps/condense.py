"""Write the last turn of a conversation anew as a question that stands alone: "And on Sundays?"
finds nothing, "Is the ferry running on Sundays?" does.

Elgohary, Peskov and Boyd-Graber, 2019, "Can You Unpack That? Learning to Rewrite
Questions-in-Context".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from headway.core.conversation import SPEAKERS, as_text, exchanges
from headway.core.protocols import Lender, State
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.task import Frozen
from headway.steps.expand import cleaned, folded
from headway.steps.reading import refuses
from headway.steps.support import content

TEMPLATE = (
    "Write the last message of the conversation anew, as one question that is understood without"
    " the conversation. Name what it is about in full. Do not answer it. Write only the question."
)
# Small models follow what they are shown; the subjects are far from any likely task. With the turn
# that stays as it is last, and other wording, the embedded 0.5B model repeated most turns; both
# were changed together, so which of them mattered is not known.
SHOWN: tuple[tuple[tuple[str, str], str, str], ...] = (
    (
        ("Thanks, that is all about the tower.", "You are welcome."),
        "What is on the menu of the harbour inn?",
        "What is on the menu of the harbour inn?",
    ),
    (
        ("Who built the lighthouse?", "It was built by the Marten brothers."),
        "When?",
        "When did the Marten brothers build the lighthouse?",
    ),
    (
        ("Do you repair violins?", "Yes, in two days."),
        "And how much is it?",
        "How much does the repair of a violin cost?",
    ),
    (
        ("What does a violin string cost?", "A violin string costs 9 crowns."),
        "And a bow?",
        "What does a violin bow cost?",
    ),
)
FAMILIAR = 0.5
"""Share of a rewrite's words that must stand in the conversation: an answer brings its own."""


class Condense(Frozen):
    """One call to the model; none where nothing was said before.

    use `search`: the standalone question is searched for (and classified, expanded, ranked by),
    and the conversation is shown as it is; `both`: it is shown too, instead of the conversation.
    words: of the conversation before that are read at most, the latest. template: the
    instructions. Where the rewrite is unusable (empty, refused, cut off, or of words that nobody
    said) the last turn stays.
    """

    name: ClassVar[str] = "condense"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()
    chats: ClassVar[bool] = True

    use: Literal["search", "both"] = "search"
    words: int = Field(default=400, ge=1)
    template: str = TEMPLATE
    max_tokens: int = Field(default=80, ge=1)
    model: str | None = None

    def request(self, state: State) -> ChatRequest:
        """What is asked of the model."""
        messages = [Message("system", self.template)]
        for (asked, answered), last, wanted in SHOWN:
            before = (Message("user", asked), Message("assistant", answered))
            messages += [
                Message("user", _turn(as_text(before), last)),
                Message("assistant", wanted),
            ]
        said = as_text(self.latest(state.history))
        messages.append(Message("user", _turn(said, state.query)))
        return ChatRequest(messages=tuple(messages), max_tokens=self.max_tokens)

    def latest(self, history: Sequence[Message]) -> tuple[Message, ...]:
        """The last exchanges of at most `words` words; of the last one as much as fits."""
        found: list[Message] = []
        left = self.words
        for message in reversed([m for exchange in exchanges(history) for m in exchange]):
            said = message.content.split()
            if left <= 0:
                break
            # What stands at the end of a long message is nearest to the question.
            text = message.content if len(said) <= left else "… " + " ".join(said[-left:])
            found.insert(0, Message(message.role, text))
            left -= len(said)
        return tuple(found)

    async def run(self, state: State, lend: Lender) -> State:
        """Put the standalone question in place of `query`."""
        # A probe that has fixed the passages searches for nothing.
        idle = state.pinned and self.use == "search"
        if idle or not exchanges(state.history) or not state.query.strip():
            return state
        reply = await lend.chat(self.request(state), self.model)
        question, why = standalone(reply, state)
        told = {"step": "condense", "question": question, **({"why": why} if why else {})}
        state = replace(state, trace=(*state.trace, told))
        if not question:
            return state
        if self.use == "both":
            given = tuple(m for m in state.history if m.role == "system")
            return replace(state, query=question, history=given)
        asked = state.query if state.asked is None else state.asked
        return replace(state, query=question, asked=asked)


def _turn(before: str, last: str) -> str:
    return f"{before}\n{SPEAKERS['user']}: {last}"


def standalone(reply: ChatReply, state: State) -> tuple[str, str]:
    """The question in a reply, and why there is none, where there is none."""
    text = next((line for line in reply.text.splitlines() if line.strip()), "")
    text = cleaned(text)
    if reply.finish == "refused" or refuses(text):
        return "", "the model declined"
    if reply.finish == "length":
        return "", "the reply was cut off"
    if not folded(text) or text.startswith(tuple(f"{who}:" for who in SPEAKERS.values())):
        return "", "the reply is no question"
    if folded(text) in {folded(wanted) for *_, wanted in SHOWN}:
        return "", "the reply repeats a shown example"
    words = content(text)
    known = content(f"{as_text(state.history)}\n{state.query}")
    if words and len(words & known) < FAMILIAR * len(words):
        return "", "the reply holds words that nobody said"
    return text, ""
