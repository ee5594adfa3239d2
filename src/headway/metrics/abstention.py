"""Whether the pipeline says that it cannot answer exactly where it cannot."""

from __future__ import annotations

from typing import ClassVar

from headway.core.protocols import Scored
from headway.metrics.text import answer_of, is_abstention


class Abstention:
    """1 where the task's phrase `output.abstain` is given for a question whose reference is that
    phrase, or an answer, right or wrong, for one whose reference is another; else 0. An invalid
    answer and a refusal are 0, as in every metric: neither says that it cannot be answered.

    By itself it is won by answering everything where few questions are unanswerable: read it by
    tag, or beside the metric of the answers.
    """

    name: ClassVar[str] = "abstention"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = True

    def applies(self, scored: Scored) -> bool:
        """Only in a task with such a phrase."""
        return scored.task.spec.output.abstain is not None

    async def score(self, scored: Scored) -> float | None:
        """0 or 1; None in a task without such a phrase."""
        references = scored.example.references
        if not references or not self.applies(scored):
            return None
        record = scored.record
        found = record.abstained or is_abstention(scored.task, answer_of(record))
        return float(any(is_abstention(scored.task, r) == found for r in references))
