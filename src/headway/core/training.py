"""What a trainer is given, what it tells while it works, and what it hands back.

A trainer knows nothing of tasks: it sees samples in OpenAI's chat form, weights and settings, and
leaves a folder that peft can load. What that folder becomes (a model's name, a GGUF adapter) is
the engine's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import orjson
from pydantic import Field

from headway.core.errors import InputError
from headway.core.record import ChatReply, ChatRequest
from headway.core.task import Frozen

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
"""Files of an adapter in peft's form."""


@dataclass(frozen=True)
class Sample:
    """What a model is shown and what it should write.

    messages: in OpenAI's form, the last one the assistant's; loss is taken on that one alone.
    tools: the functions that were offered, in OpenAI's form. id, group: of the example it was
    made from; a group is never parted between what is trained on and what is held out.
    """

    id: str
    group: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def prompt(self) -> tuple[Mapping[str, Any], ...]:
        """All that the model is shown."""
        return self.messages[:-1]

    @property
    def reply(self) -> str:
        """The text that it should write; tool calls as JSON where it writes no text; empty where
        it writes neither."""
        last = self.messages[-1]
        if last.get("content"):
            return str(last["content"])
        calls = last.get("tool_calls")
        return orjson.dumps(calls).decode() if calls else ""


def write_samples(file: Path, samples: Iterable[Sample]) -> None:
    """One line each, `{"messages": [...]}`: the form that OpenAI, TRL and Axolotl read. `id` and
    `group` stand beside it; earlier assistant turns carry `"weight": 0`, as they are only shown."""
    with file.open("wb") as stream:
        for sample in samples:
            *before, last = sample.messages
            said = [{**m, "weight": 0} if m["role"] == "assistant" else dict(m) for m in before]
            row: dict[str, Any] = {"messages": [*said, dict(last)]}
            if sample.tools:
                row["tools"] = list(sample.tools)
            stream.write(orjson.dumps({**row, "id": sample.id, "group": sample.group}) + b"\n")


def read_samples(file: Path) -> Iterator[Sample]:
    """Samples of such a file, from here or elsewhere. Raises InputError naming file and line."""
    try:
        stream = file.open("rb")
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", where=str(file),
            valid="a file of chat samples, one JSON object a line",
        ) from None  # fmt: skip
    with stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _sample(line, file, number)


def _sample(line: bytes, file: Path, number: int) -> Sample:
    where = f"{file}:{number}"
    try:
        row = orjson.loads(line)
        messages = tuple(
            {k: v for k, v in message.items() if k != "weight"} for message in row["messages"]
        )
        roles = [message["role"] for message in messages]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise InputError(
            "this line is no chat sample", where=where,
            valid='{"messages": [{"role": "user", "content": "..."},'
            ' {"role": "assistant", "content": "..."}]}',
        ) from None  # fmt: skip
    if len(roles) < 2 or roles[-1] != "assistant":
        raise InputError(
            "the last message is not the assistant's, so there is nothing to learn", where=where,
            valid="at least one message before it, and one of the assistant at the end",
        )  # fmt: skip
    # null, as tables write it, is no name: all rows would be one group.
    id, group = row.get("id"), row.get("group")
    name = str(number if id is None else id)
    return Sample(
        name, name if group is None else str(group), messages, tuple(row.get("tools") or ())
    )


class Base(Frozen):
    """Weights to start from. kind `gguf`: a file; `hf`: a folder in Hugging Face's form, or a
    repository's name on its hub. name: as a task names the model."""

    name: str
    kind: Literal["gguf", "hf"]
    path: str


class Settings(Frozen):
    """How to train: low-rank adapters on all linear layers (Hu et al., 2021, "LoRA").

    rate: AdamW's peak learning rate; rises over the share `warmup` of all steps, then falls
    linearly to a tenth. batch: samples a step. max_tokens: longer samples are left out, and told.
    checkpoint_s: seconds between checkpoints. threads: all where None.
    """

    rank: int = Field(default=16, ge=1, le=512)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    rate: float = Field(default=1e-3, gt=0, le=1)
    decay: float = Field(default=0.0, ge=0)
    warmup: float = Field(default=0.05, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)
    batch: int = Field(default=8, ge=1)
    epochs: int = Field(default=3, ge=1)
    max_tokens: int = Field(default=1024, ge=16)
    seed: int = 7
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    checkpoint_s: float = Field(default=60.0, gt=0)
    threads: int | None = Field(default=None, ge=1)


class Job(Frozen):
    """One training. folder: for its log, checkpoints and results, its own. train, held: files of
    samples; of `held` only the loss is told. start: an adapter in peft's form to go on from.
    command: of the trainer `command`."""

    folder: Path
    base: Base
    train: Path
    held: Path | None = None
    how: Settings = Settings()
    start: Path | None = None
    command: str | None = None


Ask = Callable[[Sequence[ChatRequest], bool], Awaitable[list[ChatReply]]]
"""Has the weights of this moment answer: one reply a request, in order. True: without the adapter,
as the base alone would."""


@dataclass(frozen=True)
class Told:
    """What a trainer tells.

    kind `start`: samples, tokens, steps, left_out, dtype, device. `step`: step, steps, epoch,
    loss, rate, tokens (so far), seconds (so far, training alone). `epoch`: epoch, loss, held_loss,
    adapter (a folder in peft's form). `resumed`: step. `note`: text. Units: seconds, tokens,
    losses in nats a token of the replies. ask: with an epoch, while who hears it has not answered;
    None where the trainer cannot, or holds other weights by now.
    """

    kind: Literal["start", "step", "epoch", "resumed", "note"]
    data: Mapping[str, Any] = field(default_factory=dict)
    ask: Ask | None = field(default=None, compare=False)


Follow = Callable[[Told], Awaitable[bool]]
"""Hears what a trainer tells; after an `epoch` it says whether to go on. Nothing is trained until
it has answered, so that what it measures has the machine for itself."""


@dataclass(frozen=True)
class Trained:
    """What came out. adapters: a folder an epoch, in peft's form, oldest first. stopped: why it
    ended before its last epoch; empty if it did not."""

    adapters: tuple[Path, ...]
    losses: tuple[float, ...]
    held_losses: tuple[float, ...]
    tokens: int
    seconds: float
    stopped: str = ""


class Trainer(Protocol):
    """Trains. A killed training is gone on with by train() of the same job: from the last
    checkpoint, in the same order of samples. Raises InputError (too few samples, an extra that is
    missing, weights that cannot be read) and ModelError (memory or disk exhausted, a loss that
    diverges, a command that fails)."""

    name: ClassVar[str]

    async def train(self, job: Job, follow: Follow) -> Trained: ...
