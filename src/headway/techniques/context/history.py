"""How much of a conversation is shown: the last turns, with or without what the older ones said in
short, or none.

OpenAI's prompting guide: for conversations beyond a length, "summarize or filter previous
dialogue".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from headway.core.conversation import exchanges, words_in
from headway.core.protocols import Axis, Candidate, TechniqueContext

LONG = 300  # words of a conversation from which a summary is worth its call
AS_IT_IS: dict[str, Any] = {"turns": None, "older": "drop", "beyond": 0}  # the step's defaults


class HistoryShown:
    """The last three exchanges, the last alone, the older ones in short, none."""

    name: ClassVar[str] = "history"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "long conversations, whose older turns distract or do not fit"
    not_good_for: ClassVar[str] = "questions that hang on all that was said before"
    addresses: ClassVar[tuple[str, ...]] = ("crowded_out", "wrong_despite_evidence", "unstable")
    needs: ClassVar[tuple[str, ...]] = ("conversations",)
    costs: ClassVar[str] = "nothing, it saves tokens; with a summary a model call or more"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """As many as the longest conversation of train gives cause for; None without any."""
        incumbent = ctx.incumbent
        if incumbent.step("generate") is None or incumbent.step("application"):
            return
        histories = [e.history for e in ctx.train if exchanges(e.history)]
        if not histories:
            return
        most = max(len(exchanges(history)) for history in histories)
        words = max(words_in(history) for history in histories)
        step = incumbent.step("history")
        known = dict(step.settings) if step else {}
        ideas: tuple[tuple[int, dict[str, Any], str], ...] = (
            (3, {"turns": 3}, "show the last 3 exchanges"),
            (1, {"turns": 1}, "show the last exchange"),
            (2, {"turns": 2, "older": "extract"},
             "show the last 2 exchanges, of the older ones the sentences nearest to the question"),
            (2, {"turns": 2, "older": "summary", "beyond": LONG},
             f"show the last 2 exchanges and a summary of the older ones, beyond {LONG} words"),
            (0, {"turns": 0}, "show nothing of the conversation before"),
        )  # fmt: skip
        for least, settings, title in ideas:
            if most <= least or settings.get("beyond", 0) >= words:
                continue
            if {name: known.get(name, value) for name, value in AS_IT_IS.items()} == {
                **AS_IT_IS,
                **settings,
            }:
                continue
            # A setting of None is taken out: what an earlier candidate has set does not stay.
            every: dict[str, Any] = {**dict.fromkeys(AS_IT_IS), **settings}
            yield Candidate(incumbent.with_step("history", before="generate", **every), title)
