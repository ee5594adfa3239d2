"""Replies by the trainer's process, on a tiny model of random weights: in training, and after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from headway.core.errors import InputError, ModelError
from headway.core.record import ChatReply, ChatRequest, Message
from headway.core.training import Base, Job, Settings, Told, read_samples
from headway.training.answering import Answering, TransformersChat
from headway.training.lora import LoraTrainer
from headway.training.lora_data import encode, ends_of, prompt_ids
from headway.training.replies import AT_ONCE, TOKENS, Replies, batches_of

pytest.importorskip("torch")
pytest.importorskip("peft")

HOW = Settings(
    rank=4, alpha=8, rate=2e-2, batch=4, epochs=3, dtype="float32", max_tokens=128, threads=1
)


def asked(text: str, **more: Any) -> ChatRequest:
    messages = (Message("system", "Say the last word."), Message("user", text))
    return ChatRequest(messages, **{"max_tokens": 8, **more})


QUESTIONS = [asked("red red red one"), asked("cat sun"), asked("moon moon blue", max_tokens=4)]


async def test_an_epoch_answers_as_its_adapter_does_afterwards(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    """And asking changes nothing of what is trained."""
    import torch
    from safetensors.torch import load_file

    said: list[list[ChatReply]] = []

    async def follow(told: Told) -> bool:
        if told.kind == "epoch":
            assert told.ask is not None
            said.append(await told.ask(QUESTIONS, False))
            if told.data["epoch"] == 1:
                bare = await told.ask(QUESTIONS, True)
                assert bare == [
                    _but(reply, own) for reply, own in zip(await told.ask(QUESTIONS, True), bare,
                                                           strict=True)
                ]  # fmt: skip
        return True

    async def only(told: Told) -> bool:
        return True

    job = Job(folder=tmp_path / "asked", base=tiny, train=samples_file, how=HOW)
    trained = await LoraTrainer().train(job, follow)
    left = job.model_copy(update={"folder": tmp_path / "left"})
    other = await LoraTrainer().train(left, only)
    one, two = (load_file(t.adapters[-1] / "adapter_model.safetensors") for t in (trained, other))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert trained.losses[-1] < trained.losses[0]
    alone = Answering(tiny, trained.adapters[-1], tmp_path / "alone", HOW)
    try:
        after = await alone.ask(QUESTIONS, False)
        assert [r.text for r in after] == [r.text for r in said[-1]]
        assert [r.text for r in await alone.ask(QUESTIONS, True)] != [r.text for r in after]
        assert all(r.prompt_tokens > 0 and r.usd == 0.0 for r in after)
        assert after[2].completion_tokens <= 4
    finally:
        await alone.close()


async def test_what_cannot_be_answered_does_not_end_the_training(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    """Nor change what it comes to, whatever the error: here one that only transformers raises."""
    import torch
    from safetensors.torch import load_file

    impossible, said = [asked("cat sun", max_tokens=0)], list[Told]()

    async def follow(told: Told) -> bool:
        said.append(told)
        if told.kind == "epoch":
            assert told.ask is not None
            for plain in (False, True):
                with pytest.raises(ModelError, match="replies could not be computed"):
                    await told.ask(impossible, plain)
            assert len(await told.ask(QUESTIONS, False)) == len(QUESTIONS)
            # Nobody waits for this one: it must not be taken for the end.
            waiting = asyncio.create_task(told.ask(impossible, False))
            await asyncio.sleep(0)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        return True

    async def only(told: Told) -> bool:
        return True

    job = Job(folder=tmp_path / "asked", base=tiny, train=samples_file, how=HOW)
    trained = await LoraTrainer().train(job, follow)
    assert [t.data["epoch"] for t in said if t.kind == "epoch"] == [1, 2, 3]
    left = await LoraTrainer().train(job.model_copy(update={"folder": tmp_path / "left"}), only)
    one, two = (load_file(t.adapters[-1] / "adapter_model.safetensors") for t in (trained, left))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_an_error_leaves_the_model_as_it_was(
    tmp_path: Path, tiny: Base, samples_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from headway.training.lora_process import load_model, load_tokenizer

    job = Job(folder=tmp_path, base=tiny, train=samples_file, how=HOW)
    model = load_model(job, torch.float32)
    replies = Replies(model, load_tokenizer(tiny))
    monkeypatch.setattr(model, "generate", _out_of_memory)
    messages = [{"role": "user", "content": "cat sun"}]
    request = {"messages": messages, "max_tokens": 4, "temperature": 0.0, "seed": None}
    for plain in (False, True):
        model.train()
        with pytest.raises(MemoryError):
            replies([request], plain)
        assert model.training
        assert model.get_model_status().enabled is True


def _out_of_memory(**of: Any) -> Any:
    raise MemoryError


def test_what_is_said_of_replies_that_could_not_be_computed() -> None:
    from headway.training.lora_process import unanswered

    assert "memory was exhausted" in str(unanswered(MemoryError()))
    assert "memory was exhausted" in str(unanswered(RuntimeError("CUDA out of memory. Tried")))
    assert "shapes differ" in str(unanswered(RuntimeError("shapes differ\nin line 3")))
    told = InputError("the template cannot write this")
    assert unanswered(told) is told


def _but(reply: ChatReply, own: ChatReply) -> ChatReply:
    """The reply with the other's seconds."""
    return ChatReply(
        reply.text, reply.finish, reply.prompt_tokens, reply.completion_tokens, own.latency_s,
        reply.usd,
    )  # fmt: skip


async def test_a_process_that_cannot_answer_says_why(
    tmp_path: Path, tiny: Base, samples_file: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    asking = Answering(tiny, broken, tmp_path / "job", HOW)
    with pytest.raises(InputError, match="cannot be gone on from"):
        await asking.ask(QUESTIONS, False)
    await asking.close()


async def test_calls_that_wait_go_together_and_each_hears_its_own() -> None:
    batches: list[int] = []

    async def ask(requests: Sequence[ChatRequest], plain: bool) -> list[ChatReply]:
        batches.append(len(requests))
        await asyncio.sleep(0.01)
        if any("fail" in str(r.messages[-1].content) for r in requests):
            raise ModelError("it ended")
        return [ChatReply(str(r.messages[-1].content).upper()) for r in requests]

    model = TransformersChat("tuned/x", Base(name="x", kind="hf", path="x"), None, ask)
    replies = await asyncio.gather(*(model.chat(asked(f"w{i}")) for i in range(10)))
    assert [r.text for r in replies] == [f"W{i}" for i in range(10)]
    assert sum(batches) == 10
    assert len(batches) <= 2
    with pytest.raises(ModelError, match="it ended"):
        await model.chat(asked("fail"))
    assert (await model.chat(asked("again"))).text == "AGAIN"
    await model.close()


def test_batches_hold_what_is_asked_alike_and_fits() -> None:
    def one(tokens: int = 50, temperature: float = 0.0) -> dict[str, Any]:
        return {"max_tokens": tokens, "temperature": temperature, "seed": None}

    requests = [one() for _ in range(40)] + [one(90), one(50, 0.7), one(50, 0.7)]
    lengths = [10 * i for i in range(40)] + [5, 5, 5]
    found = batches_of(requests, lengths)
    assert sorted(i for batch in found for i in batch) == list(range(43))
    assert max(len(batch) for batch in found) <= AT_ONCE
    assert [40] in found
    assert [41] in found
    assert [42] in found
    long = batches_of([one(1000)] * 3, [TOKENS, TOKENS // 2 - 1000, 10])
    assert [len(batch) for batch in long] == [1, 2]


def test_a_prompt_is_the_beginning_of_its_sample(tiny: Base, samples_file: Path) -> None:
    from headway.training.lora_process import load_tokenizer

    tokenizer = load_tokenizer(tiny)
    for sample in read_samples(samples_file):
        whole = encode(tokenizer, sample)
        assert prompt_ids(tokenizer, sample.prompt) == list(whole.ids[: whole.shown])

    class Nothing:
        eos_token_id = None

    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert ends_of(tokenizer, Nothing()) == {end}
