"""Show solved examples of `train` in the prompt: always the same ones, or ones for the question.

Brown et al., 2020, "Language Models are Few-Shot Learners"; nearest: Liu et al., 2022, "What Makes
Good In-Context Examples for GPT-3?"; diverse: Carbonell and Goldstein, 1998, maximal marginal
relevance; the model's own replies: Khattab et al., 2023, "DSPy" (BootstrapFewShot).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from headway.core.protocols import Lender, Shot, State
from headway.core.task import Example, Frozen, Output


class Examples(Frozen):
    """`fixed` shows the examples named by `ids`, or the first k of `train`. The others search for
    the question: `nearest`; `diverse`, near to it and unlike each other, by `diversity` from 0 to
    1; `balanced`, the nearest of each label or tag in turn; `matched`, the nearest of those as
    hard as the question looks.

    replies: by id, the words shown as an example's answer instead of its reference. show:
    `evidence` puts each shown example's evidence before its question, as at inference; `question`
    shows the question alone.
    """

    name: ClassVar[str] = "examples"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ("train", "knowledge")

    k: int = Field(default=4, ge=1, le=64)
    select: Literal["fixed", "nearest", "diverse", "balanced", "matched"] = "fixed"
    ids: tuple[str, ...] = ()
    replies: dict[str, str] = Field(default_factory=dict)
    diversity: float = Field(default=0.5, ge=0, le=1)
    embed: str | None = None
    show: Literal["evidence", "question"] = "question"

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {} if self.select == "fixed" else {"embed": "embed"}

    async def run(self, state: State, lend: Lender) -> State:
        """Fill `shots`, the most telling one last (next to the question)."""
        own = state.example
        if self.select == "fixed":
            pool = lend.task.split("train")
            by_id = {e.id: e for e in pool}
            named = [by_id[i] for i in self.ids if i in by_id] if self.ids else list(pool)
            solved = [e for e in named if e.reference is not None and _other(e, own)]
            shots = tuple(solved[: self.k])
        else:
            shots = tuple(reversed(await self._search(state, lend)))
        seen = [await lend.evidence(e) if self.show == "evidence" else () for e in shots]
        return replace(
            state,
            shots=tuple(
                Shot(e, passages, self.replies.get(e.id))
                for e, passages in zip(shots, seen, strict=True)
            ),
            trace=(
                *state.trace,
                {"step": "examples", "shown": [e.id for e in shots]},
            ),
        )

    async def _search(self, state: State, lend: Lender) -> list[Example]:
        """Those for the question, best first."""
        balanced = self.select == "balanced"
        found = await lend.nearest(
            state.query,
            len(lend.task.split("train")) if balanced else self.k,
            self.embed,
            own=state.example,
            diversity=self.diversity if self.select == "diverse" else 0.0,
            matched=self.select == "matched",
        )
        return balance(found, self.k, lend.task.spec.output) if balanced else list(found)


def balance(found: Sequence[Example], k: int, output: Output) -> list[Example]:
    """k of them in their order, no label (where there are none, no tag) more than once oftener
    than another while that has any left."""
    left, taken, chosen = list(found), Counter[str](), list[Example]()
    while left and len(chosen) < k:
        best = min(left, key=lambda e: taken[_kind(e, output)])  # of equals, the nearest
        left.remove(best)
        chosen.append(best)
        taken[_kind(best, output)] += 1
    return chosen


def _kind(example: Example, output: Output) -> str:
    if output.kind == "label":
        return "".join(example.references[:1])
    return " ".join(sorted(example.tags))


def _other(shown: Example, own: Example) -> bool:
    """An example is never shown to itself, nor to one of its group."""
    return shown.cluster != own.cluster and shown.question != own.question
