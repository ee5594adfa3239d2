"""What a step is lent for one example: chat, search, re-ranking, train, the application.

Every call that costs anything (chat, the application, embedding and re-ranking by a service) goes
through one door here: looked up in the cache, charged to the budget before it is made, kept for
good after it, and counted in the example's usage. Embedding and re-ranking inside this process
cost nothing; they are remembered for a while. Whatever comes from a cache counts the seconds that
it took when it was made, so that no pipeline looks quicker than it is.

An index serves all examples: what embedding its passages costs is charged to the budget and to no
example, and neither does the building count as anybody's latency.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeVar
from uuid import uuid4

import numpy as np
import orjson

from headway.core.charge import Charge, ChargedEmbedding, ChargedRerank
from headway.core.inputs import File
from headway.core.protocols import Database, RerankModel, Search, Vectors
from headway.core.record import ApplicationReply, ChatReply, ChatRequest, Passage, Usage
from headway.core.task import Evidence, Example, Task, digest
from headway.engine.budget import Budget
from headway.engine.evidence import rows_of
from headway.engine.neighbours import Pool
from headway.engine.parts import Parts
from headway.store import Store
from headway.training.classifier import Classifier

# Makes one reply: (its bytes, the tokens it used, its price or None).
Make = Callable[[], Awaitable[tuple[bytes, int, float | None]]]
Kind = Literal["query", "passage"]
Value = TypeVar("Value")
SEEDS = 1000  # of one repeat: a step may use those from 1 for samples of its own
REMEMBERED = 65_536
"""Query vectors and scores of re-ranked texts that are remembered: 100 MB were all of them vectors,
which they are not."""
EVIDENCE_CUT = Search(
    tokens=64, overlap=0, k=1
)  # short pieces: what a perfect search would hand over


@dataclass(frozen=True)
class Searcher:
    """Who searches, and for what: the knowledge embeds that text on the searcher's account, and
    all other texts for its index."""

    desk: Desk
    lender: ExampleLender | None
    query: str


_searcher: ContextVar[Searcher | None] = ContextVar("searcher", default=None)


@dataclass
class Took:
    """Seconds that a call took when it was first made."""

    seconds: float = 0.0


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
        self._pools: dict[str, Pool] = {}
        self._remembered: OrderedDict[str, tuple[Any, float]] = OrderedDict()
        self._domains: dict[str, Classifier | None] = {}
        self._preparing = asyncio.Lock()
        self.parts.embed_by = self._embed_for_knowledge

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
        key = _chat_key(backend.identity, request, repeat)

        async def make() -> tuple[bytes, int, float | None]:
            made = await backend.chat(request)
            tokens = made.prompt_tokens + made.completion_tokens
            return orjson.dumps(made), tokens, made.usd

        # Four characters a token: only a hold on the budget until the true count is known.
        held = sum(len(m.content) for m in request.messages) // 4 + request.max_tokens
        value, cached = await self.once(key, model, held, make)
        return replace(ChatReply(**orjson.loads(value)), cached=cached)

    async def known(self, request: ChatRequest, model: str, repeat: int = 0) -> ChatReply | None:
        """The reply that is kept of an earlier call; None where none was made."""
        value = self.store.reply(
            _chat_key((await self.parts.chat(model)).identity, request, repeat)
        )
        return None if value is None else replace(ChatReply(**orjson.loads(value)), cached=True)

    # --- embedding, re-ranking, searching -----------------------------------------------------

    async def embed(
        self, model: str, texts: Sequence[str], kind: Kind, lender: ExampleLender | None = None
    ) -> Vectors:
        """Unit vectors, one a text. lender: on whose account; the budget's alone, if none."""
        backend = await self.parts.embedding(model)
        if not texts:
            return await backend.embed(texts, kind)
        key = digest(["embed", backend.identity, kind, list(texts)])
        if isinstance(backend, ChargedEmbedding):
            charged = backend

            async def buy() -> tuple[bytes, Charge]:
                vectors, charge = await charged.embed_charged(texts, kind)
                return np.ascontiguousarray(vectors, "<f4").tobytes(), charge

            value = await self._bought(key, model, _held(texts), buy, lender)
            return np.frombuffer(value, "<f4").reshape(len(texts), -1).astype(np.float32)
        # One text is a query that other pipelines ask too; many are seldom asked again.
        return await self._timed(key, len(texts) == 1, lambda: backend.embed(texts, kind), lender)

    async def embed_index(self, model: str, texts: Sequence[str], kind: Kind) -> Vectors:
        """Vectors for an index, which keeps them: charged, and not kept here again."""
        backend = await self.parts.embedding(model)
        if not isinstance(backend, ChargedEmbedding) or not texts:
            return await backend.embed(texts, kind)
        charged, made = backend, []

        async def buy() -> tuple[bytes, int, float | None]:
            vectors, charge = await charged.embed_charged(texts, kind)
            made.append(vectors)
            return b"", charge.tokens, charge.usd

        # A key of its own: the row is there for the bill, not to be found.
        await self._paid(f"index:{uuid4().hex}", model, _held(texts), buy)
        return made[0]

    async def _embed_for_knowledge(self, model: str, texts: Sequence[str], kind: Kind) -> Vectors:
        """What the knowledge is lent."""
        who = _searcher.get()
        if who is not None and list(texts) == [who.query]:
            return await who.desk.embed(model, texts, kind, who.lender)
        return await (who.desk if who else self).embed_index(model, texts, kind)

    async def rerank(
        self, model: str, query: str, texts: Sequence[str], lender: ExampleLender | None = None
    ) -> list[float]:
        """Scores of texts, one each. lender: on whose account; the budget's alone, if none."""
        backend = await self.parts.rerank(model)
        if not texts:
            return []
        if isinstance(backend, ChargedRerank):
            charged = backend
            key = digest(["rerank", backend.identity, query, list(texts)])

            async def buy() -> tuple[bytes, Charge]:
                scores, charge = await charged.rerank_charged(query, texts)
                return orjson.dumps(scores), charge

            held = _held(texts) + len(texts) * _held([query])
            return list(orjson.loads(await self._bought(key, model, held, buy, lender)))
        return await self._scored(backend, query, texts, lender)

    async def _scored(
        self,
        backend: RerankModel,
        query: str,
        texts: Sequence[str],
        lender: ExampleLender | None,
    ) -> list[float]:
        """Re-ranking inside this process, remembered text by text: pipelines that fetch other
        numbers of passages, or search another way, share most of their texts."""
        keys = [digest(["rerank", backend.identity, query, text]) for text in texts]
        missing = [i for i, key in enumerate(keys) if key not in self._remembered]
        with _wait(lender) as took:
            if missing:
                start = time.perf_counter()
                scores = await backend.rerank(query, [texts[i] for i in missing])
                each = (time.perf_counter() - start) / len(missing)
                for i, score in zip(missing, scores, strict=True):
                    self._remember(keys[i], (score, each))
            known = [self._remembered[key] for key in keys]
            took.seconds = sum(seconds for _, seconds in known)
            return [float(score) for score, _ in known]

    async def _bought(
        self,
        key: str,
        model: str,
        tokens: int,
        buy: Callable[[], Awaitable[tuple[bytes, Charge]]],
        lender: ExampleLender | None,
    ) -> bytes:
        """A service's reply through cache and budget, counted in the lender's usage. Its tokens
        are the budget's; those of the usage are what the chat model reads."""

        async def make() -> tuple[bytes, int, float | None]:
            value, charge = await buy()
            return orjson.dumps(charge) + b"\n" + value, charge.tokens, charge.usd

        with _wait(lender) as took:
            kept, cached = await self.once(key, model, tokens, make)
            head, _, value = kept.partition(b"\n")
            charge = Charge(**orjson.loads(head))
            took.seconds = charge.seconds
        if lender is not None:
            lender.usage += Usage(calls=int(not cached), cached_calls=int(cached), usd=charge.usd)
        return value

    async def _timed(
        self,
        key: str,
        keep: bool,
        make: Callable[[], Awaitable[Value]],
        lender: ExampleLender | None,
    ) -> Value:
        """What this process computes, or remembers with the seconds that it took."""
        with _wait(lender) as took:
            known = self._remembered.get(key)
            if known is not None:
                self._remembered.move_to_end(key)
            else:
                start = time.perf_counter()
                made = await make()
                known = made, time.perf_counter() - start
                if keep:
                    self._remember(key, known)
            value: Value = known[0]
            took.seconds = known[1]
            return value

    def _remember(self, key: str, value: tuple[Any, float]) -> None:
        self._remembered[key] = value
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    async def search(
        self, query: str, how: Search, lender: ExampleLender | None = None
    ) -> tuple[Passage, ...]:
        """Passages of the task's knowledge, best first. lender: on whose account a query is
        embedded."""
        if how.embed:
            await self.parts.embedding(how.embed)  # its identity is part of the index's key
        if how.where:
            named = {k: self.parts.folder_of(v) if k == "domain" else v for k, v in how.where}
            where = tuple(("folder" if k == "domain" else k, v) for k, v in named.items())
            how = replace(how, where=where)
        knowledge = self.parts.knowledge()
        prepare = getattr(knowledge, "prepare", None)
        if prepare is not None and how.k > 0:
            with _wait(lender):
                await prepare(how)
        before = _searcher.set(Searcher(self, lender, query))
        try:
            return await knowledge.search(query, how)
        finally:
            _searcher.reset(before)

    # --- what is learnt from train --------------------------------------------------------------

    async def domain(
        self, question: str, embed: str, lender: ExampleLender | None = None
    ) -> str | None:
        """The domain that a classifier trained on `train` gives a question: its examples, each
        with the domain that its evidence stands in."""
        with _wait(lender):
            async with self._preparing:
                if embed not in self._domains:
                    self._domains[embed] = await self._train_domains(embed)
        trained = self._domains[embed]
        if trained is None:
            return None
        return trained.pick(await self.embed(embed, [question], "passage", lender))[0]

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
        vectors = await self.embed(embed, [question for question, _ in rows], "passage")
        return Classifier.train(vectors, [domain for _, domain in rows])

    async def nearest(
        self, question: str, k: int, embed: str, lender: ExampleLender | None = None, **how: Any
    ) -> tuple[Example, ...]:
        """See Lender.nearest; by cosine."""
        with _wait(lender):
            async with self._preparing:
                if embed not in self._pools:
                    solved = tuple(e for e in self.task.split("train") if e.reference is not None)
                    vectors = await self.embed(embed, [e.question for e in solved], "passage")
                    self._pools[embed] = Pool(solved, vectors, self.task.spec.output)
        pool = self._pools[embed]
        if not pool.examples:
            return ()
        asked = (await self.embed(embed, [question], "passage", lender))[0]
        return pool.nearest(asked, k, **how)


class ScoringLender:
    """What metrics are lent (`MetricLender`): at the same desk, on no example's account; `usage`
    is what they asked of chat models."""

    def __init__(self, desk: Desk, repeat: int = 0) -> None:
        """repeat: under whose number replies are kept, so that a cache never hides how much a judge
        varies."""
        self._desk, self._models, self._repeat = desk, desk.task.spec.models, repeat
        self.usage = Usage()

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """See MetricLender."""
        name = model or self._models.judge or self._models.chat
        reply = await self._desk.chat(request, name, self._repeat)
        self.usage += _usage_of(reply)
        return reply

    async def embed(self, texts: Sequence[str], kind: Kind, model: str | None = None) -> Vectors:
        """See MetricLender."""
        return await self._desk.embed(model or self._models.embed, texts, kind)

    async def rerank(
        self, query: str, texts: Sequence[str], model: str | None = None
    ) -> list[float]:
        """See MetricLender."""
        return await self._desk.rerank(model or self._models.rerank, query, texts)

    def files(self, example: Example) -> tuple[File, ...]:
        """See MetricLender."""
        return self._desk.parts.files(example)


def _usage_of(reply: ChatReply | ApplicationReply) -> Usage:
    return Usage(
        calls=int(not reply.cached),
        cached_calls=int(reply.cached),
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        usd=reply.usd,
    )


def _held(texts: Sequence[str]) -> int:
    """Four characters a token: only a hold on the budget until the true count is known."""
    return sum(len(text) for text in texts) // 4


def _wait(lender: ExampleLender | None) -> AbstractContextManager[Took]:
    """The lender's waiting(); without one, nobody's."""
    return nullcontext(Took()) if lender is None else lender.waiting()


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
        """Seconds spent waiting for calls, now; of calls at the same time, once."""
        self.original_s = 0.0
        """Seconds those calls took when they were first made, side by side as they are now."""
        self._desk, self._model = desk, model
        self._repeat, self._temperature = repeat, temperature
        self._waits = 0
        self._since = 0.0

    @contextmanager
    def waiting(self) -> Iterator[Took]:
        """Around one call, which says how long it took when it was first made.

        Calls that begin while another is on its way count from where that began, so that of
        several at once the longest counts.
        """
        took, begun = Took(), self.original_s
        if not self._waits:
            self._since = time.perf_counter()
        self._waits += 1
        try:
            yield took
        finally:
            self._waits -= 1
            if not self._waits:
                self.waited_s += time.perf_counter() - self._since
            self.original_s = max(self.original_s, begun + took.seconds)

    async def chat(self, request: ChatRequest, model: str | None = None) -> ChatReply:
        """See Lender."""
        name = model or self._model or self.task.spec.models.chat
        # A step's own seeds tell its samples apart, and are others in another repeat; what a probe
        # samples has the seed before them, so that it is never a step's sample of another repeat.
        first, seed = SEEDS * self._repeat, request.seed
        if seed is not None:
            seed += first
        if self._temperature is not None:
            request = replace(request, temperature=self._temperature)
            seed = first if seed is None else seed
        request = replace(request, seed=seed)
        with self.waiting() as took:
            reply = await self._desk.chat(request, name, self._repeat)
            took.seconds = reply.latency_s
        self.usage += _usage_of(reply)
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

        with self.waiting() as took:
            value, cached = await self._desk.once(key, application.target, 0, make)
            data = orjson.loads(value)
            took.seconds = data["latency_s"]
        if data["passages"] is not None:
            data["passages"] = tuple(self._placed(Passage(**p)) for p in data["passages"])
        reply = replace(ApplicationReply(**data), cached=cached)
        self.usage += _usage_of(reply)
        return reply

    async def search(self, query: str, how: Search) -> tuple[Passage, ...]:
        """See Lender."""
        return await self._desk.search(query, how, self)

    async def rerank(self, model: str, query: str, texts: Sequence[str]) -> list[float]:
        """See Lender."""
        return await self._desk.rerank(model, query, texts, self)

    async def embed(
        self, model: str, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> Vectors:
        """See Lender."""
        return await self._desk.embed(model, texts, kind, self)

    def metadata(self, document: str) -> Mapping[str, str]:
        """See Lender."""
        return self._desk.parts.knowledge().metadata(document) if self.task.has_knowledge else {}

    @property
    def domains(self) -> Mapping[str, str]:
        """See Lender."""
        return self._desk.parts.domains

    async def domain(self, question: str, embed: str) -> str | None:
        """See Lender."""
        return await self._desk.domain(question, embed, self)

    def database(self, name: str | None = None) -> Database:
        """See Lender."""
        return self._desk.parts.database(name)

    async def nearest(
        self,
        question: str,
        k: int,
        embed: str | None,
        *,
        own: Example | None = None,
        diversity: float = 0.0,
        matched: bool = False,
    ) -> tuple[Example, ...]:
        """See Lender."""
        name = embed or self.task.spec.models.embed
        how = {"own": own, "diversity": diversity, "matched": matched}
        return await self._desk.nearest(question, k, name, self, **how)

    async def evidence(self, example: Example) -> tuple[Passage, ...]:
        """See Lender. An example that has no evidence, such as an unanswerable one, is shown with
        what a search for it finds: as it would look at inference. Evidence that is a query is
        shown as its rows."""
        rows = await rows_of(example.evidence, self._desk.parts.databases)
        if not self.task.has_knowledge:
            return rows
        knowledge = self._desk.parts.knowledge()
        if not example.evidence:
            return await knowledge.search(example.question, EVIDENCE_CUT)
        return (*rows, *knowledge.passages_of(example.evidence, EVIDENCE_CUT))

    def _placed(self, passage: Passage) -> Passage:
        """An application's passage with its offsets, where the knowledge knows its document."""
        if not self.task.has_knowledge or passage.start or not passage.text:
            return passage
        named = Evidence(document=passage.document, text=passage.text)
        span = self._desk.parts.knowledge().locate(named)
        return replace(passage, start=span[1], end=span[2]) if span else passage


def _chat_key(identity: str, request: ChatRequest, repeat: int) -> str:
    """Under which the reply to a request is kept."""
    return digest(
        [
            identity,
            [(m.role, m.content) for m in request.messages],
            request.max_tokens,
            request.temperature,
            request.seed,
            request.json_schema,
            request.stop,
            repeat,
        ]
    )
