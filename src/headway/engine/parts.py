"""A task's moving parts, each opened when first used: models, knowledge, the application.

This is also where a pipeline's fingerprint is made: all that could change its answers.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from headway.core.errors import InputError
from headway.core.inputs import File, located
from headway.core.pipeline import Pipeline
from headway.core.progress import Notices, Progress
from headway.core.protocols import (
    ChatModel,
    Database,
    EmbeddingModel,
    Knowledge,
    RerankModel,
    State,
    Step,
    Vectors,
)
from headway.core.task import Example, Task, digest, line_of
from headway.core.training import Base
from headway.databases import open_databases
from headway.engine.application import Application
from headway.knowledge import FolderKnowledge, read_one
from headway.models import open_chat, open_embedding, open_rerank
from headway.models.adapted import PREFIX
from headway.models.tuned import SERVED, Tuned, lineage_of
from headway.steps import build
from headway.training.answering import TransformersChat

Embed = Callable[[str, Sequence[str], Literal["query", "passage"]], Awaitable[Vectors]]

# Raise when a change of ours may change answers of the same pipeline: part of every fingerprint.
ENGINE_VERSION = 5
FILES_HELD = 64  # texts of examples' files that are remembered


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
        self._databases: Mapping[str, Database] | None = None
        self._application: Application | None = None
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._fingerprints: dict[str, str] = {}
        self._files: OrderedDict[str, str] = OrderedDict()
        self._opening = asyncio.Lock()
        self._advised: set[str] = set()
        self.embed_by: Embed | None = None
        """What embeds for the knowledge instead of `embed`: a desk's, which counts the cost."""

    async def chat(self, name: str) -> ChatModel:
        """The chat model of that name. Raises InputError or ModelError."""
        if name not in self._chat:
            async with self._opening:
                if name not in self._chat:
                    self._chat[name] = self._unserved(name) or await open_chat(
                        name,
                        self.task,
                        progress=self.progress,
                        notice=self.notices.add,
                        capabilities=self._capabilities(name),
                    )
        return self._chat[name]

    def _unserved(self, name: str) -> ChatModel | None:
        """A tuned model of weights in Hugging Face's form that were trained here and that nothing
        serves yet: transformers answers. None for all others."""
        if not name.startswith(PREFIX):
            return None
        tuned = Tuned.load(name, self.task.folder)
        here = tuned.file.name == SERVED and tuned.lineage.get("trainer") == "lora"
        if not here or tuned.served_as:
            return None
        self.notices.add(
            f"transformers answers for {name}, one batch at a time and without enforced forms:"
            f" {tuned.commands()}"
        )
        base, home = Base(name=tuned.base, kind="hf", path=tuned.base), tuned.file.parent
        return TransformersChat.over(name, base, home, self.task.home / "tuning" / "answers")

    def lend_chat(self, name: str, model: ChatModel) -> None:
        """Have a chat model that was made here answer to this name."""
        self._chat[name] = model

    async def close_chat(self, name: str) -> None:
        """Free a chat model; it is opened anew where it is asked again, and may be another then."""
        self._fingerprints.clear()
        model = self._chat.pop(name, None)
        if model is not None:
            await model.close()

    async def embedding(self, name: str) -> EmbeddingModel:
        """The embedding model of that name."""
        if name not in self._embed:
            async with self._opening:
                if name not in self._embed:
                    self._embed[name] = await open_embedding(
                        name, self.task, progress=self.progress, notice=self.notices.add
                    )
        return self._embed[name]

    async def _part(self, role: str, name: str) -> ChatModel | EmbeddingModel | RerankModel:
        if role == "embed":
            return await self.embedding(name)
        return await (self.rerank(name) if role == "rerank" else self.chat(name))

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
        if self.embed_by is not None:
            return await self.embed_by(name, texts, kind)
        return await (await self.embedding(name)).embed(texts, kind)

    def knowledge(self) -> Knowledge:
        """The task's knowledge. Raises InputError where there is none."""
        if self._knowledge is None:
            found: FolderKnowledge | None = FolderKnowledge.of(
                self.task, self.embed, self._embedder
            )
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
        """What of an embedding model may change the vectors of passages: part of an index's key.

        A model that changes queries alone names in `passages_identity` what embeds passages."""
        if name not in self._embed:
            return name
        model = self._embed[name]
        return str(getattr(model, "passages_identity", model.identity))

    def files(self, example: Example) -> tuple[File, ...]:
        """The files of an example, read whole. Raises InputError naming example and line."""
        found = []
        for name in example.files:
            try:
                found.append(File(name, self._file(name)))
            except (InputError, ValueError) as error:
                file = self.task.folder / "examples.jsonl"
                number = line_of(file, example.id)
                raise InputError(
                    error.what if isinstance(error, InputError) else str(error),
                    where=f"{file}:{number or '?'} (example {example.id!r})",
                    valid=getattr(error, "valid", None),
                    do=getattr(error, "do", None),
                ) from None
        return tuple(found)

    def _file(self, name: str) -> str:
        if name not in self._files:
            place = located(name, self.task.folder)
            self._files[name] = read_one(place, name, self.task.home / "documents").text
            if len(self._files) > FILES_HELD:
                self._files.popitem(last=False)
        self._files.move_to_end(name)
        return self._files[name]

    def start(self, example: Example) -> State:
        """An example before its first step. Raises InputError for a file that cannot be read."""
        return State(example, example.question, history=example.history, files=self.files(example))

    def databases(self) -> Mapping[str, Database]:
        """The task's databases by name; none where it has none."""
        if self._databases is None:
            self._databases = open_databases(self.task)
        return self._databases

    def database(self, name: str | None = None) -> Database:
        """One database, by name where there are several. Raises InputError."""
        found = self.databases()
        if name is None and len(found) == 1:
            return next(iter(found.values()))
        if name is None or name not in found:
            raise InputError(
                f"there is no database {name!r}" if name else "which database is not said",
                where=str(self.task.folder / "databases"),
                valid=", ".join(found) or "a file such as databases/sales.sqlite",
                do="database: NAME in the step",
            )
        return found[name]

    @cached_property
    def domains(self) -> Mapping[str, str]:
        """The knowledge's domains, each with what it is about: those of task.yaml, else the
        folders directly below the knowledge where there are 2 to 12."""
        source = self.task.spec.knowledge
        if source is None:
            return {}
        if source.domains:
            return {name: domain.about for name, domain in source.domains.items()}
        knowledge = self.knowledge()
        folders = sorted({knowledge.metadata(name).get("folder", "") for name in knowledge.names})
        return dict.fromkeys(folders, "") if 2 <= len(folders) <= 12 and all(folders) else {}

    @cached_property
    def documents(self) -> Mapping[str, Mapping[str, str]]:
        """Metadata of every document of the knowledge, by name; empty without knowledge."""
        if not self.task.has_knowledge:
            return {}
        knowledge = self.knowledge()
        return {name: knowledge.metadata(name) for name in knowledge.names}

    def folder_of(self, domain: str) -> str:
        """The folder of a domain: what passages are filtered by."""
        source = self.task.spec.knowledge
        named = source.domains.get(domain) if source else None
        return (named.folder if named else None) or domain

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
        # Unknown steps and settings are found here, before anything is spent.
        steps, built = [], build(pipeline)
        for spec, step in zip(pipeline.steps, built, strict=True):
            settings: dict[str, Any] = dict(spec.settings)
            wanted: dict[str, str] = getattr(step, "roles", {})
            for setting, role in wanted.items():
                settings.setdefault(setting, getattr(self.task.spec.models, role))
            if "embed" not in wanted:
                settings.pop("embed", None)  # it would be opened, and change nothing
            steps.append({"name": spec.name, "settings": settings})
        chats = any(getattr(step, "chats", False) for step in built)
        name = (model or pipeline.model or self.task.spec.models.chat) if chats else None
        return Pipeline.model_validate({"model": name, "steps": steps})

    def shows(self, pipeline: Pipeline) -> str:
        """Hash of what stands before the question when the model is asked: the steps that bring
        context, up to the answer; empty where there are none."""
        told = []
        for spec, step in zip(pipeline.steps, self.steps(pipeline), strict=True):
            if spec.name == "generate":
                break
            if getattr(step, "supplies_context", False):
                told.append(spec.model_dump(mode="json"))
        return digest(told)[:12] if told else ""

    def advise(self, pipeline: Pipeline) -> None:
        """Say once of a tuned model that it learnt from other context than it is shown here."""
        name = pipeline.model or ""
        if not name.startswith(PREFIX) or name in self._advised:
            return
        self._advised.add(name)
        learnt = lineage_of(name, self.task.folder).get("shows")
        if learnt is not None and learnt != self.shows(pipeline):
            self.notices.add(
                f"{name} was trained with other retrieval than this pipeline has. Trained again"
                f" with this one it usually answers better: headway tune {self.task.typed}"
                f" --pipeline FILE --base {name}"
            )

    async def fingerprint(self, pipeline: Pipeline) -> str:
        """Hash of a resolved pipeline and of all it reads: weights, documents, train, your code."""
        key = pipeline.digest
        if key in self._fingerprints:
            return self._fingerprints[key]
        reads: set[str] = set()
        identities: dict[str, str] = {}
        for step in self.steps(pipeline):
            reads.update(getattr(step, "reads", ()))
            roles = getattr(step, "roles", {})
            for setting in ("embed", "model"):
                named = getattr(step, setting, None)
                if isinstance(named, str):
                    part = await self._part(roles.get(setting, "chat"), named)
                    identities[named] = part.identity
        if pipeline.model:
            identities[pipeline.model] = (await self.chat(pipeline.model)).identity
        extra: dict[str, Any] = {
            "engine": ENGINE_VERSION,
            "models": identities,
            "output": self.task.spec.output.model_dump(mode="json"),
        }
        if "knowledge" in reads and self.task.has_knowledge:
            extra["knowledge"] = self.knowledge().fingerprint
            source = self.task.spec.knowledge  # its domains and rules are read by steps as well
            if source is not None and (source.domains or source.prefer):
                extra["source"] = source.model_dump(mode="json", include={"domains", "prefer"})
        if "train" in reads:
            extra["train"] = [e.fingerprint for e in self.task.split("train")]
        if "application" in reads:
            extra["application"] = self.application().identity
        # Examples of train are shown with the rows that their queries give.
        if "databases" in reads or ("train" in reads and self.databases()):
            extra["databases"] = [d.fingerprint for d in self.databases().values()]
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
        for database in (self._databases or {}).values():
            await database.close()
        if self._application is not None:
            await self._application.close()
