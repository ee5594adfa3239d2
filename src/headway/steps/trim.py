"""Show as many passages as there are good ones: cut where the scores fall.

Compare Taguchi, Maekawa and Bhutani, 2025, "Efficient Context Selection for Long-Context QA: No
Tuning, No Iteration, Just Adaptive-k", which cuts at the largest fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from typing import ClassVar

from pydantic import Field, model_validator

from headway.core.protocols import Lender, State
from headway.core.task import Frozen


class Trim(Frozen):
    """gap: cut before the first passage whose score is lower than the one before it by more than
    this share of the range of all scores.

    A share of the range means the same for BM25, cosine, fused ranks and a cross-encoder's
    logits, whatever their scale and sign. The mean fall between n passages is 1 / (n - 1) of the
    range, so a gap tells something only where clearly more than 1 / gap passages come in. Where
    all score the same, or some have no score, only `most` cuts.
    """

    name: ClassVar[str] = "trim"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()

    gap: float = Field(default=0.3, ge=0, le=1)
    least: int = Field(default=1, ge=1)
    most: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Trim:
        if self.most is not None and self.least > self.most:
            raise ValueError(f"least {self.least} must not be more than most {self.most}")
        return self

    async def run(self, state: State, lend: Lender) -> State:
        """Keep the first of `passages`, at least `least` and at most `most`; `ranked` stays."""
        if not state.passages:
            return state
        count = max(self.least, until_gap([p.score for p in state.passages], self.gap))
        kept = state.passages[: count if self.most is None else min(count, self.most)]
        return replace(
            state,
            passages=kept,
            trace=(*state.trace, {"step": "trim", "of": len(state.passages), "kept": len(kept)}),
        )


def until_gap(scores: Sequence[float | None], gap: float) -> int:
    """How many scores stand before the first fall of more than `gap` of their range; all where
    there is none."""
    known = [score for score in scores if score is not None and isfinite(score)]
    if len(known) < len(scores) or not known:
        return len(scores)
    limit = gap * (max(known) - min(known))
    falls = (at for at, (a, b) in enumerate(pairwise(known), start=1) if a - b > limit)
    return next(falls, len(known))
