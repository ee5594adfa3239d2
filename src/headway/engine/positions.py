"""Does it matter where the evidence stands among the passages shown?

Liu et al., 2023, "Lost in the Middle: How Language Models Use Long Contexts". Asked of examples
that are right with the evidence alone, so that a lower score is the place's doing and that of the
passages around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from headway.core.findings import Estimate
from headway.core.protocols import Lender, Search, Step
from headway.core.record import Passage
from headway.engine import statistics as stats

Place = Literal["first", "middle", "last"]
PLACES: tuple[Place, ...] = ("first", "middle", "last")
LEAST = 4  # passages in all: among fewer there is no middle
SPARE = 12  # found beyond those, since passages that touch the evidence are left out
ALPHA = 0.05 / 3  # each of the three pairs of places could have been the widest apart


async def placed(
    evidence: Sequence[Passage], question: str, steps: Sequence[Step], how: Search, lend: Lender,
    place: str,
) -> tuple[Passage, ...]:  # fmt: skip
    """The evidence first, in the middle or last among passages that the search finds and that
    share no text with it, best first; as many in all as the pipeline shows, and 4 at least."""
    if not evidence:
        return ()
    count = max(LEAST, shown_by(steps, how))
    found = await lend.search(question, replace(how, k=count + SPARE))
    others = [p for p in found if not any(_touches(p, e) for e in evidence)]
    others = others[: max(0, count - len(evidence))]
    at = {"first": 0, "last": len(others)}.get(place, len(others) // 2)
    return (*others[:at], *evidence, *others[at:])


def shown_by(steps: Sequence[Step], how: Search) -> int:
    """How many passages the steps show: the last word is that of the last that keeps a number."""
    count, searched = how.k, False
    for step in steps:
        if searched and step.supplies_context and isinstance(kept := getattr(step, "k", None), int):
            count = kept
        searched = searched or getattr(step, "search", None) is not None
    return count


def told(
    scores: Mapping[Place, Sequence[float | None]],
    groups: Sequence[str],
    found: Mapping[Place, Estimate],
) -> str:
    """A sentence of advice where the best and the worst place clearly differ, else nothing."""
    known = [(e.mean, place) for place in PLACES if (e := found[place]).mean is not None]
    if len(known) < 2:
        return ""
    best, worst = max(known)[1], min(known)[1]
    gap = stats.paired(scores[worst], scores[best], groups, level=1 - ALPHA)
    if stats.verdict(gap, ALPHA) != "better" or gap.difference is None:
        return ""
    lost = "Lost in the middle" if worst == "middle" else "Where the evidence stands matters"
    where = {"first": "put the best first", "last": "put the best last"}.get(
        best, "order them by relevance"
    )
    return (
        f"{lost}: the same evidence scores {gap.difference:.2f} less when it stands {_at(worst)}"
        f" than {_at(best)} ({gap.low:.2f} to {gap.high:.2f}, {gap.n} examples). Show fewer"
        f" passages, or {where}."
    )


def _at(place: str) -> str:
    return "in the middle" if place == "middle" else place


def _touches(a: Passage, b: Passage) -> bool:
    return a.document == b.document and a.start < b.end and b.start < a.end
