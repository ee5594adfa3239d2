"""What a step is lent for one example: chat, search, re-ranking, train, the application.

Every chat and application call goes through one door here: looked up in the cache, charged to the
budget before it is made, kept for good after it, and counted in the example's usage.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import orjson

from headway.core.protocols import Database, Search, Vectors
from headway.core.record import ApplicationReply, ChatReply, ChatRequest, Passage, Usage
from headway.core.task import Evidence, Example, Task, digest
from headway.engine.budget import Budget
from headway.engine.parts import Parts
from headway.store import Store
from headway.training.classifier import Classifier

# Makes one reply: (its bytes, the tokens it used, its price or None).
Make = Callable[[], Awaitable[tuple[bytes, int, float | None]]]
EVIDENCE_CUT = Search(
    tokens=64, overlap=0, k=1
)  # short pieces: what a perfect search would hand over


@dataclass
class Desk:
    """What all lenders of one workspace share."""

    task: Task
    parts: Parts
    store: Store
    budget: Budget
    journey: str | None = None

    def __post_init__(self) -> None:
        self._flying: dict[str, asyncio.Future[bytes]] = {}
        self._nearest: dict[str, tuple[tuple[Example, ...], Any]] = {}
        self._ranked: dict[str, list[float]] = {}
        self._domains: dict[str, Classifier | None] = {}

    async def once(
        self,
        key: str,
        model: str,
        tokens: int,
        make: Make,
    ) -> tuple[bytes, bool]:
        """The reply behind a key and whether it was there already; made at most once at a time.

        make() returns (value, tokens, usd). The budget is asked before it is called.
        """
        value = self.store.reply(key)
        if value is not None:
            return value, True
        flying = self._flying.get(key)
        if flying is not None:
            return await asyncio.shield(flying), True
        future = asyncio.get_running_loop().create_future()
        self._flying[key] = future
        try:
            value = await self._paid(key, model, tokens, make)
            future.set_result(value)
            return value, False
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # marked as seen: nobody else may be waiting
            raise
        finally:
            del self._flying[key]

    async def _paid(self, key: str, model: str, tokens: int, make: Make) -> bytes:
        """Make a reply within the budget, and keep it."""
        await self.budget.reserve(tokens)
        used: int | None = None
        usd: float | None = None
        try:
            value, used, usd = await make()
            self.store.put_reply(
                key, value, journey=self.journey, model=model, tokens=used, usd=usd
            )
            return value
        finally:
            self.budget.settle(tokens, used, usd)

    async def chat(self, request: ChatRequest, model: str, repeat: int = 0) -> ChatReply:
        """One chat call through cache and budget. The key holds the repeat number, so that a
        cache never hides variance."""
        backend = await self.parts.chat(model)
        key = digest(
            [
                backend.identity,
                [(m.role, m.content) for m in request.messages],
                request.max_tokens,
                request.temperature,
                request.seed,
                request.json_schema,
                request.stop,
                repeat,
            ]
        )

        async def make() -> tuple[bytes, int, float | None]:
            made = await backend.chat(request)
            tokens = made.prompt_tokens + made.completion_tokens
            return orjson.dumps(made), tokens, made.usd

        # Four characters a token: only a hold on the budget until the true count is known.
        held = sum(len(m.content) for m in request.messages) // 4 + request.max_tokens
        value, cached = await self.once(key, model, held, make)
        return replace(ChatReply(**orjson.loads(value)), cached=cached)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """Scores of texts, remembered for this process (they cost no call)."""
        backend = await self.parts.rerank(model)
        key = digest([backend.identity, query, list(texts)])
        if key not in self._ranked:
            self._ranked[key] = await backend.rerank(query, texts)
        return self._ranked[key]

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """Passages of the task's knowledge, best first."""
        if how.embed:
            await self.parts.embedding(how.embed)  # its identity is part of the index's key
        if how.where:
            named = {k: self.parts.folder_of(v) if k == "domain" else v for k, v in how.where}
            where = tuple(("folder" if k == "domain" else k, v) for k, v in named.items())
            how = replace(how, where=where)
        return await self.parts.knowledge().search(query, how)

    async def domain(self, question: str, embed: str) -> str | None:
        """The domain that a classifier trained on `train` gives a question: its examples, each
        with the domain that its evidence stands in."""
        if embed not in self._domains:
            self._domains[embed] = await self._train_domains(embed)
        trained = self._domains[embed]
        if trained is None:
            return None
        return trained.pick(await self.parts.embed(embed, [question], "passage"))[0]

    async def _train_domains(self, embed: str) -> Classifier | None:
        of = {self.parts.folder_of(name): name for name in self.parts.domains}
        rows = []
        for example in self.task.split("train"):
            found = {
                self.parts.knowledge().metadata(e.document).get("folder", "")
                for e in example.evidence
                if e.document
            }
            if len(found) == 1 and (domain := of.get(found.pop())) is not None:
                rows.append((example.question, domain))
        vectors = await self.parts.embed(embed, [question for question, _ in rows], "passage")
        return Classifier.train(vectors, [domain for _, domain in rows])

    async def nearest(self, question: str, k: int, embed: str) -> tuple[Example, ...]:
        """The k solved examples of train nearest to a question by cosine, best first."""
        if embed not in self._nearest:
            pool = tuple(e for e in self.task.split("train") if e.reference is not None)
            vectors = await self.parts.embed(embed, [e.question for e in pool], "passage")
            self._nearest[embed] = (pool, vectors)
        pool, vectors = self._nearest[embed]
        if not pool:
            return ()
        asked = (await self.parts.embed(embed, [question], "passage"))[0]
        order = np.argsort(-(vectors @ asked), kind="stable")[:k]
        return tuple(pool[int(i)] for i in order)


class ExampleLender:
    """The lender of one example in one run; `usage` and `waited_s` grow as it works."""

    def __init__(
        self,
        desk: Desk,
        model: str | None,
        *,
        repeat: int = 0,
        temperature: float | None = None,
    ) -> None:
        self.task = desk.task
        self.usage = Usage()
        self.waited_s = 0.0
        """Seconds spent waiting for chat and application calls, now."""
        self.original_s = 0.0
        """Seconds those calls took when they were first made."""
        self._desk, self._model = desk, model
        self._repeat, self._temperature = repeat, temperature

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """See Lender."""
        name = model or self._model or self.task.spec.models.chat
        if self._temperature is not None:
            request = replace(request, temperature=self._temperature, seed=self._repeat)
        start = time.perf_counter()
        reply = await self._desk.chat(request, name, self._repeat)
        self.waited_s += time.perf_counter() - start
        self.original_s += reply.latency_s
        self._count(reply)
        return reply

    async def apply(
        self,
        inputs: Mapping[str, Any],
        context: Sequence[str] | None,
        settings: Mapping[str, Any] | None,
    ) -> ApplicationReply:
        """See Lender."""
        application = self._desk.parts.application()
        key = digest(["application", application.identity, inputs, context, settings, self._repeat])

        async def make() -> tuple[bytes, int, float | None]:
            made = await application.call(inputs, context, settings)
            return orjson.dumps(asdict(made)), made.prompt_tokens + made.completion_tokens, made.usd

        start = time.perf_counter()
        value, cached = await self._desk.once(key, application.target, 0, make)
        self.waited_s += time.perf_counter() - start
        data = orjson.loads(value)
        if data["passages"] is not None:
            data["passages"] = tuple(self._placed(Passage(**p)) for p in data["passages"])
        reply = replace(ApplicationReply(**data), cached=cached)
        self.original_s += reply.latency_s
        self._count(reply)
        return reply

    def _count(self, reply: ChatReply | ApplicationReply) -> None:
        self.usage += Usage(
            calls=int(not reply.cached),
            cached_calls=int(reply.cached),
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            usd=reply.usd,
        )

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """See Lender."""
        return await self._desk.search(query, how)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """See Lender."""
        return await self._desk.rerank(model, query, texts)

    async def embed(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        """See Lender."""
        return await self._desk.parts.embed(model, texts, kind)

    def metadata(self, document: str) -> Mapping[str, str]:
        """See Lender."""
        return self._desk.parts.knowledge().metadata(document) if self.task.has_knowledge else {}

    @property
    def domains(self) -> Mapping[str, str]:
        """See Lender."""
        return self._desk.parts.domains

    async def domain(self, question: str, embed: str) -> str | None:
        """See Lender."""
        return await self._desk.domain(question, embed)

    def database(self, name: str | None = None) -> Database:
        """See Lender."""
        return self._desk.parts.database(name)

    async def nearest(self, question: str, k: int, embed: str | None) -> tuple[Example, ...]:
        """See Lender."""
        return await self._desk.nearest(question, k, embed or self.task.spec.models.embed)

    async def evidence(self, example: Example) -> tuple[Passage, ...]:
        """See Lender. An example that has no evidence, such as an unanswerable one, is shown with
        what a search for it finds: as it would look at inference."""
        if not self.task.has_knowledge:
            return ()
        knowledge = self._desk.parts.knowledge()
        if not example.evidence:
            return await knowledge.search(example.question, EVIDENCE_CUT)
        return knowledge.passages_of(example.evidence, EVIDENCE_CUT)

    def _placed(self, passage: Passage) -> Passage:
        """An application's passage with its offsets, where the knowledge knows its document."""
        if not self.task.has_knowledge or passage.start or not passage.text:
            return passage
        named = Evidence(document=passage.document, text=passage.text)
        span = self._desk.parts.knowledge().locate(named)
        return replace(passage, start=span[1], end=span[2]) if span else passage
