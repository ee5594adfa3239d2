"""A judge by rubric: each of the task's criteria on its scale, with the judge's reasons.

G-Eval (Liu et al., 2023) and MT-Bench (Zheng et al., 2023) in their plainest form: reasons first,
then a score a criterion. It takes one call a record, of question, reference and answer.
"""

from __future__ import annotations

from typing import Any, ClassVar

from headway.core.protocols import Scored
from headway.core.record import Score
from headway.core.task import Rubric
from headway.metrics.judging import (
    REASON,
    Judged,
    ask,
    cut,
    field,
    form,
    lender,
    question_of,
    said,
)
from headway.metrics.text import answer_of

DUTY = (
    "You score one answer by a rubric. Each criterion is scored by itself, on whole points from"
    " {low} (worst) to {high} (best). Say why before you score.\n\nThe rubric:\n{rubric}\n\n"
    "Fields: one for each criterion, by its name, with reason (at most two sentences) and score."
)


def described(rubric: Rubric) -> str:
    """The rubric as a judge, or a person, reads it."""
    lines = [f"- {name}: {text}" for name, text in rubric.criteria.items()]
    lines += [f"{level} means: {text}" for level, text in sorted(rubric.levels.items())]
    return "\n".join(lines)


class RubricScore(Judged):
    """The mean over the rubric's criteria, each scaled to 0 (the worst point) to 1 (the best).
    An empty answer is 0 without a call."""

    name: ClassVar[str] = "rubric"
    needs: ClassVar[tuple[str, ...]] = ()
    yes_no: ClassVar[bool] = False

    def applies(self, scored: Scored) -> bool:
        """Only in a task with a rubric."""
        return scored.task.spec.rubric is not None

    async def judge(self, scored: Scored) -> float | Score | None:
        """0 to 1, with a score and the judge's words for each criterion; None in a task without a
        rubric."""
        rubric = scored.task.spec.rubric
        if rubric is None:
            return None
        answer, left = cut(answer_of(scored.record))
        if not answer.strip():
            return Score(0.0, {"why": "the answer is empty"})
        low, high = rubric.scale
        point = {"type": "integer", "minimum": low, "maximum": high}
        schema = form(**{name: form(reason=REASON, score=point) for name in rubric.criteria})
        duty = DUTY.format(low=low, high=high, rubric=described(rubric))
        material = {"question": question_of(scored)}
        if scored.example.references:
            material["reference"] = cut(scored.example.references[0])[0]
        material["answer"] = answer

        def read(data: Any) -> dict[str, dict[str, Any]]:
            return {name: _scored(data, name, low, high) for name in rubric.criteria}

        most = 60 + 90 * len(rubric.criteria)
        found = await ask(lender(scored), duty, material, schema, read, max_tokens=most)
        points = [criterion["score"] for criterion in found.values()]
        value = sum(point - low for point in points) / len(points) / (high - low)
        notes = {"scale": [low, high], "criteria": found, **({"cut": left} if left else {})}
        return Score(value, notes)


def _scored(data: Any, name: str, low: int, high: int) -> dict[str, Any]:
    inner = field(data, name, dict)
    score = field(inner, "score", (int, float))
    if not low <= score <= high:
        raise ValueError(f"the score of {name!r} is outside {low} to {high}")
    return {"score": score, "reason": said(inner)}
