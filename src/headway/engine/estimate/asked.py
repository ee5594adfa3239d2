"""What a technique is lent while its candidates are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headway.core.pipeline import Pipeline
from headway.core.protocols import Search, Spends, Technique
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example, Task
from headway.engine.estimate.rehearsal import Rehearsal
from headway.engine.parts import Parts

THOUGHT = 60  # words of reasoning in a made-up reply


class Told(Exception):
    """A technique wants to know what only a model could tell it; its text says what it does."""


@dataclass
class Asked:
    """What a technique is lent while we count its candidates. right: whether all that it evaluates
    is answered rightly, or nothing is; `evaluated` counts it."""

    task: Task
    incumbent: Pipeline
    train: tuple[Example, ...]
    causes: Mapping[str, int]
    parts: Parts
    rehearsal: Rehearsal
    right: bool = True
    calls_left: int | None = None
    evaluated: dict[str, tuple[Pipeline, dict[str, Example]]] = field(default_factory=dict)
    """By the pipeline's digest: the pipeline, and the examples by id."""

    @property
    def domains(self) -> Mapping[str, str]:
        """As in a journey."""
        return self.parts.domains

    @property
    def documents(self) -> Mapping[str, Mapping[str, str]]:
        """As in a journey."""
        return self.parts.documents

    @property
    def databases(self) -> tuple[str, ...]:
        """As in a journey."""
        return tuple(self.parts.databases())

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Nobody is asked."""
        raise Told("asks a model what to propose")

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Nothing is searched."""
        raise Told("searches for the questions of train first")

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Nothing is ordered."""
        raise Told("re-ranks for the questions of train first")

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        """Counts the examples; records as if all, or none, of them were answered rightly."""
        resolved = self.parts.resolve(pipeline)
        _, seen = self.evaluated.setdefault(resolved.digest, (resolved, {}))
        seen.update({e.id: e for e in examples})
        return tuple([await self._record(resolved, e) for e in examples])

    async def _record(self, pipeline: Pipeline, example: Example) -> Record:
        answer = next(iter(example.references), "")
        step = pipeline.step("generate")
        thinks = step is not None and step.settings.get("reasoning", "none") != "none"
        text = f"{'so ' * THOUGHT}\nAnswer: {answer}" if thinks else answer
        return Record(
            example.id, answer, answer, scores={self.task.metric: float(self.right)},
            passages=await self.rehearsal.shown(pipeline, example),
            trace=({"step": "generate", "finish": "stop", "text": text},),
        )  # fmt: skip

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        """Nothing is trained."""
        raise Told("trains a model first")

    async def tune(self, pipeline: Pipeline) -> Pipeline | None:
        """Nothing is trained."""
        raise Told("trains a model first")

    async def context(self) -> int | None:
        """No model is opened."""
        return None

    def notice(self, text: str) -> None:
        """A plan says nothing of it."""


@dataclass
class Proposed:
    """What a technique would propose, and what it does on train before: examples through a
    pipeline, the fewest and the most."""

    name: str
    candidates: list[Pipeline] = field(default_factory=list)
    before: dict[str, tuple[Pipeline, dict[str, Example], dict[str, Example]]] = field(
        default_factory=dict
    )
    search: Spends | None = None
    unsure: set[str] = field(default_factory=set)
    """Digests of candidates that it has only where all, or nothing, is answered rightly."""

    def adds(self, fewest: Asked, most: Asked) -> None:
        """What was evaluated where all went well, and where nothing did."""
        for digest, (pipeline, _) in {**most.evaluated, **fewest.evaluated}.items():
            one = fewest.evaluated.get(digest, (pipeline, {}))[1]
            other = most.evaluated.get(digest, (pipeline, {}))[1]
            few, many = sorted((one, other), key=len)
            self.before[digest] = (pipeline, few, many)


async def propose(
    kind: type[Technique], lent: Asked
) -> tuple[dict[str, Pipeline], str]:  # fmt: skip
    """Candidates by their digest, without the incumbent itself; and where they end since a model
    would have to be asked, what the technique does there."""
    found: dict[str, Pipeline] = {}
    try:
        async for candidate in kind().propose(lent):
            resolved = lent.parts.resolve(candidate.pipeline)
            if resolved != lent.incumbent:
                found[resolved.digest] = resolved
    except Told as told:
        return found, str(told)
    return found, ""
