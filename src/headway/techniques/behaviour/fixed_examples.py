"""Show the same few solved examples of train before every question.

Show rather than tell: Brown et al., 2020, "Language Models are Few-Shot Learners". The prompt's
beginning stays the same for all questions, so runtimes that keep prefixes read it once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from headway.core.protocols import Axis, Candidate, TechniqueContext
from headway.core.task import Example
from headway.techniques.behaviour.shots import fitting, shows_evidence, with_examples

COUNTS = (3, 6, 12)
EVIDENCE = 400  # letters of a passage shown with an example: a short piece around its evidence


class FixedExamples:
    """A few examples that differ in kind, with and without the passages that answer them."""

    name: ClassVar[str] = "fixed_examples"
    axis: ClassVar[Axis] = "behaviour"
    good_for: ClassVar[str] = "showing form, length and tone that words describe badly"
    not_good_for: ClassVar[str] = "short prompts; tasks whose cases differ widely"
    addresses: ClassVar[tuple[str, ...]] = (
        "wrong_despite_evidence", "invalid_output", "unstable", "unfaithful", "refused",
    )  # fmt: skip
    needs: ClassVar[tuple[str, ...]] = ("train>=8",)
    costs: ClassVar[str] = "3 to 12 examples of prompt tokens, the same for every question"

    async def propose(self, ctx: TechniqueContext) -> AsyncIterator[Candidate]:
        """3, 6 and 12 examples, as far as the model's context holds them, with their evidence
        where the pipeline shows passages."""
        if ctx.incumbent.step("generate") is None:
            return
        shows = shows_evidence(ctx.incumbent)
        chosen = varied(
            ctx.train, COUNTS[-1], with_evidence=shows, abstain=ctx.task.spec.output.abstain
        )
        sizes = [len(e.question) + len("".join(e.references[:1])) for e in chosen]
        if shows:
            sizes = [n + EVIDENCE * len(e.evidence) for n, e in zip(sizes, chosen, strict=True)]
        for k in await fitting(ctx, [k for k in COUNTS if k <= len(chosen)], sizes):
            ids = [e.id for e in chosen[:k]]
            yield Candidate(
                with_examples(
                    ctx.incumbent, k, select="fixed", ids=ids,
                    show="evidence" if shows else "question",
                ),
                f"{k} fixed examples" + (" with their passages" if shows else ""),
            )  # fmt: skip


def varied(
    train: Sequence[Example], k: int, *, with_evidence: bool, abstain: str | None = None
) -> list[Example]:
    """k solved examples of as many kinds as there are: one tag or label after the other, in
    train's own random order."""
    usable = [
        e
        for e in train
        if e.reference is not None and (e.evidence or not with_evidence or e.reference == abstain)
    ]
    chosen: list[Example] = []
    seen: dict[str, int] = {}
    while usable and len(chosen) < k:
        best = min(usable, key=lambda e: sum(seen.get(kind, 0) for kind in _kinds(e)))
        usable.remove(best)
        chosen.append(best)
        for kind in _kinds(best):
            seen[kind] = seen.get(kind, 0) + 1
    return chosen


def _kinds(example: Example) -> tuple[str, ...]:
    reference = example.references[0] if example.references else ""
    return (*example.tags, f"={reference}", f"group={example.cluster}")
