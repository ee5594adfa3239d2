"""The user's own application as a pipeline of one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson

from headway.core.protocols import Lender, State
from headway.core.task import Frozen


class Application(Frozen):
    """Calls `application` of task.yaml; `settings` are those that the task declares."""

    name: ClassVar[str] = "application"
    supplies_context: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ("application",)

    settings: Mapping[str, Any] = {}

    async def run(self, state: State, lend: Lender) -> State:
        """Fill answer, output, passages and status from the application's reply."""
        context = [p.text for p in state.passages] if state.pinned else None
        reply = await lend.apply(state.example.inputs, context, dict(self.settings) or None)
        passages = state.passages if state.pinned else (reply.passages or ())
        answer = reply.answer
        return replace(
            state,
            answer=answer if isinstance(answer, str) else _as_text(answer),
            output=answer,
            passages=passages,
            ranked=tuple((p.document, p.start, p.end) for p in passages),
            status="refused" if reply.refused else "done",
            why="the application refused" if reply.refused else "",
            trace=(*state.trace, {"step": "application", "settings": dict(self.settings)}),
        )


def _as_text(answer: Any) -> str:
    return "" if answer is None else orjson.dumps(answer).decode()
