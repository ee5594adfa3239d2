"""Order the passages anew by rules that a person has written: the newest first, one kind first.

Fused with the search's own order by reciprocal rank (Cormack, Clarke and Buettcher, 2009).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from headway.core.protocols import Lender, State
from headway.core.task import Frozen, Rule

RANK = 60  # the constant of the paper
_PARTS = re.compile(r"([0-9]+)|([^0-9]+)")


class Prefer(Frozen):
    """Rules look at what is known of a passage's document, never at its text.

    rules: without any, those of task.yaml (`knowledge.prefer`). A passage scores 1 / (60 + rank)
    in the order it came in, and weight / (60 + rank) in that of each rule; equals share a rank.
    strict: the rules sort, the first one first, and the order it came in only breaks ties. Where
    no rule moves anything, passages keep the scores they came with. k: how many are kept; None
    keeps all.
    """

    name: ClassVar[str] = "prefer"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("knowledge",)

    rules: tuple[Rule, ...] = ()
    weight: float = Field(default=1.0, gt=0, le=1000)
    strict: bool = False
    k: int | None = Field(default=None, ge=1)

    async def run(self, state: State, lend: Lender) -> State:
        """Re-order `passages` and `ranked`, and cut `passages` to k."""
        source = lend.task.spec.knowledge
        rules = self.rules or (source.prefer if source else ())
        if not state.passages:
            return state
        known = [lend.metadata(p.document) for p in state.passages]
        ranks = [ranks_by(rule, known) for rule in rules]
        order, scores = self._order(ranks, len(known))
        found = state.passages
        if order != sorted(order):  # else the rules say nothing here, and the scores still do
            found = tuple(replace(found[i], score=scores[i]) for i in order)
        first = dict.fromkeys((p.document, p.start, p.end) for p in found)
        return replace(
            state,
            passages=found[: self.k],
            ranked=(*first, *(span for span in state.ranked if span not in first)),
            trace=(
                *state.trace,
                {"step": "prefer", "rules": len(rules), "of": len(found), "kept": self.k},
            ),
        )

    def _order(self, ranks: Sequence[Sequence[int]], count: int) -> tuple[list[int], list[float]]:
        """Places in their new order, and the score of each place in the old one."""
        places = range(count)
        if self.strict:
            order = sorted(places, key=lambda i: [r[i] for r in ranks])
            at = {place: rank for rank, place in enumerate(order, start=1)}
            return order, [1 / (RANK + at[i]) for i in places]
        scores = [
            1 / (RANK + 1 + i) + self.weight * sum(1 / (RANK + r[i]) for r in ranks) for i in places
        ]
        return sorted(places, key=lambda i: -scores[i]), scores


def ranks_by(rule: Rule, known: Sequence[Mapping[str, str]]) -> list[int]:
    """Each document's rank by a rule, from 1: one more than the number that go before it."""
    keys = [rule_key(rule, of) for of in known]
    return [1 + sum(other > key for other in keys) for key in keys]


def rule_key(rule: Rule, of: Mapping[str, str]) -> Any:
    """What a rule sorts by, the greatest first."""
    if rule.newest is not None:
        return age_key(of.get(rule.newest, ""))
    return all(
        str(of.get(field, "")).strip().casefold() == value.strip().casefold()
        for field, value in (rule.first or {}).items()
    )


def age_key(value: str) -> tuple[tuple[int, int, str], ...]:
    """A date, year or version as a key that grows with it; () where there is none.

    It compares as text in which runs of digits are numbers, so that ISO dates, and 2.10 after
    2.9, stand as one would expect. A value without any digit says nothing of age.
    """
    parts = [m.groups(default="") for m in _PARTS.finditer(str(value).strip().casefold())]
    if not any(digits for digits, _ in parts):
        return ()
    # Compared by length, then by digit: int() refuses numbers of thousands of digits.
    return tuple(
        (1, len(digits.lstrip("0")), digits.lstrip("0")) if digits else (0, 0, text)
        for digits, text in parts
    )
