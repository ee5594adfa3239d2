"""What scoring costs: made-up answers are scored by the metrics that ask models, without a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import orjson

from headway.core.errors import HeadwayError
from headway.core.inputs import File
from headway.core.protocols import Metric, Scored, Vectors
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example, ModelRoles, Task
from headway.metrics import measure

Known = Callable[[ChatRequest, str], Awaitable[ChatReply | None]]


@dataclass(frozen=True)
class Call:
    """One request to a judge. again: it goes on from an earlier one, as after a reply that could
    not be read."""

    model: str
    request: ChatRequest
    again: bool = False


@dataclass
class DryScoring:
    """A `MetricLender` that keeps requests instead of making calls.

    A reply is the emptiest that the request's form allows, so that a metric that asks in stages
    goes on; where it is `mute` it says nothing, which shows whether the metric asks again. known:
    looks up replies that are kept; those cost nothing. read: an example's files.
    """

    models: ModelRoles
    mute: bool = False
    known: Known | None = None
    read: Callable[[Example], tuple[File, ...]] = lambda example: ()
    calls: list[Call] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    """(model, text) of all that is embedded or re-ranked."""

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Keeps the request, unless its reply is kept."""
        name = model or self.models.judge or self.models.chat
        if self.known is not None and (reply := await self.known(request, name)) is not None:
            return reply
        said = request.messages
        again = any(
            len(said) > len(c.request.messages)
            and said[: len(c.request.messages)] == c.request.messages
            for c in self.calls
        )
        self.calls.append(Call(name, request, again))
        empty = self.mute or request.json_schema is None
        return ChatReply("" if empty else orjson.dumps(filled(request.json_schema or {})).decode())

    async def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"], model: str | None = None
    ) -> Vectors:
        """One and the same vector for all."""
        self.texts += [(model or self.models.embed, text) for text in texts]
        return np.ones((len(texts), 1), np.float32)

    async def rerank(
        self, query: str, texts: Sequence[str], model: str | None = None
    ) -> list[float]:
        """The order as it is."""
        self.texts += [(model or self.models.rerank, f"{query}\n{text}") for text in texts]
        return [-float(place) for place in range(len(texts))]

    def files(self, example: Example) -> tuple[File, ...]:
        """The true ones: they are read without a call."""
        return self.read(example)


def filled(schema: Mapping[str, Any]) -> Any:
    """The emptiest value that a JSON Schema allows; of words to choose from the last."""
    if schema.get("enum"):
        return schema["enum"][-1]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        return {name: filled(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [filled(schema.get("items", {}))] * int(schema.get("minItems", 0))
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "null": None}.get(str(kind), "-")


async def score_dry(
    task: Task, metrics: Sequence[Metric], example: Example, record: Record, lend: DryScoring
) -> DryScoring:
    """One record by all metrics; the lender, with what they asked."""
    for metric in metrics:
        try:
            await measure(metric, Scored(task, example, record, (), lend))
        except HeadwayError:
            continue  # one that needs a true reply ends its own rehearsal, not the estimate
    return lend


def made_up(
    task: Task, example: Example, other: Example, passages: tuple[Passage, ...], word: str
) -> Record:
    """An answer of the length of a reference, and not the right one: another example's, with a
    word before it."""
    reference = other.reference if task.spec.output.kind == "json" else None
    text = other.references[0] if other.references else "word " * 30
    if isinstance(reference, dict):
        return Record(example.id, text, reference, passages=passages)
    said = text if task.spec.output.kind == "json" else f"{word} {text}"
    return Record(example.id, said, said, passages=passages)
