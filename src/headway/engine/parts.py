"""A task's moving parts, each opened when first used: models, knowledge, the application.

This is also where a pipeline's fingerprint is made: all that could change its answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal

from headway.core.errors import InputError
from headway.core.pipeline import Pipeline
from headway.core.progress import Notices, Progress
from headway.core.protocols import ChatModel, EmbeddingModel, Knowledge, RerankModel, Step, Vectors
from headway.core.task import Task, digest
from headway.engine.application import Application
from headway.knowledge import FolderKnowledge
from headway.models import open_chat, open_embedding, open_rerank
from headway.steps import STEPS, build

# Raise when a change of ours may change answers of the same pipeline: part of every fingerprint.
ENGINE_VERSION = 1


class Parts:
    """Opens and keeps the parts of one task; `close()` when done."""

    def __init__(
        self,
        task: Task,
        progress: Progress,
        notices: Notices,
        capabilities: Callable[[str], Any | None] = lambda name: None,
    ) -> None:
        """capabilities: what an earlier `models check` found a model to do, by its name."""
        self.task = task
        self.progress = progress
        self.notices = notices
        self._capabilities = capabilities
        self._chat: dict[str, ChatModel] = {}
        self._embed: dict[str, EmbeddingModel] = {}
        self._rerank: dict[str, RerankModel] = {}
        self._knowledge: Knowledge | None = None
        self._application: Application | None = None
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._fingerprints: dict[str, str] = {}
        self._opening = asyncio.Lock()

    async def chat(self, name: str) -> ChatModel:
        """The chat model of that name. Raises InputError or ModelError."""
        if name not in self._chat:
            async with self._opening:
                if name not in self._chat:
                    self._chat[name] = await open_chat(
                        name,
                        self.task,
                        progress=self.progress,
                        notice=self.notices.add,
                        capabilities=self._capabilities(name),
                    )
        return self._chat[name]

    async def embedding(self, name: str) -> EmbeddingModel:
        """The embedding model of that name."""
        if name not in self._embed:
            async with self._opening:
                if name not in self._embed:
                    self._embed[name] = await open_embedding(
                        name, self.task, progress=self.progress, notice=self.notices.add
                    )
        return self._embed[name]

    async def rerank(self, name: str) -> RerankModel:
        """The re-ranking model of that name."""
        if name not in self._rerank:
            async with self._opening:
                if name not in self._rerank:
                    self._rerank[name] = await open_rerank(
                        name, self.task, progress=self.progress, notice=self.notices.add
                    )
        return self._rerank[name]

    async def embed(
        self, name: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        """Vectors of texts by a model's name: what the knowledge is lent."""
        return await (await self.embedding(name)).embed(texts, kind)

    def knowledge(self) -> Knowledge:
        """The task's knowledge. Raises InputError where there is none."""
        if self._knowledge is None:
            found = FolderKnowledge.of(self.task, self.embed, self._embedder)
            if found is None:
                raise InputError(
                    "this pipeline searches, and the task has no knowledge",
                    where=str(self.task.folder / "task.yaml"),
                    valid="knowledge: {path: knowledge/}",
                )
            for notice in found.notices:
                self.notices.add(notice)
            self._knowledge = found
        return self._knowledge

    def _embedder(self, name: str) -> str:
        """What of an embedding model may change its vectors: part of an index's key."""
        return self._embed[name].identity if name in self._embed else name

    def application(self) -> Application:
        """The user's own application. Raises InputError where none is named."""
        if self._application is None:
            self._application = Application.open(self.task)
        return self._application

    def steps(self, pipeline: Pipeline) -> tuple[Step, ...]:
        """The pipeline's steps, built once."""
        key = pipeline.digest
        if key not in self._steps:
            self._steps[key] = build(pipeline)
        return self._steps[key]

    def resolve(self, pipeline: Pipeline, model: str | None = None) -> Pipeline:
        """The pipeline with every default written out, so that its data says what it does."""
        roles = self.task.spec.models
        steps = []
        for spec in pipeline.steps:
            settings: dict[str, Any] = dict(spec.settings)
            if spec.name == "retrieve":
                if settings.get("by", "text") == "text":
                    settings.pop("embed", None)
                else:
                    settings.setdefault("embed", roles.embed)
            if spec.name == "examples" and settings.get("select") == "nearest":
                settings.setdefault("embed", roles.embed)
            if spec.name == "rerank":
                settings.setdefault("model", roles.rerank)
            steps.append({"name": spec.name, "settings": settings})
        calls_model = any(s["name"] != "application" for s in steps)
        name = (model or pipeline.model or roles.chat) if calls_model else None
        resolved = Pipeline.model_validate({"model": name, "steps": steps})
        build(resolved)  # unknown steps and settings are found before anything is spent
        return resolved

    async def fingerprint(self, pipeline: Pipeline) -> str:
        """Hash of a resolved pipeline and of all it reads: weights, documents, train, your code."""
        key = pipeline.digest
        if key in self._fingerprints:
            return self._fingerprints[key]
        reads: set[str] = set()
        identities: dict[str, str] = {}
        for spec in pipeline.steps:
            reads.update(getattr(STEPS.load(spec.name), "reads", ()))
            named = spec.settings
            if isinstance(named.get("embed"), str):
                identities[named["embed"]] = (await self.embedding(named["embed"])).identity
            if spec.name == "rerank":
                identities[named["model"]] = (await self.rerank(named["model"])).identity
            elif isinstance(named.get("model"), str):
                identities[named["model"]] = (await self.chat(named["model"])).identity
        if pipeline.model:
            identities[pipeline.model] = (await self.chat(pipeline.model)).identity
        extra: dict[str, Any] = {
            "engine": ENGINE_VERSION,
            "models": identities,
            "output": self.task.spec.output.model_dump(mode="json"),
        }
        if "knowledge" in reads and self.task.has_knowledge:
            extra["knowledge"] = self.knowledge().fingerprint
        if "train" in reads:
            extra["train"] = [e.fingerprint for e in self.task.split("train")]
        if "application" in reads:
            extra["application"] = self.application().identity
        self._fingerprints[key] = digest([pipeline.model_dump(mode="json"), extra])[:20]
        return self._fingerprints[key]

    async def close(self) -> None:
        """Free all that was opened."""
        opened: list[ChatModel | EmbeddingModel | RerankModel] = [
            *self._chat.values(),
            *self._embed.values(),
            *self._rerank.values(),
        ]
        for part in opened:
            await part.close()
        if self._application is not None:
            await self._application.close()
