"""Whether an answer is about what was asked: answer relevancy of Es et al., 2023, "RAGAS".

A judge writes the questions that the answer would answer; the score is their mean cosine to the
question that was asked. A noncommittal answer is 0. It says nothing of whether the answer is right.
In a conversation the judge reads what was said before, and writes questions as its next message.
It takes one call a record, and an embedding of four short texts.
"""

from __future__ import annotations

from typing import Any, ClassVar

from headway.core.before import before
from headway.core.protocols import Scored
from headway.core.record import Score
from headway.metrics.judging import WORDS, Judged, ask, cut, field, form, lender
from headway.metrics.text import answer_of, is_abstention

QUESTIONS = 3
READ = 8_000  # characters of an answer that are shown: what it is about stands at its beginning

DUTY = (
    f"You are shown one answer. Write {QUESTIONS} different questions, in its language, that it"
    " would answer directly and fully. Say also whether it is noncommittal: evasive, vague, or no"
    " answer at all, such as 'I do not know'. Fields: noncommittal (true or false), questions (a"
    f" list of {QUESTIONS})."
)
# "Is the ferry running on Sundays?" is not near to "And on Sundays?", which asks the same there.
NEXT = (
    " The conversation before it is shown too: write each question as the user's next message in"
    " it, as people write there."
)
OURS = ("What is judged stands between marks", "You are shown one answer")
_SCHEMA = form(
    noncommittal={"type": "boolean"},
    questions={"type": "array", "items": WORDS, "minItems": QUESTIONS, "maxItems": QUESTIONS},
)


class AnswerRelevancy(Judged):
    """Mean cosine of the question to the questions that the answer would answer; 0 for a
    noncommittal, an empty one and an abstention."""

    name: ClassVar[str] = "answer_relevancy"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = False
    roles: ClassVar[tuple[str, ...]] = ("judge", "embed")

    async def judge(self, scored: Scored) -> float | Score | None:
        """0 to 1, with the questions and the cosine of each; a negative mean is 0."""
        record, example = scored.record, scored.example
        answer, left = cut(answer_of(record), READ)
        if not answer.strip():
            return Score(0.0, {"why": "the answer is empty"})
        if record.abstained or is_abstention(scored.task, answer):
            return Score(0.0, {"why": "noncommittal: it is the phrase that abstains"})
        lend = lender(scored)
        said = before(example.history)
        duty, material = (DUTY + NEXT, {"before": said}) if said else (DUTY, {})
        material["answer"] = answer
        vague, questions = await ask(lend, duty, material, _SCHEMA, _read, max_tokens=240)
        notes: dict[str, Any] = {"noncommittal": vague, "questions": questions}
        if left:
            notes["left_out"] = f"{left} characters at the end"
        if vague:
            return Score(0.0, notes)
        vectors = await lend.embed([example.question, *questions], "passage")
        cosines = [float(v) for v in vectors[1:] @ vectors[0]]
        notes["cosines"] = [round(c, 4) for c in cosines]
        return Score(min(1.0, max(0.0, sum(cosines) / len(cosines))), notes)


def _read(data: Any) -> tuple[bool, list[str]]:
    vague = field(data, "noncommittal", (bool, int))
    made = [q.strip() for q in field(data, "questions", list) if isinstance(q, str) and q.strip()]
    # A small judge copies our own words instead of asking; scored, they would be noise.
    made = [q for q in made if not any(own in q for own in OURS)]
    if not made and not vague:
        raise ValueError("there is no question in it")
    return bool(vague), made[:QUESTIONS]
