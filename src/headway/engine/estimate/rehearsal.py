"""Prompts composed by a pipeline's own steps without a model: for how long they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from headway.core.errors import HeadwayError, InputError
from headway.core.pipeline import Pipeline
from headway.core.protocols import Database, Search, State, Vectors
from headway.core.record import ApplicationReply, ChatReply, ChatRequest, Passage
from headway.core.task import Example, Task, fraction
from headway.engine.lender import EVIDENCE_CUT
from headway.engine.parts import Parts
from headway.knowledge import FolderKnowledge
from headway.knowledge.cut import cut

DOCUMENTS, POOL = 300, 4000  # documents that passages are drawn from, and passages at most
TURN = 8  # tokens that a chat template adds to a message, about


def text_tokens(text: str) -> float:
    """A quarter of the UTF-8 bytes: four letters a token in English, and other scripts dearer,
    as tokenizers have it. Right within a quarter or so."""
    return len(text.encode("utf-8", "replace")) / 4


def request_tokens(request: ChatRequest) -> float:
    """Tokens of a whole prompt, by its characters."""
    return sum(text_tokens(m.content) + TURN for m in request.messages)


WHOLE = 1_000_000  # tokens of a passage that is a whole document


class Rehearsal:
    """Prompts as a pipeline would send them, composed by its own steps without a call."""

    def __init__(self, task: Task, parts: Parts) -> None:
        self.task, self.parts = task, parts
        self._pools: dict[tuple[int, int], tuple[Passage, ...]] = {}
        self._train = tuple(e for e in task.split("train") if e.reference is not None)

    async def requests(self, pipeline: Pipeline, example: Example) -> tuple[list[ChatRequest], int]:
        """The chat requests, and the number of application calls, of one example."""
        dry, _ = await self._through(pipeline, example)
        return dry.requests, dry.applied

    async def shown(self, pipeline: Pipeline, example: Example) -> tuple[Passage, ...]:
        """The passages that reach the prompt of one example: as many, and as long."""
        return (await self._through(pipeline, example))[1].passages

    async def _through(self, pipeline: Pipeline, example: Example) -> tuple[_Dry, State]:
        dry = _Dry(self)
        try:
            state = self.parts.start(example)
        except HeadwayError:  # a file that cannot be read: `check` says so
            state = State(example, example.question)
        for step in self.parts.steps(pipeline):
            try:
                state = await step.run(state, dry)
            except InputError:
                raise  # a run would end here too
            except HeadwayError:
                break  # a step that needs a true reply ends the rehearsal, not the estimate
        return dry, state

    def passages(self, query: str, how: Search) -> tuple[Passage, ...]:
        """k passages of the documents at random, the same ones each time for the same query."""
        # Widened by what is handed over around it; a whole document is one long passage.
        whole = how.unit == "document"
        pool = self._pool(
            WHOLE if whole else how.tokens + 2 * how.around, 0 if whole else how.overlap
        )
        count = min(how.k, len(pool))
        if not count:
            return ()
        first, stride = int(fraction(f"draw:{query}") * len(pool)), max(1, len(pool) // count)
        return tuple(pool[(first + i * stride) % len(pool)] for i in range(count))

    def nearest(self, question: str, k: int) -> tuple[Example, ...]:
        """k solved examples of train at random: for their length the nearest are not needed."""
        at = int(fraction(f"draw:{question}") * max(1, len(self._train)))
        return (*self._train[at:], *self._train[:at])[:k]

    def _pool(self, tokens: int, overlap: int) -> tuple[Passage, ...]:
        if (tokens, overlap) not in self._pools:
            found: list[Passage] = []
            for name, text in self._documents():
                if len(found) >= POOL:
                    break
                found += [Passage(name, text[a:b], a, b) for a, b in cut(text, tokens, overlap)]
            self._pools[tokens, overlap] = tuple(found[:POOL])
        return self._pools[tokens, overlap]

    def _documents(self) -> Iterable[tuple[str, str]]:
        if not self.task.has_knowledge:
            return
        try:
            knowledge = self.parts.knowledge()
        except InputError:
            return  # `check` says so; a plan goes on without passages
        if isinstance(knowledge, FolderKnowledge):
            for name in sorted(knowledge.names, key=lambda n: fraction(f"draw:{n}"))[:DOCUMENTS]:
                yield name, knowledge.document(name) or ""


class _Dry:
    """A lender that keeps requests instead of making calls."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.task = rehearsal.task
        self.requests: list[ChatRequest] = []
        self.applied = 0
        self._rehearsal = rehearsal

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """Keeps the request; the reply is empty."""
        self.requests.append(request)
        return ChatReply("")

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Passages at random."""
        return self._rehearsal.passages(query, how)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """The order as it is."""
        return [-float(place) for place in range(len(texts))]

    async def embed(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        """One and the same vector for all."""
        return np.ones((len(texts), 1), np.float32)

    def metadata(self, document: str) -> Mapping[str, str]:
        """As in a run."""
        return self._rehearsal.parts.knowledge().metadata(document)

    @property
    def domains(self) -> Mapping[str, str]:
        """As in a run."""
        return self._rehearsal.parts.domains

    async def domain(self, question: str, embed: str) -> str | None:
        """The first."""
        return next(iter(self.domains), None)

    def database(self, name: str | None = None) -> Database:
        """As in a run."""
        return self._rehearsal.parts.database(name)

    async def nearest(
        self, question: str, k: int, embed: str | None, **how: Any
    ) -> tuple[Example, ...]:
        """Examples at random."""
        return self._rehearsal.nearest(question, k)

    async def evidence(self, example: Example) -> tuple[Passage, ...]:
        """As in a run."""
        if not self.task.has_knowledge or not example.evidence:
            return ()
        return self._rehearsal.parts.knowledge().passages_of(example.evidence, EVIDENCE_CUT)

    async def apply(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> ApplicationReply:
        """Counts the call."""
        self.applied += 1
        return ApplicationReply(answer="")
