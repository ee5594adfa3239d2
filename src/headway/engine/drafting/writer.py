"""How a model is asked for a draft: in small steps, each with a contract, as small models need it.

A question from a passage; then its answer with the sentence that holds it, copied; then, by another
prompt that shows that sentence alone, the answer again: where the two differ the draft is thrown
away (round-trip consistency, Alberti et al., 2019, arXiv:1906.05416).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headway.core.record import ChatReply, ChatRequest, Message, Passage
from headway.steps.reading import first_json

Ask = Callable[[ChatRequest], Awaitable[ChatReply]]
NOT_STATED = "not stated"
_GONE = frozenset({"", "none", "n/a", "unknown", "not stated", "not given", "not specified"})


@dataclass(frozen=True)
class Found:
    """An answer and the sentences that were copied for it; empty where there is none."""

    answer: str = ""
    quotes: tuple[str, ...] = ()


@dataclass
class Writer:
    """Writes and checks one draft after another. ask: the model that writes; check: the one that
    answers again. about: what the task is, in its own words."""

    ask: Ask
    check: Ask
    about: str = ""

    async def question(self, passage: Passage, sentence: str, figure: bool) -> str | None:
        """A question about one sentence of a passage; None where the reply holds none."""
        wanted = "a figure: a number, an amount, a time or a date" if figure else "a few words"
        text = (
            "Ask for what one sentence of the passage says. The answer must be"
            f" {wanted} of that sentence. {ALONE}"
        )
        return await self._question(text, [passage], sentence, SHOWN_ONE)

    async def question_of_two(self, passages: Sequence[Passage], sentence: str) -> str | None:
        """A question that needs two passages."""
        text = (
            "Ask what can be answered only with both passages together: let the question compare"
            " them, or begin with what one says and ask for what the other says of it. The answer"
            f" must be a few words. {ALONE}"
        )
        return await self._question(text, passages, sentence, SHOWN_TWO)

    async def question_of_none(self, passage: Passage, sentence: str) -> str | None:
        """A question near a passage that the passage does not answer."""
        text = (
            "Ask for something on the same subject that a reader could well want to know and that"
            " the passage does not tell: a detail, a reason, a person, a place or an amount that is"
            f" not in it. {ALONE}"
        )
        return await self._question(text, [passage], sentence, SHOWN_NONE)

    async def _question(
        self, text: str, passages: Sequence[Passage], sentence: str, shown: tuple[str, str]
    ) -> str | None:
        about = f" The questions are for this task: {self.about}" if self.about else ""
        asked = f"{_shown(passages)}\n\nSentence: {_flat(sentence)}"
        # A small model that is only told what to do copies the sentence; one that is shown it once
        # asks. The example is invented, and of nothing that a task would be about.
        messages = (
            Message("system", f"You write questions for people to answer.{about} {text}"),
            Message("user", shown[0]),
            Message("assistant", shown[1]),
            Message("user", asked),
        )
        data = await self._json(self.ask, messages, {"question": 240}, 96)
        found = data.get("question") if data else None
        return " ".join(found.split()) if isinstance(found, str) and found.strip() else None

    async def answer(self, question: str, passages: Sequence[Passage]) -> Found | None:
        """The answer and a sentence copied from each passage that is needed; None where the reply
        is not what was asked for."""
        many = len(passages) > 1
        names = ["quote_1", "quote_2"] if many else ["quote"]
        copy = (
            "Copy from each passage, word for word, the sentence that helps to answer"
            if many
            else "Copy from the passage, word for word, the sentence that answers"
        )
        data = await self._said(
            self.ask,
            f"{_shown(passages)}\n\nQuestion: {question}\n\n{copy} the question. Then answer it in"
            " as few words as you can. If it cannot be answered, leave everything empty.",
            {**dict.fromkeys(names, 600), "answer": 300},
            160 if not many else 288,
        )
        if data is None or not all(isinstance(data.get(n), str) for n in (*names, "answer")):
            return None
        answer = " ".join(data["answer"].split())
        if _said_nothing(answer):
            return Found()
        return Found(answer, tuple(data[n].strip() for n in names if data[n].strip()))

    async def again(self, question: str, facts: Sequence[tuple[str, str]]) -> str | None:
        """The answer by (title, text) alone, in the checker's words; empty where they do not tell
        it, None where the reply is not what was asked for."""
        said = "\n".join(f"- {title}: {_flat(text)}" if title else f"- {_flat(text)}"
                         for title, text in facts)  # fmt: skip
        data = await self._said(
            self.check,
            f"What is known:\n{said}\n\n{question}\n\nAnswer from what is known alone, in a few"
            f" words. If it is not known, answer: {NOT_STATED}",
            {"answer": 300},
            64,
        )
        answer = data.get("answer") if data else None
        if not isinstance(answer, str):
            return None
        return "" if _said_nothing(answer) else " ".join(answer.split())

    async def closed_book(self, question: str) -> str:
        """The answer without any passage."""
        data = await self._said(
            self.ask,
            f"{question}\n\nAnswer in a few words. If you do not know, answer: {NOT_STATED}",
            {"answer": 300},
            64,
        )
        answer = data.get("answer") if data else None
        found = " ".join(answer.split()) if isinstance(answer, str) else ""
        return "" if _said_nothing(found) else found

    async def _said(
        self, ask: Ask, text: str, fields: dict[str, int], tokens: int
    ) -> dict[str, Any] | None:
        shape = ", ".join(f'"{name}": "..."' for name in fields)
        said = f"{text}\n\nReply with JSON alone: {{{shape}}}"
        return await self._json(ask, (Message("user", said),), fields, tokens)

    async def _json(
        self, ask: Ask, messages: tuple[Message, ...], fields: dict[str, int], tokens: int
    ) -> dict[str, Any] | None:
        """One reply as an object with these fields, each a text of at most so many characters;
        None where it is none, or was cut off."""
        schema = {
            "type": "object",
            "properties": {
                name: {"type": "string", "maxLength": most} for name, most in fields.items()
            },
            "required": list(fields),
            "additionalProperties": False,
        }
        reply = await ask(ChatRequest(messages, max_tokens=tokens, json_schema=schema))
        found = first_json(reply.text)
        return found if isinstance(found, dict) else None


ALONE = (
    "The question must be clear to someone who never sees the passage, so name the place, product,"
    " year or person that it is about. Do not speak of a passage, do not copy the sentence and do"
    ' not give the answer away. Reply with JSON alone: {"question": "...?"}'
)
_TOOLS = (
    "Passage (from: Tool lending, Marlow library):\nTools are lent to members over eighteen. A"
    " drill may be kept for nine days, a ladder for two. Late returns cost 40 cents a day."
)
SHOWN_ONE = (
    f"{_TOOLS}\n\nSentence: A drill may be kept for nine days, a ladder for two.",
    '{"question": "How long can a member of the Marlow library borrow a drill?"}',
)
SHOWN_TWO = (
    f"{_TOOLS.replace('Passage', 'Passage 1', 1)}\n\nPassage 2 (from: Tool lending, Orton"
    " library):\nThe Orton library lends drills for five days, and ladders to firms alone."
    "\n\nSentence: A drill may be kept for nine days, a ladder for two.",
    '{"question": "Which library lends a drill for longer, Marlow or Orton?"}',
)
SHOWN_NONE = (
    f"{_TOOLS}\n\nSentence: A drill may be kept for nine days, a ladder for two.",
    '{"question": "What deposit does the Marlow library ask for when it lends a drill?"}',
)


def _said_nothing(answer: str) -> bool:
    plain = answer.strip(" .!\"'").casefold()
    return plain in _GONE or plain.startswith(("not stated", "not mentioned", "the passage does"))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _shown(passages: Sequence[Passage]) -> str:
    """Passages with the titles of their documents, numbered where there are several."""
    many = len(passages) > 1
    blocks = []
    for number, passage in enumerate(passages, start=1):
        name = f"Passage {number}" if many else "Passage"
        title = f" (from: {passage.title})" if passage.title else ""
        blocks.append(f"{name}{title}:\n{passage.text.strip()}")
    return "\n\n".join(blocks)
