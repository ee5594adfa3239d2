"""A journey as a command asks for it: a new one, or one that was cut off and goes on."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headway.core.errors import InputError
from headway.core.findings import Journey, Spent
from headway.core.pipeline import Pipeline
from headway.core.task import Task, digest
from headway.engine.budget import Limits
from headway.engine.journey import Traveller, Wish
from headway.engine.run import Runner
from headway.store import Store

# A runner under limits, for a journey's id, with what it has spent before.
OpenRunner = Callable[[Limits, str, Spent], Runner]


@dataclass
class Departure:
    """One command's journey from a baseline. fingerprint: the baseline's."""

    task: Task
    store: Store
    open: OpenRunner
    baseline: Pipeline
    fingerprint: str
    wish: Wish

    async def go(self, resume: bool) -> Journey:
        """The whole journey, kept; writes `pipelines/best.yaml` when something was kept."""
        limits = self.wish.limits
        splits = [self.task.split(name) for name in ("train", "dev", "test")]
        data = [e.fingerprint for examples in splits for e in examples]
        same = [self.fingerprint, digest(data), self.task.metric, self.wish.axis]
        about = digest(same)[:20]
        question = digest([*same, limits.to_dict(), self.wish.test])[:20]
        id, state = self._state(question, about, resume)
        state["about"] = about
        calls, tokens, usd = self.store.spent(id)
        spent = Spent(calls=calls, tokens=tokens, usd=usd, minutes=state.get("seconds", 0.0) / 60)
        if resume and state.get("stopped"):
            limits = _on_top(limits, spent)
            state["limits"] = limits.to_dict()
        elif "limits" in state:
            limits = Limits(**state["limits"])
        wish = Wish(limits, self.wish.axis, self.wish.test)
        runner = self.open(limits, id, spent)
        traveller = Traveller(runner, id, question, wish, self.baseline, state)
        journey = await traveller.go()
        self._save(traveller, journey)
        self.store.put_entry(id, "report", {})
        state["report"] = journey.to_json()
        self.store.put_journey(id, question, state)
        self.store.flush()
        return journey

    def _save(self, traveller: Traveller, journey: Journey) -> None:
        folder = self.task.folder / "pipelines"
        if traveller.incumbent.pipeline != self.baseline:
            traveller.incumbent.pipeline.save(folder / "best.yaml")
        if traveller.leading and journey.leading:
            traveller.leading[1].save(folder / "leading.yaml")

    def _state(self, question: str, about: str, resume: bool) -> tuple[str, dict[str, Any]]:
        """The journey to go on with, or a new one: (id, state)."""
        for id, state in self.store.journeys(None if resume else question):
            if state.get("about") == about and (resume or not state.get("stopped")):
                return id, state
        if resume:
            raise InputError(
                "there is no journey of this task, pipeline and axis to go on with",
                where=str(self.task.folder),
                do=f"headway optimize {self.task.typed}",
            )
        return uuid.uuid4().hex[:10], {"about": about}


def _on_top(limits: Limits, spent: Spent) -> Limits:
    """The limits, beyond what is spent."""

    def more(limit: float | None, used: float | None) -> Any:
        return None if limit is None else limit + (used or 0)

    calls, tokens = more(limits.calls, spent.calls), more(limits.tokens, spent.tokens)
    return Limits(calls, tokens, more(limits.usd, spent.usd), more(limits.minutes, spent.minutes))
