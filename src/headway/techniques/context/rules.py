"""Find more passages, and let rules about their documents choose: the newest, or one kind first.

What a search by words or meaning cannot know: that a report replaces the one before it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.task import Rule
from headway.techniques.context.shown import handed, put, search_settings, with_handed

DEPTH = 10


class Rules:
    """The rules of task.yaml; without any, the newest first, where documents have dates."""

    name: ClassVar[str] = "rules"
    axis: ClassVar[Axis] = "context"
    good_for: ClassVar[str] = "knowledge with old and new, or official and other, on one matter"
    not_good_for: ClassVar[str] = "documents of which nothing is known; matters said only once"
    addresses: ClassVar[tuple[str, ...]] = (
        "contradictory_knowledge",
        "ranked_too_low",
        "crowded_out",
    )
    needs: ClassVar[tuple[str, ...]] = ("knowledge",)
    costs: ClassVar[str] = "next to nothing: a longer list is found and sorted"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """Softly first; strictly is for rules that hold without exception."""
        found = rules_of(ctx)
        if search_settings(ctx.incumbent) is None or ctx.incumbent.step("prefer"):
            return
        if not found:
            ctx.notice(
                f"{self.name}: task.yaml has no rule (knowledge: {{prefer: [...]}}), and too few"
                " documents have dates to put the newest first."
            )
            return
        said = [rule.model_dump(exclude_none=True) for rule in found]
        keep = handed(ctx.incumbent, to="prefer")
        depth = max(DEPTH, keep)
        deep = with_handed(ctx.incumbent, depth, to="prefer")
        for how, title in (
            ({"weight": 1.0}, "as much as the search"),
            ({"weight": 2.0}, "twice as much as the search"),
            ({"strict": True}, "before the search"),
        ):
            yield Candidate(
                put(deep, "prefer", rules=said, k=keep, **how),
                f"of {depth} passages {_told(found)} counts {title}, keep {keep}",
            )


def rules_of(ctx: TechniqueContext) -> tuple[Rule, ...]:
    """The task's rules; else the newest first, where at least half of the documents have a date
    and not all the same; else none."""
    source = ctx.task.spec.knowledge
    if source is not None and source.prefer:
        return source.prefer
    dates = [known["date"] for known in ctx.documents.values() if known.get("date")]
    dated = 2 * len(dates) >= len(ctx.documents) and len(set(dates)) > 1
    return (Rule(newest="date"),) if dated else ()


def _told(rules: tuple[Rule, ...]) -> str:
    """Rules in a few words."""
    parts = []
    for rule in rules:
        wanted = ", ".join(f"{field} {value}" for field, value in (rule.first or {}).items())
        parts.append(f"the newest by {rule.newest}" if rule.newest else f"first {wanted}")
    return " and ".join(parts)
