"""The exact messages that an example becomes: a pipeline is walked through without a call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from headway.core.errors import Outage
from headway.core.pipeline import Pipeline
from headway.core.record import ChatReply, ChatRequest, Message, Passage, Record
from headway.core.task import Example
from headway.engine.lender import ExampleLender, ScoringLender
from headway.engine.run import AS_IS, Runner, reread


@dataclass(frozen=True)
class Shown:
    """The exact messages that an example becomes, without a call."""

    example: Example
    pipeline: Pipeline
    request: ChatRequest | None
    passages: tuple[Passage, ...]
    tokens: int | None
    notes: tuple[str, ...] = ()
    record: Record | None = None
    """What this pipeline answered when it was evaluated, scored: `judged` says how it came to each
    score. None where it was not."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """In the order they are sent; empty for an application."""
        return self.request.messages if self.request else ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "schema": "headway/show/1",
            "example": self.example.model_dump(mode="json"),
            "pipeline": self.pipeline.model_dump(mode="json"),
            "request": asdict(self.request) if self.request else None,
            "passages": [asdict(p) for p in self.passages],
            "tokens": self.tokens,
            "notes": list(self.notes),
            "record": asdict(self.record) if self.record else None,
        }


async def show(runner: Runner, pipeline: Pipeline, example: Example) -> Shown:
    """Calls no chat model; it does search and re-rank. Of a pipeline that asks before the answer,
    replies that are in the store are taken from there."""
    parts = runner.desk.parts
    catcher = _Catcher(runner.desk, pipeline.model)
    state = parts.start(example)
    for step in parts.steps(pipeline):
        try:
            state = await step.run(state, catcher)
        except _Caught:
            if step.name != "generate":
                parts.notices.add(
                    f"This is what the step `{step.name}` asks. What is asked after it hangs on"
                    " the reply, and no reply is in the store yet: evaluate one example first."
                )
            break
    request = state.request or catcher.request
    tokens = None
    if request is not None and pipeline.model:
        model = await parts.chat(pipeline.model)
        tokens = sum(await model.count_tokens([m.content for m in request.messages]))
    record = await _kept(runner, pipeline, example)
    return Shown(example, pipeline, request, state.passages, tokens, parts.notices.texts, record)


async def _kept(runner: Runner, pipeline: Pipeline, example: Example) -> Record | None:
    """What the pipeline answered when it was evaluated, scored without a new call."""
    fingerprint = await runner.desk.parts.fingerprint(pipeline)
    kept = runner.desk.store.records(fingerprint, AS_IS.key).get((example.fingerprint, 0))
    if kept is None:
        return None
    record, lend = reread(kept, example), _KnownScoring(runner.desk)
    return record.with_scores(await runner.scorer(example, record, runner.spans(example), lend))


class _Caught(Exception):
    """The request was seen; nothing is sent."""


class _Catcher(ExampleLender):
    """A lender that knows the replies in the store, and stops at the first that is not there."""

    request: ChatRequest | None = None

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Keeps the request; its reply, if there is one."""
        self.request = request
        name = model or self._model or self.task.spec.models.chat
        known = await self._desk.known(request, name)
        if known is None:
            raise _Caught
        return known


class _KnownScoring(ScoringLender):
    """What metrics are lent where nothing may be asked: the judge's replies that are kept."""

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """The reply that is kept. Raises Outage where there is none."""
        name = model or self._models.judge or self._models.chat
        known = await self._desk.known(request, name)
        if known is None:
            raise Outage("it was not judged yet")
        return known
