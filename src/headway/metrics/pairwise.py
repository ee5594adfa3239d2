"""Which of two answers is better, by a judge that sees them in both orders.

Judges favour a side: MT-Bench (Zheng et al., 2023, "Judging LLM-as-a-Judge") counts a win only
where both orders agree, else a tie. It takes two calls a pair, each of both answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from headway.core.protocols import MetricLender
from headway.core.task import Rubric
from headway.metrics.judging import REASON, Unread, ask, choice, cut, form, said
from headway.metrics.rubric import described

Winner = Literal["a", "b", "tie"]

DUTY = (
    "Two answers to the same question are compared. Say which one serves the asker better: what is"
    " right and complete goes before what is well put; length by itself is no merit, and neither is"
    " standing first. Where neither is better it is a tie. Fields: reason (at most two sentences),"
    " better (first, second or tie)."
)
_SCHEMA = form(reason=REASON, better={"type": "string", "enum": ["first", "second", "tie"]})
_ORDERS: tuple[tuple[Winner, Winner], ...] = (("a", "b"), ("b", "a"))


@dataclass(frozen=True)
class Preference:
    """Which answer won; a tie also where the two orders disagree; None where a reply could not be
    read: then it is unknown. notes: both replies, `swapped` the one that saw b first; consistent:
    whether they agree."""

    winner: Winner | None
    notes: Mapping[str, Any] = field(default_factory=dict)


async def prefer(
    question: str,
    reference: str | None,
    a: str,
    b: str,
    rubric: Rubric | None,
    lend: MetricLender,
) -> Preference:
    """One pair, judged with a first and with b first. reference: an answer known to be good, where
    there is one. rubric: what counts; a task's own, or none. Raises as MetricLender does.

    Equal answers are a tie without a call, and so are two that say nothing; one that says nothing
    loses without a call.
    """
    if a.strip() == b.strip():
        return Preference("tie", {"why": "the answers are the same"})
    if not a.strip() or not b.strip():
        return Preference("a" if a.strip() else "b", {"why": "the other answer is empty"})
    duty = f"{DUTY}\n\nWhat counts:\n{described(rubric)}" if rubric is not None else DUTY
    texts: dict[Winner, str] = {"a": cut(a)[0], "b": cut(b)[0]}
    votes: list[Winner | None] = []
    notes: dict[str, Any] = {}
    for name, order in zip(("as_given", "swapped"), _ORDERS, strict=True):
        vote, notes[name] = await _one(question, reference, order, texts, duty, lend)
        votes.append(vote)
    if any(cut(text)[1] for text in (a, b)):
        notes["cut"] = {"a": cut(a)[1], "b": cut(b)[1]}
    if None in votes:
        return Preference(None, notes)
    notes["consistent"] = votes[0] == votes[1]
    return Preference(votes[0] if notes["consistent"] else "tie", notes)


async def _one(
    question: str,
    reference: str | None,
    order: tuple[Winner, Winner],
    texts: Mapping[Winner, str],
    duty: str,
    lend: MetricLender,
) -> tuple[Winner | None, dict[str, Any]]:
    """One order: who won, and the judge's words."""
    material = {"question": question}
    if reference is not None:
        material["reference"] = cut(reference)[0]
    material |= {"first answer": texts[order[0]], "second answer": texts[order[1]]}

    def read(data: Any) -> tuple[Winner, dict[str, Any]]:
        place = choice(data, "better", ("first", "second", "tie"))
        winner: Winner = "tie" if place == "tie" else order[place == "second"]
        return winner, {"winner": winner, "reason": said(data)}

    try:
        return await ask(lend, duty, material, _SCHEMA, read, max_tokens=160)
    except Unread as error:
        return None, {"unread": error.what, "reply": error.said}
