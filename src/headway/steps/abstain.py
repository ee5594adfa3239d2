"""Say "I cannot answer this" without asking the model, where nothing good enough was found.

Rajpurkar, Jia and Liang, 2018, "Know What You Don't Know: Unanswerable Questions for SQuAD", and
the threshold on retrieval scores that followed it in practice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from headway.core.errors import InputError
from headway.core.protocols import Lender, State
from headway.core.task import Frozen


class Abstain(Frozen):
    """Gives the task's `output.abstain` where the best passage's score is lower than `below`, or
    no passage was found.

    The score is that of the last step that gave one, on its own scale: BM25, cosine, or the
    re-ranker's. Passages without a score (rows of a database, an application's own) cannot be
    judged, and the example goes on. So it does where a probe has fixed the passages.
    """

    name: ClassVar[str] = "abstain"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ()

    below: float = Field(default=0.0, allow_inf_nan=False)

    async def run(self, state: State, lend: Lender) -> State:
        """Fill answer and output, or leave the state as it is. Raises InputError where the task
        has no such phrase."""
        phrase = lend.task.spec.output.abstain
        if phrase is None:
            raise InputError(
                "the step abstain needs the phrase that says 'I cannot answer this'",
                where=str(lend.task.folder / "task.yaml"),
                valid="output: {kind: text, abstain: I do not know}",
            )
        if state.pinned or state.answer is not None:
            return state
        scores = [p.score for p in state.passages if p.score is not None]
        if len(scores) < len(state.passages):
            return state
        best = max(scores, default=None)
        told = {"step": "abstain", "best": best, "abstained": best is None or best < self.below}
        state = replace(state, trace=(*state.trace, told))
        return abstained(state, phrase) if told["abstained"] else state


def abstained(state: State, phrase: str) -> State:
    """The state with the task's phrase for an answer."""
    return replace(state, answer=phrase, output=phrase, status="done", why="")
