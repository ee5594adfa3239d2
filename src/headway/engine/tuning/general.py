"""What a model forgets while it is tuned: a few general questions, before and after.

Training on one task overwrites others (McCloskey and Cohen, 1989, "Catastrophic Interference in
Connectionist Networks"). Forty short questions of eight kinds, written for this, are asked plainly,
without the task's prompt; a small model gets about half of them right, so that a loss can show.
Forty cannot show a small one: of yes/no answers a loss of six with no gain is the least that the
paired test proves (0.03).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from headway.core.errors import Outage, TooLong
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.words import tokens
from headway.engine import statistics as stats
from headway.steps.reading import apart

MOST = 24  # tokens of a reply
AT_ONCE = 8

Chat = Callable[[ChatRequest, str], Awaitable[ChatReply]]


@dataclass(frozen=True)
class Question:
    """One question. accepted: any of these is right. match: `says` one of them stands, word for
    word, in the reply's first sentence, and none of `wrong`; `number` it is the last number of the
    first line; `opens` the reply's first word is one of them; `only` the reply is one of them and
    nothing else, but for marks and, unless it is all capitals, case."""

    kind: str
    text: str
    accepted: tuple[str, ...]
    match: Literal["says", "number", "opens", "only"] = "says"
    wrong: tuple[str, ...] = ()

    def right(self, reply: str) -> bool:
        """Whether a reply answers it."""
        said = apart(reply.strip())[1].strip()
        line = said.split("\n", 1)[0]
        if self.match == "number":
            found = re.findall(r"\d+", re.sub(r"(?<=\d),(?=\d{3})", "", line))
            return bool(found) and found[-1] in self.accepted
        if self.match == "only":
            same = (tokens(said) == tokens(one) for one in self.accepted)
            return any(same) and (said.isupper() or not self.accepted[0].isupper())
        if self.match == "opens":
            return any(tokens(said)[:1] == tokens(one) for one in self.accepted)
        first = f" {' '.join(tokens(re.split(r'(?<=[.!?]) ', line)[0]))} "
        holds = [f" {' '.join(tokens(one))} " in first for one in (*self.accepted, *self.wrong)]
        return any(holds[: len(self.accepted)]) and not any(holds[len(self.accepted) :])


def _of(
    kind: str, match: Literal["says", "number", "opens", "only"], *pairs: tuple[str, ...]
) -> tuple[Question, ...]:
    return tuple(Question(kind, pair[0], pair[1:], match) for pair in pairs)


QUESTIONS: tuple[Question, ...] = (
    *_of(
        "arithmetic", "number",
        ("What is 7 + 5?", "12"),
        ("What is 9 - 4?", "5"),
        ("What is 6 times 3?", "18"),
        ("What is half of 20?", "10"),
        ("What is 15 + 27?", "42"),
    ),
    *_of(
        "capitals", "says",
        ("What is the capital of France?", "Paris"),
        ("What is the capital of Japan?", "Tokyo"),
        ("What is the capital of Egypt?", "Cairo"),
        ("What is the capital of Norway?", "Oslo"),
        ("What is the capital of Australia?", "Canberra"),
    ),
    *_of(
        "facts", "says",
        ("Which planet is known as the Red Planet?", "Mars"),
        ("What do bees make?", "honey"),
        ("Which gas do plants take in from the air?", "carbon dioxide", "CO2"),
        ("How many legs does a spider have?", "8", "eight"),
        ("Who wrote the play Romeo and Juliet?", "Shakespeare"),
    ),
    *_of(
        "opposites", "says",
        ("What is the opposite of hot?", "cold", "cool"),
        ("What is the opposite of up?", "down"),
        ("What is the opposite of empty?", "full"),
        ("What is the opposite of early?", "late"),
        ("What is the opposite of wide?", "narrow"),
    ),
    *_of(
        "translation", "says",
        ("What is the Spanish word for house?", "casa"),
        ("What is the French word for water?", "eau", "l'eau"),
        ("What is the German word for dog?", "Hund"),
        ("What is the Italian word for good morning?", "buongiorno", "buon giorno"),
        ("What does the Spanish word amigo mean?", "friend"),
    ),
    *_of(
        "sequences", "says",
        ("Continue the sequence: 2, 4, 6, 8,", "10"),
        ("Continue the sequence: 10, 20, 30, 40,", "50"),
        ("Continue the alphabet: A, B, C, D,", "E, F"),
        ("Which day comes after Monday?", "Tuesday"),
        ("Which month comes after June?", "July"),
    ),
    *_of(
        "spelling", "says",
        ("What is the plural of child?", "children"),
        ("What is the past tense of go?", "went"),
        ("What is the plural of mouse?", "mice"),
    ),
    Question(
        "spelling", "Which word is spelled correctly: recieve or receive?", ("receive",),
        wrong=("recieve",),
    ),
    Question("spelling", "What is the first letter of the word banana?", ("B",), wrong=("N",)),
    *_of(
        "format", "opens",
        ("Is ice cold? Answer yes or no.", "yes"),
        ("Is fire cold? Answer yes or no.", "no"),
    ),
    *_of(
        "format", "only",
        ("Reply with the single word yes.", "yes"),
        ("Repeat this word and write nothing else: window", "window"),
        ("Write the word apple in capital letters and nothing else.", "APPLE"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class General:
    """What a model got right. scores: by question, 1 or 0; None where no answer came: it is
    left out, and is no zero. replies: its words, by question."""

    model: str
    scores: dict[str, float | None]
    replies: dict[str, str] = field(default_factory=dict)

    @property
    def share(self) -> stats.Estimate:
        """The share it got right, with its 95% interval."""
        return stats.estimate(list(self.scores.values()))


@dataclass(frozen=True)
class Forgotten:
    """Tuned minus base over the questions that both answered. lost: questions. verdict about the
    tuned model, at the 5% level, two-sided."""

    change: stats.Paired
    verdict: Literal["better", "worse", "not_proven"]
    lost: tuple[str, ...]


async def general(chat: Chat, model: str, questions: Sequence[Question] = QUESTIONS) -> General:
    """Ask a model the questions, greedily, each alone. An outage leaves a question unscored."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(question: Question) -> str | None:
        request = ChatRequest((Message("user", question.text),), max_tokens=MOST)
        async with gate:
            try:
                return (await chat(request, model)).text
            except (Outage, TooLong):
                return None

    replies = await asyncio.gather(*map(ask, questions))
    said = {q.text: reply for q, reply in zip(questions, replies, strict=True)}
    scores = {
        q.text: None if (reply := said[q.text]) is None else float(q.right(reply))
        for q in questions
    }
    return General(model, scores, {q: reply for q, reply in said.items() if reply is not None})


def forgotten(base: General, tuned: General) -> Forgotten:
    """What tuning changed, paired question by question."""
    both = [
        q for q, score in base.scores.items()
        if score is not None and tuned.scores.get(q) is not None
    ]  # fmt: skip
    change = stats.paired([base.scores[q] for q in both], [tuned.scores[q] for q in both])
    return Forgotten(
        change, stats.verdict(change),
        tuple(q for q in both if base.scores[q] and not tuned.scores[q]),
    )  # fmt: skip
