"""The trainer `lora`: low-rank adapters (Hu et al., 2021), computed in a process of its own.

    train() ──starts──> python -m headway.training.lora_process job.json
            <──stdout── one JSON line each thing told, or {"error": ...} as the last
            ──stdin───> {"go": true|false} after each epoch; its end means: nobody listens, end
            ──stdin───> {"ask": [...], "plain": true|false} before that, as often as wanted
            <──stdout── {"replies": [...]}, by the weights of this epoch; {"failed": ...} where they
                        could not be computed, which ends nothing

A process of its own, because memory that runs out or a crash in native code must not take down
what measures, and because its threads end with it. Job folder:

    job.json           what was asked
    log.jsonl          every line that was told; where a training was gone on with, steps after
                       the last checkpoint stand in it twice and the later ones count
    training.lock      who is at it (training/alone.py)
    output.txt         all else that the process and its libraries wrote
    checkpoint-STEP/   the last whole one
    epoch-N/           adapters in peft's form
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, ClassVar

import orjson

from headway.core.errors import HeadwayError, InputError, MissingExtra, ModelError
from headway.core.record import ChatReply, ChatRequest
from headway.core.training import Follow, Job, Told, Trained
from headway.training.alone import alone, led_by

PROCESS = "headway.training.lora_process"
ANSWER = "answer"  # asks the process for replies alone
LOG = "log.jsonl"
OUTPUT = "output.txt"
PACKAGES = ("torch", "transformers", "peft", "safetensors", "gguf")
LONGEST = 2**26  # bytes of a line that is told
# glibc gives large blocks back to the system at once, which hands them out anew page by small page,
# each filled with zeros: a tenth of a step. Other C libraries do not read these.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
PATIENCE = 5.0  # seconds that a process gets to end by itself

LESS_MEMORY = (
    "a smaller model, a smaller max_tokens (long samples are left out), or a smaller batch; other"
    " programs closed"
)


def out_of_memory(where: str | None = None) -> ModelError:
    """What is raised where memory ended a training, however it was noticed."""
    return ModelError(
        "training was killed, most likely because memory was exhausted",
        where=where, do=LESS_MEMORY,
    )  # fmt: skip


def as_data(error: HeadwayError) -> dict[str, Any]:
    """An error as the process's last line holds it."""
    kind = next(c for c in _KINDS if isinstance(error, c))
    data = {"what": error.what, "where": error.where, "valid": error.valid, "do": error.do}
    return {"class": kind.__name__, **data}


def as_error(data: Mapping[str, Any]) -> HeadwayError:
    """The error that such a line stands for."""
    if data["class"] == MissingExtra.__name__:
        return MissingExtra("fine-tuning", "finetune")
    kind = next((c for c in _KINDS if c.__name__ == data["class"]), ModelError)
    return kind(data["what"], where=data["where"], valid=data["valid"], do=data["do"])


_KINDS: tuple[type[HeadwayError], ...] = (MissingExtra, InputError, ModelError, HeadwayError)


@dataclass
class _Heard:
    """What the process told so far."""

    epochs: list[Mapping[str, Any]] = field(default_factory=list)
    error: HeadwayError | None = None
    stopped: str = ""

    def trained(self) -> Trained:
        last = self.epochs[-1]
        return Trained(
            tuple(Path(e["adapter"]) for e in self.epochs),
            tuple(float(e["loss"]) for e in self.epochs),
            tuple(float(e["held_loss"]) for e in self.epochs if e["held_loss"] is not None),
            int(last["tokens"]),
            float(last["seconds"]),
            self.stopped,
        )


def insist() -> None:
    """Raises MissingExtra where a package of the extra is not installed: said before anything is
    spent, and without the seconds that importing them takes."""
    if any(find_spec(name) is None for name in PACKAGES):
        raise MissingExtra("fine-tuning", "finetune")


class LoraTrainer:
    """Implements Trainer. An epoch that was finished before a kill is told again when the same job
    is gone on with, so that who follows needs to remember nothing."""

    name: ClassVar[str] = "lora"

    async def train(self, job: Job, follow: Follow) -> Trained:
        """Train `job`, or go on with it, to its end; cancelling ends the process. Raises InputError
        where the same is still running."""
        job.folder.mkdir(parents=True, exist_ok=True)
        async with alone(job.folder) as lock:
            heard, code = await _trained(job, follow, lock)
        if heard.error is not None:
            raise heard.error
        if code != 0 or not heard.epochs:
            raise death(code, job.folder)
        return heard.trained()


async def _trained(job: Job, follow: Follow, lock: tuple[int, ...]) -> tuple[_Heard, int]:
    """What the process told, and its exit code."""
    file = job.folder / "job.json"
    file.write_bytes(orjson.dumps(job.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    heard = _Heard()
    with (job.folder / OUTPUT).open("ab") as output:
        process = await start(file, output, lock=lock)
        try:
            led_by(job.folder, process.pid)
            await _listen(process, follow, heard, output)
            return heard, await process.wait()
        finally:
            await end(process)


async def start(
    file: Path, output: IO[bytes], *more: str, lock: tuple[int, ...] = ()
) -> asyncio.subprocess.Process:
    """The process for the job in `file`. lock: what it inherits; see alone()."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", PROCESS, str(file), *more,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=output,
        limit=LONGEST, start_new_session=True, env={**KEEP_MEMORY, **os.environ}, pass_fds=lock,
    )  # fmt: skip


async def answered(
    process: asyncio.subprocess.Process, output: IO[bytes], requests: Sequence[ChatRequest],
    plain: bool,
) -> list[ChatReply] | None:  # fmt: skip
    """Its replies to these requests; None where it ended instead. Raises what it tells: that these
    could not be computed, or as its last word an error."""
    assert process.stdout is not None
    assert process.stdin is not None
    asked = [
        {"messages": [asdict(m) for m in r.messages], "max_tokens": r.max_tokens,
         "temperature": r.temperature, "seed": r.seed}
        for r in requests
    ]  # fmt: skip
    with contextlib.suppress(ConnectionError):
        process.stdin.write(orjson.dumps({"ask": asked, "plain": plain}) + b"\n")
        await process.stdin.drain()
    while line := await process.stdout.readline():
        with contextlib.suppress(orjson.JSONDecodeError):
            data = orjson.loads(line)
            if isinstance(data, dict) and "replies" in data:
                return [ChatReply(**reply, usd=0.0) for reply in data["replies"]]
            if isinstance(data, dict) and (error := data.get("failed") or data.get("error")):
                raise as_error(error)
        output.write(line)
    return None


async def _listen(
    process: asyncio.subprocess.Process, follow: Follow, heard: _Heard, output: IO[bytes]
) -> None:
    """Pass on what is told until the process has no more to tell."""
    assert process.stdout is not None
    assert process.stdin is not None
    while line := await process.stdout.readline():
        told = _told(line)
        if told is None:
            output.write(line)
            output.flush()
        elif isinstance(told, HeadwayError):
            heard.error = told
        elif told.kind != "epoch":
            await follow(told)
        else:
            heard.epochs.append(told.data)

            async def ask(requests: Sequence[ChatRequest], plain: bool) -> list[ChatReply]:
                replies = await answered(process, output, requests, plain)
                if replies is None:
                    raise ModelError("the training process ended while it was to answer")
                return replies

            go = await follow(replace(told, ask=ask) if told.data.get("answers") else told)
            if not go and told.data["epoch"] < told.data["epochs"]:
                heard.stopped = f"stopped after epoch {told.data['epoch']} of {told.data['epochs']}"
            with contextlib.suppress(ConnectionError):  # it died meanwhile: its end says how
                process.stdin.write(orjson.dumps({"go": go}) + b"\n")
                await process.stdin.drain()


def _told(line: bytes) -> Told | HeadwayError | None:
    """What a line says; None for one that is not of the protocol."""
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if isinstance(data, dict) and "error" in data:
        return as_error(data["error"])
    if isinstance(data, dict) and set(data) == {"kind", "data"}:
        return Told(data["kind"], data["data"])
    return None


def death(code: int, folder: Path) -> ModelError:
    """Why a process ended that said nothing of it."""
    if code == -signal.SIGKILL:
        return out_of_memory(str(folder))
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    said = (folder / OUTPUT).read_text(errors="replace").strip().splitlines()
    return ModelError(
        f"the training process ended with {how}" + (f": {said[-1]}" if said else ""),
        where=str(folder / OUTPUT),
        do="the same command again: it goes on from the last checkpoint",
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """End the process and all that it started, if it still runs."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
