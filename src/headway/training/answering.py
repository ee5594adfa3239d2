"""A chat model of weights in Hugging Face's form, answered by the trainer's own process: what is
trained can be measured before any server has loaded it.

    TransformersChat ──several at once──> Told.ask            while the training waits at an epoch
                                    └──> Answering.ask       afterwards, a process of its own
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

import orjson

from headway.core.errors import Outage
from headway.core.files import sha256_of
from headway.core.record import ChatReply, ChatRequest
from headway.core.training import ADAPTER, Ask, Base, Job, Settings
from headway.training.lora import ANSWER, OUTPUT, answered, death, end, start
from headway.training.replies import AT_ONCE


class Answering:
    """A process that replies with a base and an adapter over it; started when first asked."""

    def __init__(self, base: Base, adapter: Path, folder: Path, how: Settings = Settings()) -> None:
        """folder: for its log, its own."""
        self.job = Job(folder=folder, base=base, train=folder, start=adapter, how=how)
        self._process: asyncio.subprocess.Process | None = None
        self._output: IO[bytes] | None = None

    async def ask(self, requests: Sequence[ChatRequest], plain: bool) -> list[ChatReply]:
        """See core.training.Ask. Raises what loading the weights raises, and ModelError where the
        process ends."""
        if self._process is None or self._output is None:
            self.job.folder.mkdir(parents=True, exist_ok=True)
            file = self.job.folder / "job.json"
            file.write_bytes(orjson.dumps(self.job.model_dump(mode="json")))
            self._output = (self.job.folder / OUTPUT).open("ab")
            self._process = await start(file, self._output, ANSWER)
        replies = await answered(self._process, self._output, requests, plain)
        if replies is None:
            code = await self._process.wait()
            await self.close()
            raise death(code, self.job.folder)
        return replies

    async def close(self) -> None:
        """End it."""
        if self._process is not None:
            await end(self._process)
        if self._output is not None:
            self._output.close()
        self._process = self._output = None


class TransformersChat:
    """Implements ChatModel. Forms are not enforced: a request's schema is only what its prompt says
    of it."""

    def __init__(
        self, name: str, base: Base, adapter: Path | None, ask: Ask, owner: Answering | None = None
    ) -> None:
        """adapter: whose weights `ask` answers with; None: the base's alone. owner: what to end
        when this model is closed."""
        self.name, self.base, self.adapter = name, base, adapter
        self._ask, self._owner = ask, owner
        self._waiting: list[tuple[ChatRequest, asyncio.Future[ChatReply]]] = []
        self._works: asyncio.Task[None] | None = None

    @property
    def identity(self) -> str:
        """The base's name or folder, and the adapter's bytes."""
        return f"transformers {self.base.path}{self._hash}"

    @cached_property
    def _hash(self) -> str:
        return "" if self.adapter is None else f"/{sha256_of(self.adapter / ADAPTER[1])}"

    @classmethod
    def over(
        cls, name: str, base: Base, adapter: Path, folder: Path, how: Settings = Settings(),
        ask: Ask | None = None,
    ) -> TransformersChat:  # fmt: skip
        """With a process of its own, started when it is asked; ask: another one that holds these
        weights at the moment."""
        owner = Answering(base, adapter, folder, how)
        return cls(name, base, adapter, ask or owner.ask, owner)

    def bare(self) -> TransformersChat:
        """The base alone, by the same process, which this model ends."""
        return TransformersChat(self.base.name, self.base, None, self._ask)

    @property
    def concurrency(self) -> int:
        """As many as are computed at once."""
        return AT_ONCE

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Waits for the batch before, and goes into the next with all that waits then."""
        future: asyncio.Future[ChatReply] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._works is None or self._works.done():
            self._works = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # those that are asked together come together
            batch, self._waiting = self._waiting, []
            try:
                replies = await self._ask([request for request, _ in batch], self.adapter is None)
            except Exception as error:  # each who waits has to hear of it
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    future.set_result(reply)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """At four characters a token."""
        return [len(text) // 4 + 1 for text in texts]

    async def close(self) -> None:
        """End what answers, where it is this model's own."""
        if self._works is not None:
            self._works.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._works
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(Outage(f"{self.name} was closed"))
        if self._owner is not None:
            await self._owner.close()
