"""Show of more passages only the sentences that matter.

Xu, Shi and Choi, 2023, "RECOMP: Improving Retrieval-Augmented LMs with Compression and Selective
Augmentation".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.pipeline import Pipeline
from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.techniques.context.shown import (
    cut_settings,
    handed,
    put,
    search_settings,
    with_handed,
)

SENTENCES = 2
WORDS = 20  # of a sentence, about; only how many passages are found hangs on it
MOST = 4  # times as many passages as now


class Compression:
    """The two best sentences in a row of each passage, and so many more passages that the prompt
    stays about as long."""

    name: ClassVar[str] = "compression"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "long passages of which a sentence answers; evidence ranked low"
    not_good_for: ClassVar[str] = "answers that need a whole section; lists and tables"
    addresses: ClassVar[tuple[str, ...]] = ("crowded_out", "ranked_too_low")
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "nothing by words; by re-ranker a pass over every sentence found"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """By words first: it is free. None where passages are hardly longer than what is left."""
        now = ctx.incumbent
        times = shrinks(now)
        if search_settings(now) is None or now.step("compress") or times < 2:
            return
        count = times * handed(now, to="compress")
        deep = with_handed(now, count, to="compress")
        for by, title in (("words", "words"), ("rerank", "a cross-encoder")):
            yield Candidate(
                put(deep, "compress", sentences=SENTENCES, by=by),
                f"the best {SENTENCES} sentences of {count} passages, by {title}",
            )


def shrinks(pipeline: Pipeline, sentences: int = SENTENCES) -> int:
    """How many times as long as its best sentences a passage is, rounded down; at most MOST."""
    cut = cut_settings(pipeline)
    if cut.get("unit") == "document":
        return MOST
    length = int(cut.get("tokens", 160)) + 2 * int(cut.get("around", 0))
    return max(1, min(MOST, length // (WORDS * sentences)))
