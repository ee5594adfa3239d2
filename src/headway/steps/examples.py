"""Show solved examples of `train` in the prompt: always the same ones, or the nearest.

Brown et al., 2020, "Language Models are Few-Shot Learners"; nearest: Liu et al., 2022, "What Makes
Good In-Context Examples for GPT-3?".
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from headway.core.protocols import Lender, Shot, State
from headway.core.task import Example, Frozen


class Examples(Frozen):
    """`fixed` shows the examples named by `ids`, or the first k of `train`; `nearest` searches.

    show: `evidence` puts each shown example's evidence before its question, as at inference;
    `question` shows the question alone.
    """

    name: ClassVar[str] = "examples"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ("train", "knowledge")

    k: int = Field(default=4, ge=1, le=64)
    select: Literal["fixed", "nearest"] = "fixed"
    ids: tuple[str, ...] = ()
    embed: str | None = None
    show: Literal["evidence", "question"] = "question"

    @property
    def roles(self) -> dict[str, str]:
        """Settings that are a model's name, and the role it defaults to."""
        return {"embed": "embed"} if self.select == "nearest" else {}

    async def run(self, state: State, lend: Lender) -> State:
        """Fill `shots`, the most telling one last (next to the question)."""
        own = state.example
        if self.select == "nearest":
            found = await lend.nearest(state.query, self.k + 4, self.embed)
            shots = tuple(reversed([e for e in found if _other(e, own)][: self.k]))
        else:
            pool = lend.task.split("train")
            by_id = {e.id: e for e in pool}
            named = [by_id[i] for i in self.ids if i in by_id] if self.ids else list(pool)
            solved = [e for e in named if e.reference is not None and _other(e, own)]
            shots = tuple(solved[: self.k])
        seen = [await lend.evidence(e) if self.show == "evidence" else () for e in shots]
        return replace(
            state,
            shots=tuple(Shot(e, passages) for e, passages in zip(shots, seen, strict=True)),
            trace=(
                *state.trace,
                {"step": "examples", "shown": [e.id for e in shots]},
            ),
        )


def _other(shown: Example, own: Example) -> bool:
    """An example is never shown to itself, nor to one of its group."""
    return shown.cluster != own.cluster and shown.question != own.question
