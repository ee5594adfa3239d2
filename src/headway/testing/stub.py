"""A stand-in for an OpenAI-compatible service, over a real loopback socket.

In a test:

    async with StubServer(answer="42", plan=["429:0.1", "500"]) as stub:
        endpoint = Endpoint(base_url=stub.url)
        ...
    assert stub.requests == 3

As a process of its own, which prints its address first and counts in a file what reached it:

    python -m headway.testing.stub --port 0 --answer 42 --latency 0.05 --log calls.jsonl

Faults, as texts (`plan`, `--plan`): `ok`; `429` or any status, with `429:2` for Retry-After: 2;
`hang` (no reply, ever); `drop` (the connection is closed); `garbage` (200, not JSON); `empty`
(200, no choices); `null` (content null); `length`, `refused`, `filtered`, `refusal` (replies that
end so); `redirect`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import orjson
from aiohttp import web

from headway.core.thinking import apart

Body = dict[str, Any]
Answer = str | Callable[[Body], str]
Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
Plan = Sequence[str] | Callable[[int, Body], str | None]


class StubServer:
    """An HTTP server at 127.0.0.1 with /chat/completions, /embeddings, /rerank and /models.

    answer: the text of every chat reply, or a function of the request's JSON body. Its tokens
    are its words, and it is cut at the request's limit.
    thinking: where a leading <think> block of it goes, which counts in that limit: empty, it stays
    in the text; `hidden`, the usage alone tells of it; else the message's field of that name.
    latency_s: seconds before each reply. plan: faults of the first requests, in order, or a
    function of a request's number (from 1) and body. key: the key it wants, or every request is
    refused with a 401 that quotes the key it got (as careless services do). busy_over: more
    requests at once than this get a 429. rejects: parameters that it does not take, answered by
    a 400 that names them (`silent`: that does not). ignores: parameters without any effect.
    usage: whether replies tell their tokens. embed: the vectors of texts; without it they come
    from each text's hash. port: 0 picks a free one. log: a file that gets one
    JSON line a request, `{"n", "at", "path", "sha256"}`, before the request is answered.

    After and during use: `url`, `requests`, `paths`, `bodies`, `headers` of the last request,
    `most_in_flight`, `times` (monotonic seconds of each arrival).
    """

    def __init__(
        self,
        answer: Answer = "ok",
        *,
        thinking: str = "",
        latency_s: float = 0.0,
        plan: Plan = (),
        key: str | None = None,
        busy_over: int | None = None,
        retry_after: str | None = None,
        rejects: Iterable[str] = (),
        silent: bool = False,
        ignores: Iterable[str] = (),
        usage: bool = True,
        embed: Embed | None = None,
        port: int = 0,
        log: str | Path | None = None,
        keep: bool = True,
    ) -> None:
        self._answer = answer
        self._thinking = thinking
        self._latency_s = latency_s
        self._plan = plan
        self._key = key
        self._busy_over = busy_over
        self._retry_after = retry_after
        self._rejects = tuple(rejects)
        self._silent = silent
        self._ignores = frozenset(ignores)
        self._usage = usage
        self._embed = embed
        self._port = port
        self._log_file = Path(log) if log is not None else None
        self._log: int | None = None
        self._keep = keep
        self._runner: web.AppRunner | None = None
        self._handlers: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.requests = 0
        self.paths: list[str] = []
        self.bodies: list[Body] = []
        self.headers: Mapping[str, str] = {}
        self.times: list[float] = []
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def url(self) -> str:
        """The base_url for an Endpoint."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        if self._log_file is not None:
            # One write(2) a line to a file opened for appending: it survives kill -9 of either
            # side. Only a crash of the whole machine could lose it, which fsync would prevent.
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._log = os.open(self._log_file, flags, 0o644)
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_post("/{path:.*}", self._post)
        application.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for handler in self._handlers:
            handler.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._log is not None:
            os.close(self._log)
            self._log = None

    async def reached(self, requests: int, within_s: float = 5.0) -> None:
        """Wait until so many requests have arrived. Raises TimeoutError."""
        for _ in range(int(within_s / 0.002)):
            if self.requests >= requests:
                return
            await asyncio.sleep(0.002)
        raise TimeoutError(f"{self.requests} of {requests} requests within {within_s:g} s")

    async def _models(self, _: web.Request) -> web.Response:
        return _reply({"object": "list", "data": [{"id": "stub", "object": "model"}]})

    async def _post(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.requests += 1
        number = self.requests
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        task = asyncio.current_task()
        if task is not None:
            self._handlers.add(task)
        try:
            self._note(number, request, raw)
            body = orjson.loads(raw)
            if self._keep:
                self.bodies.append(body)
            refusal = self._refusal(request, body)
            if refusal is not None:
                return refusal
            fault = self._fault(number, body)
            if self._latency_s:
                await asyncio.sleep(self._latency_s)
            if fault != "ok":
                return await self._fail(fault, request, body)
            return _reply(self._good(request.path, body))
        finally:
            self.in_flight -= 1

    def _note(self, number: int, request: web.Request, raw: bytes) -> None:
        if self._keep:
            self.paths.append(request.path)
            self.times.append(time.monotonic())
            self.headers = dict(request.headers)
        if self._log is not None:
            line = {
                "n": number,
                "at": time.time(),
                "path": request.path,
                "sha256": hashlib.sha256(raw).hexdigest(),
            }
            os.write(self._log, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def _refusal(self, request: web.Request, body: Body) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self._key is not None and given != f"Bearer {self._key}":
            key = given.removeprefix("Bearer ")
            said = f"Incorrect API key provided: {key[:8]}***{key[-4:]} ({key})."
            return _error(401, said)
        if self._busy_over is not None and self.in_flight > self._busy_over:
            return _error(429, "too many requests at once", retry_after=self._retry_after)
        for name in self._rejects:
            if name in body:
                if self._silent:
                    return _error(400, "Bad Request")
                return _error(400, f"Unsupported parameter: '{name}'.", param=name)
        return None

    def _fault(self, number: int, body: Body) -> str:
        if callable(self._plan):
            return self._plan(number, body) or "ok"
        return self._plan[number - 1] if number <= len(self._plan) else "ok"

    async def _fail(self, fault: str, request: web.Request, body: Body) -> web.StreamResponse:
        kind, _, detail = fault.partition(":")
        if kind.isdigit():
            return _error(int(kind), f"scripted {kind}", retry_after=detail or None)
        if kind == "hang":
            await asyncio.Event().wait()
        if kind == "drop":
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if kind == "redirect":
            return web.Response(status=301, headers={"Location": detail or "http://other/v1"})
        if kind == "garbage":
            return web.Response(body=b'<html>{"choices": [', content_type="text/html")
        if kind == "empty":
            return _reply({"id": "stub", "choices": []})
        if kind == "filtered":
            return _error(400, "the prompt was filtered", code="content_filter", param="prompt")
        return self._odd(kind, self._good(request.path, body))

    @staticmethod
    def _odd(kind: str, good: Body) -> web.Response:
        """A reply of status 200 that ends in another way than `stop`."""
        choice = good["choices"][0]
        if kind == "null":
            choice["message"]["content"] = None
        elif kind == "length":
            choice["finish_reason"] = "length"
        elif kind == "refused":
            choice["finish_reason"] = "content_filter"
        elif kind == "refusal":
            choice["message"] = {"role": "assistant", "content": None, "refusal": "I will not."}
        else:
            return _error(500, f"the stub knows no fault {kind!r}")
        return _reply(good)

    def _good(self, path: str, body: Body) -> Body:
        if path.endswith("/embeddings"):
            return {**_embeddings(body, self._embed or _hashed), **self._read(body["input"])}
        if path.endswith("/rerank"):
            texts = [part for text in body["documents"] for part in (body["query"], text)]
            return {**_rerank(body), **self._read(texts)}
        whole = self._answer(body) if callable(self._answer) else self._answer
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        words = whole.split()
        cut = limit is not None and len(words) > limit
        text = " ".join(words[:limit]) if cut else whole
        completion = len(text.split())
        thought, text = apart(text) if self._thinking else ("", text)
        message: Body = {"role": "assistant", "content": text}
        if thought and self._thinking != "hidden":
            message[self._thinking] = thought
        choice: Body = {
            "index": 0,
            "message": message,
            "finish_reason": "length" if cut else "stop",
        }
        if body.get("logprobs") and "logprobs" not in self._ignores:
            choice["logprobs"] = {"content": [{"token": text, "logprob": 0.0}]}
        prompt = sum(len(str(m.get("content", "")).split()) for m in body.get("messages", ()))
        usage: Body = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if self._thinking == "hidden":
            usage["completion_tokens_details"] = {"reasoning_tokens": len(thought.split())}
        return {
            "id": "stub",
            "object": "chat.completion",
            "model": body.get("model"),
            "choices": [choice],
            **({"usage": usage} if self._usage else {}),
        }

    def _read(self, texts: Sequence[str]) -> Body:
        """The usage of a reply that only reads: its words."""
        count = sum(len(text.split()) for text in texts)
        return {"usage": {"prompt_tokens": count, "total_tokens": count}} if self._usage else {}


def _reply(data: Body) -> web.Response:
    return web.Response(body=orjson.dumps(data), content_type="application/json")


def _error(
    status: int,
    message: str,
    *,
    code: str | None = None,
    param: str | None = None,
    retry_after: str | None = None,
) -> web.Response:
    error = {"error": {"message": message, "type": "stub", "code": code, "param": param}}
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return web.Response(
        status=status,
        body=orjson.dumps(error),
        content_type="application/json",
        headers=headers,
    )


def _hashed(texts: Sequence[str]) -> list[list[float]]:
    """Eight numbers from each text's hash, not of norm 1."""
    return [[1.0 + b for b in hashlib.sha256(text.encode()).digest()[:8]] for text in texts]


def _embeddings(body: Body, embed: Embed) -> Body:
    """Vectors in reverse order, as is allowed."""
    rows = [
        {"index": i, "embedding": list(vector)} for i, vector in enumerate(embed(body["input"]))
    ]
    return {"object": "list", "data": rows[::-1]}


def _rerank(body: Body) -> Body:
    """Number of the query's words in each text, best first."""
    words = set(body["query"].lower().split())
    rows = [
        {"index": i, "relevance_score": float(len(words & set(text.lower().split())))}
        for i, text in enumerate(body["documents"])
    ]
    return {"results": sorted(rows, key=lambda row: -row["relevance_score"])}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until killed; the address is the first line of stdout."""
    parser = argparse.ArgumentParser(prog="python -m headway.testing.stub")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--answer", default="ok", help="the text of every reply")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--log", type=Path, help="file that gets one JSON line a request")
    parser.add_argument("--plan", default="", help="faults of the first requests: 429:1,500,hang")
    parser.add_argument("--key", help="the only key that is let in")
    parser.add_argument("--busy-over", type=int, help="more requests at once get a 429")
    given = parser.parse_args(arguments)
    stub = StubServer(
        given.answer,
        latency_s=given.latency,
        plan=given.plan.split(",") if given.plan else (),
        key=given.key,
        busy_over=given.busy_over,
        port=given.port,
        log=given.log,
        keep=False,
    )

    async def serve() -> None:
        async with stub:
            sys.stdout.write(stub.url + "\n")
            sys.stdout.flush()
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
