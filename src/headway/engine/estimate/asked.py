"""What a technique is lent while its candidates are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headway.core.pipeline import Pipeline
from headway.core.protocols import Search
from headway.core.record import ChatReply, ChatRequest, Passage, Record
from headway.core.task import Example, Task
from headway.engine.parts import Parts


class Told(Exception):
    """A technique wants to ask a model what to propose."""


@dataclass
class Asked:
    """What a technique is lent while we count its candidates."""

    task: Task
    incumbent: Pipeline
    train: tuple[Example, ...]
    causes: Mapping[str, int]
    parts: Parts

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
        raise Told

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Nothing is searched."""
        raise Told

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Nothing is ordered."""
        raise Told

    async def evaluate(self, pipeline: Pipeline, examples: Sequence[Example]) -> tuple[Record, ...]:
        """Nothing is run."""
        raise Told

    async def tune_embedder(self, base: str, how: Search) -> str | None:
        """Nothing is trained."""
        raise Told

    async def context(self) -> int | None:
        """No model is opened."""
        return None

    @property
    def calls_left(self) -> int | None:
        """Nothing is spent."""
        return None

    def notice(self, text: str) -> None:
        """A plan says nothing of it."""
