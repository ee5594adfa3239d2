"""Whether an answer means about the same as a reference: the cosine of their embeddings.

By the task's `embed` role; it costs one embedding of the answer and of each reference (which is
remembered over a run), and no chat call. It sees what a text is about, hardly whether it is right:
"opens at nine" and "opens at ten" are near 1, and unrelated texts are seldom below 0.4.
"""

from __future__ import annotations

from typing import ClassVar

from headway.core.protocols import Scored
from headway.core.record import Score
from headway.metrics.judging import lender
from headway.metrics.text import answer_of, settled


class Similarity:
    """Cosine of answer and the nearest reference; a negative one is 0, and so is an empty
    answer. Texts beyond what the embedding model reads are cut there."""

    name: ClassVar[str] = "similarity"
    needs: ClassVar[tuple[str, ...]] = ("reference",)
    yes_no: ClassVar[bool] = False
    roles: ClassVar[tuple[str, ...]] = ("embed",)

    async def score(self, scored: Scored) -> float | Score | None:
        """0 to 1. An abstention is right or wrong as a whole."""
        found = settled(scored)
        if not isinstance(found, list):
            return found
        answer = answer_of(scored.record)
        if not answer.strip():
            return 0.0
        if answer in found:
            return 1.0  # rounding would make it 0.9999999
        vectors = await lender(scored).embed([answer, *found], "passage")
        return min(1.0, max(0.0, float((vectors[1:] @ vectors[0]).max())))
