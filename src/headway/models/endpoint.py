"""Models behind an OpenAI-compatible service: vLLM, SGLang, Ollama, Azure's v1 form, hosted ones.

What a call does when it fails is in `wire`; a content filter's 400 is a reply with finish
`refused`.

Thinking counts in the limit of tokens: of OpenAI's reasoning models, and of R1 or Qwen3 behind
vLLM. A short limit is then spent before a word is said, and the reply is cut and empty. So a reply
that was cut and shows that its model thinks is asked for once more, with THINKING_ROOM on top, and
both calls are charged; from then on that model gets the room at once. What it thinks is left out of
the text, as it is where the service keeps it apart itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from yarl import URL

from headway.core.charge import Charge
from headway.core.errors import TooLong
from headway.core.protocols import Vectors
from headway.core.record import ChatReply, ChatRequest
from headway.core.thinking import apart, thinks
from headway.models.anthropic import THINKING_ROOM
from headway.models.prices import Prices
from headway.models.remote import RemoteChat
from headway.models.service import Capabilities, Service
from headway.models.wire import (
    EndpointRejected,
    Malformed,
    Wire,
    estimated,
    read_object,
    written,
)

# --- chat -------------------------------------------------------------------------------------


class EndpointChat(RemoteChat):
    """ChatModel over `/chat/completions`. backoff_s: bound of the first wait between attempts,
    seconds; other arguments as of RemoteChat."""

    def __init__(
        self,
        service: Service,
        *,
        prices: Prices | None = None,
        capabilities: Capabilities | None = None,
        backoff_s: float = 0.5,
    ) -> None:
        super().__init__(
            service,
            wire=Wire(service, backoff_s=backoff_s),
            path="/chat/completions",
            prices=prices,
            capabilities=capabilities or Capabilities(token_field=service.token_field),
        )
        self._model = service.model
        self._format: tuple[Mapping[str, Any], dict[str, Any]] | None = None
        self.thinks = bool(self.capabilities.thinks)
        """Whether it was found to think before it answers, by a check or by a reply."""

    @property
    def identity(self) -> str:
        """Address and model, and what is left out of requests since it changes the answers. The
        room for thinking does not: whoever needs it is given it, known or not."""
        can = self.capabilities
        left_out = [n for n in ("json_schema", "seed", "temperature") if not self._sends(n, can)]
        without = f" without {','.join(left_out)}" if left_out else ""
        return f"{self.wire.identity} {self._model}{without}"

    @staticmethod
    def _sends(name: str, can: Capabilities) -> bool:
        # None is not known, hence sent.
        return getattr(can, name) is not False

    def payload(self, request: ChatRequest, room: int = 0) -> dict[str, Any]:
        """The JSON body of a request; room: tokens for thinking, on top of its limit."""
        can = self.capabilities
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            can.token_field: request.max_tokens + room,
        }
        if can.temperature is not False:
            body["temperature"] = request.temperature
        if request.seed is not None and can.seed is not False:
            body["seed"] = request.seed
        if request.stop:
            body["stop"] = request.stop
        if request.json_schema is not None and can.json_schema is not False:
            body["response_format"] = self._response_format(request.json_schema)
        return body

    def _response_format(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        # One schema serves a whole run, so the last one is kept.
        if self._format is None or self._format[0] is not schema:
            self._format = (schema, response_format(schema))
        return self._format[1]

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask once (with retries), or twice where the first reply was cut while it thought. Raises
        Outage, Rejected or TooLong."""
        if self.thinks:
            found = await self._with_room(request)
            return found or (await self._once(request))[0]
        reply, thought = await self._once(request)
        self.thinks = self.thinks or thought
        if not (thought and reply.finish == "length"):
            return reply
        more = await self._with_room(request)
        return reply if more is None else _both(reply, more)

    async def _with_room(self, request: ChatRequest) -> ChatReply | None:
        """The reply with room for thinking; None where the service does not take so many tokens,
        and may take the request without them."""
        try:
            return (await self._once(request, THINKING_ROOM))[0]
        except TooLong:
            return None
        except EndpointRejected as error:
            if error.status in (400, 422):
                return None
            raise

    async def _once(self, request: ChatRequest, room: int = 0) -> tuple[ChatReply, bool]:
        """One call, and whether its reply shows that the model thought."""
        body = written(self.payload(request, room))
        try:
            read, seconds = await self.wire.post(self._url, body, _read_chat)
        except EndpointRejected as error:
            free = None if self._price is None else 0.0
            if error.status == 400 and error.code in FILTERED:
                # A filter's verdict on this one prompt is an answer of the service, and free.
                return ChatReply(error.said, "refused", usd=free), False
            if error.status == 400 and SPENT_THINKING.search(error.said):
                return ChatReply("", "length", usd=free), True
            raise
        prompt, completion = self._used(request, read.whole, read.prompt, read.completion)
        price = self._price
        usd = None if price is None else price.cost(prompt, completion)
        reply = ChatReply(read.text, read.finish, prompt, completion, seconds, usd)
        return reply, read.thought


def _both(first: ChatReply, second: ChatReply) -> ChatReply:
    """The second reply, with what both cost and took."""
    usd = None if first.usd is None or second.usd is None else first.usd + second.usd
    return replace(
        second,
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        latency_s=first.latency_s + second.latency_s,
        usd=usd,
    )


Finish = Literal["stop", "length", "refused"]
FINISH: Mapping[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
    "refusal": "refused",
    "safety": "refused",
}
FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""Codes of a 400 by which a service says that it will not answer this prompt."""
SPENT_THINKING = re.compile(r"max_tokens or model output limit was reached")
"""What OpenAI says in a 400 where thinking left no token for the answer, at times: else such a
reply is cut and empty."""


class _Read(NamedTuple):
    """A reply, read. text: without what was thought; whole: all that was written, as far as it is
    shown, of which tokens are estimated where they are not told."""

    text: str
    finish: Finish
    prompt: int | None
    completion: int | None
    thought: bool
    whole: str


def _read_chat(data: bytes) -> _Read:
    reply = read_object(data)
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        content = message.get("content")
        refusal = message.get("refusal")
        ended = choice.get("finish_reason")
        thinking = _shown_thinking(message)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Malformed("no choices[0].message") from None
    if isinstance(content, list):
        # Some services answer in parts.
        content = "".join(p.get("text") or "" for p in content if isinstance(p, dict))
    finish = FINISH.get(ended, "stop") if isinstance(ended, str) else "stop"
    if isinstance(refusal, str) and refusal:
        content, finish = content or refusal, "refused"
    if content is None and ("content" in message or thinking):
        # All of it was reasoning, or a tool call: the model's answer is empty, as it said.
        content = ""
    if not isinstance(content, str):
        raise Malformed(f"message.content is {type(content).__name__}, not text")
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return _Read(
        apart(content)[1],
        finish,
        prompt if isinstance(prompt, int) else None,
        completion if isinstance(completion, int) else None,
        thought_in(reply, content),
        thinking + content,
    )


def thought_in(reply: Mapping[str, Any], content: str) -> bool:
    """Whether a reply shows that its model thought: in a field of its own, in its text, or by the
    tokens that were counted, as OpenAI does, which does not show it."""
    usage = reply.get("usage")
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    count = details.get("reasoning_tokens") if isinstance(details, dict) else None
    counted = isinstance(count, int) and count > 0
    return counted or thinks(content) or bool(_shown_thinking(reply["choices"][0]["message"]))


def _shown_thinking(message: Mapping[str, Any]) -> str:
    """The thinking that a service shows beside the answer: vLLM and OpenRouter in `reasoning`,
    DeepSeek and older vLLM in `reasoning_content`, Mistral in parts of the content."""
    for name in ("reasoning", "reasoning_content"):
        value = message.get(name)
        if isinstance(value, str) and value.strip():
            return value
    parts = message.get("content")
    found = parts if isinstance(parts, list) else []
    return "".join(str(p.get("thinking") or "") for p in found if isinstance(p, dict))


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field that asks for a JSON Schema; strict where the schema allows it.

    Strict mode wants every object closed and every field required; a service rejects a strict
    request for any other schema. It may know no lengths of texts either (OpenAI's list of what a
    strict schema may hold names none), so there they go unsaid: whoever reads the reply checks it.
    """
    strict = _closed(schema)
    form = {"name": "answer", "strict": strict, "schema": _unsized(schema) if strict else schema}
    return {"type": "json_schema", "json_schema": form}


def _unsized(schema: Any, names: bool = False) -> Any:
    """A schema without lengths of texts. names: whether keys are fields' names, which stay."""
    if isinstance(schema, list):
        return [_unsized(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: _unsized(value, not names and key == "properties")
        for key, value in schema.items()
        if names or key not in ("minLength", "maxLength")
    }


def _closed(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(_closed(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties")
        names = set(properties) if isinstance(properties, Mapping) else set()
        if schema.get("additionalProperties") is not False:
            return False
        if names != set(schema.get("required", ())):
            return False
    return all(_closed(value) for value in schema.values())


# --- embedding and re-ranking -----------------------------------------------------------------


class EndpointEmbedding:
    """EmbeddingModel over `/embeddings`.

    prices: where `usd` comes from; without a price it is None. batch: texts a call. prefixes: put
    before each text, by kind; what they are is the model's own custom, and empty is right for
    most hosted ones.
    """

    def __init__(
        self,
        service: Service,
        *,
        prices: Prices | None = None,
        batch: int = 32,
        prefixes: Mapping[Literal["query", "passage"], str] | None = None,
        backoff_s: float = 0.5,
    ) -> None:
        self.name = service.name
        self.wire = Wire(service, backoff_s=backoff_s)
        self._model = service.model
        self._url = self.wire.url("/embeddings")
        self._price = prices.of(service.name) if prices else None
        self._batch = batch
        self._prefixes = dict(prefixes or {})
        self._dimension = 0

    def __repr__(self) -> str:
        return f"EndpointEmbedding({self.name!r}, {self.wire.shown!r})"

    @property
    def identity(self) -> str:
        """Address, model and prefixes."""
        prefixes = "".join(f" {k}={v!r}" for k, v in sorted(self._prefixes.items()) if v)
        return f"{self.wire.identity} {self._model}{prefixes}"

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        """Unit vectors, one a text, in order. Raises Outage or Rejected."""
        return (await self.embed_charged(texts, kind))[0]

    async def embed_charged(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> tuple[Vectors, Charge]:
        """As embed(), with its tokens, its price, and the seconds of its slowest batch."""
        if not texts:
            return np.zeros((0, self._dimension), np.float32), Charge()
        prefix = self._prefixes.get(kind, "")
        # An empty input is an error to most services.
        asked = [(prefix + text) or " " for text in texts]
        starts = range(0, len(asked), self._batch)
        tasks = [asyncio.ensure_future(self._embed(asked[at : at + self._batch])) for at in starts]
        try:
            # Not a TaskGroup: that would wrap an Outage into a group of exceptions.
            made = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        vectors = np.concatenate([rows for rows, _, _ in made])
        self._dimension = vectors.shape[1]
        tokens = sum(count for _, count, _ in made)
        usd = None if self._price is None else self._price.cost(tokens, 0, len(made))
        return vectors, Charge(tokens, usd, max(seconds for _, _, seconds in made))

    async def _embed(self, texts: list[str]) -> tuple[Vectors, int, float]:
        """Vectors, tokens, seconds of one call."""
        body = written({"model": self._model, "input": texts, "encoding_format": "float"})
        (vectors, tokens), seconds = await self.wire.post(
            self._url, body, lambda data: _read_vectors(data, len(texts))
        )
        return vectors, tokens or sum(estimated(text) for text in texts), seconds

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def _read_vectors(data: bytes, count: int) -> tuple[Vectors, int | None]:
    reply = read_object(data)
    rows = _indexed(reply, ("data",), count)
    try:
        vectors = np.array([row["embedding"] for row in rows], np.float32)
    except (KeyError, TypeError, ValueError):
        raise Malformed("no list of numbers of one length in each data[].embedding") from None
    if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
        raise Malformed("embeddings that are not finite numbers")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise Malformed("an embedding of length 0")
    return np.asarray(vectors / norms, np.float32), _read_tokens(reply)


class EndpointRerank:
    """RerankModel over `/rerank`, in the form that Cohere, Jina, vLLM and others share.

    prices: where `usd` comes from; without a price it is None.
    """

    def __init__(
        self, service: Service, *, prices: Prices | None = None, backoff_s: float = 0.5
    ) -> None:
        self.name = service.name
        self.wire = Wire(service, backoff_s=backoff_s)
        self._model = service.model
        self._price = prices.of(service.name) if prices else None
        elsewhere = service.rerank_url
        self._url = URL(elsewhere) if elsewhere else self.wire.url("/rerank")

    def __repr__(self) -> str:
        return f"EndpointRerank({self.name!r}, {self.wire.shown!r})"

    @property
    def identity(self) -> str:
        """Address and model."""
        return f"{self.wire.identity} {self._model}"

    async def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score a text, in order. Raises Outage or Rejected."""
        return (await self.rerank_charged(query, texts))[0]

    async def rerank_charged(self, query: str, texts: Sequence[str]) -> tuple[list[float], Charge]:
        """As rerank(), with its tokens, its price and its seconds."""
        if not texts:
            return [], Charge()
        # Without top_n every service gives all scores, and its name differs between them.
        body = written({"model": self._model, "query": query, "documents": list(texts)})
        (scores, tokens), seconds = await self.wire.post(
            self._url, body, lambda data: _read_scores(data, len(texts))
        )
        # A cross-encoder reads the query again with each text.
        tokens = tokens or sum(estimated(text) + estimated(query) for text in texts)
        usd = None if self._price is None else self._price.cost(tokens, 0)
        return scores, Charge(tokens, usd, seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self.wire.close()


def _read_scores(data: bytes, count: int) -> tuple[list[float], int | None]:
    reply = read_object(data)
    rows = _indexed(reply, ("results", "data"), count)
    try:
        scores = [
            float(row["relevance_score" if "relevance_score" in row else "score"]) for row in rows
        ]
    except (KeyError, TypeError, ValueError):
        raise Malformed("no relevance_score in each result") from None
    return scores, _read_tokens(reply)


def _read_tokens(reply: Mapping[str, Any]) -> int | None:
    """Tokens that an embedding or re-ranking reply says it read; None where it does not say.

    `usage` is OpenAI's form, which Jina and vLLM share; `meta.tokens` is Cohere's.
    """
    usage, meta = reply.get("usage"), reply.get("meta")
    told = meta.get("tokens") if isinstance(meta, dict) else None
    for where, names in ((usage, ("total_tokens", "prompt_tokens")), (told, ("input_tokens",))):
        for name in names:
            count = where.get(name) if isinstance(where, dict) else None
            if isinstance(count, (int, float)) and not isinstance(count, bool) and count > 0:
                return int(count)
    return None


def _indexed(reply: dict[str, Any], names: tuple[str, ...], count: int) -> list[dict[str, Any]]:
    """The items of a list that carry an `index`, in its order; each once, or Malformed."""
    items = next((reply[name] for name in names if isinstance(reply.get(name), list)), None)
    if items is None:
        raise Malformed(f"no list {' or '.join(names)}")
    by_index = {item.get("index"): item for item in items if isinstance(item, dict)}
    if len(items) != count or set(by_index) != set(range(count)):
        raise Malformed(f"{len(items)} results for {count} texts, or their index is missing")
    return [by_index[index] for index in range(count)]
