"""Chat by llama.cpp inside this process: no service, no key, no price.

    EmbeddedChat ──executor of `slots` threads──> xllamacpp.Server (one per weights and process)

What to know before trusting a number that comes from here:

- Temperature 0 takes the most likely token. The arithmetic behind it depends, in its last bits,
  on how many tokens are computed together, so a near tie can fall the other way when other calls
  run beside it or when a prefix was cached. It was seen; `bench/embedded/bench.py --only stability`
  counts how often. Settings(slots=1) takes the neighbours away.
- Thread count, batch sizes and slots are not part of the identity: they move only those last bits.
- The runtime also listens on a loopback port, which nothing can switch off; a random key guards
  it, and we use it for one thing, counting tokens.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import http.client
import importlib.metadata
import math
import os
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import orjson

from headway.core.control import only_text
from headway.core.errors import InputError, ModelError, Outage, Rejected, TooLong
from headway.core.files import sha256_of
from headway.core.record import ChatReply, ChatRequest
from headway.core.weights import check_fit, read_head
from headway.models.pull import obtain

if TYPE_CHECKING:
    from headway.models import Opening

SLOTS = 4
CONTEXT = 4096
SPIN = "1000"

# Explicit, so that a new release of the runtime cannot change answers under the same identity.
SAMPLING = {"top_k": 40, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.0}
GREEDY = {"top_k": 1, "samplers": ["top_k"]}


def thread_count() -> int:
    """Threads to compute with: HEADWAY_THREADS, or all cores this process may use."""
    given = os.environ.get("HEADWAY_THREADS", "").strip()
    if not given:
        affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
        return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    if not given.isdecimal() or int(given) < 1:
        raise InputError(
            f"HEADWAY_THREADS is {given!r}",
            valid="a whole number from 1 on",
            do="export HEADWAY_THREADS=4   (or unset it: all cores)",
        )
    return int(given)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the runtime is set up. How the defaults were chosen: bench/embedded.

    slots: calls computed together. context: tokens a single call may use, prompt and answer.
    threads: 0 means thread_count(). batch, ubatch: tokens decided, and computed, at once.
    cache_ram_mib: host memory in which prompts pushed out of their slot are kept.
    """

    slots: int = SLOTS
    context: int = CONTEXT
    threads: int = 0
    batch: int = 2048
    ubatch: int = 512
    flash_attention: Literal["auto", "on", "off"] = "auto"
    unified: bool = False
    cache_ram_mib: int = 0


@dataclass
class _Runtime:
    """A loaded server and the threads that wait for it. One per weights, adapter and settings."""

    path: Path
    settings: Settings
    adapter: Path | None = None
    users: int = 0
    server: Any = None
    key: str = ""
    loading: threading.Lock = field(default_factory=threading.Lock)
    calls: ThreadPoolExecutor | None = None

    def load(self) -> Any:
        """The server, loaded on first use. Blocks; raises Rejected if it cannot be loaded."""
        with self.loading:
            if self.server is None:
                self.key = secrets.token_urlsafe(24)
                self.server = _start(self.path, self.settings, self.key, self.adapter)
            return self.server

    def free(self) -> None:
        """Stop the server's threads and give its memory back."""
        if self.calls is not None:
            self.calls.shutdown(wait=True, cancel_futures=True)
            self.calls = None
        with self.loading:
            self.server = None  # its destructor joins the runtime's threads


_Key = tuple[Path, Settings, Path | None, str]
_runtimes: dict[_Key, _Runtime] = {}
_guard = threading.Lock()


def _lend(key: _Key) -> _Runtime:
    path, settings, adapter, _ = key
    with _guard:
        runtime = _runtimes.setdefault(key, _Runtime(path, settings, adapter))
        runtime.users += 1
        if runtime.calls is None:
            runtime.calls = ThreadPoolExecutor(settings.slots, thread_name_prefix="embedded-chat")
        return runtime


def _give_back(key: _Key, runtime: _Runtime) -> None:
    with _guard:
        runtime.users -= 1
        if runtime.users > 0:
            return
        _runtimes.pop(key, None)
    runtime.free()


@atexit.register
def _free_all() -> None:
    for runtime in list(_runtimes.values()):
        runtime.free()
    _runtimes.clear()


def _library() -> Any:
    """llama.cpp, imported on first use: a hundred megabytes that a run on endpoints never needs.

    Its threads meet after every operation of the network and by default spin while they wait.
    With one other busy process on the machine the spinning takes the very core that the late
    thread needs, and answers take three to eight times as long (bench/embedded/RESULTS.md), so
    they are told to sleep after a short spin. OpenMP reads this when it is loaded; it has no
    effect where another library loaded it before, and what a person has set stays.
    """
    ours = not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ)
    if ours:
        os.environ["GOMP_SPINCOUNT"] = SPIN
    try:
        import xllamacpp
    finally:
        if ours:
            del os.environ["GOMP_SPINCOUNT"]  # not for our child processes
    return xllamacpp


def _start(path: Path, settings: Settings, key: str, adapter: Path | None = None) -> Any:
    xllamacpp = _library()
    if not path.is_file():
        raise Rejected(
            f"there are no weights at {path}", do="headway models pull   (fetches them again)"
        )
    threads = settings.threads or thread_count()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = settings.slots
    params.n_ctx = settings.context * settings.slots
    params.kv_unified = settings.unified
    params.n_batch, params.n_ubatch = settings.batch, settings.ubatch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    flash = xllamacpp.llama_flash_attn_type
    params.flash_attn_type = {
        "auto": flash.LLAMA_FLASH_ATTN_TYPE_AUTO,
        "on": flash.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        "off": flash.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    }[settings.flash_attention]
    params.cache_prompt = True
    params.cache_ram_mib = settings.cache_ram_mib
    params.ctx_shift = False  # a prompt that is too long is an error, never cut silently
    params.prefill_assistant = False
    params.fit_params = False  # would change the context behind our back
    params.verbosity = -1
    params.warmup = False
    params.ui = False
    params.endpoint_slots = False
    params.n_threads_http = 1
    params.api_keys = [key]
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        raise Rejected(
            f"llama.cpp cannot load {path.name}",
            where=str(path.parent),
            valid=f"a GGUF file, and memory for it and {settings.slots} x {settings.context} "
            "tokens of context",
            do="free some memory, or remove the file and fetch it again",
        ) from None


@dataclass(slots=True)
class _Call:
    """Gathers one streamed answer; `stopped` set means that nobody waits for it any more."""

    stopped: threading.Event = field(default_factory=threading.Event)
    pieces: list[str] = field(default_factory=list)
    finish: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    def take(self, data: str | bytes) -> bool:
        """One chunk from the runtime, as JSON. True asks it to stop."""
        chunk: dict[str, Any] = orjson.loads(data)
        if "error" in chunk:
            self.error = chunk["error"]
            return True
        for choice in chunk.get("choices") or ():
            if text := (choice.get("delta") or {}).get("content"):
                self.pieces.append(text)
            self.finish = choice.get("finish_reason") or self.finish
        self.usage = chunk.get("usage") or self.usage
        return self.stopped.is_set()


class EmbeddedChat:
    """A GGUF chat model run by llama.cpp in this process; implements ChatModel.

    The weights are loaded at the first call, and once a process however many objects ask for
    them. `cached_prompt_tokens` counts, over all replies, the prompt tokens that were not
    computed again because they stood in a slot's cache.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        sha256: str | None = None,
        settings: Settings | None = None,
        adapter: Path | None = None,
    ) -> None:
        """path: a GGUF file. sha256: of its bytes, if known; otherwise it is read now. adapter: a
        LoRA adapter in GGUF's form, laid over the weights; raises InputError if it does not fit.
        """
        self.name = name
        self.settings = settings or Settings()
        self.cached_prompt_tokens = 0
        self._path = path.resolve()
        self._adapter = ""
        if adapter is not None:
            adapter = adapter.resolve()
            check_fit(read_head(adapter), read_head(self._path))
            self._adapter = sha256_of(adapter)
        self._sha256 = sha256 or sha256_of(self._path)
        # By the adapter's bytes too: another training may write to the same place.
        self._key: _Key = (self._path, self.settings, adapter, self._adapter)
        self._runtime: _Runtime | None = _lend(self._key)

    @property
    def identity(self) -> str:
        """The weights (which hold the chat template and the tokenizer), the adapter's if there is
        one, the runtime's version and how it samples."""
        version = importlib.metadata.version("xllamacpp")
        how = hashlib.sha256(orjson.dumps([SAMPLING, GREEDY], option=orjson.OPT_SORT_KEYS))
        base = f"gguf:{self._sha256}/xllamacpp:{version}/sampling:{how.hexdigest()[:12]}"
        return f"{base}/adapter:{self._adapter}" if self._adapter else base

    @property
    def concurrency(self) -> int:
        """The slots: more calls than these only wait."""
        return self.settings.slots

    @property
    def context(self) -> int:
        """Tokens that one call takes, prompt and answer."""
        return self.settings.context

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Answer one request; cancelling the task stops the computation at the next token.

        Raises TooLong for a prompt longer than the context, Rejected for a schema that llama.cpp
        cannot turn into a grammar or an empty request, Outage if the runtime fails.
        """
        body = _body(request)
        call = _Call()
        runtime = self._lent()
        assert runtime.calls is not None
        work = asyncio.get_running_loop().run_in_executor(
            runtime.calls, self._answer, runtime, body, call
        )
        try:
            return await work
        except asyncio.CancelledError:
            call.stopped.set()
            raise

    def _answer(self, runtime: _Runtime, body: dict[str, Any], call: _Call) -> ChatReply:
        server = runtime.load()
        started = time.perf_counter()
        if call.stopped.is_set():
            raise Outage("the call was cancelled", where=self.name)
        try:
            server.handle_chat_completions(orjson.dumps(body).decode(), call.take)
        except ValueError as error:
            raise Rejected(f"llama.cpp refuses the request: {error}", where=self.name) from None
        except RuntimeError as error:
            raise Outage(f"llama.cpp failed: {error}", where=self.name) from None
        if call.error is not None:
            raise self._failure(call.error)
        if call.finish is None:
            raise Outage("llama.cpp ended without an answer", where=self.name)
        details = call.usage.get("prompt_tokens_details") or {}
        self.cached_prompt_tokens += int(details.get("cached_tokens", 0))
        return ChatReply(
            text="".join(call.pieces),
            finish="length" if call.finish == "length" else "stop",
            prompt_tokens=int(call.usage.get("prompt_tokens", 0)),
            completion_tokens=int(call.usage.get("completion_tokens", 0)),
            latency_s=time.perf_counter() - started,
            usd=0.0,
        )

    def _failure(self, error: dict[str, Any]) -> ModelError:
        if error.get("type") == "exceed_context_size_error":
            return TooLong(
                f"the prompt has {error.get('n_prompt_tokens')} tokens",
                where=self.name,
                valid=f"at most {self.settings.context} tokens of context, prompt and answer",
                do="fewer or shorter passages and examples, or a model with a longer context",
            )
        message = str(error.get("message", error))
        kind = Rejected if 400 <= int(error.get("code", 500)) < 500 else Outage
        return kind(f"llama.cpp says: {message}", where=self.name)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer, without the chat template's."""
        if not texts:
            return []
        # Not in the executor of the calls, where it would wait behind them.
        return await asyncio.to_thread(self._count, self._lent(), list(texts))

    def _count(self, runtime: _Runtime, texts: list[str]) -> list[int]:
        address = urlsplit(runtime.load().listening_address)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {runtime.key}"}
        counts: list[int] = []
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            for text in texts:
                asked = {"content": text, "add_special": False, "parse_special": False}
                connection.request("POST", "/tokenize", orjson.dumps(asked), headers)
                reply = connection.getresponse()
                data = reply.read()
                if reply.status != 200:
                    raise Outage(f"llama.cpp counts no tokens ({reply.status})", where=self.name)
                counts.append(len(orjson.loads(data)["tokens"]))
        except (OSError, http.client.HTTPException) as error:
            raise Outage(f"llama.cpp counts no tokens: {error}", where=self.name) from None
        finally:
            connection.close()
        return counts

    def _lent(self) -> _Runtime:
        if self._runtime is None:
            raise ModelError(f"{self.name} is closed")
        return self._runtime

    async def close(self) -> None:
        """Free the weights, unless another object of this process still uses them."""
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await asyncio.to_thread(_give_back, self._key, runtime)


def _body(request: ChatRequest) -> dict[str, Any]:
    """The request in llama.cpp's words."""
    if not request.messages:
        raise Rejected("the request has no messages")
    if request.max_tokens < 1:
        raise Rejected(f"max_tokens is {request.max_tokens}", valid="a whole number from 1 on")
    if request.temperature < 0 or not math.isfinite(request.temperature):
        raise Rejected(f"temperature is {request.temperature}", valid="0 or more")
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": only_text(m.content)} for m in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "cache_prompt": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        **(SAMPLING if request.temperature > 0 else GREEDY),
    }
    if request.seed is not None:
        body["seed"] = request.seed % 2**32
    if request.stop:
        body["stop"] = list(request.stop)
    if request.json_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": dict(request.json_schema)},
        }
    return body


async def open_embedded(name: str, opening: Opening) -> EmbeddedChat:
    """`embedded/NAME` of the catalogue, or `embedded/FILE.gguf`: weights of one's own."""
    own = name.partition("/")[2]
    if not own.endswith(".gguf"):
        entry, path = await obtain(name, "chat", opening.progress, opening.notice)
        return EmbeddedChat(entry.name, path, entry.sha256)
    path = (opening.folder or Path()) / own

    def open_file() -> EmbeddedChat:
        if not path.is_file():
            raise InputError(
                f"{name} names a file that is not there",
                where=str(path),
                valid="embedded/FILE.gguf, from the task folder, or a name of the catalogue",
                do="headway models   (lists them)",
            )
        return EmbeddedChat(name, path)

    # In a thread: without a catalogue to say it, the hash is taken of the whole file.
    return await asyncio.to_thread(open_file)
