"""Put the passages in the order in which a model uses them best.

Liu et al., 2023, "Lost in the Middle: How Language Models Use Long Contexts".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from headway.core.protocols import Lender, State
from headway.core.record import Passage
from headway.core.task import Frozen

How = Literal["edges", "reversed", "document"]


class Order(Frozen):
    """`edges` puts the best first, the second best last and the worst in the middle; `reversed`
    the best last, next to the question; `document` as they stand in their documents, the document
    with the best passage first."""

    name: ClassVar[str] = "order"
    supplies_context: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ()

    how: How = "edges"

    async def run(self, state: State, lend: Lender) -> State:
        """Re-order `passages`; `ranked` stays, as what was found is the same."""
        if len(state.passages) < 2:
            return state
        return replace(
            state,
            passages=arranged(state.passages, self.how),
            trace=(*state.trace, {"step": "order", "how": self.how}),
        )


def arranged(passages: Sequence[Passage], how: How) -> tuple[Passage, ...]:
    """The passages, given best first, in another order."""
    if how == "edges":
        return (*passages[::2], *reversed(passages[1::2]))
    if how == "reversed":
        return tuple(reversed(passages))
    place: dict[str, int] = {}
    for passage in passages:
        place.setdefault(passage.document, len(place))
    return tuple(sorted(passages, key=lambda p: (place[p.document], p.start, p.end)))
